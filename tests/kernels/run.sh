#!/usr/bin/env bash
# run.sh [ROW...]: boots the kernels of the table `rows` (all of them, or those named) in qemu, runs the
# guest's tests on each as root and as an ordinary user, and prints a line for each kernel: its row, its
# release, its architecture, the tests passed. Fails unless all of it passed.
#
# Leaves in target/kernels/consoles what each guest printed. With CNPROC_BLESS set, each row that is green
# writes its line of the table of kernels in docs/kernels.md.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=cross.sh
. "$(dirname "${BASH_SOURCE[0]}")/cross.sh"

"$kernels/tools.sh"
mapfile -t all_rows < <(awk '!/^#/ && NF { print $1 }' "$kernels/rows")
rows=("$@")
[ ${#rows[@]} -gt 0 ] || rows=("${all_rows[@]}")
row_field() { awk -v r="$1" -v c="$2" '!/^#/ && $1 == r { print $c }' "$kernels/rows"; }

work=$cross_dir/work.$$
consoles=$cross_dir/consoles
mkdir -p "$work" "$consoles"
trap 'rm -rf "$work"' EXIT

# The kernels come while the guests are built.
fetch_all() {
    local row
    for row in "${rows[@]}"; do "$kernels/fetch.sh" kernel "$row" >"$work/$row.kernel" || exit 1; done
}
fetch_all &
fetching=$!

archs=$(for row in "${rows[@]}"; do row_field "$row" 2; done | sort -u)
[ -n "$archs" ] || { echo "kernels: no such row: ${rows[*]}" >&2; exit 1; }
for arch in $archs; do
    if ! "$kernels/guest.sh" "$arch" "$work/$arch.initramfs" >"$work/$arch.log" 2>&1; then
        cat "$work/$arch.log" >&2
        echo "kernels: the guest of $arch could not be built" >&2
        exit 1
    fi
done
wait "$fetching" || { echo "kernels: not every kernel could be fetched" >&2; exit 1; }

boot_row() {
    local row=$1 arch
    arch=$(row_field "$row" 2)
    "$kernels/boot.sh" "$arch" "$(cat "$work/$row.kernel")" "$work/$arch.initramfs" "$consoles/$row" \
        "cnproc.release=$(row_field "$row" 3)" "cnproc.btf=$(row_field "$row" 6)" "cnproc.suspend=$(row_field "$row" 7)" \
        2>"$work/$row.error"
}

# Two guests at a time.
for row in "${rows[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
    { if boot_row "$row"; then echo green >"$work/$row.verdict"; fi; } &
done
wait || true

passed=0 failed=0 red=0
for row in "${rows[@]}"; do
    console=$consoles/$row
    release=$(sed -n 's/^guest: kernel \([^ ]*\) .*/\1/p' "$console" | head -n 1)
    read -r row_passed row_failed row_skipped < <(
        sed -n 's/^guest: done \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped$/\1 \2 \3/p' "$console" | tail -n 1
    ) || true
    if [ -e "$work/$row.verdict" ]; then
        verdict=ok
    else
        verdict=FAILED red=$((red + 1)) row_failed=$((${row_failed:-0} > 0 ? row_failed : 1))
    fi
    printf '%-6s %-15s %-30s %-7s %s passed, %s failed, %s skipped\n' "$verdict" "$row" "${release:-no kernel}" \
        "$(row_field "$row" 2)" "${row_passed:-0}" "$row_failed" "${row_skipped:-0}"
    sed 's/^/       /' "$work/$row.error"
    passed=$((passed + ${row_passed:-0})) failed=$((failed + row_failed))
    [ "$verdict" != ok ] ||
        echo "| $row | $release | $(cut -d ' ' -f 2 "$(dirname "$(cat "$work/$row.kernel")")/package") | $row_passed |" \
            >"$work/$row.line"
    unset row_passed row_failed row_skipped
done

if [ -n "${CNPROC_BLESS:-}" ]; then
    page=$cross_root/docs/kernels.md
    {
        sed '/^<!-- made by tests\/kernels\/run.sh -->$/q' "$page"
        printf '| row | release | package | tests passed |\n|---|---|---|---|\n'
        for row in "${all_rows[@]}"; do
            cat "$work/$row.line" 2>/dev/null || grep "^| $row |" "$page" || true
        done
        sed -n '/^<!-- end -->$/,$p' "$page"
    } >"$work/page"
    cat "$work/page" >"$page"
fi
echo "kernels: $((${#rows[@]} - red)) of ${#rows[@]} green"
echo "$passed passed, $failed failed"
[ "$red" -eq 0 ]
