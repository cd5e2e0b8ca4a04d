#!/bin/sh
# SPDX-License-Identifier: MIT
# Becomes a program inside a root file system, as its process 1 might have started it: the
# root is a mount point, so that namespaces can be made and entered in it. Every step is an
# exec, so the program has the pid that the caller knows. The network is the caller's.
#
# enter.sh ROOT SHARED PROGRAM [ARGUMENT…]; SHARED is a directory that is the same inside.
root=$1 shared=$2
shift 2
exec unshare --mount --propagation private sh -eu -c '
    root=$1 shared=$2
    shift 2
    mount --rbind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /sys "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"
    mount -t tmpfs tmpfs "$root/tmp"
    mkdir -p "$root$shared"
    mount --bind "$shared" "$root$shared"
    cd "$root"
    pivot_root . run
    exec chroot . /bin/sh -eu -c "umount -l /run; exec \"\$@\"" sh "$@"
' sh "$root" "$shared" "$@"
