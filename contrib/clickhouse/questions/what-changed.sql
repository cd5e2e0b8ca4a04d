-- What changed after the server's restart at {at}: ways of ending of each process, {hours} before and after, largest change first.
WITH
    toUInt64(sumIf(connections, bucket < {at:DateTime('UTC')})) AS before,
    toUInt64(sumIf(connections, bucket >= {at:DateTime('UTC')} + INTERVAL 5 MINUTE)) AS after,
    (toInt64(after) - toInt64(before)) / sqrt(greatest(before + after, 1)) AS deviations
SELECT
    host, process, application, server, outcome, before, after,
    multiIf(before = 0, 'new', after = 0, 'gone', after > before, 'more', 'less') AS change,
    round(abs(deviations), 1) AS times_chance
FROM zkchurn.connections_5m
WHERE server LIKE {ensemble:String}
    AND bucket >= {at:DateTime('UTC')} - INTERVAL {hours:UInt32} HOUR
    -- In the five minutes of the restart all clients connect anew.
    AND bucket < {at:DateTime('UTC')} + INTERVAL {hours:UInt32} HOUR + INTERVAL 5 MINUTE
GROUP BY host, process, application, server, outcome
HAVING abs(deviations) >= 4
ORDER BY abs(toInt64(after) - toInt64(before)) DESC, host, process, server, outcome
LIMIT 50;
