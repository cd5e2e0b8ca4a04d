-- Who churns against this ensemble: processes by short connections in the last {minutes}, worst first.
SELECT
    host, process, server,
    countIf(ifNull(connecting_for_ns, 0) + ifNull(established_for_ns, 0) < 60000000000)
        AS short_connections,
    count() AS connections,
    topK(1)(outcome)[1] AS mostly,
    topK(1)(first_close)[1] AS closed_by,
    topK(1)(thread)[1] AS most_by_thread,
    max(z.ended) AS latest
FROM otel.zkchurn_connections AS z
WHERE server LIKE {ensemble:String}
    AND z.ended > {until:DateTime('UTC')} - INTERVAL {minutes:UInt32} MINUTE
    AND z.ended <= {until:DateTime('UTC')}
GROUP BY host, process, server
HAVING short_connections > 0
ORDER BY short_connections DESC, host, process, server
LIMIT 50;
