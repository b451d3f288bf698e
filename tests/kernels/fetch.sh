#!/usr/bin/env bash
# fetch.sh kernel ROW     prints the path of a kernel image of that row of the table `rows`
# fetch.sh rust-src VER   prints the path of the standard library's sources of that Rust release
# fetch.sh headers        prints the path of the newest kernel headers, those of many architectures
# fetch.sh busybox ARCH   prints the path of a static busybox of that architecture
#
# All come from Debian's packages, unpacked into a cache outside the tree and never installed. The
# mirror is the one the machine's own apt uses; our apt state is our own, so the machine's is untouched.
# What is in the cache is looked for again after a day, and kept when there is no network.
# shellcheck disable=SC2016 # apt expands the formats, not the shell
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${CNPROC_KERNELS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cnproc/kernels}

die() { printf 'fetch: %s\n' "$*" >&2; exit 1; }
note() { printf 'fetch: %s\n' "$*" >&2; }

# The machine's mirror of what Debian labels $1: "Debian" or "Debian-Security".
mirror() {
    apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
        awk -v want="$1" '$1 == want && !found { found = 1; print $2 }'
}

# apt-get, apt-cache and apt-helper with a state of our own for architecture $arch.
apt_options() {
    local state=$cache/apt/$arch
    apt=(-o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$state/sources.d"
        -o "Dir::Etc::preferencesparts=/dev/null"
        -o "Dir::State=$state" -o "Dir::State::lists=$state/lists" -o "Dir::State::status=$state/status"
        -o "Dir::Cache=$state/cache" -o "Dir::Cache::pkgcache=" -o "Dir::Cache::srcpkgcache="
        -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o "APT::Sandbox::User=$(id -un)"
        -o "Acquire::Languages=none" -o "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false"
        -o "Acquire::Retries=3")
}

# Our apt's sources: of $arch's rows, every suite, from the machine's own mirrors.
sources() {
    local keys=/usr/share/keyrings/debian-archive-keyring.gpg main security suite uri
    main=$(mirror Debian)
    if [ -z "$main" ] && [ "$(id -u)" -eq 0 ]; then
        # Only the lists contain whose mirror it is, and a new machine has none.
        apt-get -qq update >&2 </dev/null
        main=$(mirror Debian)
    fi
    security=$(mirror Debian-Security)
    for suite in $(awk -v a="$arch" '!/^#/ && $2 == a { print $5 }' "$here/rows" | tr ',' '\n' | sort -u); do
        case $suite in *-security) uri=$security ;; *) uri=$main ;; esac
        [ -n "$uri" ] || { note "this machine's apt names no mirror that could have $suite: left out"; continue; }
        printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$uri" "$suite"
        [ ! -e "$keys" ] || printf 'Signed-By: %s\n' "$keys"
        echo
    done
}

# Refresh $arch's list of packages ("name version size"), at most once a day.
update_list() {
    local state=$cache/apt/$arch files
    mkdir -p "$state/sources.d" "$state/lists/partial" "$state/cache/archives/partial"
    : >"$state/status"
    if [ "$state/packages" -nt "$here/rows" ] && [ "$state/packages" -nt "$here/fetch.sh" ] && [ -n "$(find "$state/packages" -mmin -1440)" ]; then
        return
    fi
    sources >"$state/sources.d/debian.sources"
    [ -s "$state/sources.d/debian.sources" ] ||
        die "no Debian mirror in this machine's apt configuration: on Debian, run 'apt-get update' first"
    # A suite that cannot be had now may not be needed: what is missing shows when a package is looked for.
    apt-get "${apt[@]}" -qq update >"$state/update.log" 2>&1 || note "not every list of $arch was fetched: $state/update.log"
    mapfile -t files < <(apt-get "${apt[@]}" indextargets --format '$(FILENAME)' 'Created-By: Packages')
    [ "${#files[@]}" -gt 0 ] || return 0
    /usr/lib/apt/apt-helper "${apt[@]}" cat-file "${files[@]}" |
        awk '/^Package: / { p = $2 } /^Version: / { v = $2 } /^Size: / { s = $2 }
             /^$/ && p ~ /^(linux-(image|binary)-|linux-libc-dev$|rust-src$|busybox-static$)/ { print p, v, s }' >"$state/packages.new"
    if [ -s "$state/packages.new" ]; then mv "$state/packages.new" "$state/packages"; fi
}

# Download package $1, version $2, and put the file or folder in it that matches $3 at $4, all or nothing.
take() {
    local work found
    work=$(mktemp -d "$cache/unpack.XXXXXX") || return 1
    mkdir "$work/root" &&
        (cd "$work" && apt-get "${apt[@]}" -qq download "$1=$2" >&2) &&
        dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$work/root" --wildcards "$3" &&
        # The outermost: a `*` matches slashes too, and what is meant may have a namesake deeper down.
        found=$(find "$work/root" -path "$work/root/${3#./}" -printf '%d %p\n' | sort -n | sed -n '1s/^[0-9]* //p') &&
        [ -n "$found" ] &&
        mkdir -p "$(dirname "$4")" &&
        mv -T "$found" "$4"
    local status=$?
    rm -rf "$work"
    return $status
}

# Into the cache, in place of the one that is there.
take_kernel() {
    local image='./boot/vmlinu[xz]-*'
    [[ $package == linux-image-* ]] || image='./usr/lib/modules/*/vmlinu[xz]'
    rm -rf "$folder.new"
    take "$package" "$version" "$image" "$folder.new/vmlinuz" || return 1
    echo "$package $version" >"$folder.new/package"
    rm -rf "$folder"
    mv "$folder.new" "$folder"
}

fetch_kernel() {
    local row=$1 release flavour suffix candidate candidates package version folder=$cache/$1
    read -r arch release flavour < <(awk -v r="$row" '!/^#/ && $1 == r { print $2, $3, $4 }' "$here/rows") ||
        die "no row '$row' in $here/rows"
    apt_options
    update_list
    [ "$release" != newest ] || release='[0-9]'
    # Up to 6.18 the kernel is in linux-image-*; later that is a few hundred bytes, and linux-binary-* has it.
    suffix="[^-]*(-[0-9.]+)?-$flavour\$"
    # The newest first. A mirror may list a package that it does not have yet, or any more.
    mapfile -t candidates < <(awk -v p="^linux-(image|binary)-${release//./[.]}$suffix" \
        '$1 ~ p && $3 > 1000000 { print $2, $1 }' "$cache/apt/$arch/packages" | sort -rV | head -n 3)
    for candidate in "${candidates[@]}"; do
        read -r version package <<<"$candidate"
        if [ "$(cat "$folder/package" 2>/dev/null)" = "$package $version" ] || take_kernel; then
            echo "$folder/vmlinuz"
            return
        fi
        note "row $row: $package $version could not be fetched"
    done
    [ -e "$folder/vmlinuz" ] || die "row $row: no such kernel could be fetched, and the cache has none"
    note "row $row: using the kernel in the cache"
    echo "$folder/vmlinuz"
}

fetch_rust_src() {
    local version folder=$cache/rust-src-$1
    arch=amd64
    if [ ! -e "$folder/Cargo.lock" ]; then
        rm -rf "$folder"
        apt_options
        update_list
        version=$(awk -v v="$1+" '$1 == "rust-src" && index($2, v) == 1 { print $2; exit }' "$cache/apt/$arch/packages")
        [ -n "$version" ] || die "the suites of the table's amd64 rows have no package rust-src of Rust $1"
        take rust-src "$version" './usr/src/rustc-*/library' "$folder" || die "rust-src $version could not be fetched"
    fi
    echo "$folder"
}

# Since 6.12 one package has the headers of all architectures that Debian releases for.
fetch_headers() {
    local version folder=$cache/headers
    arch=amd64
    apt_options
    update_list
    version=$(awk '$1 == "linux-libc-dev" { print $2 }' "$cache/apt/$arch/packages" | sort -V | tail -n 1)
    [ -n "$version" ] || die "the suites of the table's amd64 rows have no package linux-libc-dev"
    if [ "$(cat "$folder.version" 2>/dev/null)" != "$version" ]; then
        rm -rf "$folder"
        take linux-libc-dev "$version" ./usr "$folder" || die "linux-libc-dev $version could not be fetched"
        echo "$version" >"$folder.version"
    fi
    echo "$folder"
}

fetch_busybox() {
    local version folder=$cache/busybox-$1
    arch=$1
    if [ ! -e "$folder/busybox" ]; then
        apt_options
        update_list
        version=$(awk '$1 == "busybox-static" { print $2 }' "$cache/apt/$arch/packages" | sort -V | tail -n 1)
        [ -n "$version" ] || die "the suites of the table's $arch rows have no package busybox-static"
        take busybox-static "$version" './*bin/busybox' "$folder/busybox" ||
            die "busybox-static $version of $arch could not be fetched"
    fi
    echo "$folder/busybox"
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
case ${1:-} in
kernel) fetch_kernel "${2:?row}" ;;
rust-src) fetch_rust_src "${2:?version}" ;;
headers) fetch_headers ;;
busybox) fetch_busybox "${2:?architecture}" ;;
*) die "usage: fetch.sh kernel ROW | rust-src VERSION | headers | busybox ARCH" ;;
esac
