#!/usr/bin/env bash
# run.sh [NAME...]: cross-builds the C library for the targets of the table in this directory (or those named) as a user
# would, by CARGO_BUILD_TARGET and CC; checks what it needs and how large it is; and runs the C tests that need no
# listener, in qemu's user mode. Debian; installs compilers and qemu if run as root. Prints a line for each target and
# fails unless all passed.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../kernels/cross.sh disable=SC1091
. "$here/../kernels/cross.sh"
cd "$here/../.."
logs=${CARGO_TARGET_DIR:-target}/cross
mkdir -p "$logs"
unset MAKEFLAGS MFLAGS

rows() { grep -v '^#' "$here/targets" | grep . | if [ $# -eq 0 ]; then cat; else grep -wE "^($(IFS='|' && echo "$*"))"; fi; }
mapfile -t rows < <(rows "$@")
[ ${#rows[@]} -gt 0 ] || { echo "run: no such target: $*" >&2; exit 1; }

missing=()
for row in "${rows[@]}"; do
    read -r _ _ cc packages runner _ <<<"$row"
    command -v "$cc" >/dev/null || missing+=("${packages/,/ }")
    [ "$runner" = none ] || command -v "qemu-$runner-static" >/dev/null || missing+=(qemu-user-static)
done
if [ ${#missing[@]} -gt 0 ]; then
    [ "$(id -u)" -eq 0 ] || { echo "run: missing. As root: apt-get install ${missing[*]}" >&2; exit 1; }
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update >/dev/null
    # shellcheck disable=SC2068 # an element may be two packages
    apt-get -qq install --yes --no-install-recommends ${missing[@]} >/dev/null </dev/null
fi

# Where the toolchain has no standard library of the target, core is built from its sources, which is not stable; the
# compiler is. As a user of nightly or of a distribution's cross packages would, but with what Debian has.
sources=$(cross_library)
in_memory() { "$1" "$2" | awk 'NR == 2 { print $1 + $2 + $3 }'; }
make --no-print-directory lib
own_size=$(in_memory size "${CARGO_TARGET_DIR:-target}/c/libcnproc.so")
echo "this machine: $own_size bytes"

build() (
    set -euo pipefail
    read -r name target cc _ runner sysroot needed limit <<<"$1"
    export CARGO_BUILD_TARGET=$target CC=$cc
    export "CARGO_TARGET_$(tr a-z- A-Z_ <<<"$target")_LINKER=/bin/false" # nothing is linked by cargo
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
        export RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT=$sources CARGOFLAGS=-Zbuild-std=core
    fi
    # musl's compiler sees no kernel headers, which one of the tests includes.
    [ "$name" != musl ] || export CPPFLAGS="-idirafter /usr/include -idirafter /usr/include/x86_64-linux-gnu"
    make --no-print-directory lib
    out=${CARGO_TARGET_DIR:-target}/$target/c

    found=$(readelf -dW "$out/libcnproc.so" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort | paste -sd,)
    [ "$found" = "$(tr , '\n' <<<"$needed" | sort | paste -sd,)" ] || { echo "it needs $found"; exit 1; }
    ! readelf -dW "$out/libcnproc.so" | grep TEXTREL || exit 1
    size=$(in_memory "$($cc -print-prog-name=size)" "$out/libcnproc.so")
    [ $((100 * size)) -le $((limit * own_size)) ] || { echo "$size bytes are more than $limit % of $own_size"; exit 1; }

    run=()
    [ "$runner" = none ] || run=("qemu-$runner-static" -L "$sysroot")
    tests/portable/run.sh "$out" "${run[@]}"
    echo "$size" >"$logs/$name.size"
)

for row in "${rows[@]}"; do
    name=${row%% *}
    rm -f "$logs/$name.size"
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
    build "$row" >"$logs/$name.log" 2>&1 &
done
wait || true

passed=0 failed=0
for row in "${rows[@]}"; do
    name=${row%% *}
    if [ -e "$logs/$name.size" ]; then
        passed=$((passed + 1))
        printf 'ok     %-8s %s bytes, %s\n' "$name" "$(cat "$logs/$name.size")" "$(tail -n 1 "$logs/$name.log")"
    else
        failed=$((failed + 1))
        printf 'FAILED %s\n' "$name"
        tail -n 40 "$logs/$name.log" >&2
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
