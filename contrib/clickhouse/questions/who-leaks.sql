-- Who leaks: hosts whose open connections grew steadily over the last {hours}, fastest first.
SELECT
    host,
    argMin(open, at) AS open_then,
    argMax(open, at) AS open_now,
    round((toInt64(open_now) - toInt64(open_then)) / {hours:UInt32}, 2) AS more_an_hour,
    round(corr(toFloat64(open), toFloat64(toUnixTimestamp(at))), 3) AS steadiness,
    argMaxIf(finding, at, notEmpty(finding)) AS finding
FROM zkchurn.intervals
WHERE at > {until:DateTime('UTC')} - INTERVAL {hours:UInt32} HOUR AND at <= {until:DateTime('UTC')}
    AND received >= {until:DateTime('UTC')} - INTERVAL {hours:UInt32} HOUR
GROUP BY host
HAVING open_now >= open_then + 5 AND steadiness > 0.9
ORDER BY more_an_hour DESC, host
LIMIT 50;
