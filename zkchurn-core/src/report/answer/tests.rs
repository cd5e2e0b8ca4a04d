// SPDX-License-Identifier: MIT
//! What is said where nothing was seen: of each side, and of what was lost.

use std::io;

use zerocopy::IntoBytes;
use zkchurn_common::{
    record::{ConnectionRecord, FAMILY_INET, SIDE_OPENED, STAGE_ENDED, known},
    state,
};

use super::*;
use crate::{
    clock::ClockPair,
    decode::blank,
    elsewhere::Elsewhere,
    errno,
    frame::{Frame, Mark, TraceStart},
    pipeline::{Pipeline, View},
    render::{FORMS, Options, Renderer},
    report::AggregatedOnly,
};

/// A minute in which nothing happened.
fn quiet(change: impl Fn(&mut TraceStart)) -> Report {
    after_a_minute(&started(change))
}

fn started(change: impl Fn(&mut TraceStart)) -> Pipeline<Box<dyn Renderer>> {
    let options = Options::plain(jiff::tz::TimeZone::UTC);
    let renderer = FORMS[0].renderer(Box::new(io::sink()), options);
    let view = View {
        top: 10,
        time_wait_rows: false,
    };
    let mut pipeline = Pipeline::new(renderer, view);
    let clock = ClockPair {
        monotonic_ns: 1,
        realtime_ns: 0,
    };
    let mut start = TraceStart::of_port(2181, clock);
    change(&mut start);
    pipeline.accept(Frame::Start(&start)).unwrap();
    pipeline
}

fn after_a_minute(pipeline: &Pipeline<Box<dyn Renderer>>) -> Report {
    let mark = Mark {
        monotonic_ns: 60_000_000_001,
        ..Mark::default()
    };
    pipeline.report_at(&mark).unwrap()
}

#[test]
fn where_nothing_was_seen_it_says_what_was_looked_at_and_what_to_check() {
    let of_side = |side| quiet(|start| start.side = side);
    let said = [
        (
            quiet(|start| start.pid = Some(7)),
            "No connection to port 2181 was opened by pid 7 in 60 s. Is it the right process",
        ),
        (
            of_side(Sides::Client),
            "No connection to port 2181 was opened from this host in 60 s. Is this the client's",
        ),
        (
            of_side(Sides::Server),
            "No connection to port 2181 was accepted on this host in 60 s. Is this the ZooKeeper",
        ),
        (
            of_side(Sides::Both),
            "No connection on port 2181 was opened or accepted in 60 s. Is the port right",
        ),
    ];
    for (report, begins) in said {
        let answer = answer(&report);
        assert!(answer.starts_with(begins), "{answer}");
        assert!(!answer.contains("lost"), "{answer}");
    }
}

/// What other ports have is asked of the whole host, but "nothing ended" is of what is traced.
#[test]
fn what_else_there_is_claims_nothing_of_what_is_not_traced() {
    let mut report = quiet(|start| start.pid = Some(7));
    report.trace.side = Sides::Server;
    report.elsewhere = Some(Elsewhere::default());
    let said = answer(&report);
    assert!(
        said.contains(", and no ZooKeeper server of this host listens"),
        "{said}"
    );
    report.trace.side = Sides::Client;
    let said = answer(&report);
    assert!(
        said.contains("by pid 7 in 60 s, and no connection to another port"),
        "{said}"
    );
}

#[test]
fn each_kind_of_loss_is_said_by_itself() {
    type Change = fn(&mut Report);
    let losses: [Change; 8] = [
        |report| report.loss.kernel.ended_records_dropped = 1,
        |report| report.loss.kernel.established_records_dropped = 1,
        |report| report.loss.kernel.table_full = 1,
        |report| report.loss.kernel.recursion_misses = Some(1),
        |report| report.loss.kernel.handshake_records_dropped = Some(1),
        |report| report.loss.kernel.handshakes_before_accept = Some(1),
        |report| report.loss.undecodable_records = 1,
        |report| report.loss.unknown_records = 1,
    ];
    for (number, lose) in losses.iter().enumerate() {
        let mut report = quiet(|_| ());
        assert!(!answer(&report).contains("But something was lost"));
        lose(&mut report);
        let answer = answer(&report);
        assert!(
            answer.contains("But something was lost"),
            "{number}: {answer}"
        );
    }
    // What is older than the trace is not lost.
    let mut report = quiet(|_| ());
    report.loss.kernel.unmatched_closes = 1;
    report.loss.kernel.recursion_misses = Some(0);
    assert!(!answer(&report).contains("But something was lost"));
}

#[test]
fn what_the_filter_left_out_is_said() {
    let filtered = |connections, undecided| Filtered {
        filter: "pid:7".to_owned(),
        connections,
        undecided,
        findings: 0,
    };
    let mut report = quiet(|_| ());
    report.filtered = Some(filtered(3, 0));
    let all = "No connection matches the filter: all 3 connections were filtered out.";
    assert_eq!(answer(&report), all);
    report.filtered = Some(filtered(3, 2));
    let undecided = format!("{all} Of 2 too little is known to tell.");
    assert_eq!(answer(&report), undecided);
    // Older ones were selected, and what was filtered out may have been opened; or there were
    // none at all.
    report.total.older.seen = 1;
    let none = "No connection to port 2181 that the filter selects was opened from this host";
    assert!(answer(&report).contains(none), "{}", answer(&report));
    report.total.older.seen = 0;
    report.filtered = Some(filtered(0, 0));
    assert!(answer(&report).starts_with("No connection to port 2181 was opened"));
}

/// One that began at this second, of which nothing is known but how connecting failed.
fn failed(second: u64, error: u32) -> ConnectionRecord {
    ConnectionRecord {
        stage: STAGE_ENDED,
        side: SIDE_OPENED,
        family: FAMILY_INET,
        known: known::ERROR,
        error: error as u16,
        socket: second,
        started_ns: second * 1_000_000_000,
        until_ns: (second + 3) * 1_000_000_000,
        states_seen: state::bit(state::SYN_SENT),
        state_left: state::SYN_SENT,
        remote_port: 2181_u16.to_be_bytes(),
        ..blank()
    }
}

fn answer_on(records: &[ConnectionRecord]) -> String {
    let mut pipeline = started(|_| ());
    for record in records {
        pipeline.accept(Frame::Record(record.as_bytes())).unwrap();
    }
    answer(&after_a_minute(&pipeline))
}

#[test]
fn that_no_answer_got_through_is_all_that_is_said_of_one() {
    let answer = answer_on(&[1, 2, 3].map(|second| failed(second, errno::ETIMEDOUT)));
    let said = "each given up by the kernel after 3.00 s, as no answer got through (ETIMEDOUT).";
    assert!(answer.contains(said), "{answer}");
}

#[test]
fn figures_of_all_are_not_said_of_a_part() {
    let refused = |second| failed(second, errno::ECONNREFUSED);
    let mut records = [
        refused(1),
        refused(2),
        refused(3),
        failed(4, errno::ETIMEDOUT),
    ];
    records[3].until_ns = 40 * 1_000_000_000;
    let answer = answer_on(&records);
    let said = "3 of them refused (ECONNREFUSED); connecting ended after 3.00 s (p50; p99 36.0 s).";
    assert!(answer.contains(said), "{answer}");
    // Of two that had been established the bytes of one are known.
    let established = |second| ConnectionRecord {
        known: known::ERROR | known::PAYLOAD_IN | known::PAYLOAD_OUT,
        established_ns: second * 1_000_000_000,
        left_established_ns: (second + 1) * 1_000_000_000,
        local_close_ns: (second + 1) * 1_000_000_000,
        states_seen: state::bit(state::SYN_SENT) | state::bit(state::FIN_WAIT1),
        state_left: state::FIN_WAIT2,
        error: 0,
        payload_out: 45,
        ..failed(second, 0)
    };
    // Those that were refused sent nothing, which is not said of the others.
    let nothing_sent = ConnectionRecord {
        known: known::ERROR | known::PAYLOAD_IN | known::PAYLOAD_OUT,
        ..refused(4)
    };
    let answer = answer_on(&[nothing_sent, established(1), established(2)]);
    let said = "; all that were established ended after 1.00 s.";
    assert!(answer.ends_with(said), "{answer}");
    let unknown = ConnectionRecord {
        known: known::ERROR,
        ..established(2)
    };
    let answer = answer_on(&[established(1), unknown, unknown]);
    let said = " ended after 1.00 s with 45 bytes sent and 0 received, as far as that is known.";
    assert!(answer.contains(said), "{answer}");
}

/// Of process 7 to two servers, and of process 8 to one of them.
#[test]
fn what_the_same_process_opened_elsewhere_is_not_that_of_others() {
    let of = |pid: u32, second, remote_port: u16| ConnectionRecord {
        known: known::ERROR | known::OPENER | known::OPENER_START,
        opener_tgid: pid,
        opener_tid: pid,
        opener_start_ns: pid.into(),
        remote_port: remote_port.to_be_bytes(),
        ..failed(second, errno::ECONNREFUSED)
    };
    let mut records = [1, 2, 3, 4].map(|second| of(7, second, 2181)).to_vec();
    records.extend([5, 6, 7].map(|second| of(7, second, 2182)));
    let alone = answer_on(&records);
    let same = " Also: 3 connections from the same source to other servers.";
    assert!(alone.ends_with(same), "{alone}");
    records.push(of(8, 8, 2181));
    let beside = answer_on(&records);
    let both = " Also: 3 connections from the same source to other servers; 1 connection from 1 \
                other process.";
    assert!(beside.ends_with(both), "{beside}");
    // More than have a row.
    records.extend((20..40).map(|second| of(7, second, 2200 + second as u16)));
    records.extend((40..57).map(|second| of(second as u32, second, 2181)));
    let many = answer_on(&records);
    let each = " Also: 23 connections from the same source to other servers; 18 connections from 18 \
                other processes.";
    assert!(many.ends_with(each), "{many}");
}

/// Whoever hides among many is in no finding, which the answer says.
#[test]
fn connections_that_no_finding_has_are_told() {
    let mut pipeline = started(|_| ());
    let one = failed(1, errno::ECONNREFUSED);
    pipeline.accept(Frame::Record(one.as_bytes())).unwrap();
    let mut report = after_a_minute(&pipeline);
    report.findings.clear();
    report.total.ended = FEW;
    assert!(answer(&report).starts_with("No churn found. "));
    report.total.ended = 80;
    let many = "80 connections ended, and no finding explains them. ";
    assert!(answer(&report).starts_with(many));
    report.total.ended = FEW;
    let row = AggregatedOnly {
        flows_evicted: 0,
        opened: 0,
        ended: 0,
        opened_over_limit: 1_200,
        ended_over_limit: 1_200,
        threads_evicted: 0,
    };
    for (opened, opened_over_limit, told) in [
        (0, 1_200, " 1,200 connections are in no row and no finding"),
        (1, 0, " 1 connection is in no row and no finding"),
    ] {
        report.aggregated_only = Some(AggregatedOnly {
            opened,
            opened_over_limit,
            ..row
        });
        let answer = answer(&report);
        let no_churn = "No churn found among those that could be told apart. ";
        assert!(answer.starts_with(no_churn), "{answer}");
        assert!(answer.contains(told), "{answer}");
    }
    report.aggregated_only = Some(AggregatedOnly {
        opened_over_limit: 0,
        threads_evicted: 9,
        ..row
    });
    assert!(!answer(&report).contains("in no row"), "threads have a row");
}
