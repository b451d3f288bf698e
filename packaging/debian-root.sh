#!/usr/bin/env bash
# debian-root.sh SUITE: prints the path of a directory that contains that release of Debian (bookworm, trixie) with what
# builds and checks the package. Made once and kept in a cache outside the tree, from the mirror that this machine's apt
# uses. Needs root, and installs mmdebstrap.
set -euo pipefail
suite=$1
cache=${CNPROC_ROOTS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cnproc/roots}
root=$cache/$suite
die() { printf 'debian-root: %s\n' "$*" >&2; exit 1; }

case $suite in
bookworm) rust=rustc-web,cargo-web ;;
*) rust=rustc,cargo ;;
esac
packages=$rust,debhelper,pkgconf,lintian,blhc,gcc,libc6-dev

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
if [ "$(cat "$root.packages" 2>/dev/null)" != "$packages" ]; then
    [ "$(id -u)" -eq 0 ] || die 'only root can make one'
    export DEBIAN_FRONTEND=noninteractive
    command -v mmdebstrap >/dev/null || {
        apt-get -qq update && apt-get -qq install --yes --no-install-recommends mmdebstrap
    } >&2 </dev/null
    mirror() {
        # shellcheck disable=SC2016 # apt expands it
        apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
            awk '$1 == "Debian" && !found { found = 1; print $2 }'
    }
    # A new machine has no lists, by which its mirror is known.
    [ -n "$(mirror)" ] || apt-get -qq update >&2 </dev/null
    mirror=$(mirror)
    [ -n "$mirror" ] || die "this machine's apt names no mirror of Debian"
    sources=$(printf 'deb %s %s main\n' "$mirror" "$suite" "$mirror" "$suite-updates")
    rm -rf "$root" "$root.packages"
    mmdebstrap --quiet --variant=buildd --include="$packages" --aptopt='Acquire::Languages "none"' \
        "$suite" "$root" <<<"$sources" >&2
    echo "$packages" >"$root.packages"
fi
echo "$root"
