#!/usr/bin/env bash
# boot.sh ARCH KERNEL INITRAMFS CONSOLE [KERNEL-ARGUMENT...]
#
# Boots the kernel with the initramfs in qemu, without KVM, with two processors and no network, and writes its output to
# the file CONSOLE. Succeeds if and only if the guest printed its last line in time, with tests passed and none failed:
# silence, a panic and a hang are failures.
set -euo pipefail
arch=$1 kernel=$2 initramfs=$3 console=$4
shift 4
# Detects a hang.
limit=${CNPROC_KERNELS_TIMEOUT:-3600}

case $arch in
amd64) qemu=(qemu-system-x86_64 -cpu max) tty=ttyS0 ;;
i386) qemu=(qemu-system-i386 -cpu max) tty=ttyS0 ;;
arm64) qemu=(qemu-system-aarch64 -machine virt -cpu cortex-a72) tty=ttyAMA0 ;;
s390x) qemu=(qemu-system-s390x -machine s390-ccw-virtio -cpu max) tty=ttysclp0 ;;
*) echo "boot: no machine for architecture $arch" >&2; exit 2 ;;
esac

boot() {
    timeout --foreground --kill-after=5 "$limit" "${qemu[@]}" -accel tcg,thread=multi -smp 2 -m 512 -nographic -no-reboot -net none \
        -kernel "$kernel" -initrd "$initramfs" -append "console=$tty quiet panic=-1 $*" \
        </dev/null 2>&1 | sed -u 's/\r//g' >"$console" || true
}
is_green() { grep -aqE '^guest: done [1-9][0-9]* passed, 0 failed' "$console"; }
boot "$@"
# On a busy machine the second processor may start too late for its kernel, which then goes on without it.
for _ in 1 2; do
    if ! is_green && grep -aqE 'to wakeup CPU|failed to report alive' "$console"; then boot "$@"; fi
done

if grep -aq 'Kernel panic' "$console"; then
    tail -n 20 "$console" >&2
    echo "boot: the guest's kernel panicked: see $console" >&2
    exit 1
fi
verdict=$(grep -a '^guest: done ' "$console" | tail -n 1) || true
case $verdict in
'')
    tail -n 20 "$console" >&2
    echo "boot: no verdict from the guest within $limit seconds: see $console" >&2
    exit 1
    ;;
'guest: done 0 passed'*) echo "boot: the guest ran no test: see $console" >&2; exit 1 ;;
*' 0 failed, '*) ;;
*) grep -aE -B 15 -A 5 '^\[[a-z]*\] not ok |^\[[a-z]*\] test .* FAILED$|panicked at' "$console" >&2; exit 1 ;;
esac
