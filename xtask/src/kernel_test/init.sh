#!/bin/bash
# The first process of a guest: makes a system that the tests can live in, runs
# them, and tells on the second serial port what came out.
export PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /var/lib
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tracefs tracefs /sys/kernel/tracing
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t tmpfs run /run
chmod 1777 /tmp
# As many as a service manager allows.
ulimit -n 524288
exec </dev/null >/dev/@console@ 2>&1
# A terminal would add carriage returns.
stty -F /dev/@results@ raw
ip link set lo up
for module in @modules@; do
    for file in /modules/"$module".ko*; do
        [ -e "$file" ] && insmod "$file"
    done
done
[[ " $(</proc/cmdline) " == *" hide_btf "* ]] && mount -t tmpfs none /sys/kernel/btf
{
    echo "release: $(</proc/sys/kernel/osrelease)"
    echo "doctor: $(@zkchurn@ doctor --format json 2>&1 | tr '\n' ' ')"
    echo "start: $(@zkchurn@ --format json --port 1 --handshake --duration 100ms | head -n 1)"
    cd @directory@ || exit
    @tests@ --ignored --exact --test-threads=1 $(</tests)
    echo "tests ended: $?"
} >/dev/@results@
# The only way to end a guest that needs no ACPI; QEMU runs with -no-reboot.
echo b >/proc/sysrq-trigger
