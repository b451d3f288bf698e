#!/bin/sh
# check.sh [ARGUMENT...]: runs every test, with these arguments for cargo test. The last line says how many tests were
# skipped, and why. A test is skipped if it requires what this machine or this user lacks; with CNPROC_REQUIRE_LIVE set
# that is a failure.
set -eu
cd "$(dirname "$0")/.."
skipped=$(mktemp)
trap 'rm -f "$skipped"' EXIT

status=0
# Tests append a line for each skip: the reason, a tab, the test.
CNPROC_SKIPPED=$skipped ${CARGO:-cargo} test --workspace --no-fail-fast "$@" || status=$?

sort -u -o "$skipped" "$skipped"
[ ! -s "$skipped" ] || printf '\nskipped tests:\n'
awk -F '\t' '{ printf "  %s (%s)\n", $2, $1 }' "$skipped"
reasons=$(cut -f 1 "$skipped" | sort | uniq -c | sort -rn |
    awk '{ count = $1; sub(/^ *[0-9]+ /, ""); printf "%s%s: %d", (NR > 1 ? "; " : ""), $0, count }')
verdict='passed'
[ "$status" -eq 0 ] || verdict="FAILED (exit status $status)"
echo "check: $verdict, $(wc -l <"$skipped" | tr -d ' ') skipped${reasons:+ ($reasons)}"
exit "$status"
