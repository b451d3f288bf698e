#!/usr/bin/env bash
# guest.sh ARCH INITRAMFS: builds the guest for the architecture, all of it static: init, and the programs
# that it runs: in /tests/both the guest's own checks, in /tests/root the workspace's live tests, in Rust
# and in C, but for those that the table `left_out` names.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=cross.sh
. "$(dirname "${BASH_SOURCE[0]}")/cross.sh"
arch=$1 initramfs=$2

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root/tests/root" "$root/tests/both" "$root/suites" "$root/dev" "$root/bin"

cc=$(cross_cc "$arch")
busybox=$("$kernels/fetch.sh" busybox "$arch")
target_dir=$cross_dir/$arch/$(cross_target "$arch")

cross "$arch" test -p cnproc-guest --features live-tests --no-run --message-format=json-render-diagnostics |
    grep -o '"executable":"[^"]*"' | cut -d '"' -f 4 |
    while read -r program; do
        case $(basename "$program") in
        guest*) cp "$program" "$root/tests/both/guest" ;;
        live-*) cp "$program" "$root/suites/live" ;;
        track-*) cp "$program" "$root/suites/track" ;;
        *) echo "guest: $program is not expected" >&2; exit 1 ;;
        esac
    done
[ -e "$root/tests/both/guest" ]

# left_out MODULE: the tests of the module that this architecture leaves out.
left_out() { awk -v m="$1" -v a="$arch" '!/^#/ && $1 == m && ($2 == "all" || $2 == a) { print $3 }' "$kernels/left_out"; }
while read -r module _ test; do
    path=$cross_root/tests/$module
    [ "$test" = all ] && [ -e "$path.rs" ] && continue
    # A name that others begin with would leave those out, too.
    [ "$(cat "$path.rs" "$path"/*.rs 2>/dev/null | grep -c "^fn ${test##*::}")" -eq 1 ] ||
        { echo "guest: left_out does not name one test: $module $test" >&2; exit 1; }
done < <(awk '!/^#/ && NF' "$kernels/left_out")
# One program for each module, so that one that crashes takes no others with it.
for suite in live track; do
    [ -e "$root/suites/$suite" ]
    while read -r module; do
        mapfile -t tests < <(left_out "$suite/$module")
        [ "${tests[*]}" != all ] || continue
        printf '#!/bin/sh\nexec /suites/%s %s:: %s\n' "$suite" "$module" "${tests[*]/#/--skip $module::}" \
            >"$root/tests/root/$suite-$module"
        chmod 755 "$root/tests/root/$suite-$module"
    done < <(sed -n 's/^mod \(.*\);$/\1/p' "$cross_root/tests/$suite/main.rs")
done
[ -e "$root/tests/root/live-events" ] && [ -e "$root/tests/root/track-ends" ]
# with_ring PROGRAM NAME: the program with a ring. Before Linux 5.11 that counts as locked memory.
with_ring() {
    printf '#!/bin/sh\nulimit -l unlimited\nCNPROC_TEST_RING=1 exec %s\n' "$1" >"$root/tests/root/$2"
    chmod 755 "$root/tests/root/$2"
}
# Where there can be a ring, and only the modules that it concerns.
if [[ $(cross_field "$arch" 5) != *-32 ]]; then
    # The first by its name, because some live tests leave the kernel's count of listeners raised.
    with_ring /tests/both/guest 0-ring-guest
    for module in coalesce events forged process resume waiting; do
        [ -e "$root/tests/root/live-$module" ]
        with_ring "/tests/root/live-$module" "ring-live-$module"
    done
fi

CROSS_STD=core cross "$arch" build --manifest-path cnproc-ffi/cdylib/Cargo.toml --profile capi-dev
mapfile -t programs < <(awk '!/^#/ && NF { print $1 }' "$cross_root/tests/c/programs")
[ ${#programs[@]} -gt 0 ]
for name in "${programs[@]}"; do
    "$cc" -std=c11 -D_GNU_SOURCE -O1 -pthread -static -I "$cross_root/include" "$cross_root/tests/c/$name.c" \
        "$target_dir/capi-dev/libcnproc.a" -o "$root/tests/root/c-$name"
done
# Programs that the live tests expect to find.
for name in sh cat true sleep; do cp "$busybox" "$root/bin/$name"; done
"$cc" -O2 -Wall -Wextra -Werror -static -o "$root/init" "$kernels/guest/init.c"

(cd "$root" && find . | cpio --quiet -o -H newc | gzip -1) >"$initramfs.new"
mv "$initramfs.new" "$initramfs"
