#!/usr/bin/env bash
# shipped.sh DIRECTORY: writes a workspace of what ships there: the library's crates without others' crates that only their
# tests and examples need, and so without those. Building it and running its unit tests takes no other crates than
# building the C library does.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
to=$1

# The manifest without the tables whose headings match the regular expression $1, except for lines about own crates. No
# backslash in it: each awk takes one in a variable in its own way.
without_tables() { awk -v unwanted="$1" '/^\[/ { skip = $0 ~ unwanted } /^\[dev-dep/ || /^cnproc-/ || !skip'; }

rm -rf "$to"
members=
for manifest in "$root"/cnproc-*/Cargo.toml; do
    crate=$(basename "$(dirname "$manifest")")
    members="$members\"$crate\", "
    mkdir -p "$to/$crate"
    # With their times, by which cargo knows what is up to date.
    cp -Rp "$root/$crate/src" "$root/$crate/README.md" "$to/$crate"
    without_tables '^[[](dev-dependencies|[[](example|test|bench)[]])' <"$manifest" >"$to/$crate/Cargo.toml"
done
without_tables '^[[]profile' <"$root/Cargo.toml" |
    sed "s/^members = .*/members = [${members%, }]/; /^exclude = /d" >"$to/Cargo.toml"
grep -qF "members = [${members%, }]" "$to/Cargo.toml"
# The C library's, without the C library.
awk 'BEGIN { RS = ""; ORS = "\n\n" } !/name = "cnproc-cdylib"/' "$root/cnproc-ffi/cdylib/Cargo.lock" >"$to/Cargo.lock"
