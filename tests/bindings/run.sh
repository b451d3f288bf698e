#!/usr/bin/env bash
# run.sh: the bindings for Python and Go are built against an installed library, and their tests run on the live kernel.
# As root, Debian's packages that are missing are installed; otherwise a language that is not there is skipped, and so
# are tests where the kernel sends no events. With CNPROC_REQUIRE_LIVE set, a skip is an error.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
unset MAKEFLAGS MFLAGS DESTDIR
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
passed=0 skipped=0
python=/usr/bin/python3

has_python() { "$python" -c 'import cffi, setuptools, sysconfig, os; assert os.path.exists(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null; }
has_go() { command -v go >/dev/null; }
if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null && ! { has_python && has_go; }; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update >/dev/null
    apt-get -qq install --yes --no-install-recommends python3-cffi python3-dev python3-setuptools golang-go \
        pkg-config >/dev/null </dev/null
fi

make --no-print-directory install PREFIX="$work/usr" LDCONFIG=true >/dev/null
export PKG_CONFIG_PATH=$work/usr/lib/pkgconfig LD_LIBRARY_PATH=$work/usr/lib

# test LANGUAGE: runs its function; both runners print what was skipped.
test_language() {
    if ! "has_$1"; then
        [ -z "${CNPROC_REQUIRE_LIVE:-}" ] || { echo "FAILED $1: not installed" >&2; exit 1; }
        echo "skipped $1: not installed"
        skipped=$((skipped + 1))
        return
    fi
    ("test_$1") >"$work/$1.log" 2>&1 || { cat "$work/$1.log" >&2; echo "FAILED $1" >&2; exit 1; }
    echo "ok      $1: $(grep -E '^(Ran|OK|ok)' "$work/$1.log" | tr '\n' ' ')"
    passed=$((passed + 1))
}
test_python() {
    cp -R bindings/python "$work/python" &&
        cd "$work/python" &&
        "$python" setup.py --quiet build --build-lib "$work/built" &&
        cd tests &&
        PYTHONPATH=$work/built "$python" -m unittest discover
}
test_go() { cd bindings/go && go vet ./... && GOFLAGS=-count=1 GOCACHE=${GOCACHE:-$work/go-cache} go test ./...; }

test_language python
test_language go
echo "$passed passed, 0 failed, $skipped skipped"
