# SPDX-License-Identifier: MIT
# The agent's life as a service: started, reloaded, killed, stopped in its tracks, watched, ended.
. /service-test/lib.sh

# churn TIMES FILE: a tenth of a second apart; when each began goes to the file.
churn() {
    for ((i = 0; i < $1; i++)); do
        connect 2181
        sleep 0.1
    done >>"$2"
}

capabilities() {
    local pid
    for pid in $(processes); do
        grep -E '^(Name|Pid|Cap|NoNewPrivs)' "/proc/$pid/status"
    done
}

kept_files() {
    find "$kept" -printf '%m %u %y %f\n' | sort
}

fact system systemctl is-system-running --wait
fact failed systemctl --failed --no-legend
fact systemd systemctl --version
fact release uname --kernel-release

fact start systemctl start "$unit"
fact started state
fact status systemctl --no-pager --lines=0 status "$unit"
fact capabilities capabilities

perl /service-test/server.pl 2181 &
server=$!
await 10 connect 2181
cat >/etc/zkchurn/agent.toml <<SETTINGS
size = "64MiB"
before = "1m"
after = "1m"
handshake = true
SETTINGS
fact reload systemctl reload "$unit"
# It may return while the agent still reads.
is_active() { [ "$(property ActiveState)" = active ]; }
await 30 is_active
fact reloaded state

churn 60 /tmp/made
# What was there two seconds before must be there after it.
fact "safe since" date --utc --date='2 seconds ago' +%FT%T.%NZ
kill -KILL "$(property MainPID)"
fact "files as it was killed" kept_files
fact "made before it was killed" as_times </tmp/made
await 90 started_again 1
fact "started again" state
fact "files as it was started again" kept_files
churn 20 /tmp/made-later
fact "made later" as_times </tmp/made-later
sleep 5
fact replay zkchurn replay "$kept" --format json

# Nothing listens now.
kill "$server"
wait "$server" 2>/dev/null
for ((i = 0; i < 60; i++)); do
    connect 2181 >/dev/null
    sleep 1
done
await 300 sh -c "journalctl --quiet --unit=$unit | grep -q 'incident kept in'"
fact "files of the incident" kept_files

# It stands still: systemd has to notice. 60 s, 15 s for its end and 30 s until the next start.
kill -STOP "$(property MainPID)"
await 180 started_again 2
fact "watched" state

fact stop systemctl stop "$unit"
fact stopped state
fact "files as it was stopped" kept_files
fact "left running" processes

# With both drop-ins it serves counts.
directory=/etc/systemd/system/$unit.service.d
mkdir -p "$directory"
cp /usr/share/doc/zkchurn/systemd/*.conf "$directory"
echo 'listen = "127.0.0.1:9142"' >/etc/zkchurn/agent.toml
systemctl daemon-reload
fact "start with drop-ins" systemctl start "$unit"
fact "started with drop-ins" state
# The first counts are there after ten seconds.
sleep 15
fact metrics bash -c 'exec 3<>/dev/tcp/127.0.0.1/9142 &&
    printf "GET /metrics HTTP/1.0\r\n\r\n" >&3 && cat <&3'
fact "stop with drop-ins" systemctl stop "$unit"
fact "stopped with drop-ins" state

fact journal journal --output=json
fact manager journalctl --no-pager --quiet --output=cat _PID=1
fact end echo yes
