// SPDX-License-Identifier: MIT
//! Writes a recording of churn that never happened to standard output, as large as
//! one likes: `cargo xtask growth` replays it to see what grows.
//!
//! The frames are those of a live trace, in its order and by its own writer: for each
//! connection a record when it is established and one when it has ended.

use std::io::{self, BufWriter};

use clap::Parser;
use zerocopy::IntoBytes;
use zkchurn_common::{
    record::{
        ConnectionRecord, ESTABLISHED_SIZE, FAMILY_INET6, SIDE_OPENED, STAGE_ENDED,
        STAGE_ESTABLISHED, known,
    },
    state::{CLOSE, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, SYN_SENT, bit},
    wire::RecordHeader,
};
use zkchurn_core::{
    clock::ClockPair,
    decode::blank,
    frame::{Frame, LossCounts, Mark, TraceStart},
    recording::writer::Writer,
};

const PORT: u16 = 2181;
/// Connections begin so many nanoseconds after each other: 20,000 in a second.
const BETWEEN_NS: u64 = 50_000;
const INTERVAL_NS: u64 = 10_000_000_000;
/// Of one process, after which the next is another one.
const THREADS_OF_A_PROCESS: u64 = 1_000;
const FIRST_PID: u32 = 1_000;

/// A recording of churn that never happened.
#[derive(Parser)]
struct Options {
    /// Connections, each with two records
    #[arg(long)]
    connections: u64,
    /// Distinct threads that open them in turn, a thousand to a process
    #[arg(long, default_value_t = 1)]
    threads: u64,
    /// Distinct servers that they go to in turn
    #[arg(long, default_value_t = 1)]
    servers: u32,
    /// Connections that are established at once
    #[arg(long, default_value_t = 10)]
    live: u64,
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let to = BufWriter::with_capacity(1 << 20, io::stdout().lock());
    let mut writer = Writer::new(to)?;
    writer.write(Frame::Start(&start()))?;
    let mut next_interval = INTERVAL_NS;
    // When a connection begins, the one that began `live` connections before ends.
    for number in 0..options.connections + options.live {
        let now = (number + 1) * BETWEEN_NS;
        if now >= next_interval {
            writer.write(Frame::Interval(&mark(next_interval)))?;
            next_interval += INTERVAL_NS;
        }
        if let Some(ending) = number.checked_sub(options.live) {
            write(&mut writer, &ended(ending, now, &options))?;
        }
        if number < options.connections {
            write(&mut writer, &established(number, &options))?;
        }
    }
    let end = (options.connections + options.live + 1) * BETWEEN_NS;
    writer.write(Frame::End(&mark(end)))?;
    writer.flush()
}

/// As long as the kernel program makes them.
fn write(writer: &mut Writer<impl io::Write>, record: &ConnectionRecord) -> io::Result<()> {
    writer.write(Frame::Record(
        &record.as_bytes()[..record.header.length as usize],
    ))
}

fn start() -> TraceStart {
    let clock = ClockPair {
        monotonic_ns: 0,
        realtime_ns: 1_700_000_000_000_000_000,
    };
    TraceStart::of_port(PORT, clock)
}

fn mark(monotonic_ns: u64) -> Mark {
    Mark {
        monotonic_ns,
        loss: LossCounts {
            recursion_misses: Some(0),
            ..LossCounts::default()
        },
        ..Mark::default()
    }
}

fn established(number: u64, options: &Options) -> ConnectionRecord {
    let started = (number + 1) * BETWEEN_NS;
    let thread = number % options.threads;
    let process = thread / THREADS_OF_A_PROCESS;
    let tgid = FIRST_PID + (process * (THREADS_OF_A_PROCESS + 1)) as u32;
    let server = (number % u64::from(options.servers)) as u32;
    ConnectionRecord {
        socket: number + 1,
        started_ns: started,
        established_ns: started + 20_000,
        opener_cgroup: 1,
        opener_start_ns: (1 + process) * 10_000_000,
        opener_tgid: tgid,
        opener_tid: tgid + 1 + (thread % THREADS_OF_A_PROCESS) as u32,
        opener_uid: 1_000,
        netns: 4_026_531_840,
        known: known::COOKIE
            | known::NETNS
            | known::OPENER
            | known::OPENER_START
            | known::PROCESS_COMM,
        local_address: v4_mapped([127, 0, 0, 1]),
        remote_address: v4_mapped((0x0a00_0001 + server).to_be_bytes()),
        opener_comm: *b"main-SendThread\0",
        process_comm: *b"java\0\0\0\0\0\0\0\0\0\0\0\0",
        local_port: (32_768 + (number % 28_232) as u16).to_be_bytes(),
        remote_port: PORT.to_be_bytes(),
        stage: STAGE_ESTABLISHED,
        side: SIDE_OPENED,
        states_seen: bit(SYN_SENT) | bit(ESTABLISHED),
        family: FAMILY_INET6,
        header: RecordHeader {
            length: ESTABLISHED_SIZE as u32,
            ..ConnectionRecord::HEADER
        },
        ..blank()
    }
}

/// Closed by its own thread, after request and answer in two of three cases.
fn ended(number: u64, now: u64, options: &Options) -> ConnectionRecord {
    let begun = established(number, options);
    let (payload_out, payload_in) = match number % 3 {
        0 => (0, 0),
        _ => (49, 41),
    };
    ConnectionRecord {
        left_established_ns: now - 20_000 - number % 1_000,
        local_close_ns: now - 20_000 - number % 1_000,
        until_ns: now,
        payload_out,
        payload_in,
        closer_tgid: begun.opener_tgid,
        closer_tid: begun.opener_tid,
        closer_comm: begun.opener_comm,
        smoothed_rtt_us: 50,
        known: begun.known
            | known::CLOSER
            | known::ERROR
            | known::PAYLOAD_OUT
            | known::PAYLOAD_IN
            | known::RETRANSMITS
            | known::SMOOTHED_RTT
            | known::CONGESTION_WINDOW
            | known::BYTES_RETRANSMITTED,
        congestion_window: 10,
        stage: STAGE_ENDED,
        states_seen: begun.states_seen | bit(FIN_WAIT1) | bit(CLOSE),
        state_left: FIN_WAIT2,
        header: ConnectionRecord::HEADER,
        ..begun
    }
}

/// RFC 4291, 2.5.5.2.
fn v4_mapped([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}
