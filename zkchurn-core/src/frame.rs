// SPDX-License-Identifier: MIT
//! What a source yields, live or from a recording: the one language between
//! the shell and this crate.

mod hidden;

use serde::{Deserialize, Serialize};

use crate::{
    clock::ClockPair, elsewhere::Elsewhere, inspection::Inspection, process::ProcessIdentity, text,
    timewait::Snapshot,
};

pub use crate::sides::Sides;

/// One thing that a source has to tell, in the order in which it happened.
#[derive(Clone, Copy, Debug)]
pub enum Frame<'a> {
    /// The trace begins. Comes first, once.
    Start(&'a TraceStart),
    /// A record of the kernel program, still undecoded.
    Record(&'a [u8]),
    /// A process was identified; comes before its first connection.
    Process(&'a ProcessIdentity),
    /// A process was looked at more closely.
    Inspection(&'a Inspection),
    /// TIME_WAIT sockets, as the kernel lists them.
    TimeWait(&'a Snapshot),
    /// Something could not be found out, or did not get through, while the trace went on.
    Limitation(&'a Limitation),
    /// Nothing ends at the traced ports; what other ports have.
    Elsewhere(&'a Elsewhere),
    Interval(&'a Mark),
    /// The trace ends. Comes last, once.
    End(&'a Mark),
}

/// How a trace was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceStart {
    /// Version of the zkchurn that traced.
    pub zkchurn: String,
    /// Both clocks when tracing began.
    pub clock: ClockPair,
    /// Name of the traced host.
    pub host: String,
    /// Which boot of the host, a UUID (`/proc/sys/kernel/random/boot_id`): pids and times
    /// since boot mean something within one boot only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// Which trace, a UUID of its own: what one run recorded belongs together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// Release of its kernel.
    pub kernel: String,
    /// How the kernel program was attached.
    pub hook: Hook,
    /// The traced ports.
    pub ports: Vec<u16>,
    /// Which sides were traced.
    pub side: Sides,
    /// The only process that was traced, if so.
    pub pid: Option<u32>,
    /// The processes that were traced, where those are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pids: Vec<u32>,
    /// The name by which they were chosen, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process_name: Option<String>,
    /// Whether the first bytes of each direction are captured.
    #[serde(default)]
    pub handshake: bool,
    /// What this host could not offer, each a sentence.
    pub degraded: Vec<String>,
    /// Where this is a part of a longer trace: which.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// A part of a trace that is longer: a segment of a flight recorder, or what was asked for of
/// it. `clock` is when the part begins, and what is older than that is older than the trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which segment of its run it is, or begins in, from 0 on.
    pub segment: u64,
    /// Whether the trace began before this part did: not so of its first segment, nor of what is
    /// asked for up to a moment.
    #[serde(default)]
    pub begins_later: bool,
    /// What had been lost when it began: not of this part.
    pub loss: LossCounts,
    /// Frames between the segment before and this one that could not be written.
    #[serde(default)]
    pub frames_lost: u64,
    /// Connections that were open when it began and are not repeated in it, for want of room.
    #[serde(default)]
    pub open_left_out: u64,
}

impl TraceStart {
    /// A trace of the client's side of one port by today's zkchurn, of which nothing else is
    /// known: what is made up, in tests and examples, begins with it.
    pub fn of_port(port: u16, clock: ClockPair) -> Self {
        Self {
            zkchurn: env!("CARGO_PKG_VERSION").to_owned(),
            clock,
            host: String::new(),
            boot_id: None,
            run_id: None,
            kernel: String::new(),
            hook: Hook::TpBtf,
            ports: vec![port],
            side: Sides::Client,
            pid: None,
            pids: Vec::new(),
            process_name: None,
            handshake: false,
            degraded: Vec::new(),
            part: None,
        }
    }

    /// The moment before which connections are older than this trace, where it is a part of
    /// a longer one that began before, nanoseconds of `CLOCK_MONOTONIC`.
    pub fn horizon_ns(&self) -> Option<u64> {
        let part = self.part.as_ref().filter(|part| part.begins_later);
        part.map(|_| self.clock.monotonic_ns)
    }
}

/// `pid 7`, or `2 processes named java (pids 7, 9)`; `None` where all processes are traced.
pub fn only(pid: Option<u32>, pids: &[u32], name: Option<&str>) -> Option<String> {
    let named = name.map(|name| text::printable(name.as_bytes()));
    match (pid, pids, named) {
        (None, [], _) => None,
        (Some(pid), _, None) => Some(format!("pid {pid}")),
        (Some(pid), _, Some(name)) => Some(format!(
            "pid {pid}, the only process named {name} at the start"
        )),
        (None, pids, named) => {
            let count = text::counted(pids.len() as u64, "process");
            let named = named.map_or_else(String::new, |name| format!(" named {name}"));
            let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
            Some(format!("{count}{named} (pids {})", pids.join(", ")))
        }
    }
}

/// What a trace could not do, beyond what was known when it began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limitation {
    /// A sentence without its full stop, as in [`TraceStart::degraded`].
    pub sentence: String,
    /// Whether it says who is missing of those that the trace was to be about: the first screen
    /// has it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_of_who: bool,
    /// What is missing of the trace, where that is what the sentence is about.
    #[serde(flatten)]
    pub missing: Missing,
}

impl Limitation {
    /// One that nothing is missing by.
    pub fn of(sentence: String) -> Self {
        Self {
            sentence,
            is_of_who: false,
            missing: Missing::default(),
        }
    }

    /// One that says that a part of the recording is damaged.
    pub fn of_damage(sentence: String) -> Self {
        Self {
            missing: Missing {
                damaged_parts: 1,
                ..Missing::default()
            },
            ..Self::of(sentence)
        }
    }

    /// One that says who is missing.
    pub fn of_who(sentence: String) -> Self {
        Self {
            is_of_who: true,
            ..Self::of(sentence)
        }
    }
}

/// What was not recorded, is not there any more, or cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// Records that could not be written; absent where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub records_missing: u64,
    /// Stretches of which nothing is known; absent where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gaps: u64,
    /// Stretches that are damaged and were skipped; absent where there are none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub damaged_parts: u64,
}

impl Missing {
    /// What is missing in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            records_missing: self.records_missing.saturating_add(other.records_missing),
            gaps: self.gaps.saturating_add(other.gaps),
            damaged_parts: self.damaged_parts.saturating_add(other.damaged_parts),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde's skip_serializing_if passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

/// How the kernel program was attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// `tp_btf/inet_sock_set_state`
    TpBtf,
    /// The classic tracepoint `sock/inet_sock_set_state`.
    Tracepoint,
}

/// A moment of the trace, with the counters as they stood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// `CLOCK_MONOTONIC` in nanoseconds.
    pub monotonic_ns: u64,
    /// What could not be recorded since tracing began.
    pub loss: LossCounts,
    /// Whether all connections that are older than the trace have been told of by now; absent
    /// in recordings of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_told: Option<bool>,
}

/// What could not be recorded, in absolute numbers since tracing began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossCounts {
    /// Connections whose end found no room in the ring buffer.
    pub ended_records_dropped: u64,
    /// Establishments that found no room; their ends are recorded all the same.
    pub established_records_dropped: u64,
    /// Connections that found no room in the table.
    pub table_full: u64,
    /// Closes of sockets that are not in the table: older than the trace, or
    /// counted in `table_full`.
    pub unmatched_closes: u64,
    /// Runs of the kernel program that the kernel skipped because the program
    /// was already running on that CPU; `None` before Linux 5.12.
    pub recursion_misses: Option<u64>,
    /// First bytes of a direction that found no room; `None` where they are
    /// not captured.
    #[serde(default)]
    pub handshake_records_dropped: Option<u64>,
    /// First bytes of clients that came too early to be seen: in the packet
    /// that completed an accepted connection.
    #[serde(default)]
    pub handshakes_before_accept: Option<u64>,
    /// Events and metrics that a collector did not get; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records_not_exported: Option<u64>,
}

impl LossCounts {
    /// What was lost since `earlier` of the same run.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        self.with(earlier, u64::saturating_sub)
    }

    /// What was lost in both of two runs, or parts of one.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        self.with(other, u64::saturating_add)
    }

    fn with(&self, other: &Self, of: fn(u64, u64) -> u64) -> Self {
        let optional =
            |one: Option<u64>, other: Option<u64>| Some(of(one?, other.unwrap_or_default()));
        Self {
            ended_records_dropped: of(self.ended_records_dropped, other.ended_records_dropped),
            established_records_dropped: of(
                self.established_records_dropped,
                other.established_records_dropped,
            ),
            table_full: of(self.table_full, other.table_full),
            unmatched_closes: of(self.unmatched_closes, other.unmatched_closes),
            recursion_misses: optional(self.recursion_misses, other.recursion_misses),
            handshake_records_dropped: optional(
                self.handshake_records_dropped,
                other.handshake_records_dropped,
            ),
            handshakes_before_accept: optional(
                self.handshakes_before_accept,
                other.handshakes_before_accept,
            ),
            records_not_exported: optional(self.records_not_exported, other.records_not_exported),
        }
    }

    /// Whether nothing at all was lost; closes of older sockets are no loss.
    pub fn is_none(&self) -> bool {
        self.ended_records_dropped == 0
            && self.established_records_dropped == 0
            && self.table_full == 0
            && self.recursion_misses.unwrap_or(0) == 0
            && self.handshake_records_dropped.unwrap_or(0) == 0
            && self.handshakes_before_accept.unwrap_or(0) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_up_at_the_start_and_others_may_come() {
        let of = |pid, pids: &[u32]| only(pid, pids, Some("java"));
        let alone = "pid 5, the only process named java at the start";
        assert_eq!(of(Some(5), &[]).as_deref(), Some(alone));
        let two = "2 processes named java (pids 5, 6)";
        assert_eq!(of(None, &[5, 6]).as_deref(), Some(two));
    }
}
