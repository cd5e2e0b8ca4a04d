-- Whose clock is wrong: hosts whose times are off by more than a minute against this server's clock, beyond what all have.
WITH
    lags AS
    (
        SELECT host,
            quantileExact(0.5)(dateDiff('second', toDateTime(at, 'UTC'), received)) AS lag_s,
            count() AS intervals
        FROM zkchurn.intervals
        WHERE received > {until:DateTime('UTC')} - INTERVAL {hours:UInt32} HOUR
            AND received <= {until:DateTime('UTC')}
        GROUP BY host
    ),
    -- How long lines are on their way, usually.
    (SELECT quantileExact(0.5)(lag_s) FROM lags) AS usual_s
SELECT
    host,
    toInt64(usual_s) - lag_s AS ahead_by_s,
    if(ahead_by_s > 0, 'its clock is ahead', 'its clock is behind, or its lines come late') AS meaning,
    intervals
FROM lags
WHERE abs(ahead_by_s) > 60
ORDER BY abs(ahead_by_s) DESC, host
LIMIT 50;
