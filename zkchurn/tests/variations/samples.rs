// SPDX-License-Identifier: MIT
//! What the variations of texts begin with.

/// Lines of clients' logs, in the layouts that they come in.
pub(crate) const CLIENT_LINES: [&str; 30] = [
    "2026-11-25 04:45:46,123 [myid:] - WARN  [main-SendThread(zk1:2181):ClientCnxn$SendThread@1292] - Session 0x0 for server zk1/10.0.1.5:2181, Closing socket connection. Attempting reconnect except it is a SessionExpiredException.",
    "2026-11-25 04:45:46,130 ERROR [main-EventThread] org.apache.zookeeper.ClientCnxn - Error while calling watcher.",
    "java.lang.NoClassDefFoundError: org/apache/zookeeper/ClientCnxnSocketNIO",
    "\tat org.apache.zookeeper.ClientCnxn$SendThread.run(ClientCnxn.java:1292)",
    "Caused by: java.io.IOException: Connection reset by peer",
    "2026-11-25T04:45:46.130Z  WARN 7 --- [zk1:2181)] org.apache.zookeeper.ClientCnxn          : Session 0x100019242b50000 for server zk1/10.0.1.5:2181, unexpected error, closing socket connection and attempting reconnect",
    "04:45:46.130 [Curator-Framework-0] ERROR o.a.c.f.imps.CuratorFrameworkImpl - Background retry gave up",
    "org.apache.zookeeper.KeeperException$ConnectionLossException: KeeperErrorCode = ConnectionLoss for /brokers/ids",
    "org.apache.zookeeper.KeeperException$SessionExpiredException: KeeperErrorCode = Session expired for /a",
    "{\"@timestamp\":\"2026-11-25T04:45:46.130Z\",\"level\":\"WARN\",\"logger_name\":\"org.apache.zookeeper.ClientCnxn\",\"thread_name\":\"main-SendThread(zk1:2181)\",\"message\":\"Session 0x0 for server zk1:2181, unexpected error, closing socket connection\"}",
    "{\"time\":\"2026-11-25T04:45:46Z\",\"level\":\"error\",\"msg\":\"zk: could not connect\",\"error\":\"dial tcp 10.0.1.5:2181: connect: connection refused\"}",
    "2026/11/25 04:45:46 failed to connect to 10.0.1.5:2181: dial tcp 10.0.1.5:2181: i/o timeout",
    "2026/11/25 04:45:46 recv loop terminated: err=EOF",
    "2026/11/25 04:45:46 authentication failed: zk: session has been expired by the server",
    "WARNING:kazoo.client:Connection dropped: socket connection broken",
    "2026-11-25 04:45:46,130 - kazoo.client - WARNING - Session has expired",
    "kazoo.handlers.threading.KazooTimeoutError: Connection time-out",
    "[2026-11-25 04:45:46 +0000] [17] [ERROR] kazoo.exceptions.ConnectionLoss",
    "Nov 25 04:45:46 app-1 myapp[4242]: kazoo.exceptions.NoAuthError: ((), {})",
    "<30>1 2026-11-25T04:45:46.130Z app-1 myapp 4242 - - Session expired, reconnecting to zk1:2181",
    "time=\"2026-11-25T04:45:46Z\" level=error msg=\"zk: connection closed\" server=10.0.1.5:2181",
    "level=warn ts=2026-11-25T04:45:46.130Z caller=conn.go:42 msg=\"session expired\" id=0x100019242b50000",
    "I1125 04:45:46.130000    7 main.go:42] Reconnecting to 10.0.1.5:2181 after EOF",
    "10.0.0.7 - - [25/Nov/2026:04:45:46 +0000] \"GET /q?e=SessionExpiredException HTTP/1.1\" 200 12 \"-\" \"curl/8\"",
    "2026-11-25 04:45:46,130 INFO search.Query - user asked for \"KeeperErrorCode = ConnectionLoss\"",
    "SEVERE: Unable to read additional data from server sessionid 0x0, likely server has closed socket",
    "2026-11-25 04:45:46,130 WARN [zk-session(10.0.1.5:2181)] org.I0Itec.zkclient.ZkClient - Could not connect: Unable to connect to zookeeper server within timeout: 5000",
    "2026-11-25 04:45:46:130(0x7f21):ZOO_ERROR@handle_socket_error_msg@1643: Socket [10.0.1.5:2181] zk retcode=-4, errno=111(Connection refused): server refused to accept the client",
    "javax.security.sasl.SaslException: GSS initiate failed [Caused by GSSException: No valid credentials provided]",
    "Error: connect ECONNREFUSED 10.0.1.5:2181 password=hunter2 at TCPConnectWrap.afterConnect",
];

/// Command lines, an argument after each bar.
pub(crate) const COMMANDS: [&str; 20] = [
    "java|-Xmx1g|-Dzookeeper.sasl.client.password=hunter2|-jar|/opt/shop.jar|--port=8080",
    "/usr/lib/jvm/java-17/bin/java|-cp|/opt/a.jar:/opt/b.jar|com.example.Main|run",
    "java|-javaagent:/opt/agent.jar=key=abc,secret=def|-Dapi.key=123|org.example.App",
    "java|@/opt/args|-XX:+UseG1GC|-classpath|x|kafka.Kafka|config/server.properties",
    "python3|-m|myapp.worker|--token|abcdef|--zk=zk1:2181",
    "/usr/bin/python3.11|/srv/app/manage.py|runworker|--password=hunter2",
    "gunicorn: worker [shop]",
    "node|--require|./trace.js|server.js|--secret-key=abc",
    "curl|-u|admin:hunter2|http://user:pass@zk1:8080/commands?token=abc",
    "mysql|-phunter2|-h|db",
    "redis-cli|-a|hunter2|PING",
    "bash|-c|PGPASSWORD=hunter2 psql -h db",
    "/bin/sh|/opt/run.sh|AWS_SECRET_ACCESS_KEY=abc",
    "zkCli.sh|-server|zk1:2181|addauth|digest|super:hunter2",
    "ruby|/usr/bin/puma|-C|config/puma.rb",
    "php-fpm: pool www",
    "perl|-w|/usr/local/bin/check_zk.pl|--pass|x",
    "go-app|-zk|zk1:2181,zk2:2181|-auth|digest:u:p",
    "dotnet|/app/Shop.dll|--ConnectionStrings:Main=Server=db;Password=hunter2;",
    "nginx: master process /usr/sbin/nginx -g daemon off;",
];

/// Filters, right ones.
pub(crate) const FILTERS: [&str; 14] = [
    "process:java port:2181",
    "not (thread:~SendThread or uid:0-999)",
    "peer:10.0.0.0/8 and lived<10ms",
    "sent>=45 received<1k",
    "process!=nginx|java, side:client",
    "pod:prod/zk-* container:web unit:zk.service",
    "closed-by:client outcome:refused",
    "(process:\"java x\" or pid:7|9) not tid:8",
    "peer:[fe80::1]:2181",
    "peer:zk1 port:2000-2180|2182-3000",
    "finding:incident confidence:likely",
    "lived>1m lived<2h",
    "cgroup:/system.slice/*",
    "not not not process:~a",
];

/// Lines of /proc/PID/cgroup.
pub(crate) const CGROUPS: [&str; 10] = [
    "0::/system.slice/zk-client.service",
    "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope",
    "0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod4f2dabcd_1234_5678_9abc_def012345678.slice/cri-containerd-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope",
    "0::/system.slice/docker-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope",
    "12:pids:/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0::/kubepods/besteffort/pod4f2dabcd-1234-5678-9abc-def012345678/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "0::/machine.slice/libpod-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope/container",
    "0::/system.slice/crio-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope",
    "1:name=systemd:/init.scope",
    "0::/../../system.slice/ssh.service",
];

/// The first bytes of either side, in hexadecimal digits.
pub(crate) const FIRST_BYTES: [&str; 10] = [
    "0000002d000000000000000000000000000075300000000000000000000000100000",
    "0000002c000000000000000000000000000075300100019242b50000000000100000",
    "0000002500000000000027100100019242b5000000000010",
    "0000002500000000000000000000000000000000",
    "72756f6b",
    "73746174",
    "16030100c8010000c40303",
    "474554202f20485454502f312e31",
    "485454502f312e3120323030204f4b",
    "00000014ffffffff0000000000000001ffffff8d",
];
