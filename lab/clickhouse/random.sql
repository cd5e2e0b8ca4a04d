-- Connections whose timings, ports, bytes, threads and ways of ending are random: what compresses worst.
INSERT INTO zkchurn.connections
SELECT toDateTime('2026-11-24 00:00:00','UTC') + number DIV 100 AS received, 'app-' || toString(number % 100) AS host,
 toUUID('d7ba35a9-ada9-460d-bdfd-0000000000' || leftPad(toString(number % 100), 2, '0')) AS boot_id, boot_id AS run_id, 'client' AS side,
 '10.9.0.' || toString(1 + rand(1) % 3) || ':2181' AS server, toIPv6('10.1.0.' || toString(number % 100)) AS client, 32768 + rand(2) % 28000 AS client_port,
 'java' AS process, 'App' || toString(number % 5) AS application, 1000 AS uid, 1000 + number % 100 AS pid, '' AS unit, '' AS container, '' AS namespace, '' AS pod,
 pid + rand(3) % 50 AS tid, 'pool-' || toString(tid - pid) AS thread, 'pool-#' AS thread_family, thread AS closer,
 toDateTime64('2026-11-24 00:00:00',3,'UTC') + number / 100 + (rand(4) % 1000) / 1000 AS ended,
 50 + rand(5) % 2000 AS connecting_us, 1000 + rand(6) % 5000000 AS established_us, 0 AS is_older,
 ['closed_by_us_before_any_byte','answered_then_closed_by_us','refused'][1 + rand(7) % 3] AS outcome, ['us','peer'][1 + rand(8) % 2] AS first_close, '' AS error,
 rand(9) % 2000 AS payload_out, rand(10) % 5000 AS payload_in, 0 AS retransmits, 50 + rand(11) % 1000 AS rtt_us, '' AS request, '' AS response
FROM numbers(300000)
