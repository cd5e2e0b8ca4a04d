# SPDX-License-Identifier: MIT
# An hour of an agent with the settings that it brings: a server of ZooKeeper and a client with a
# session from the beginning, from minute 20 on a health check a minute, and from minute 40 on the incident: the
# client, which has lost a class, cannot come back to a server that was started again. From minute
# 44 on a second program churns beside it.
. /service-test/lib.sh
cd /service-test/incident || exit

# at MINUTE [SECOND]: waits until then.
at() {
    local pause=$((began + $1 * 60 + ${2:-0} - $(date +%s)))
    ((pause <= 0)) || sleep "$pause"
}

# time_of MINUTE
time_of() {
    date --utc --date="@$((began + $1 * 60))" +%FT%T.%NZ
}

jvm() {
    exec java -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
        -Dlog4j.configuration="file:$1.log4j.properties" -cp "$2" "${@:3}"
}

start_server() {
    local jars=/usr/share/java
    jvm server "$jars/zookeeper.jar:$jars/slf4j-log4j12.jar:$jars/log4j-1.2.jar" \
        org.apache.zookeeper.server.ZooKeeperServerMain zoo.cfg >>server.out 2>&1 &
    server=$!
}

check_health() {
    { exec 3<>/dev/tcp/127.0.0.1/2181 && printf ruok >&3 && cat <&3; exec 3>&-; } 2>&1
}

# A second program that churns: some 10 connections a second.
load() {
    mkfifo pause
    while true; do
        connect 2181 >/dev/null
        # Nobody writes there: a pause that starts no program.
        read -r -t 0.1 <>pause
    done
}

# What the agent and its helpers have taken until now.
usage() {
    local group=/sys/fs/cgroup/system.slice/$unit.service pid
    echo "uptime_s $(cut -d' ' -f1 /proc/uptime)"
    grep usage_usec "$group/cpu.stat"
    for file in memory.current memory.peak; do
        echo "$file $(cat "$group/$file")"
    done
    echo "main_pid $(property MainPID)"
    for pid in $(processes); do
        echo "process $pid $(tr ' ' _ <"/proc/$pid/comm") $(
            awk '/^Vm(RSS|HWM):/ { printf "%s ", $2 }' "/proc/$pid/status"
        )$(awk '/^Pss:/ { printf "%s ", $2 }' "/proc/$pid/smaps_rollup"
        )$(cat /proc/"$pid"/task/*/status | awk '/^voluntary_ctxt_switches/ { sum += $2 }
            END { print sum }')"
    done
    echo "segments $(find "$kept" -maxdepth 1 -type f -printf '%b\n' |
        awk '{ sum += $1 } END { print sum * 512 }')"
    # There is no such directory before there is an incident.
    echo "incidents $(find "$kept" -mindepth 2 -type f -printf '%b\n' |
        awk '{ sum += $1 } END { print sum * 512 }')"
}

for name in server client; do
    cat >"$name.log4j.properties" <<LOGGING
log4j.rootLogger=INFO, FILE
log4j.appender.FILE=org.apache.log4j.FileAppender
log4j.appender.FILE.File=$name.log
log4j.appender.FILE.layout=org.apache.log4j.PatternLayout
log4j.appender.FILE.layout.ConversionPattern=%d{ISO8601} [myid:] - %-5p [%t:%C{1}@%L] - %m%n
LOGGING
done
cat >zoo.cfg <<CONFIGURATION
tickTime=2000
dataDir=/service-test/incident/data
clientPort=2181
clientPortAddress=127.0.0.1
4lw.commands.whitelist=*
admin.enableServer=false
CONFIGURATION

fact system systemctl is-system-running --wait
fact systemd systemctl --version
fact release uname --kernel-release
fact java java -version
fact start systemctl start "$unit"
began=$(date +%s)
start_server
await 60 grep -q 'Using checkIntervalMs=' server.log
mkfifo input
jvm client "$(cat class-path)" IncidentClient 127.0.0.1:2181 <>input >client.out 2>&1 &
client=$!
await 60 grep -q 'watch set' client.out
fact client cat client.out

at 5
fact "quiet from" usage
at 20
fact "quiet to" usage
for ((minute = 20; minute < 40; minute++)); do
    at "$minute"
    [ "$minute" != 22 ] || fact "checked from" usage
    at "$minute" 30
    check_health >/dev/null
done
at 40
fact "checked to" usage
fact "journal until minute 40" journal --output=cat
fact "minute 40" time_of 40
kill "$server"
wait "$server" 2>/dev/null
sleep 4
start_server
at 44
fact "log of the client" tail -n 40 client.log
fact "pid of the client" echo "$client"

fact incidents find "$kept/incidents" -printf '%m %y %P\n'
incident=$(find "$kept/incidents" -mindepth 1 -maxdepth 1 -type d | sort | head -n 1)
fact "minute 35" time_of 35
fact "minute 36" time_of 36
fact "incident of minute 35" zkchurn replay "$incident/incident.zkchurn" --format json \
    --since "$(time_of 35)" --until "$(time_of 36)"
fact "incident.json" cat "$incident/incident.json"
zkchurn report "$incident/incident.zkchurn" --output /tmp/report.txt --output /tmp/report.json
fact report cat /tmp/report.txt
fact "report as JSON" cat /tmp/report.json
load &
load=$!
at 45
fact "busy from" usage
at 58
fact "busy to" usage
kill "$load"
fact status systemctl --no-pager --lines=0 status "$unit"
at 60
fact "at the end" usage
fact stop systemctl stop "$unit"
fact stopped state
fact journal journal --output=json
fact manager journalctl --no-pager --quiet --output=cat _PID=1
fact end echo yes
