// SPDX-License-Identifier: MIT
//! The lines while tracing: how many connections have one, and the one of an interval.

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    elsewhere::none_ended,
    frame::only,
    render::{
        ElsewhereLine,
        words::{finding::title, loss, moment::time_of_day},
    },
    report::{Busiest, IntervalSummary, Leading},
    text,
};

/// Keeps a storm readable: so many lines a second of the trace's own time.
#[derive(Debug)]
pub(super) struct LineLimit {
    per_second: u32,
    second: u64,
    admitted: u32,
}

impl LineLimit {
    /// A limit; 0 for none.
    pub(super) fn new(per_second: u32) -> Self {
        Self {
            per_second,
            second: 0,
            admitted: 0,
        }
    }

    /// Whether `at_ns` lies in a later second than what came before.
    pub(super) fn begins_new_second(&mut self, at_ns: u64) -> bool {
        let second = at_ns / 1_000_000_000;
        let is_new = second > self.second;
        if is_new {
            self.second = second;
            self.admitted = 0;
        }
        is_new
    }

    /// Whether one more line may be written in this second.
    pub(super) fn admit(&mut self) -> bool {
        if self.per_second != 0 && self.admitted >= self.per_second {
            return false;
        }
        self.admitted += 1;
        true
    }
}

/// What the last interval brought, in one line.
pub(super) fn interval_line(summary: &IntervalSummary, zone: &TimeZone) -> String {
    let at = time(summary, zone);
    let mut line = format!(
        "-- {at} last {}: {} opened, {} ended, {}",
        text::window(summary.length_ns),
        text::count(summary.opened),
        text::count(summary.ended),
        open(summary),
    );
    if summary.open_undecided > 0 {
        line.push_str(&format!(
            ", {} more that the filter cannot tell yet",
            text::count(summary.open_undecided)
        ));
    }
    if let Some(filtered_out) = summary.filtered_out {
        line.push_str(&format!("; {} filtered out", text::count(filtered_out)));
    }
    let lost = loss::in_short(&summary.loss);
    let busiest = summary.busiest.as_ref().map(busiest_words);
    // A narrow terminal cuts the end off: that nothing is lost can be missed there.
    let rest = match lost.starts_with("nothing") {
        true => [busiest, Some(lost)],
        false => [Some(lost), busiest],
    };
    for words in rest.into_iter().flatten() {
        line.push_str(&format!("; {words}"));
    }
    line
}

/// `7 open`, and apart from those what waits for an answer to a SYN.
fn open(summary: &IntervalSummary) -> String {
    let open = format!("{} open", text::count(summary.established));
    match summary.open.saturating_sub(summary.established) {
        0 => open,
        waiting => format!(
            "{open}, {} waiting for an answer to a SYN",
            text::count(waiting)
        ),
    }
}

/// `most by pid 42 java to 10.0.0.5:2181 (26)`
fn busiest_words(busiest: &Busiest) -> String {
    let who = match &busiest.process {
        Some(process) => format!(
            "pid {} {}",
            process.pid,
            text::printable(process.label.as_bytes())
        ),
        None => {
            let host = busiest.destination.split(" -> ").next();
            format!("remote host {}", host.unwrap_or_default())
        }
    };
    let ended = text::count(busiest.ended);
    format!(
        "most by {who} to {} ({ended})",
        text::place(&busiest.destination)
    )
}

/// The finding that leads now, in one line.
pub(super) fn leading_line(
    summary: &IntervalSummary,
    leading: &Leading,
    zone: &TimeZone,
) -> String {
    let more = match leading.destinations.len() {
        0 | 1 => String::new(),
        peers => format!(" and {}", text::counted(peers as u64 - 1, "other peer")),
    };
    let first = leading.destinations.first().map(|place| text::place(place));
    format!(
        "-- {} {}: {} -> {}{more}",
        time(summary, zone),
        title(leading.title, leading.confidence),
        leading.who,
        first.unwrap_or_else(|| "unknown".to_owned()),
    )
}

/// What other ports have, and the command to type.
pub(super) fn elsewhere_line(line: &ElsewhereLine<'_>) -> String {
    let start = line.start;
    let only = only(start.pid, &start.pids, start.process_name.as_deref());
    let none = none_ended(&start.ports, start.side, only.as_deref());
    let found = line.elsewhere.sentence(start.side);
    match line.elsewhere.command() {
        Some(command) => {
            format!("-- {none}, but {found}: press Ctrl-C and run `{command}`")
        }
        None => format!("-- {none}; {found}"),
    }
}

fn time(summary: &IntervalSummary, zone: &TimeZone) -> String {
    let at: Option<Timestamp> = summary.at.parse().ok();
    at.map_or_else(String::new, |at| time_of_day(at, zone))
}
