// SPDX-License-Identifier: MIT
//! What asking for a report costs while a trace goes on: fills ledgers of several sizes
//! with churn that never happened, and asks each of them again and again
//! (docs/measurements/report-cost.md). With an argument: only those called so.

use std::{
    hint::black_box,
    io,
    time::{Duration, Instant},
};

use zerocopy::IntoBytes;
use zkchurn_common::{
    record::{
        ConnectionRecord, ESTABLISHED_SIZE, FAMILY_INET, SIDE_OPENED, STAGE_ENDED,
        STAGE_ESTABLISHED, STAGE_SEEN_OPEN, TOLD_ESTABLISHED, known,
    },
    state::{CLOSE, CLOSE_WAIT, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, SYN_SENT, bit},
    wire::RecordHeader,
};
use zkchurn_core::{
    clock::ClockPair,
    decode::blank,
    frame::{Frame, Mark, TraceStart},
    pipeline::{Pipeline, View},
    process::{ProcessIdentity, ProcessKey},
    render::{ConnectionLine, Renderer},
    report::{IntervalSummary, Report},
};

/// How often each report is asked for.
const TIMES: usize = 101;
/// As many flows as `zkchurn` lists without `--top`.
const VIEW: View = View {
    top: 10,
    time_wait_rows: false,
};
const ECONNREFUSED: u16 = 111;
const SECOND: u64 = 1_000_000_000;

/// One ledger: each thread of each process connects to each of its servers.
struct Size {
    name: &'static str,
    processes: u32,
    servers: u32,
    threads: u32,
    /// Of each thread to each server.
    connections: u64,
    /// Held half-closed beside those, by each of so many processes.
    held: u64,
    holders: u32,
}

const SIZES: [Size; 9] = [
    size("10 processes", 10, 1, 1, 1_000),
    size("1,000 processes", 1_000, 1, 1, 100),
    size("4,096 processes", 4_096, 1, 1, 100),
    size("4,096 processes, 2 connections each", 4_096, 1, 1, 2),
    size("4,096 processes of 2 threads", 4_096, 1, 2, 50),
    size("512 processes to 8 servers each", 512, 8, 1, 100),
    size("8 processes of 1,024 threads", 8, 1, 1_024, 50),
    size("4,096 processes, 4 hold 100 half-closed", 4_096, 1, 1, 100).holding(100, 4),
    size("4,096 processes, all hold 4 half-closed", 4_096, 1, 1, 100).holding(4, 4_096),
];

const fn size(
    name: &'static str,
    processes: u32,
    servers: u32,
    threads: u32,
    connections: u64,
) -> Size {
    Size {
        name,
        processes,
        servers,
        threads,
        connections,
        held: 0,
        holders: 0,
    }
}

impl Size {
    const fn holding(self, held: u64, holders: u32) -> Self {
        Self {
            held,
            holders,
            ..self
        }
    }
}

/// Only the aggregate is wanted.
struct Nothing;

impl Renderer for Nothing {
    fn start(&mut self, _: &TraceStart) -> io::Result<()> {
        Ok(())
    }
    fn connection(&mut self, _: &ConnectionLine<'_>) -> io::Result<()> {
        Ok(())
    }
    fn interval(&mut self, _: &IntervalSummary) -> io::Result<()> {
        Ok(())
    }
    fn report(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }
    fn time_wait(&mut self, _: &Report) -> io::Result<()> {
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a program; the core is told its settings and takes a writer"
)]
fn main() -> io::Result<()> {
    println!("flows  threads  findings  fastest ms  median ms  slowest ms  of");
    let only = std::env::args().nth(1).unwrap_or_default();
    for size in SIZES.iter().filter(|size| size.name.contains(&only)) {
        measure(size)?;
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a measurement reads the clock; the core does not"
)]
fn measure(size: &Size) -> io::Result<()> {
    let mut pipeline = Pipeline::new(Nothing, VIEW);
    let end = fill(&mut pipeline, size)?;
    let mut took = Vec::with_capacity(TIMES);
    for _ in 0..TIMES {
        let began = Instant::now();
        black_box(pipeline.report_at(&end));
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let Some(report) = pipeline.report_at(&end) else {
        return Err(io::Error::other("the trace has not begun"));
    };
    println!(
        "{:8}  {:7}  {:8}  {:10.2}  {:9.2}  {:10.2}  {}",
        report.flows.len() as u64 + report.flows_left_out,
        size.processes * size.threads * size.servers,
        report.findings.len(),
        ms(took[0]),
        ms(took[TIMES / 2]),
        ms(took[TIMES - 1]),
        size.name,
    );
    Ok(())
}

fn fill(pipeline: &mut Pipeline<Nothing>, size: &Size) -> io::Result<Mark> {
    pipeline.accept(Frame::Start(&start()))?;
    for process in 0..size.processes {
        pipeline.accept(Frame::Process(&identity(process)))?;
    }
    let mut latest = 0;
    for round in 0..size.connections + size.held {
        let is_held = round >= size.connections;
        let processes = if is_held {
            size.holders
        } else {
            size.processes
        };
        for process in 0..processes {
            for thread in 0..size.threads {
                for server in 0..size.servers {
                    let record = ended(process, thread, server, round);
                    latest = latest.max(record.until_ns);
                    if record.established_ns > 0 {
                        accept(pipeline, &established(&record))?;
                    }
                    let is_held = is_held && record.established_ns > 0;
                    accept(pipeline, &if is_held { held(&record) } else { record })?;
                }
            }
        }
    }
    Ok(Mark {
        monotonic_ns: latest + SECOND,
        ..Mark::default()
    })
}

/// As long as the kernel program makes them.
fn accept(pipeline: &mut Pipeline<Nothing>, record: &ConnectionRecord) -> io::Result<()> {
    let length = record.header.length as usize;
    pipeline.accept(Frame::Record(&record.as_bytes()[..length]))
}

fn start() -> TraceStart {
    let clock = ClockPair {
        monotonic_ns: 0,
        realtime_ns: 1_700_000_000_000_000_000,
    };
    TraceStart::of_port(2181, clock)
}

fn identity(process: u32) -> ProcessIdentity {
    let command = ["/usr/bin/java", "-Xmx512m", "-jar", "/opt/shop/shop.jar"];
    ProcessIdentity::new(
        ProcessKey::new(pid(process), u64::from(process) * 10_000_000),
        "java".to_owned(),
        Some("/usr/lib/jvm/java-17/bin/java".to_owned()),
        command.map(str::to_owned).to_vec(),
    )
}

fn pid(process: u32) -> u32 {
    1_000 + process * 2_000
}

/// A quarter each: an answer, nothing sent, refused, and sent without an answer. Their
/// gaps and lifetimes spread, so that histograms are as wide as they get.
fn ended(process: u32, thread: u32, server: u32, round: u64) -> ConnectionRecord {
    let scattered = scatter(u64::from(process) << 40 ^ u64::from(thread) << 20 ^ round);
    let began = (round + 1) * SECOND + scattered % SECOND;
    let is_refused = process % 4 == 2;
    let established = if is_refused { 0 } else { began + 20_000 };
    let until = began + 50_000 + scattered % 400_000_000;
    let (payload_out, payload_in) = match process % 4 {
        0 => (49, 41),
        3 => (49, 0),
        _ => (0, 0),
    };
    ConnectionRecord {
        header: ConnectionRecord::HEADER,
        socket: scattered,
        started_ns: began,
        established_ns: established,
        left_established_ns: if is_refused { 0 } else { until - 10_000 },
        local_close_ns: if is_refused { 0 } else { until - 10_000 },
        until_ns: until,
        payload_out,
        payload_in,
        error: if is_refused { ECONNREFUSED } else { 0 },
        opener_cgroup: 1,
        opener_start_ns: u64::from(process) * 10_000_000,
        opener_tgid: pid(process),
        opener_tid: pid(process) + 1 + thread,
        opener_uid: 1_000,
        closer_tgid: pid(process),
        closer_tid: pid(process) + 1 + thread,
        closer_comm: *b"main-SendThread\0",
        netns: 4_026_531_840,
        known: known::COOKIE
            | known::NETNS
            | known::OPENER
            | known::OPENER_START
            | known::PROCESS_COMM
            | known::CLOSER
            | known::ERROR
            | known::PAYLOAD_OUT
            | known::PAYLOAD_IN,
        local_address: v4_mapped([127, 0, 0, 1]),
        remote_address: v4_mapped((0x0a00_0001 + server).to_be_bytes()),
        opener_comm: *b"main-SendThread\0",
        process_comm: *b"java\0\0\0\0\0\0\0\0\0\0\0\0",
        local_port: (32_768 + (scattered % 28_232) as u16).to_be_bytes(),
        remote_port: 2181_u16.to_be_bytes(),
        stage: STAGE_ENDED,
        side: SIDE_OPENED,
        states_seen: if is_refused {
            bit(SYN_SENT) | bit(CLOSE)
        } else {
            bit(SYN_SENT) | bit(ESTABLISHED) | bit(FIN_WAIT1) | bit(CLOSE)
        },
        state_left: if is_refused { SYN_SENT } else { FIN_WAIT2 },
        family: FAMILY_INET,
        ..blank()
    }
}

fn established(ended: &ConnectionRecord) -> ConnectionRecord {
    ConnectionRecord {
        header: RecordHeader {
            length: ESTABLISHED_SIZE as u32,
            ..ConnectionRecord::HEADER
        },
        stage: STAGE_ESTABLISHED,
        states_seen: bit(SYN_SENT) | bit(ESTABLISHED),
        state_left: 0,
        left_established_ns: 0,
        local_close_ns: 0,
        until_ns: 0,
        ..*ended
    }
}

/// The other side has closed, and this one has not.
fn held(ended: &ConnectionRecord) -> ConnectionRecord {
    ConnectionRecord {
        stage: STAGE_SEEN_OPEN,
        states_seen: bit(SYN_SENT) | bit(ESTABLISHED) | bit(CLOSE_WAIT),
        state_left: CLOSE_WAIT,
        local_close_ns: 0,
        told: TOLD_ESTABLISHED,
        known: ended.known | known::TOLD,
        ..*ended
    }
}

/// The same for the same number (SplitMix64, Steele, Lea and Flood 2014).
fn scatter(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// RFC 4291, 2.5.5.2.
fn v4_mapped([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
