#!/usr/bin/env bash
# guest.sh ARCH INITRAMFS: builds the guest for the architecture, all of it static: init, and the programs
# that it runs: in /tests/both the guest's own checks, in /tests/root the workspace's live tests, in Rust
# and in C.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=cross.sh
. "$(dirname "${BASH_SOURCE[0]}")/cross.sh"
arch=$1 initramfs=$2

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root/tests/root" "$root/tests/both" "$root/dev" "$root/bin"

cc=$(cross_cc "$arch")
busybox=$("$kernels/fetch.sh" busybox "$arch")
target_dir=$cross_dir/$arch/$(cross_target "$arch")

cross "$arch" test -p cnproc-guest --features live-tests --no-run --message-format=json-render-diagnostics |
    grep -o '"executable":"[^"]*"' | cut -d '"' -f 4 |
    while read -r program; do
        name=$(basename "$program")
        case $name in
        guest*) cp "$program" "$root/tests/both/guest" ;;
        *) cp "$program" "$root/tests/root/${name%-*}" ;;
        esac
    done
[ -e "$root/tests/both/guest" ] && [ -e "$root/tests/root/live" ]

CROSS_STD=core cross "$arch" build -p cnproc-cdylib --profile capi-dev
mapfile -t programs < <(sed -n 's/^ *run("\(.*\)");$/\1/p' "$cross_root/tests/c_programs.rs")
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
