-- Which thread families churn: names of threads with # for numbers, over all hosts, in the last {hours}.
SELECT
    process, application, thread_family,
    count() AS ended,
    uniqExact(host) AS hosts,
    uniqExact(host, pid, tid) AS threads,
    round(ended / threads, 1) AS each,
    topK(1)(outcome)[1] AS mostly,
    round(quantile(0.5)(established_us) / 1e6, 3) AS lived_s
FROM zkchurn.connections AS c
WHERE server LIKE {ensemble:String} AND side = 'client'
    AND c.ended > {until:DateTime('UTC')} - INTERVAL {hours:UInt32} HOUR
    AND c.ended <= {until:DateTime('UTC')}
    AND received >= {until:DateTime('UTC')} - INTERVAL {hours:UInt32} HOUR
GROUP BY process, application, thread_family
ORDER BY ended DESC, process, thread_family
LIMIT 50;
