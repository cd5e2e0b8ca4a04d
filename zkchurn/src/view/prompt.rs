// SPDX-License-Identifier: MIT
//! What is typed in the last line: a time, a filter, or the answer to a question.

use std::ops::Range;

use unicode_width::UnicodeWidthStr;
use zkchurn_core::{
    filter::{Filter, FilterError},
    process::ProcessKey,
    text::printable,
};

use super::{
    View, dumps,
    key::{Key, Seek, Wish},
    line::Line,
    offers,
};

/// Characters of a time or a filter that may be typed.
const MOST_TYPED: usize = 200;

/// Something that is asked for in the last line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Prompt {
    pub what: What,
    pub typed: Line,
    /// The bytes of it that are wrong, until the next key.
    pub wrong: Option<Range<usize>>,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A time to jump to.
    Time,
    /// A filter.
    Filter,
    /// Whether this process is to be asked for a thread dump.
    Dump {
        process: ProcessKey,
        /// What it is called.
        name: String,
        /// Whether it is known to be a JVM.
        is_jvm: bool,
    },
    /// Whether handshakes are to be read from now on.
    Handshakes,
}

impl Prompt {
    pub(super) fn new(what: What, typed: String) -> Self {
        Self {
            what,
            typed: Line::new(typed),
            wrong: None,
        }
    }

    /// The words in front of what is typed, short ones where that leaves no room for it.
    pub(super) fn question(&self, columns: usize) -> String {
        let question = self.whole_question();
        match &self.what {
            What::Dump { .. } | What::Handshakes => question,
            _ if question.width() + self.typed.text().width() < columns => question,
            What::Time => "time: ".to_owned(),
            What::Filter => "filter: ".to_owned(),
        }
    }

    fn whole_question(&self) -> String {
        match &self.what {
            What::Time => "time (14:03:07, or 90s after the start): ".to_owned(),
            What::Filter => "filter (process:java not lived<10ms; empty for none): ".to_owned(),
            What::Dump { name, is_jvm, .. } => dumps::question(name, *is_jvm),
            What::Handshakes => offers::TURN_ON.to_owned(),
        }
    }
}

impl View {
    /// A key while something is typed.
    pub(super) fn typed(&mut self, key: Key) -> Option<Wish> {
        let prompt = self.prompt.as_mut()?;
        if let What::Dump {
            process,
            name,
            is_jvm,
        } = &prompt.what
        {
            let (process, name) = (*process, name.clone());
            let is_open = !*is_jvm;
            self.prompt = None;
            if !matches!(key, Key::Char('y' | 'Y')) {
                return None;
            }
            self.asked = is_open.then_some((process, name));
            return Some(Wish::Dump(process));
        }
        if prompt.what == What::Handshakes {
            self.prompt = None;
            return matches!(key, Key::Char('y' | 'Y')).then_some(Wish::Handshakes);
        }
        prompt.wrong = None;
        match key {
            Key::Escape => self.prompt = None,
            Key::Enter => {
                let Prompt { what, typed, .. } = self.prompt.take()?;
                let typed = typed.text().trim();
                return match what {
                    What::Filter => self.select(typed),
                    What::Time | What::Dump { .. } | What::Handshakes => self.jump(typed),
                };
            }
            key => prompt.typed.press(key, MOST_TYPED),
        }
        None
    }

    /// Asks for a filter, beginning with the one that is typed already.
    pub(super) fn ask_for_filter(&mut self) {
        let typed = self.filter.as_ref().map(Filter::to_string);
        self.prompt = Some(Prompt::new(What::Filter, typed.unwrap_or_default()));
    }

    fn select(&mut self, typed: &str) -> Option<Wish> {
        let filter = match (typed, typed.parse()) {
            ("", _) => None,
            (_, Ok(filter)) => Some(filter),
            (_, Err(error)) => {
                self.refuse(typed, &error);
                return None;
            }
        };
        if filter == self.filter {
            return None;
        }
        self.filter.clone_from(&filter);
        // What was frozen is something else.
        self.frozen = None;
        Some(Wish::Filter(filter))
    }

    /// Says what is wrong, and leaves what was typed to be put right.
    fn refuse(&mut self, typed: &str, error: &FilterError) {
        let place = match error.wrong() {
            wrong if wrong.is_empty() => String::new(),
            wrong => format!("\"{wrong}\": "),
        };
        self.notice = Some(format!("{place}{}", error.sentence()));
        let mut prompt = Prompt::new(What::Filter, typed.to_owned());
        prompt.wrong = Some(error.place());
        self.prompt = Some(prompt);
    }

    /// To a time of day, or to so much after the start.
    fn jump(&mut self, typed: &str) -> Option<Wish> {
        let latest = self.latest.as_ref()?;
        let position = latest.position?;
        let start = latest.clock.timestamp(position.from_ns);
        let start = start.to_zoned(self.zone.clone());
        let offset = match typed.parse::<jiff::civil::Time>() {
            Ok(time) => {
                let mut there = start.with().time(time).build().ok()?;
                // Behind midnight it is the next day's.
                if there < start {
                    there = there.tomorrow().ok()?.with().time(time).build().ok()?;
                }
                let after = there.timestamp().duration_since(start.timestamp());
                u64::try_from(after.as_nanos()).ok()
            }
            Err(_) => seconds(typed),
        };
        let length = position.until_ns.saturating_sub(position.from_ns);
        let typed = printable(typed.as_bytes());
        match offset {
            Some(offset) if offset <= length => Some(Wish::Seek(Seek::To(offset))),
            Some(_) => {
                self.notice = Some(format!("{typed} is not within the recording"));
                None
            }
            None => {
                self.notice = Some(format!(
                    "\"{typed}\" is no time: type 14:03:07, or 90s or 5m after the start"
                ));
                None
            }
        }
    }
}

/// `90`, `90s` or `5m` in nanoseconds.
fn seconds(typed: &str) -> Option<u64> {
    let (number, unit) = match typed.strip_suffix('m') {
        Some(number) => (number, 60),
        None => (typed.strip_suffix('s').unwrap_or(typed), 1),
    };
    let seconds: f64 = number.parse().ok()?;
    let ns = seconds * f64::from(unit) * 1e9;
    (ns >= 0.0 && ns.is_finite()).then_some(ns as u64)
}
