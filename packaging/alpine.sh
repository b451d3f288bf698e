#!/usr/bin/env bash
# alpine.sh: runs the functions of the APKBUILD as abuild does, on a machine that is not Alpine: with musl's compiler,
# and with core built from its sources where the toolchain has none for musl. Programs that are linked with what was
# installed run, statically and dynamically; of make check-unit only the C tests do, because there is no std for musl.
# Needs Debian's musl-tools, which root installs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v musl-gcc >/dev/null || {
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update && apt-get -qq install --yes --no-install-recommends musl-tools
} >/dev/null </dev/null
# shellcheck source=../tests/kernels/cross.sh disable=SC1091
. tests/kernels/cross.sh
sources=$(cross_library)
tarball=$PWD/$(packaging/dist.sh)
work=$PWD/${CARGO_TARGET_DIR:-target}/alpine
rm -rf "$work"
mkdir -p "$work/src" "$work/pkg"
tar -x -C "$work/src" -f "$tarball"

target=$(uname -m)-unknown-linux-musl
export CC=musl-gcc CARGO_BUILD_TARGET=$target
unset CARGO_TARGET_DIR MAKEFLAGS MFLAGS
if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
    export RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT=$sources CARGOFLAGS=-Zbuild-std=core
    # Those sources have dependencies that are not among the crates of the tarball.
    rm -r "$work"/src/*/vendor
fi
set +e
(
    set -e
    # shellcheck disable=SC2034 # the APKBUILD reads them
    srcdir=$work/src pkgdir=$work/pkg
    # shellcheck disable=SC1091
    . packaging/alpine/APKBUILD
    # shellcheck disable=SC2154 # the APKBUILD sets it
    cd "$builddir"
    build
    package
    CPPFLAGS="-idirafter /usr/include -idirafter /usr/include/$(gcc -print-multiarch)" \
        tests/portable/run.sh "target/$target/c"
) >"$work/log" 2>&1
status=$?
set -e
[ $status -eq 0 ] || { tail -n 60 "$work/log" >&2; exit 1; }
echo "ok     build, package; C tests: $(tail -n 1 "$work/log")"

usr=$work/pkg/usr
musl-gcc -Wall -Wextra -Werror -I"$usr/include" -o "$work/static" -static "$usr/share/doc/cnproc/examples/proc_events.c" \
    -L"$usr/lib" -lcnproc
musl-gcc -Wall -Wextra -Werror -I"$usr/include" -o "$work/dynamic" "$usr/share/doc/cnproc/examples/proc_events.c" \
    -L"$usr/lib" -lcnproc -Wl,-rpath,"$usr/lib"
readelf -dW "$work/dynamic" | grep -q 'NEEDED.*libcnproc\.so\.0'
readelf -dW "$usr/lib/libcnproc.so.0" | grep -q 'NEEDED.*\[libc\.so\]'
echo 'ok     the shared library needs musl alone, and programs link with both'
echo '2 passed, 0 failed'
