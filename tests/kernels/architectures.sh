#!/usr/bin/env bash
# architectures.sh [ARCH...]: on every architecture of the table `targets` (or those named), the parser's
# unit and property tests run under qemu's user mode, and the C header compiles with every warning an error.
# Prints a line for each and fails unless all passed.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=cross.sh
. "$(dirname "${BASH_SOURCE[0]}")/cross.sh"

"$kernels/tools.sh"
archs=("$@")
[ ${#archs[@]} -gt 0 ] || mapfile -t archs < <(awk '!/^#/ && NF { print $1 }' "$kernels/targets")
logs=$cross_dir/architectures
# Emulated, a quarter of the property tests' cases take as long as all of them elsewhere.
export PROPTEST_CASES=${PROPTEST_CASES:-64}
mkdir -p "$logs"
cross_library >/dev/null

test_arch() {
    cross "$1" test -p cnproc-parse --lib --tests >"$logs/$1" 2>&1 &&
        "$(cross_cc "$1")" -std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror -fsyntax-only \
            -x c "$cross_root/include/cnproc.h" >>"$logs/$1" 2>&1 &&
        touch "$logs/$1.green"
}

for arch in "${archs[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || true; done
    rm -f "$logs/$arch.green"
    test_arch "$arch" &
done
wait || true

passed=0 failed=0
for arch in "${archs[@]}"; do
    read -r arch_passed arch_failed < <(
        awk '/^test result:/ { p += $4; f += $6 } END { print p + 0, f + 0 }' "$logs/$arch"
    )
    verdict=ok
    if [ ! -e "$logs/$arch.green" ] || [ "$arch_passed" -eq 0 ]; then
        verdict=FAILED
        arch_failed=$((arch_failed > 0 ? arch_failed : 1))
        tail -n 40 "$logs/$arch" >&2
    fi
    printf '%-6s %-6s %-30s %-10s %s passed, %s failed\n' "$verdict" "$arch" "$(cross_target "$arch")" \
        "$(cross_field "$arch" 5)" "$arch_passed" "$arch_failed"
    passed=$((passed + arch_passed)) failed=$((failed + arch_failed))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
