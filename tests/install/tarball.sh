#!/usr/bin/env bash
# The release tarball is reproducible, and builds, passes make check-unit and installs where there is neither git, nor
# a network, nor anything that cargo downloaded before.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset MAKEFLAGS MFLAGS

tarball=$(packaging/dist.sh)
cp "$tarball" "$work/first"
packaging/dist.sh >/dev/null
cmp "$work/first" "$tarball"
echo "ok     two_tarballs_of_a_commit_are_equal ($(stat -c %s "$tarball") bytes)"

tar -x -C "$work" -f "$tarball"
tree=$(echo "$work"/cnproc-*)
offline=(env -u CARGO_TARGET_DIR CARGO_HOME="$work/cargo-home" GIT_DIR=/nonexistent)
# A builder has a loopback interface, and no other.
# shellcheck disable=SC2016 # the inner shell expands it
if [ "$(id -u)" -eq 0 ]; then offline+=(unshare -n sh -c 'ip link set lo up && exec "$@"' sh); fi
# rustup's cargo finds its toolchain by this.
[ ! -d "${RUSTUP_HOME:-$HOME/.rustup}" ] || export RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}"
"${offline[@]}" make --no-print-directory -C "$tree" lib
echo "ok     tarball_builds_offline"
"${offline[@]}" make --no-print-directory -C "$tree" check-unit >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
[ "$(grep -c '^test result: ok. [1-9]' "$work/log")" -ge 3 ]
echo "ok     tarball_passes_check_unit_offline"
"${offline[@]}" make --no-print-directory -C "$tree" install DESTDIR="$work/root" PREFIX=/usr
[ -e "$work/root/usr/lib/libcnproc.so.0" ]
echo "ok     tarball_installs_offline"
echo '4 passed, 0 failed'
