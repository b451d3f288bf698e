#!/usr/bin/env bash
# enter.sh ROOT COMMAND...: runs the command with that root file system, in its directory /build, with a /proc. With
# OFFLINE=1 there is no network but a loopback interface. The mounts end with the command.
set -euo pipefail
root=$1
shift
mkdir -p "$root/build"
export OFFLINE=${OFFLINE:-0}
namespaces=(--mount)
[ "$OFFLINE" = 0 ] || namespaces+=(--net)
# shellcheck disable=SC2016 # the inner shell expands them
exec unshare "${namespaces[@]}" --propagation private sh -euc '
    root=$1
    shift
    [ "$OFFLINE" = 0 ] || ip link set lo up
    # Not a chroot, in which the kernel refuses user namespaces.
    mount --rbind "$root" "$root"
    mount -t proc proc "$root/proc"
    cd "$root"
    pivot_root . .
    umount --lazy .
    exec /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TERM=dumb \
        /bin/sh -euc "cd /build; exec \"\$@\"" sh "$@"
' sh "$root" "$@"
