-- Who closes: this side (us), the peer or the kernel, by process and way of ending, in the last {hours}.
SELECT
    process, application, server, first_close, outcome,
    sum(connections) AS ended,
    uniqExact(host) AS hosts,
    round(100 * ended / sum(ended) OVER (PARTITION BY process, application, server), 1) AS percent
FROM zkchurn.connections_5m
WHERE server LIKE {ensemble:String} AND side = 'client'
    AND bucket > {until:DateTime('UTC')} - INTERVAL {hours:UInt32} HOUR
    AND bucket <= {until:DateTime('UTC')}
GROUP BY process, application, server, first_close, outcome
ORDER BY ended DESC, process, server, outcome
LIMIT 50;
