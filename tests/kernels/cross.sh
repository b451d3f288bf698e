# shellcheck shell=bash
# Sourced. cross ARCH CARGO-ARGUMENT... runs cargo for that architecture of the table `targets`, with
# the standard library built from Debian's package of its sources, since the toolchain has only the
# build machine's. Programs are static: they run under qemu and in a guest that has nothing else.
# For the build machine's own architecture it is plain cargo, static too. CROSS_STD names the crates of
# the standard library to build, if not all.

kernels=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cross_root=$(cd "$kernels/../.." && pwd)
cross_dir=${CARGO_TARGET_DIR:-$cross_root/target}/kernels

# cross_field ARCH COLUMN
cross_field() { awk -v a="$1" -v c="$2" '!/^#/ && $1 == a { print $c }' "$kernels/targets"; }

cross_target() {
    if [ "$1" = amd64 ]; then echo x86_64-unknown-linux-gnu; else cross_field "$1" 2; fi
}

cross_cc() {
    if [ "$1" = amd64 ]; then echo gcc; else echo "$(cross_field "$1" 3)-gcc"; fi
}

# The sources of the standard library of the toolchain in use: its own if installed, or Debian's.
cross_library() {
    local own
    own=$(rustc --print sysroot)/lib/rustlib/src/rust/library
    if [ -e "$own/Cargo.lock" ]; then
        echo "$own"
    else
        "$kernels/fetch.sh" rust-src "$(rustc -vV | sed -n 's/^release: //p')"
    fi
}

cross() (
    set -euo pipefail
    arch=$1 subcommand=$2
    shift 2
    target=$(cross_target "$arch")
    cd "$cross_root"
    # Debug assertions and overflow checks stay on. Small, since each guest unpacks them.
    export CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=symbols
    export CARGO_PROFILE_DEV_PANIC=unwind
    export CARGO_TARGET_DIR=$cross_dir/$arch RUSTFLAGS="-C target-feature=+crt-static"
    if [ "$arch" != amd64 ]; then
        upper=$(echo "$target" | tr 'a-z-' 'A-Z_')
        export "CARGO_TARGET_${upper}_LINKER=$(cross_cc "$arch")"
        export "CARGO_TARGET_${upper}_RUNNER=qemu-$(cross_field "$arch" 4)-static"
        # Building std on a stable compiler is not stable itself; the compiler is.
        export RUSTC_BOOTSTRAP=1 __CARGO_TESTS_ONLY_SRC_ROOT
        __CARGO_TESTS_ONLY_SRC_ROOT=$(cross_library)
        set -- "$@" "-Zbuild-std=${CROSS_STD:-std,panic_unwind,panic_abort,test}"
    fi
    exec cargo "$subcommand" --target "$target" "$@"
)
