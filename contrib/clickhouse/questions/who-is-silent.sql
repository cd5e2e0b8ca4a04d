-- Who is silent: hosts that told something in the last {hours} and nothing in the last {minutes}, by this server's clock.
SELECT
    host,
    max(i.received) AS last_heard,
    dateDiff('minute', last_heard, {until:DateTime('UTC')}) AS minutes_ago,
    argMax(run_id, i.received) AS run
FROM zkchurn.intervals AS i
WHERE i.received > {until:DateTime('UTC')} - INTERVAL {hours:UInt32} HOUR
    AND i.received <= {until:DateTime('UTC')}
GROUP BY host
HAVING last_heard < {until:DateTime('UTC')} - INTERVAL {minutes:UInt32} MINUTE
ORDER BY last_heard, host
LIMIT 50;
