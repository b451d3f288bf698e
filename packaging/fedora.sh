#!/usr/bin/env bash
# fedora.sh: builds the Fedora package from the release tarball with rpmbuild, which runs make check-unit, and looks at what
# is in it. Works on Debian, whose package rpm is installed if need be and run by root; what the spec file requires of
# Fedora is not checked.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v rpmbuild >/dev/null || {
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update && apt-get -qq install --yes --no-install-recommends rpm
} >/dev/null </dev/null
work=$PWD/${CARGO_TARGET_DIR:-target}/fedora
tarball=$(packaging/dist.sh)
rm -rf "$work"
mkdir -p "$work/SOURCES"
cp "$tarball" "$work/SOURCES"
# Fedora's own macros split the debug information off.
rpmbuild -ba --nodeps --define "_topdir $work" --define 'debug_package %{nil}' packaging/fedora/cnproc.spec \
    >"$work/log" 2>&1 || { tail -n 60 "$work/log" >&2; exit 1; }
grep -q '^test result: ok\. [1-9]' "$work/log"
echo 'ok     rpmbuild, with make check-unit'
list=$(for package in "$work"/RPMS/*/*.rpm; do rpm -qlp "$package" 2>/dev/null; done)
for file in libcnproc.so.0 libcnproc.so libcnproc.a cnproc.pc cnproc.h cnproc_open.3.gz cnproc.7.gz exec_snoop.c; do
    grep -q "/${file//./\\.}\$" <<<"${list//.gz/.gz}" || grep -q "/${file%.gz}\$" <<<"$list" ||
        { echo "FAILED no $file in the packages"; exit 1; }
done
rpm -qp --provides "$work"/RPMS/*/cnproc-0*.rpm 2>/dev/null | grep -q '^libcnproc\.so\.0(CNPROC_0\.1)'
echo 'ok     the packages contain the library, which provides its symbol version'
echo '2 passed, 0 failed'
