// SPDX-License-Identifier: MIT

use super::{SYMPTOMS, is_quote, speaks_for};
use crate::{
    connection::Connection,
    diagnose::{
        Confidence,
        churn::Churn,
        finding::Finding,
        test_case::{
            Kind, back_off, diagnosed, diagnosed_beside_earlier_log, diagnosed_beside_log,
            diagnosed_with, every, names_and_alternatives, new_thread_each,
        },
    },
    inspection::{
        Inspection, LogSignature,
        logs::{LogFinding, LogSearch},
    },
    ledger::{
        handshakes::tests::asked,
        test_connection::{by, name, server_side},
    },
    outcome::Outcome,
    process::ProcessKey,
    registry::Registry,
};

const SILENT: Kind = (0, 0, Outcome::ClosedByUsBeforeAnyByte);
const WORKED: Kind = (79, 149, Outcome::AnsweredThenClosedByPeer);

fn lead(findings: &[Finding]) -> (Churn, Confidence) {
    (findings[0].name, findings[0].confidence)
}

/// By a thread of a JVM whose name tells nothing.
fn by_pool_thread(connections: Vec<Connection>) -> Vec<Connection> {
    by_thread_of("java", "pool-1-thread-3", connections)
}

fn by_thread_of(process: &str, thread: &str, connections: Vec<Connection>) -> Vec<Connection> {
    let connections = connections.into_iter().map(|one| {
        let mut one = by(one, 7, 8, thread);
        if let Some(opener) = &mut one.opener {
            opener.process_comm = Some(name(process));
        }
        one
    });
    connections.collect()
}

/// A monitor that collects what others log has their lines in its own file, and may write
/// one whenever it looks at the port.
#[test]
fn what_nobody_of_the_process_can_have_written_is_no_evidence() {
    let class = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";
    let here = "ERROR [main-SendThread(127.0.0.1:2181)] ClientCnxn - Uncaught exception";
    let elsewhere = "ERROR [main-SendThread(10.9.8.7:2199)] ClientCnxn - Uncaught exception";
    let strangers = [("python3", "python3"), ("java", "health-check")];
    for (process, thread) in strangers {
        for silent in [every(1_000, 12, SILENT), back_off(12, SILENT)] {
            let silent = by_thread_of(process, thread, silent);
            let alone = names_and_alternatives(&diagnosed(&silent));
            for record in [here, elsewhere] {
                let line = ("zookeeper-class-missing", Some(record), class, 12);
                let beside = names_and_alternatives(&diagnosed_beside_log(&silent, &[line]));
                assert_eq!(beside, alone, "{process} {thread} {record}");
            }
        }
    }
    // The client's own thread.
    let own = by_thread_of("java", "main-SendThread", every(1_000, 12, SILENT));
    let line = ("zookeeper-class-missing", Some(here), class, 12);
    assert_eq!(
        lead(&diagnosed_beside_log(&own, &[line])),
        (Churn::ClientFailsBeforeItSpeaks, Confidence::Certain)
    );
}

/// Whoever sends a request chooses what stands in an access log.
#[test]
fn what_was_sent_to_the_program_decides_nothing() {
    let silent = by_pool_thread(back_off(12, SILENT));
    let class = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";
    let request = format!("10.1.2.3 - - [28/Nov/2026:13:00:00 +0000] \"GET /?q={class} HTTP/1.1\"");
    let thread = "SendThread(127.0.0.1:2181) pool-1-thread-3";
    let query = format!("INFO [pool-1-thread-3] shop.Search - query \"{class} {thread}\"");
    let alone = names_and_alternatives(&diagnosed(&silent));
    for text in [&request, &query] {
        let lines = [("zookeeper-class-missing", None, text.as_str(), 12)];
        let during = names_and_alternatives(&diagnosed_beside_log(&silent, &lines));
        let before = names_and_alternatives(&diagnosed_beside_earlier_log(&silent, &lines));
        assert_eq!((&during, &before), (&alone, &alone), "{text}");
    }
    let own = [("zookeeper-class-missing", None, class, 12)];
    let certain = (Churn::ClientFailsBeforeItSpeaks, Confidence::Certain);
    assert_eq!(lead(&diagnosed_beside_log(&silent, &own)), certain);
}

#[test]
fn of_lines_that_are_worth_the_same_the_first_comes_first() {
    let own = by_thread_of("java", "main-SendThread", every(1_000, 12, SILENT));
    let here = "ERROR [main-SendThread(127.0.0.1:2181)] ClientCnxn - Uncaught exception";
    let missing =
        |class: &str| format!("java.lang.NoClassDefFoundError: org/apache/zookeeper/{class}");
    let (one, other) = (missing("proto/One"), missing("proto/Other"));
    for (first, second) in [(&one, &other), (&other, &one)] {
        let lines =
            [first, second].map(|text| ("zookeeper-class-missing", Some(here), text.as_str(), 6));
        let findings = diagnosed_beside_log(&own, &lines);
        let reasons = &findings[0].reasons_for;
        assert!(reasons[0].contains(first.as_str()), "{reasons:?}");
    }
}

#[test]
fn an_error_that_does_not_name_zookeeper_decides_nothing() {
    let probes = by_pool_thread(every(1_000, 12, SILENT));
    let snappy = "java.lang.NoClassDefFoundError: org/xerial/snappy/SnappyOutputStream";
    let records = [
        None,
        Some("ERROR Metrics - export of zookeeper's figures failed"),
    ];
    for record in records {
        let with = diagnosed_beside_log(&probes, &[("class-missing", record, snappy, 3)]);
        let without = diagnosed(&probes);
        assert_eq!(
            names_and_alternatives(&with),
            names_and_alternatives(&without)
        );
        assert!(with.iter().all(|one| one.confidence != Confidence::Certain));
    }
}

#[test]
fn a_class_of_zookeepers_or_a_record_of_its_client_decides() {
    let silent = by_pool_thread(back_off(12, SILENT));
    let of_zookeeper = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";
    let findings = diagnosed_beside_log(
        &silent,
        &[("zookeeper-class-missing", None, of_zookeeper, 3)],
    );
    let certain = (Churn::ClientFailsBeforeItSpeaks, Confidence::Certain);
    assert_eq!(lead(&findings), certain);
    let record = "WARN [main-SendThread(zk1:2181)] ClientCnxn - Session 0x1 for server zk1";
    let other = "java.lang.OutOfMemoryError: Java heap space";
    let findings = diagnosed_beside_log(&silent, &[("out-of-memory", Some(record), other, 3)]);
    assert_eq!(lead(&findings), certain);
}

#[test]
fn a_line_of_a_client_of_another_server_leaves_it_open() {
    let silent = by_pool_thread(every(1_000, 12, SILENT));
    let record = "WARN [main-SendThread(zk1:12181)] ClientCnxn - Session 0x1 for server zk1";
    let other = "java.lang.OutOfMemoryError: Java heap space";
    let beside = |count| {
        let line = ("out-of-memory", Some(record), other, count);
        diagnosed_beside_log(&silent, &[line])
    };
    let findings = beside(3);
    assert_eq!(
        names_and_alternatives(&findings),
        [
            (Churn::ClientFailsBeforeItSpeaks, Confidence::Possible),
            (Churn::TcpHealthProbe, Confidence::Possible),
        ]
    );
    let quoted = findings[0].reasons_for.iter();
    assert!(quoted.clone().any(|why| why.contains("at another port")));
    // One for each of them by chance.
    let findings = beside(12);
    assert_ne!(lead(&findings).1, Confidence::Certain, "{findings:?}");
}

/// The client of another server writes as often as this one connects.
#[test]
fn as_many_lines_of_another_port_prove_nothing() {
    let expired = "Unable to reconnect to ZooKeeper service, session 0x1 has expired";
    let mut taken = every(1_000, 12, (49, 41, Outcome::AnsweredThenClosedByPeer));
    taken = by_thread_of("java", "main-SendThread", taken);
    let beside = |line: &str, record: Option<&str>| {
        let line = ("session-expired", record, line, 12);
        diagnosed_beside_log(&taken, &[line])
    };
    let in_thread =
        |port: u16| format!("WARN [main-SendThread(zkb:{port})] ClientCnxn - {expired}");
    let in_words = |port: u16| {
        format!(
            "WARN org.apache.zookeeper.ClientCnxn - Session 0x1 for server zkb/10.9.9.9:{port}, {expired}"
        )
    };
    let lines: [&dyn Fn(u16) -> String; 2] = [&in_thread, &in_words];
    for line in lines {
        let of_this = beside(&line(2181), None);
        assert_eq!(lead(&of_this).1, Confidence::Certain, "{of_this:?}");
        let of_another = beside(&line(12_181), None);
        let mut surest = of_another.iter().map(|one| one.confidence);
        assert!(
            surest.all(|one| one != Confidence::Certain),
            "{of_another:?}"
        );
    }
    // The record before an exception has the thread.
    let text = format!("org.apache.zookeeper.KeeperException$SessionExpiredException: {expired}");
    for (port, is_certain) in [(2181, true), (12_181, false)] {
        let record = in_thread(port);
        let findings = beside(&text, Some(&record));
        let is_so = lead(&findings).1 == Confidence::Certain;
        assert_eq!(is_so, is_certain, "{port}: {findings:?}");
    }
}

/// ZooKeeper's Java client connects by a thread that is named SendThread.
#[test]
fn as_many_lines_of_a_client_prove_nothing_of_a_thread_of_another_kind() {
    let class = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";
    let line = ("zookeeper-class-missing", None, class, 12);
    for rhythm in [every(1_000, 12, SILENT), back_off(12, SILENT)] {
        let surest = |thread| {
            let silent = by_thread_of("java", thread, rhythm.clone());
            let findings = diagnosed_beside_log(&silent, &[line]);
            findings.iter().map(|one| one.confidence).max()
        };
        assert_eq!(surest("main-SendThread"), Some(Confidence::Certain));
        assert_ne!(surest("zk-health"), Some(Confidence::Certain));
    }
}

#[test]
fn lines_that_a_rotation_divided_count_together() {
    let silent = by_pool_thread(every(700, 20, SILENT));
    let opener = silent[0].opener.unwrap();
    let lead_beside = |paths: [&str; 2]| {
        let findings = paths.map(|path| {
            serde_json::from_value(serde_json::json!({
                "signature": "zookeeper-class-missing", "meaning": "", "path": path,
                "count": 10, "line": 1, "offset": 0, "during_trace": true, "record": null,
                "last": "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches",
            }))
            .unwrap()
        });
        let mut registry = Registry::default();
        registry.insert_inspection(Inspection {
            key: ProcessKey::new(opener.thread.tgid, opener.process_start_ns.unwrap()),
            at_ns: 0,
            details: None,
            jvm: None,
            logs: Some(LogSearch {
                findings: findings.to_vec(),
                ..LogSearch::default()
            }),
        });
        lead(&diagnosed_with(&silent, &registry)).1
    };
    assert_eq!(lead_beside(["/app.log", "/app.log.1"]), Confidence::Certain);
    assert_eq!(lead_beside(["/app.log", "/other.log"]), Confidence::Likely);
}

#[test]
fn a_line_of_a_client_whose_own_connections_were_seen_is_not_about_others() {
    let mut connections = by_pool_thread(every(1_000, 12, SILENT));
    let probe = lead(&diagnosed(&connections));
    for mut one in by_pool_thread(every(1_500, 3, WORKED)) {
        one.remote.set_port(12_181);
        connections.push(one);
    }
    let record = "WARN [main-SendThread(zk1:12181)] ClientCnxn - Session 0x1 for server zk1";
    let other = "java.lang.OutOfMemoryError: Java heap space";
    let is_probe = |connections: &[Connection], record| {
        let line = ("out-of-memory", Some(record), other, 12);
        let findings = diagnosed_beside_log(connections, &[line]);
        let mut found = findings.iter().map(|one| (one.name, one.confidence));
        found.any(|one| one == probe)
    };
    assert!(is_probe(&connections, record));
    // At the same port of another host.
    for one in &mut connections[12..] {
        one.remote = "10.0.0.9:2181".parse().unwrap();
    }
    let of_another = "WARN [main-SendThread(10.0.0.9:2181)] ClientCnxn - Session 0x1";
    assert!(is_probe(&connections, of_another));
    let of_this = "WARN [main-SendThread(127.0.0.1:2181)] ClientCnxn - Session 0x1";
    assert!(!is_probe(&connections, of_this));
}

#[test]
fn one_expiry_that_the_log_tells_is_no_loop() {
    let mut healthy = new_thread_each(every(1_500, 14, (49, 41, Outcome::AnsweredThenClosedByUs)));
    let line = "WARN ClientCnxn: Unable to reconnect to ZooKeeper service, session 0x1 has expired";
    let findings = diagnosed_beside_log(&healthy, &[("session-expired", None, line, 1)]);
    assert!(
        findings
            .iter()
            .all(|one| one.confidence != Confidence::Certain)
    );
    for (connection, session) in healthy.iter_mut().zip(0x20..) {
        connection.handshake = Some(asked(0, Some((session, 4_000))));
    }
    let findings = diagnosed_beside_log(&healthy, &[("session-expired", None, line, 1)]);
    assert_eq!(
        lead(&findings),
        (Churn::ClientPerRequest, Confidence::Likely)
    );
}

#[test]
fn a_refused_authentication_beats_what_shapes_suggest() {
    let sessions = new_thread_each(every(1_000, 12, WORKED));
    assert_eq!(
        lead(&diagnosed(&sessions)),
        (Churn::ClientPerRequest, Confidence::Likely)
    );
    let line = "ERROR [main-SendThread(zk1:2181)] ClientCnxn: SASL authentication with \
                Zookeeper Quorum member failed";
    let findings = diagnosed_beside_log(&sessions, &[("authentication-failed", None, line, 12)]);
    assert_eq!(
        names_and_alternatives(&findings),
        [
            (Churn::AuthenticationRefused, Confidence::Likely),
            (Churn::ClientPerRequest, Confidence::Likely),
        ]
    );
}

/// A client without a JAAS section goes on without SASL, and Curator calls that failed.
#[test]
fn curators_failed_authentication_is_none_where_the_section_is_missing() {
    let sessions = new_thread_each(every(1_000, 12, WORKED));
    let curator = "ERROR org.apache.curator.ConnectionState - Authentication failed";
    let section = "WARN ClientCnxn: SASL configuration failed: No JAAS configuration section \
                   named 'Client' was found";
    let failed = ("authentication-failed", None, curator, 12);
    let missing = ("sasl-not-configured", None, section, 12);
    let findings = diagnosed_beside_log(&sessions, &[failed, missing]);
    assert_eq!(
        lead(&findings),
        (Churn::ClientPerRequest, Confidence::Likely)
    );
    let findings = diagnosed_beside_log(&sessions, &[failed]);
    assert_eq!(lead(&findings).0, Churn::AuthenticationRefused);
}

#[test]
fn a_cause_that_no_finding_has_weakens_what_goes_by_shapes() {
    let sessions = new_thread_each(every(1_000, 12, WORKED));
    let line = "kazoo.client: Connection dropped: CERTIFICATE_VERIFY_FAILED";
    let findings = diagnosed_beside_log(&sessions, &[("tls-handshake-failed", None, line, 1)]);
    assert_eq!(
        lead(&findings),
        (Churn::ClientPerRequest, Confidence::Possible)
    );
    assert!(
        findings[0]
            .reasons_against
            .iter()
            .any(|why| why.contains(line))
    );
}

#[test]
fn what_speaks_for_a_finding_is_among_its_reasons() {
    let refused = every(1_000, 6, (0, 0, Outcome::Refused));
    let line = "zk: dial tcp: connect: connection refused";
    let findings = diagnosed_beside_log(&refused, &[("connection-refused", None, line, 6)]);
    assert!(findings[0].reasons_for.iter().any(|why| why.contains(line)));
}

#[test]
fn every_signature_speaks_for_something_or_is_a_symptom() {
    for signature in LogSignature::ALL {
        let is_symptom = SYMPTOMS.contains(signature);
        let kinds = speaks_for(*signature);
        assert_eq!(kinds.is_empty(), is_symptom, "{}", signature.id());
    }
}

#[test]
fn a_line_that_no_rule_waits_for_is_quoted_where_nothing_else_explains() {
    let odd = every(700, 6, (61, 41, Outcome::AnsweredThenClosedByUs));
    for signature in ["protocol-out-of-step", "connection-dropped"] {
        let line = "kazoo.client: Connection dropped: xids do not match, expected 3 received 4";
        let findings = diagnosed_beside_log(&odd, &[(signature, None, line, 6)]);
        assert_eq!(
            lead(&findings),
            (Churn::UnexplainedChurn, Confidence::Possible)
        );
        assert!(findings[0].reasons_for.iter().any(|why| why.contains(line)));
    }
}

/// The look at a server that listens at 2181.
fn server(pid: u32, client: Option<&str>, signature: LogSignature) -> Inspection {
    let line: LogFinding = serde_json::from_value(serde_json::json!({
        "signature": signature.id(), "meaning": "", "path": "/zookeeper.log", "count": 12,
        "last": "the line", "record": null, "line": 1, "offset": 0, "during_trace": true,
        "client": client,
    }))
    .unwrap();
    let file = serde_json::json!({"path": "/zookeeper.log", "size": 1, "searched": 1});
    Inspection {
        key: ProcessKey::new(pid, 0),
        at_ns: 0,
        details: None,
        jvm: None,
        logs: Some(LogSearch {
            files: vec![serde_json::from_value(file).unwrap()],
            findings: vec![line],
            serves: vec![2181],
            ..LogSearch::default()
        }),
    }
}

fn on_the_server(looks: Vec<Inspection>, kind: Kind) -> Finding {
    let connections: Vec<_> = back_off(12, kind).into_iter().map(server_side).collect();
    let mut registry = Registry::default();
    for look in looks {
        registry.insert_inspection(look);
    }
    diagnosed_with(&connections, &registry).remove(0)
}

#[test]
fn the_servers_log_counts_for_the_client_that_it_names() {
    const TURNED_AWAY: Kind = (0, 0, Outcome::ClosedByUsBeforeAnyByte);
    let limit = LogSignature::TOO_MANY_CONNECTIONS;
    let cases = [
        (Some("192.0.2.7"), Confidence::Certain),
        (Some("192.0.2.8"), Confidence::Possible),
    ];
    for (client, confidence) in cases {
        let found = on_the_server(vec![server(9, client, limit)], TURNED_AWAY);
        assert_eq!(
            (found.name, found.confidence),
            (Churn::ConnectionLimit, confidence)
        );
        let advice = found.would_decide.join("\n");
        assert!(!advice.contains("the server's log"), "{advice}");
        let is_quoted = found.reasons_for.iter().any(|why| is_quote(why));
        assert_eq!(is_quoted, confidence == Confidence::Certain);
    }
}

#[test]
fn of_two_servers_at_one_port_no_line_holds_for_all_clients() {
    const UNANSWERED: Kind = (0, 49, Outcome::ClosedByUsWithoutAnswer);
    let idle = LogSignature::SERVER_NOT_SERVING;
    let says = |found: &Finding| found.reasons_for.join("\n").contains("the line");
    let one = on_the_server(vec![server(9, None, idle)], UNANSWERED);
    assert_eq!(one.name, Churn::NotServed);
    assert!(says(&one), "{:?}", one.reasons_for);
    let two = vec![server(8, None, idle), server(9, None, idle)];
    assert!(!says(&on_the_server(two, UNANSWERED)));
}
