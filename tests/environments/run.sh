#!/usr/bin/env bash
# run.sh [ENVIRONMENT...]: make check where adopters type it, by default in each of these environments. Prints the last
# line of each run, which says how many tests were skipped, and why. A run fails as well if a test was skipped for another
# reason than that environment's. Needs root, Debian and a connector.
#
#   namespace  in a new network namespace, which has no connector
#   bare       with no more programs than the build requires
#   tarball    from the release tarball, without .git, in a path with blanks
#   user       the same as an ordinary user, whose home directory is empty
#   trixie     the same in Debian 13, with its own compiler, headers and libraries
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
[ "$(id -u)" = 0 ] || { echo 'environments: only root can make them' >&2; exit 1; }
unset CNPROC_REQUIRE_LIVE MAKEFLAGS MFLAGS
target=$PWD/${CARGO_TARGET_DIR:-target}
logs=$target/environments
mkdir -p "$logs"
work=$(mktemp -d)
# Each mount ends with the namespace that it was made in.
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"

# The programs that are not required: what a test needs that finds none of them is in its reason.
optional='clang|clang\+\+|valgrind|mandoc|strace|abidiff|abidw|python3'
no_listener='no listener: [^;]*'

make_check() { make --no-print-directory "$@" check; }

in_namespace() { unshare --net make --no-print-directory check; }

# Links to every program of this machine but those.
in_bare() {
    local directory program
    mkdir "$work/bin"
    IFS=:
    for directory in $PATH; do
        for program in "$directory"/*; do
            [[ ! -x $program || ${program##*/} =~ ^($optional)(-[0-9.]+)?$ || -e $work/bin/${program##*/} ]] ||
                ln -s "$program" "$work/bin"
        done
    done
    unset IFS
    PATH=$work/bin make_check
}

# unpack DIRECTORY: the release, with what has been built here of other projects. Our own crates are built again, because
# tests contain their directory.
unpack() {
    local tarball
    tarball=$(packaging/dist.sh)
    mkdir -p "$1/target"
    tar -x --strip-components=1 -C "$1" -f "$tarball"
    cp -a "$target/debug" "$1/target"
    rm -rf "$1"/target/debug/.fingerprint/cnproc-*
}

released="$work/a path with blanks"
release() {
    [ ! -e "$released" ] || return 0
    unpack "$released"
}

in_tarball() {
    release
    make_check -C "$released"
}

# Root's home directory is closed to others: the toolchain is moved out of it, to where all may read it.
in_user() {
    release
    chown -R nobody: "$released"
    mkdir -p "$work/home" "$work/cargo" "$work/rustup"
    chown nobody: "$work/home"
    # shellcheck disable=SC2016 # the inner shell expands them
    unshare --mount --propagation private bash -euc '
        cargo=${CARGO_HOME:-$HOME/.cargo} rustup=${RUSTUP_HOME:-$HOME/.rustup}
        mount --bind "$cargo" "$2/cargo"
        mount --bind "$rustup" "$2/rustup"
        mount -t tmpfs -o mode=755 none "$HOME"
        mkdir -p "$cargo" "$rustup"
        mount --move "$2/cargo" "$cargo"
        mount --move "$2/rustup" "$rustup"
        export CARGO_HOME="$cargo" RUSTUP_HOME="$rustup" HOME="$2/home" CARGO_NET_OFFLINE=true
        exec setpriv --reuid nobody --regid nogroup --clear-groups make --no-print-directory -C "$1" check
    ' bash "$released" "$work"
}

# The toolchain is this machine's, which runs there too, because the crates that the tests depend on require a later one
# than Debian's; packaging/minimum.sh uses Debian's.
in_trixie() {
    local root directory
    root=$(packaging/debian-root.sh trixie)
    directory="$root/build/a path with blanks"
    rm -rf "$directory"
    unpack "$directory"
    # shellcheck disable=SC2016 # the inner shell expands them
    unshare --mount --propagation private bash -euc '
        cargo=${CARGO_HOME:-$HOME/.cargo} rustup=${RUSTUP_HOME:-$HOME/.rustup}
        for home in "$cargo" "$rustup"; do
            mkdir -p "$1/$home"
            mount --bind "$home" "$1/$home"
        done
        packaging/enter.sh "$1" env CARGO_HOME="$cargo" RUSTUP_HOME="$rustup" CARGO_NET_OFFLINE=true \
            PATH="$cargo/bin:/usr/sbin:/usr/bin:/sbin:/bin" make --no-print-directory -C "a path with blanks" check
    ' bash "$root"
    rm -rf "$directory"
}

# check NAME REASONS: REASONS is a regular expression for each reason that a test may be skipped for.
check() {
    local log=$logs/$1.log begin=$SECONDS status=0 last other
    "in_$1" >"$log" 2>&1 || status=$?
    last=$(grep -a '^check: ' "$log" || tail -n 1 "$log")
    other=$(sed -n '/^skipped tests:$/,$s/^  .* (\(.*\))$/\1/p' "$log" | grep -avxE "$2" | sort -u || true)
    if [[ $status -ne 0 || -n $other || $last != 'check: passed,'* ]]; then
        grep -aE "^(test .* FAILED|---- |thread '|error)" "$log" | head -n 60 || tail -n 30 "$log"
        [ -z "$other" ] || printf 'skipped for another reason: %s\n' "$other"
        echo "FAILED $1 ($((SECONDS - begin)) s, $log): $last"
        failed=1
    else
        echo "ok     $1 ($((SECONDS - begin)) s): $last"
    fi
}

failed=0
declare -A reasons=(
    [namespace]="$no_listener|no loopback interface|no connector in this network namespace"
    [bare]="no ($optional)"
    [tarball]='none'
    [user]="not root|$no_listener"
    [trixie]="no ($optional)|no /sys/kernel/btf/vmlinux"
)
environments=("$@")
[ $# -gt 0 ] || environments=(namespace bare tarball user trixie)
for environment in "${environments[@]}"; do
    [ -n "${reasons[$environment]:-}" ] || { echo "environments: there is no $environment" >&2; exit 1; }
    check "$environment" "${reasons[$environment]}"
done
exit "$failed"
