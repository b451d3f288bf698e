#!/usr/bin/env bash
# Compiles tests/c/layout.c for every architecture of the table `architectures`, against its own kernel
# headers. Nothing is run, and nothing installed: Debian's packages are unpacked into a cache.
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

checked=0 failed=0
while read -r name target compiler bits order; do
    headers=$cache/linux-libc-dev-$name-cross/usr/$target/include
    [ -e "$headers/linux/cn_proc.h" ] || { echo "$name: no headers in $headers" >&2; exit 1; }
    options=(-std=c11 -Wall -Wextra -Werror -fsyntax-only -nostdinc "-DPOINTER_BITS=$bits"
        "-DBYTE_ORDER=__ORDER_${order}_ENDIAN__" -isystem "$libc" -isystem "$headers" "-I$root/include")
    case $compiler in
    clang) command=(clang "--target=$target") ;;
    gcc) command=("$cache/cpp-12-$target/usr/lib/gcc-cross/$target/12/cc1" -quiet -o /dev/null) ;;
    esac
    if ! "${command[@]}" "${options[@]}" "$root/tests/c/layout.c"; then
        echo "$name: the layouts differ" >&2
        failed=$((failed + 1))
    fi
    checked=$((checked + 1))
done < <(rows)
echo "layouts: $((checked - failed)) architectures passed, $failed failed"
[ "$failed" -eq 0 ]
