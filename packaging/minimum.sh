#!/usr/bin/env bash
# minimum.sh: what ships builds, and passes its tests that need no listener, with the oldest Rust and the oldest libc crate
# that Cargo.toml allows. The Rust is Debian 13's own. Needs root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
allowed() { sed -n "s/^$1/\1/p" Cargo.toml | head -n 1; }
rust=$(allowed 'rust-version = "\(.*\)"')
libc=$(allowed 'libc = { version = "\([0-9.]*\)".*')
[ -n "$rust" ] && [ -n "$libc" ]

work=${CARGO_TARGET_DIR:-target}/minimum
packaging/shipped.sh "$work/shipped"
cargo update --quiet --manifest-path "$work/shipped/Cargo.toml" -p libc --precise "$libc"
cargo check --quiet --workspace --locked --manifest-path "$work/shipped/Cargo.toml" --target-dir "$work/target"
echo "ok     the crates build with libc $libc"

root=$(packaging/debian-root.sh trixie)
found=$(packaging/enter.sh "$root" rustc --version | cut -d ' ' -f 2)
[ "${found%.*}" = "$rust" ] || { echo "minimum: Debian 13 has Rust $found, but Cargo.toml requires $rust" >&2; exit 1; }
tarball=$(packaging/dist.sh)
rm -rf "$root/build/minimum"
mkdir -p "$root/build/minimum"
tar -x --strip-components=1 -C "$root/build/minimum" -f "$tarball"
OFFLINE=1 packaging/enter.sh "$root" env RUSTFLAGS=-Dwarnings make --no-print-directory -C minimum lib check-unit
echo "ok     the library builds and passes make check-unit with Rust $found"
echo '2 passed, 0 failed'
