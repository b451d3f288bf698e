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
        name=$(basename "$program")
        case $name in
        guest*) cp "$program" "$root/tests/both/guest" ;;
        *) cp "$program" "$root/suites/${name%-*}" ;;
        esac
    done
for program in "$root"/suites/*; do
    suite=$(basename "$program")
    mapfile -t skip < <(awk -v s="$suite" -v a="$arch" '!/^#/ && $1 == s && ($2 == "all" || $2 == a) { print "--skip"; print $3 }' \
        "$kernels/left_out")
    printf '#!/bin/sh\nexec /suites/%s --exact %s\n' "$suite" "${skip[*]}" >"$root/tests/root/$suite"
    chmod 755 "$root/tests/root/$suite"
done
while read -r suite _ test; do
    grep -q "^fn $test()" "$cross_root/tests/$suite.rs" || { echo "guest: left_out names no test: $suite $test" >&2; exit 1; }
done < <(awk '!/^#/ && NF' "$kernels/left_out")
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
