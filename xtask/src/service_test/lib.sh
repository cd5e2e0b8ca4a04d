# SPDX-License-Identifier: MIT
# What the scripts of a guest share. Facts go to the second serial port: `## NAME`, and what a
# command said. Whether they are right is judged outside.
export LC_ALL=C TZ=UTC
unit=zkchurn-agent
kept=/var/lib/zkchurn
# A terminal would add carriage returns.
stty -F /dev/ttyS1 raw
exec >/dev/ttyS1

# The only way to end a guest that needs no ACPI; QEMU runs with -no-reboot. What the port has not
# sent yet is sent when it is closed.
end() {
    exec >/dev/null
    echo b >/proc/sysrq-trigger
}
trap end EXIT

# fact NAME COMMAND…
fact() {
    printf '\n## %s\n' "$1"
    shift
    "$@" 2>&1
}

# await SECONDS COMMAND…: until it succeeds, or so long.
await() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS >= end)) && return 1
        sleep 0.2
    done
}

property() {
    systemctl show "$unit" --property="$1" --value
}

# How systemd sees it.
state() {
    systemctl show "$unit" --property=ActiveState,SubState,Result,NRestarts,MainPID \
        --property=Type,StatusText,ExecMainStatus,CapabilityBoundingSet
}

# started_again TIMES: systemd has done so, and it runs.
started_again() {
    [ "$(property NRestarts)" = "$1" ] && systemctl is-active --quiet "$unit"
}

processes() {
    cat "/sys/fs/cgroup/system.slice/$unit.service/cgroup.procs"
}

journal() {
    journalctl --no-pager --quiet --unit="$unit" "$@"
}

# connect PORT: opens a connection and closes it; prints when.
connect() {
    echo "@$EPOCHREALTIME"
    { exec 3<>"/dev/tcp/127.0.0.1/$1" && exec 3>&-; } 2>/dev/null
}

# Seconds since 1970, one a line and with @, as zkchurn writes a time.
as_times() {
    date --utc --file=- +%FT%T.%NZ
}
