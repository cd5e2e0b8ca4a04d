-- Since when: where the present stretch of churn of each process began, in the last {days}, to five minutes.
WITH
    buckets AS
    (
        SELECT host, process, application, server, bucket, sum(short) AS connections
        FROM zkchurn.connections_5m
        WHERE server LIKE {ensemble:String}
            AND bucket > {until:DateTime('UTC')} - INTERVAL {days:UInt32} DAY
            AND bucket <= {until:DateTime('UTC')}
        GROUP BY host, process, application, server, bucket
    ),
    -- Half of what its busiest tenth has counts as churn; fewer than 6 in five minutes never do.
    loud AS
    (
        SELECT host, process, application, server,
            greatest(6, quantileExact(0.9)(connections) / 2) AS threshold,
            arraySort(groupArray((bucket, connections))) AS all_buckets,
            arrayFilter(one -> one.2 >= threshold, all_buckets) AS loud_buckets
        FROM buckets
        GROUP BY host, process, application, server
        HAVING notEmpty(loud_buckets)
    ),
    -- A quarter of an hour without it ends a stretch.
    stretches AS
    (
        SELECT *,
            arrayMap(one -> toUnixTimestamp(one.1), loud_buckets) AS times,
            arraySplit((one, gap) -> gap > 900, loud_buckets, arrayDifference(times))[-1] AS present
        FROM loud
    )
SELECT
    host, process, application, server,
    present[1].1 AS since,
    present[-1].1 + INTERVAL 5 MINUTE AS until_at_least,
    arraySum(one -> one.2, present) AS connections,
    round(connections / (dateDiff('second', since, until_at_least)), 3) AS per_second,
    until_at_least >= {until:DateTime('UTC')} - INTERVAL 10 MINUTE AS goes_on
FROM stretches
ORDER BY goes_on DESC, connections DESC, host, process, server
LIMIT 50;
