-- Which version or host group churns: by what host_labels say, how many of its hosts, and how much more than the rest.
WITH
    hosts AS
    (
        SELECT host, sum(short) AS connections
        FROM zkchurn.connections_5m
        WHERE server LIKE {ensemble:String}
            AND bucket > {until:DateTime('UTC')} - INTERVAL {hours:UInt32} HOUR
            AND bucket <= {until:DateTime('UTC')}
        GROUP BY host
    ),
    known AS (SELECT DISTINCT host FROM zkchurn.host_labels),
    -- A host counts as churning from a connection in ten seconds on.
    counted AS
    (
        SELECT known.host AS host, hosts.connections AS connections,
            connections > {hours:UInt32} * 360 AS churns
        FROM known LEFT JOIN hosts ON known.host = hosts.host
    ),
    (SELECT avg(connections) FROM counted) AS mean
SELECT
    label, value,
    count() AS hosts,
    countIf(churns) AS that_churn,
    round(avg(counted.connections) / ({hours:UInt32} * 3600), 4) AS per_second_a_host,
    round(avg(counted.connections) / greatest(mean, 1), 1) AS times_the_mean
FROM (SELECT DISTINCT host, label, value FROM zkchurn.host_labels FINAL) AS labels
INNER JOIN counted ON labels.host = counted.host
GROUP BY label, value
ORDER BY times_the_mean DESC, label, value
LIMIT 50;
