-- zkchurn in ClickHouse, on one server. What is inserted into zkchurn.lines, one JSON object a line,
-- is spread over the tables below. Tried with ClickHouse 26.9.

CREATE DATABASE IF NOT EXISTS zkchurn;

-- Each connection that ended, for 14 days.
CREATE TABLE IF NOT EXISTS zkchurn.connections
(
    -- By the clock of this server; all other times are those of the host, whose clock may be wrong.
    received       DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    host           LowCardinality(String),
    boot_id        UUID CODEC(ZSTD(1)),
    run_id         UUID CODEC(ZSTD(1)),
    -- client: this host opened it. server: this host accepted it.
    side           LowCardinality(String),
    -- The ZooKeeper server's address and port, whichever side the host is.
    server         LowCardinality(String),
    client         IPv6 CODEC(ZSTD(1)),
    client_port    UInt16 CODEC(ZSTD(1)),
    -- Of the process that opened it; empty on the server's side.
    process        LowCardinality(String),
    application    LowCardinality(String),
    uid            UInt32 CODEC(ZSTD(1)),
    pid            UInt32 CODEC(ZSTD(1)),
    unit           LowCardinality(String),
    container      LowCardinality(String),
    namespace      LowCardinality(String),
    pod            LowCardinality(String),
    tid            UInt32 CODEC(ZSTD(1)),
    thread         LowCardinality(String),
    -- The thread's name with # for each number in it.
    thread_family  LowCardinality(String),
    closer         LowCardinality(String),
    ended          DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    -- Microseconds: from connect to ESTABLISHED or failure, and in ESTABLISHED.
    connecting_us  UInt64 CODEC(T64, ZSTD(1)),
    established_us UInt64 CODEC(T64, ZSTD(1)),
    -- It is older than the trace: it lived for at least as long as is said here.
    is_older       Bool CODEC(ZSTD(1)),
    outcome        LowCardinality(String),
    first_close    LowCardinality(String),
    error          LowCardinality(String),
    payload_out    UInt64 CODEC(T64, ZSTD(1)),
    payload_in     UInt64 CODEC(T64, ZSTD(1)),
    retransmits    UInt32 CODEC(T64, ZSTD(1)),
    rtt_us         UInt32 CODEC(T64, ZSTD(1)),
    request        LowCardinality(String),
    response       LowCardinality(String)
)
ENGINE = MergeTree
-- By the server's clock: a host whose clock lies makes no partitions and loses no rows.
PARTITION BY toDate(received)
ORDER BY (server, host, process, ended)
TTL received + INTERVAL 14 DAY DELETE
SETTINGS ttl_only_drop_parts = 1;

-- What each host tells of each interval, also where nothing ended: whoever is silent shows here.
CREATE TABLE IF NOT EXISTS zkchurn.intervals
(
    received    DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    host        LowCardinality(String),
    boot_id     UUID CODEC(ZSTD(1)),
    run_id      UUID CODEC(ZSTD(1)),
    at          DateTime64(3, 'UTC') CODEC(DoubleDelta, ZSTD(1)),
    length_ms   UInt32 CODEC(T64, ZSTD(1)),
    opened      UInt64 CODEC(T64, ZSTD(1)),
    ended       UInt64 CODEC(T64, ZSTD(1)),
    open        UInt64 CODEC(T64, ZSTD(1)),
    -- The worst finding that is at least likely; empty where there is none.
    finding     LowCardinality(String),
    confidence  LowCardinality(String),
    who         String CODEC(ZSTD(1)),
    -- Records that the kernel program could not hand over, since the trace began.
    lost        UInt64 CODEC(T64, ZSTD(1)),
    limitations UInt16 CODEC(T64, ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(received)
ORDER BY (host, at)
TTL received + INTERVAL 14 DAY DELETE
SETTINGS ttl_only_drop_parts = 1;

-- Which traces there were.
CREATE TABLE IF NOT EXISTS zkchurn.runs
(
    received DateTime('UTC'),
    host     LowCardinality(String),
    boot_id  UUID,
    run_id   UUID,
    began    DateTime64(3, 'UTC'),
    zkchurn  LowCardinality(String),
    kernel   LowCardinality(String),
    ports    Array(UInt16),
    side     LowCardinality(String),
    degraded Array(String)
)
ENGINE = MergeTree
ORDER BY (host, began)
TTL received + INTERVAL 1 YEAR DELETE;

-- Connections by five minutes, for a year.
CREATE TABLE IF NOT EXISTS zkchurn.connections_5m
(
    server         LowCardinality(String),
    bucket         DateTime('UTC') CODEC(DoubleDelta, ZSTD(1)),
    host           LowCardinality(String),
    side           LowCardinality(String),
    process        LowCardinality(String),
    application    LowCardinality(String),
    thread_family  LowCardinality(String),
    outcome        LowCardinality(String),
    first_close    LowCardinality(String),
    connections    UInt64 CODEC(T64, ZSTD(1)),
    -- Of these, the ones that were over within a minute.
    short          UInt64 CODEC(T64, ZSTD(1)),
    established_us UInt64 CODEC(T64, ZSTD(1)),
    payload_out    UInt64 CODEC(T64, ZSTD(1)),
    payload_in     UInt64 CODEC(T64, ZSTD(1))
)
ENGINE = SummingMergeTree((connections, short, established_us, payload_out, payload_in))
PARTITION BY toYYYYMM(bucket)
ORDER BY (server, bucket, host, side, process, application, thread_family, outcome, first_close)
TTL bucket + INTERVAL 1 YEAR DELETE;

-- What the house knows of its hosts, such as ('app-1', 'version', '2.4.1') or ('app-1', 'group', 'eu').
CREATE TABLE IF NOT EXISTS zkchurn.host_labels
(
    host  LowCardinality(String),
    label LowCardinality(String),
    value LowCardinality(String)
)
ENGINE = ReplacingMergeTree
ORDER BY (host, label);

-- Where lines go in; it keeps nothing. Times are text here, so that no client needs a setting for them.
CREATE TABLE IF NOT EXISTS zkchurn.lines
(
    type               LowCardinality(String),
    received           DateTime('UTC') DEFAULT now('UTC'),
    host               String,
    boot_id            String,
    run_id             String,
    side               String,
    process            Tuple(pid UInt32, name String, application String, uid UInt32, unit String,
                             container String, pod String,
                             pod_name Tuple(namespace String, pod String, container String)),
    thread             Tuple(tid UInt32, comm String),
    closer             Tuple(comm String),
    local              String,
    remote             String,
    before_start       Bool,
    started            String,
    left_established   String,
    -- A time of a connection, and a count of an interval.
    ended              String,
    connecting_for_ns  UInt64,
    established_for_ns UInt64,
    outcome            String,
    first_close        String,
    error              Tuple(errno UInt32, name String),
    payload_out        UInt64,
    payload_in         UInt64,
    retransmits        UInt32,
    smoothed_rtt_us    UInt32,
    -- An object of a connection, and whether a trace reads first bytes.
    handshake          String,
    at                 String,
    length_ns          UInt64,
    opened             UInt64,
    open               UInt64,
    leading            Tuple(name String, confidence String, who String),
    loss               Tuple(ended_records_dropped UInt64, established_records_dropped UInt64,
                             table_full UInt64, recursion_misses UInt64, undecodable_records UInt64),
    limitations        UInt16,
    time               String,
    zkchurn            String,
    kernel             String,
    -- Numbers of a trace, and objects where other ports are told of.
    ports              String,
    degraded           Array(String)
)
ENGINE = Null;

CREATE MATERIALIZED VIEW IF NOT EXISTS zkchurn.connections_of_lines TO zkchurn.connections AS
WITH
    if(side = 'client', local, remote) AS client_text,
    thread.comm AS comm
SELECT
    received, host, toUUIDOrZero(boot_id) AS boot_id, toUUIDOrZero(run_id) AS run_id, side,
    if(side = 'client', remote, local) AS server,
    toIPv6OrDefault(replaceRegexpAll(client_text, '(^\\[|(%[^\\]]*)?\\]?:[0-9]+$)', '')) AS client,
    toUInt16OrZero(extract(client_text, ':([0-9]+)$')) AS client_port,
    process.name AS process, process.application AS application, process.uid AS uid,
    process.pid AS pid, process.unit AS unit, process.container AS container,
    process.pod_name.namespace AS namespace,
    if(empty(process.pod_name.pod), process.pod, process.pod_name.pod) AS pod,
    thread.tid AS tid, comm AS thread, replaceRegexpAll(comm, '[0-9]+', '#') AS thread_family,
    closer.comm AS closer,
    -- Where it is closed and the trace was over before its last packet, when that began.
    parseDateTime64BestEffortOrZero(
        multiIf(notEmpty(ended), ended, notEmpty(left_established), left_established, started),
        3, 'UTC') AS ended,
    intDiv(connecting_for_ns, 1000) AS connecting_us,
    intDiv(established_for_ns, 1000) AS established_us,
    before_start AS is_older, outcome, first_close,
    if(error.errno > 0 AND empty(error.name), toString(error.errno), error.name) AS error,
    payload_out, payload_in, retransmits, smoothed_rtt_us AS rtt_us,
    JSONExtractString(handshake, 'request', 'kind') AS request,
    JSONExtractString(handshake, 'response', 'kind') AS response
FROM zkchurn.lines
-- What is still open at the end of a trace has not ended, and the other end is counted already.
WHERE type = 'connection' AND outcome <> 'still_open';

CREATE MATERIALIZED VIEW IF NOT EXISTS zkchurn.intervals_of_lines TO zkchurn.intervals AS
SELECT
    received, host, toUUIDOrZero(boot_id) AS boot_id, toUUIDOrZero(run_id) AS run_id,
    parseDateTime64BestEffortOrZero(at, 3, 'UTC') AS at,
    intDiv(length_ns, 1000000) AS length_ms,
    opened, toUInt64OrZero(ended) AS ended, open,
    leading.name AS finding, leading.confidence AS confidence, leading.who AS who,
    loss.ended_records_dropped + loss.established_records_dropped + loss.table_full
        + loss.recursion_misses + loss.undecodable_records AS lost,
    limitations
FROM zkchurn.lines
WHERE type = 'interval';

CREATE MATERIALIZED VIEW IF NOT EXISTS zkchurn.runs_of_lines TO zkchurn.runs AS
SELECT
    received, host, toUUIDOrZero(boot_id) AS boot_id, toUUIDOrZero(run_id) AS run_id,
    parseDateTime64BestEffortOrZero(time, 3, 'UTC') AS began,
    zkchurn, kernel, JSONExtract(ports, 'Array(UInt16)') AS ports, side, degraded
FROM zkchurn.lines
WHERE type = 'start';

CREATE MATERIALIZED VIEW IF NOT EXISTS zkchurn.connections_by_5m TO zkchurn.connections_5m AS
SELECT
    server, toStartOfFiveMinutes(toDateTime(c.ended, 'UTC')) AS bucket, host, side, process,
    application, thread_family, outcome, first_close,
    count() AS connections,
    countIf(NOT c.is_older AND c.connecting_us + c.established_us < 60000000) AS short,
    sum(c.established_us) AS established_us,
    sum(c.payload_out) AS payload_out,
    sum(c.payload_in) AS payload_in
FROM zkchurn.connections AS c
GROUP BY server, bucket, host, side, process, application, thread_family, outcome, first_close;
