#!/usr/bin/env bash
# tools.sh: makes sure that what the kernel matrix and the other architectures' tests need is there:
# qemu, cross compilers, cpio. Installs Debian's packages when run as root, else says what to install.
set -euo pipefail
kernels=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

declare -A package=(
    [cpio]=cpio [gcc]=gcc [flock]=util-linux
    [qemu-system-x86_64]=qemu-system-x86 [qemu-system-i386]=qemu-system-x86
    [qemu-system-aarch64]=qemu-system-arm [qemu-system-s390x]=qemu-system-misc
)
while read -r gcc qemu; do
    package[$gcc-gcc]=gcc-$gcc
    package[qemu-$qemu-static]=qemu-user-static
done < <(awk '!/^#/ && NF { print $3, $4 }' "$kernels/targets")

missing=$(for command in "${!package[@]}"; do
    command -v "$command" >/dev/null || echo "${package[$command]}"
done | sort -u | tr '\n' ' ')
[ -n "$missing" ] || exit 0
# A cross gcc only recommends its C library.
libraries=$(for name in $missing; do
    case $name in
    gcc-i686-linux-gnu) echo libc6-dev-i386-cross ;;
    gcc-aarch64-linux-gnu) echo libc6-dev-arm64-cross ;;
    gcc-arm-linux-gnueabihf) echo libc6-dev-armhf-cross ;;
    gcc-powerpc64-linux-gnu) echo libc6-dev-ppc64-cross ;;
    gcc-*-linux-gnu) echo "libc6-dev-${name#gcc-}" | sed 's/-linux-gnu$/-cross/' ;;
    esac
done | tr '\n' ' ')

if [ "$(id -u)" -ne 0 ]; then
    echo "tools: missing. As root: apt-get install --no-install-recommends $missing$libraries" >&2
    exit 1
fi
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends $missing $libraries; } >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "tools: apt-get could not install: $missing$libraries" >&2
    exit 1
fi
rm "$log"
