// SPDX-License-Identifier: MIT
//! The page that `w` writes of a recording: what is shown of it, from its beginning to where
//! the cursor stood. It is read in pieces, between which keys are taken, and a helper process
//! writes the file.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use jiff::{Timestamp, tz::TimeZone};
use zkchurn_core::replay::player::Reached;

use super::{
    recording::Played,
    saved::{Memory, name, tell},
};
use crate::{
    host::helper::writing::{NewFile, StartedWriter, Writer},
    warn::warn,
};

/// Frames that are read before the time is looked at.
const AT_ONCE: usize = 20_000;
/// How long the end waits for what is being written.
const WRITTEN_WITHIN: Duration = Duration::from_secs(1);

/// A page that is being made.
struct Page {
    player: Played,
    memory: Memory,
    until_ns: u64,
    path: PathBuf,
}

/// The page, if one is being made, and who writes it.
pub(super) struct RecordedPage {
    zone: TimeZone,
    page: Option<Page>,
    /// Started once there is something to write.
    writer: Option<Writer>,
}

impl RecordedPage {
    /// None yet; its times are in this zone.
    pub(super) fn new(zone: TimeZone) -> Self {
        Self {
            zone,
            page: None,
            writer: None,
        }
    }

    /// Begins a page up to `until_ns`, of the recording that `open` opens with what it writes
    /// to; what there is to say of that.
    pub(super) fn begin(
        &mut self,
        until_ns: u64,
        open: impl FnOnce(&Memory, &TimeZone) -> anyhow::Result<Played>,
    ) -> String {
        if let Some(page) = &self.page {
            return format!("not written yet: {} is being made", page.path.display());
        }
        let memory = Memory::default();
        let player = match open(&memory, &self.zone) {
            Ok(player) => player,
            Err(error) => return format!("not written: {error:#}"),
        };
        let path = PathBuf::from(format!("{}.html", name(Timestamp::now(), &self.zone)));
        let said = format!("writing {}", path.display());
        self.page = Some(Page {
            player,
            memory,
            until_ns,
            path,
        });
        said
    }

    /// Whether there is more to read for it.
    pub(super) fn is_being_made(&self) -> bool {
        self.page.is_some()
    }

    /// Reads on for so long at most; what there is to say, if anything.
    pub(super) fn read(&mut self, within: Duration) -> Option<String> {
        let began = Instant::now();
        let page = self.page.as_mut()?;
        loop {
            match page.player.play(page.until_ns, AT_ONCE) {
                Ok(Reached::NotYet) if began.elapsed() >= within => return None,
                Ok(Reached::NotYet) => {}
                Ok(Reached::Moment | Reached::End) => break,
                Err(error) => {
                    self.page = None;
                    return Some(format!("not written: {error}"));
                }
            }
        }
        let page = self.page.take()?;
        self.hand_over(page).err()
    }

    fn hand_over(&mut self, mut page: Page) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("not written: {error}");
        page.player.report(page.until_ns).map_err(failed)?;
        let file = NewFile {
            path: page.path,
            bytes: Ok(page.memory.take()),
            about: String::new(),
        };
        let writer = match &self.writer {
            Some(writer) => writer,
            None => {
                let started = StartedWriter::start().and_then(|started| started.connect(tell));
                self.writer.insert(started.map_err(failed)?)
            }
        };
        let written = writer.write(Box::new(move || vec![file]));
        written.map_err(|why| format!("not written: what was before it is not, either: {why}"))
    }

    /// Waits a moment for what is being written, and says what is not.
    pub(super) fn settle(&self) {
        if let Some(page) = &self.page {
            let path = page.path.display();
            warn(format_args!(
                "{path} is not written: q was pressed before the recording was read for it"
            ));
        }
        let settled = self.writer.as_ref();
        if let Some(why) = settled.and_then(|writer| writer.settle(WRITTEN_WITHIN)) {
            warn(format_args!("the page is not written: {why}"));
        }
    }
}
