-- Did the restart of a client help: each process {hours} before and after {at}, and whether that is more than chance.
WITH
    toUInt64(sumIf(connections, bucket < {at:DateTime('UTC')})) AS before,
    toUInt64(sumIf(connections, bucket >= {at:DateTime('UTC')} + INTERVAL 5 MINUTE)) AS after,
    -- Counts that differ by four times what chance gives them.
    (toInt64(after) - toInt64(before)) / sqrt(greatest(before + after, 1)) AS deviations
SELECT
    host, process, application, server, before, after,
    multiIf(before + after < 20, 'too few to tell',
            deviations <= -4 AND after * 10 <= before, 'yes: it is over',
            deviations <= -4, 'somewhat: there is less',
            deviations >= 4, 'no: there is more',
            'no: there is as much') AS did_it_help
FROM zkchurn.connections_5m
WHERE server LIKE {ensemble:String}
    AND bucket >= {at:DateTime('UTC')} - INTERVAL {hours:UInt32} HOUR
    -- The five minutes in which it was restarted count on neither side, and both sides are as long.
    AND bucket < {at:DateTime('UTC')} + INTERVAL {hours:UInt32} HOUR + INTERVAL 5 MINUTE
GROUP BY host, process, application, server
ORDER BY greatest(before, after) DESC, host, process, server
LIMIT 50;
