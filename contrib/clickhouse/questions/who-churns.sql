-- Who churns against this ensemble now: processes by short connections in the last {minutes}, worst first.
SELECT
    host, process, application, server,
    countIf(NOT is_older AND connecting_us + established_us < 60000000) AS short_connections,
    round(short_connections / ({minutes:UInt32} * 60), 3) AS per_second,
    count() AS ended,
    topK(1)(outcome)[1] AS mostly,
    topK(1)(first_close)[1] AS closed_by,
    max(c.ended) AS latest
FROM zkchurn.connections AS c
WHERE server LIKE {ensemble:String}
    AND c.ended > {until:DateTime('UTC')} - INTERVAL {minutes:UInt32} MINUTE
    AND c.ended <= {until:DateTime('UTC')}
    -- Nothing is received before it has ended: older partitions are not read.
    AND received >= {until:DateTime('UTC')} - INTERVAL {minutes:UInt32} MINUTE
GROUP BY host, process, application, server
HAVING short_connections > 0
ORDER BY short_connections DESC, host, process, server
LIMIT 50;
