// SPDX-License-Identifier: MIT
//! What `w` in the full-screen view writes of a trace that goes on: a page, and a recording
//! where none is being written. The loop copies how the trace stands; a thread makes files of
//! that, and a helper process writes them.

use std::{io, path::PathBuf, time::Instant};

use jiff::tz::TimeZone;
use zkchurn_core::{
    clock::{ClockPair, rfc3339},
    frame::Mark,
    render::text::parts,
    segments::last::Kept,
    still::Still,
    tape::Tape,
};

use super::sink::Sink;
use crate::{
    full_screen::saved::{Memory, name, tell},
    host::{
        clock::clock_pair,
        helper::writing::{NewFile, StartedWriter, Writer},
    },
    warn::warn,
};

/// What writes.
pub(super) struct Saves {
    writer: Writer,
    zone: TimeZone,
}

impl Saves {
    /// With a helper that was started while everything was held. Times are in this zone.
    ///
    /// # Errors
    ///
    /// The system grants no thread.
    pub(super) fn start(helper: StartedWriter, zone: TimeZone) -> io::Result<Self> {
        let writer = helper.connect(tell)?;
        Ok(Self { writer, zone })
    }

    /// Has files made of the trace as it stands at `mark`; why not, if so. What becomes of
    /// them is said later.
    ///
    /// # Errors
    ///
    /// There is nothing to write yet, or what was asked for before is not written.
    pub(super) fn save(&self, sink: &Sink, tape: &Tape, mark: &Mark) -> Result<(), String> {
        let Some(still) = sink.still(tape, mark) else {
            return Err("nothing to write: the trace has not begun".to_owned());
        };
        let clock = clock_pair();
        let name = name(clock.timestamp(clock.monotonic_ns), &self.zone);
        let recorded_to = sink.recorded_to().map(|path| path.display().to_string());
        let kept = sink.last(clock.monotonic_ns);
        let zone = self.zone.clone();
        let make = move || {
            let about = recorded_to.map(|path| format!("the recording is {path}"));
            let page = page(&still, &name, &zone, about.unwrap_or_default());
            let recording = kept.map(|kept| recording(&kept, &name, &zone, clock));
            [Some(page), recording].into_iter().flatten().collect()
        };
        let written = self.writer.write(Box::new(make));
        written.map_err(|why| format!("not written yet: {why}"))
    }

    /// Waits until `deadline` for what is being written, and says where that is not enough.
    pub(super) fn settle(&self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        if let Some(why) = self.writer.settle(left) {
            warn(format_args!(
                "what w was pressed for last is not written: {why}"
            ));
        }
    }
}

fn page(still: &Still, name: &str, zone: &TimeZone, about: String) -> NewFile {
    let memory = Memory::default();
    // Writing to memory does not fail.
    let written = still.write(&mut memory.page(zone));
    NewFile {
        path: PathBuf::from(format!("{name}.html")),
        bytes: written
            .map(|()| memory.take())
            .map_err(|error| error.to_string()),
        about,
    }
}

fn recording(kept: &Kept, name: &str, zone: &TimeZone, clock: ClockPair) -> NewFile {
    let since = || {
        let from_ns = kept.from_ns()?;
        let from = rfc3339(clock.timestamp(from_ns));
        Some(format!("since {}", parts::moment(&from, zone)))
    };
    let about = match kept.is_all {
        true => None,
        false => since(),
    };
    NewFile {
        path: PathBuf::from(format!("{name}.zkchurn")),
        bytes: kept.recording().map_err(|error| error.to_string()),
        about: about.unwrap_or_default(),
    }
}
