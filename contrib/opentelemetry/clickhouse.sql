-- What zkchurn sends by way of a collector, in ClickHouse. The table is the one that the collector's
-- ClickHouse exporter makes by itself where it may (`create_schema`); the view is for people who ask.
CREATE DATABASE IF NOT EXISTS otel;

CREATE TABLE IF NOT EXISTS otel.otel_logs
(
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TimestampTime DateTime DEFAULT toDateTime(Timestamp),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    TraceFlags UInt8,
    SeverityText LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    Body String CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName String CODEC(ZSTD(1))
)
ENGINE = MergeTree
PARTITION BY toDate(TimestampTime)
ORDER BY (ServiceName, TimestampTime, Timestamp)
TTL TimestampTime + INTERVAL 14 DAY
SETTINGS ttl_only_drop_parts = 1;

-- One row a connection. Not every collector keeps the event's name, so a connection is known by what only
-- it has; one that was sent twice counts once.
CREATE VIEW IF NOT EXISTS otel.zkchurn_connections AS
SELECT DISTINCT
    Timestamp AS ended,
    ResourceAttributes['host.name'] AS host,
    ResourceAttributes['zkchurn.run_id'] AS run,
    LogAttributes['zkchurn.process.label'] AS process,
    toUInt32OrZero(LogAttributes['process.pid']) AS pid,
    LogAttributes['thread.name'] AS thread,
    toUInt32OrZero(LogAttributes['zkchurn.thread.tid']) AS tid,
    concat(LogAttributes['server.address'], ':', LogAttributes['server.port']) AS server,
    LogAttributes['zkchurn.connection.side'] AS side,
    LogAttributes['zkchurn.connection.outcome'] AS outcome,
    LogAttributes['zkchurn.connection.first_close'] AS first_close,
    -- NULL where it is not known, or never was.
    toUInt64OrNull(LogAttributes['zkchurn.connection.established_for_ns']) AS established_for_ns,
    toUInt64OrNull(LogAttributes['zkchurn.connection.connecting_for_ns']) AS connecting_for_ns,
    LogAttributes['zkchurn.connection.socket'] AS socket
FROM otel.otel_logs
WHERE ServiceName = 'zkchurn' AND LogAttributes['zkchurn.connection.outcome'] != '';
