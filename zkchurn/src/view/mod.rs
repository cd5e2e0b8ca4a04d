// SPDX-License-Identifier: MIT
//! The full-screen view: a state, the keys that change it, and drawing it into cells.
//! No I/O and no clock, so that the same screen comes from the same snapshot and keys;
//! `full_screen` has the terminal.

pub(crate) mod draw;
mod dumps;
pub(crate) mod key;
mod line;
pub(crate) mod offers;
mod page;
mod press;
mod prompt;
pub(crate) mod snapshot;
mod spark;
#[cfg(test)]
mod tests;

use jiff::tz::TimeZone;
use zkchurn_core::{
    filter::Filter,
    process::ProcessKey,
    report::family::{FamilyKey, Order},
};

use offers::Offers;
use page::Page;
use prompt::Prompt;
use snapshot::{Family, Snapshot, Want};

/// What is on the screen, and why.
pub(crate) struct View {
    /// The zone of the times of day.
    zone: TimeZone,
    /// Whether to colour.
    colour: bool,
    /// Whether a recording is shown, which has a time cursor.
    is_recording: bool,
    /// The latest that is known.
    latest: Option<Snapshot>,
    /// What is shown instead, while it is frozen.
    frozen: Option<Snapshot>,
    /// Where Enter went, innermost last.
    pages: Vec<Page>,
    /// The family under the cursor. As long as there is none the order may change.
    selected: Option<FamilyKey>,
    /// The order of rows while there is a cursor.
    held: Vec<FamilyKey>,
    order: Order,
    /// The page of the keys that is shown, if any is, and how many there are, as drawn last.
    help: Option<usize>,
    help_pages: usize,
    /// What is being typed.
    prompt: Option<Prompt>,
    /// The filter that was typed last.
    filter: Option<Filter>,
    /// What the trace can do beside being looked at.
    offers: Offers,
    /// The process that was asked for a thread dump before it was known to be a JVM, and what
    /// it is called.
    asked: Option<(ProcessKey, String)>,
    /// What there is to say about the last key.
    notice: Option<String>,
    /// What the program would have written on standard error.
    message: Option<String>,
    /// How many times as fast as it was a recording plays.
    speed: u32,
    /// Rows of a list or text that fit, as drawn last.
    page_rows: usize,
}

impl View {
    /// Of a live trace, or of a recording.
    pub(crate) fn new(zone: TimeZone, colour: bool, is_recording: bool) -> Self {
        Self {
            zone,
            colour,
            is_recording,
            latest: None,
            frozen: None,
            pages: Vec::new(),
            selected: None,
            held: Vec::new(),
            order: Order::default(),
            help: None,
            help_pages: 1,
            prompt: None,
            filter: None,
            offers: Offers::default(),
            asked: None,
            notice: None,
            message: None,
            speed: 1,
            page_rows: 1,
        }
    }

    /// Of a trace that can do this.
    pub(crate) fn offering(self, offers: Offers) -> Self {
        Self { offers, ..self }
    }

    /// Of a recording of which this is shown.
    pub(crate) fn filtered(self, filter: Option<Filter>) -> Self {
        Self { filter, ..self }
    }

    /// Takes what is known by now.
    pub(crate) fn update(&mut self, snapshot: Snapshot) {
        self.say_if_no_jvm(&snapshot);
        if let Some(handshakes) = snapshot.handshakes {
            self.offers.handshakes = handshakes;
        }
        self.latest = Some(snapshot);
        self.hold_newcomers();
    }

    /// Shows the latest message of the program.
    pub(crate) fn tell(&mut self, message: Option<String>) {
        // What is being typed keeps what there is to say of it.
        if message.is_some() && self.prompt.is_none() {
            self.notice = None;
        }
        self.message = message;
    }

    /// Says what became of a wish.
    pub(crate) fn notice(&mut self, sentence: String) {
        self.notice = Some(sentence);
    }

    /// What of the trace is looked at.
    pub(crate) fn want(&self) -> Want {
        let page = self.pages.last();
        Want {
            family: page.map(Page::family),
            connection: page.and_then(Page::connection),
        }
    }

    /// What is shown.
    fn shown(&self) -> Option<&Snapshot> {
        self.frozen.as_ref().or(self.latest.as_ref())
    }

    /// Connections that ended since the screen was frozen.
    fn ended_since(&self) -> Option<u64> {
        let ended = |snapshot: &Snapshot| {
            let total = &snapshot.report.total;
            total.ended.saturating_add(total.older.ended)
        };
        let frozen = ended(self.frozen.as_ref()?);
        let latest = ended(self.latest.as_ref()?);
        Some(latest.saturating_sub(frozen))
    }

    /// The families in the order of their rows: while there is a cursor, in the order
    /// that they had when it came, newcomers last.
    fn rows(&self) -> Vec<&Family> {
        let Some(shown) = self.shown() else {
            return Vec::new();
        };
        if self.held.is_empty() {
            return sorted(shown, self.order);
        }
        self.held
            .iter()
            .filter_map(|key| shown.family(key))
            .collect()
    }

    /// Holds the order from here on.
    fn hold(&mut self) {
        if self.held.is_empty() {
            self.held = self.rows().iter().map(|family| family.row.key).collect();
        }
    }

    /// Sorts again, with the cursor where it was.
    fn release(&mut self) {
        self.held.clear();
        if self.selected.is_some() {
            self.hold();
        }
    }

    fn hold_newcomers(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let Some(shown) = self.shown() else { return };
        let sorted = sorted(shown, self.order);
        let new = sorted.iter().map(|family| family.row.key);
        let new: Vec<_> = new.filter(|key| !self.held.contains(key)).collect();
        self.held.extend(new);
    }
}

fn sorted(shown: &Snapshot, order: Order) -> Vec<&Family> {
    let mut families: Vec<_> = shown.families.iter().collect();
    order.sort_by_row(&mut families, |family| &family.row);
    families
}
