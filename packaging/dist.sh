#!/usr/bin/env bash
# dist.sh: writes target/dist/cnproc-VERSION.tar.xz, the release: what is committed, and in vendor/ the crates that the
# C library depends on, with which make builds it without a network. The same commit gives the same bytes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
dist=${CARGO_TARGET_DIR:-target}/dist
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=cnproc-$version
git rev-parse --git-dir >/dev/null 2>&1 || { echo 'dist: the release is made from the git repository' >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

git diff --quiet HEAD || echo "dist: changes that are not committed are left out" >&2
git archive --format=tar --prefix="$name/" HEAD | tar -x -C "$work"
cargo vendor --quiet --locked --manifest-path "$work/$name/cnproc-ffi/cdylib/Cargo.toml" "$work/$name/vendor" >/dev/null
# Builders delete *.orig, and cargo would miss them: they are not needed, so they are not in its lists either.
rm "$work/$name"/vendor/*/Cargo.toml.orig
sed -i 's/"Cargo.toml.orig":"[0-9a-f]*",//' "$work/$name"/vendor/*/.cargo-checksum.json
mkdir -p "$dist"
tar -C "$work" --sort=name --mtime="@$(git log -1 --format=%ct)" --owner=0 --group=0 --numeric-owner \
    --mode=u=rwX,go=rX -c "$name" | xz -6 -T1 >"$dist/$name.tar.xz.new"
mv "$dist/$name.tar.xz.new" "$dist/$name.tar.xz"
echo "$dist/$name.tar.xz"
