// SPDX-License-Identifier: MIT
//! A recording as that of another host, at one moment for all, to try what several hosts give:
//!
//! `cargo run -p zkchurn-core --example another_host -- app-2 <x.zkchurn >app-2.zkchurn`
#![expect(
    clippy::disallowed_methods,
    reason = "an example is a program: it is told by arguments, and reads and writes"
)]

use std::io;

use zkchurn_core::{
    frame::Frame,
    recording::{reader::Reader, writer::Writer},
};

/// 2026-11-27T10:00:00Z, nanoseconds.
const BEGINS: i64 = 1_795_773_600_000_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = std::env::args().nth(1).ok_or("name the host")?;
    let mut reader = Reader::new(io::stdin().lock())?;
    let mut writer = Writer::new(io::stdout().lock())?;
    while let Some(written) = reader.next_frame(|frame| match frame {
        Frame::Start(start) => {
            let mut start = start.clone();
            start.host = host.clone();
            start.boot_id = None;
            start.clock.realtime_ns = BEGINS;
            writer.write(Frame::Start(&start))
        }
        frame => writer.write(frame),
    })? {
        written?;
    }
    Ok(writer.flush()?)
}
