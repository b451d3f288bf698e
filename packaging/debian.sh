#!/usr/bin/env bash
# debian.sh SUITE: builds the Debian package in that release (bookworm, trixie) without a network, from the release
# tarball, with the release's own tools; checks it with lintian and blhc; installs it; and runs its tests, which receive
# a live event. Needs root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
suite=$1
root=$(packaging/debian-root.sh "$suite")
tarball=$(packaging/dist.sh)
version=$(sed -n '1s/.*(\(.*\)-.*/\1/p' debian/changelog)
[ "$(basename "$tarball")" = "cnproc-$version.tar.xz" ] || { echo "debian: debian/changelog has version $version" >&2; exit 1; }

build=$root/build/package
rm -rf "$build"
mkdir -p "$build"
cp "$tarball" "$build/cnproc_$version.orig.tar.xz"
tar -x -C "$build" -f "$tarball"
cp -R debian "$build/cnproc-$version"
tree=package/cnproc-$version

check() {
    local name=$1 status=0
    shift
    "$@" >"$build/$name.log" 2>&1 || status=$?
    if [ $status -ne 0 ]; then
        tail -n 60 "$build/$name.log" >&2
        echo "FAILED $suite: $name"
        exit 1
    fi
    echo "ok     $suite: $name"
}
enter() { packaging/enter.sh "$root" sh -euc "$1"; }

OFFLINE=1 check build enter "cd $tree && dpkg-buildpackage --no-sign"
grep -q '^test result: ok\. [1-9]' "$build/build.log"
# Which bug asked for the package is known when it is first uploaded; an older lintian knows an older policy. An older one
# finds misspelled words in machine code, too.
check lintian enter "cd package && lintian --allow-root -EviIL +pedantic --fail-on error,warning,info,pedantic,experimental \
    --suppress-tags initial-upload-closes-no-bugs,newer-standards-version,spelling-error-in-binary *.changes"
check blhc enter "blhc --all --ignore-line ' *Compiling [a-z_-]+ v[0-9].*' package/build.log"
check install enter "dpkg --install package/*.deb"
for path in debian/tests/[a-z]*-*; do
    test=$(basename "$path")
    check "$test" enter "cd $tree && debian/tests/$test"
done
check remove enter "dpkg --purge libcnproc0-dbgsym $(sed -n "s/^Package: //p" debian/control | tr "\\n" " ")"
echo '7 passed, 0 failed'
