#!/usr/bin/env bash
# Compiles tests/c/layout.c for every architecture of the table `architectures`, against its own kernel
# headers: those of this Debian, and the newest that there are, in which cn_proc.h has another text (since
# Linux 6.6). Nothing is run, and nothing installed: Debian's packages are unpacked into a cache.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cnproc/headers
mkdir -p "$cache"

rows() { grep -v '^#' "$here/architectures"; }

# unpack PACKAGE...: those that the cache lacks.
unpack() {
    local package missing=()
    for package; do [ -d "$cache/$package" ] || missing+=("$package"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    local work
    work=$(mktemp -d "$cache/unpack.XXXXXX")
    (cd "$work" && { apt-get -qq download "${missing[@]}" || { apt-get -qq update && apt-get -qq download "${missing[@]}"; }; })
    for package in "${missing[@]}"; do
        dpkg-deb -x "$work/${package}"_*.deb "$work/$package"
        mv -T "$work/$package" "$cache/$package"
    done
    rm -r "$work"
}

# What the C library's headers give, of the compiler's own knowledge: none of them is in those packages.
libc=$cache/libc
mkdir -p "$libc/sys"
cat >"$libc/stddef.h" <<'EOF'
#define NULL ((void *)0)
#define offsetof(type, member) __builtin_offsetof(type, member)
typedef __SIZE_TYPE__ size_t;
EOF
cat >"$libc/stdint.h" <<'EOF'
typedef __UINT8_TYPE__ uint8_t;
typedef __UINT16_TYPE__ uint16_t;
typedef __UINT32_TYPE__ uint32_t;
typedef __UINT64_TYPE__ uint64_t;
typedef __INT32_TYPE__ int32_t;
typedef __INT64_TYPE__ int64_t;
typedef __UINTPTR_TYPE__ uintptr_t;
EOF
cat >"$libc/sys/types.h" <<'EOF'
typedef __PTRDIFF_TYPE__ ssize_t;
typedef __INT32_TYPE__ pid_t;
/* The compiler is that of the architecture meant. */
_Static_assert(sizeof(void *) * 8 == POINTER_BITS, "pointer");
_Static_assert(__BYTE_ORDER__ == BYTE_ORDER, "byte order");
EOF

mapfile -t packages < <(rows | awk '{ print "linux-libc-dev-" $1 "-cross"; if ($3 == "gcc") print "cpp-12-" $2 }')
unpack "${packages[@]}"

newest=$("$root/tests/kernels/fetch.sh" headers)
grep -q 'define PROC_EVENT_ALL' "$newest/include/linux/cn_proc.h" || { echo "$newest: older than 6.6" >&2; exit 1; }

# compile_with HEADERS...: layout.c, for the row that was read.
compile_with() {
    local command headers
    case $compiler in
    clang) command=(clang "--target=$target") ;;
    gcc) command=("$cache/cpp-12-$target/usr/lib/gcc-cross/$target/12/cc1" -quiet -o /dev/null) ;;
    esac
    for headers in "$libc" "$@"; do command+=(-isystem "$headers"); done
    "${command[@]}" -std=c11 -Wall -Wextra -Werror -fsyntax-only -nostdinc "-DPOINTER_BITS=$bits" \
        "-DBYTE_ORDER=__ORDER_${order}_ENDIAN__" "-I$root/include" "$root/tests/c/layout.c"
}

architectures=0 passed=0 failed=0
# compare HEADERS...: and count.
compare() {
    if compile_with "$@"; then
        passed=$((passed + 1))
    else
        echo "$name: the layouts differ from those of $1" >&2
        failed=$((failed + 1))
    fi
}

while read -r name target compiler bits order; do
    headers=$cache/linux-libc-dev-$name-cross/usr/$target/include
    [ -e "$headers/linux/cn_proc.h" ] || { echo "$name: no headers in $headers" >&2; exit 1; }
    compare "$headers"
    # There Debian has fewer architectures, and calls one otherwise.
    asm=$newest/include/${target/#i686/i386}
    [ ! -d "$asm" ] || compare "$newest/include" "$asm"
    architectures=$((architectures + 1))
done < <(rows)
echo "layouts: $architectures architectures, $passed passed, $failed failed"
[ "$failed" -eq 0 ]
