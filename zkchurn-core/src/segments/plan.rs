// SPDX-License-Identifier: MIT
//! Which segments there are, in which order, what is missing between them, and which of them
//! a window needs. Of several boots one is taken: pids, sockets and times since boot mean
//! something within one only.

use jiff::Timestamp;

use super::{
    ahead::AHEAD_NS,
    overlap,
    window::{Span, When, Window, boot_number},
};
use crate::{
    clock::rfc3339,
    frame::{LossCounts, Part, Sides, TraceStart},
    text,
};

/// What follows on what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joint {
    /// It is the first one.
    First,
    /// It goes on where the one before ends.
    Continues,
    /// So many segments of the same run are missing before it.
    Missing(u64),
    /// Another run begins.
    Run,
    /// A later part of the same run, which somebody cut out of its recording.
    Part,
}

/// A segment in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its place among the starts that were given.
    pub index: usize,
    pub joint: Joint,
}

/// What is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// At least one.
    pub steps: Vec<Step>,
    /// What is read behind them, only for what was open when the window ended.
    pub ahead: Vec<Step>,
    /// From when to when.
    pub span: Span,
    /// Whether there is more behind the window.
    pub goes_on: bool,
    /// How that begins: whether something is missing before it is known there only.
    pub following: Option<(Joint, TraceStart)>,
    /// How the joined trace was made: its clock is that of its beginning.
    pub start: TraceStart,
    /// What is left out on purpose, each a sentence without its full stop.
    pub notes: Vec<String>,
    /// The same where it says who is missing, which stands on the first screen.
    pub left_out: Option<String>,
    /// By their places: recordings of other hosts, and those of a time of which another one is
    /// read, so that nothing is counted twice.
    pub other_hosts: Vec<usize>,
    pub overlapping: Vec<usize>,
}

impl Plan {
    /// What is read at this place.
    pub(super) fn step(&self, at: usize) -> Option<Step> {
        self.steps.iter().chain(&self.ahead).nth(at).copied()
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// There is nothing to read.
    #[error("it has no recording in it")]
    Empty,
    /// The window is before, or after, all there is.
    #[error("nothing was recorded then: it has {from} to {to}")]
    Outside {
        /// When what there is begins.
        from: String,
        /// When it ends.
        to: String,
    },
    /// Nothing was recorded in the window, but before and after it.
    #[error("nothing was recorded then: it has {from} to {to}, and goes on from {again}")]
    Between {
        /// When what there is begins.
        from: String,
        /// When it stops.
        to: String,
        /// When it goes on.
        again: String,
    },
    /// Nothing was recorded in the boot that the window is of.
    #[error("nothing was recorded since the host was booted: what it has is of other boots")]
    OtherBoots,
    /// The window ends before it begins.
    #[error("--until is before --since")]
    Reversed,
}

/// Plans the reading of recordings that begin like this. `end_of` finds out when one of them
/// ends, nanoseconds of `CLOCK_MONOTONIC`; only asked if `window` depends on it.
///
/// # Errors
///
/// There is nothing to read.
pub fn plan(
    starts: &[TraceStart],
    window: &Window,
    mut end_of: impl FnMut(usize) -> u64,
) -> Result<Plan, NoPlan> {
    let mut order: Vec<usize> = (0..starts.len()).collect();
    order.sort_by_key(|index| {
        let clock = starts[*index].clock;
        (clock.realtime_ns, clock.monotonic_ns)
    });
    // The boot that was up when the window ends.
    let is_in_time = |index: &&usize| {
        let start = &starts[**index];
        match (window.boot(), window.until) {
            (Some(boot), _) => boot_number(start.boot_id.as_deref().unwrap_or_default()) == boot,
            (None, Some(When::At(at))) => i128::from(start.clock.realtime_ns) <= nanoseconds(at),
            _ => true,
        }
    };
    let last = order.iter().rev().find(is_in_time);
    let chosen = match (last, order.first()) {
        (Some(last), _) => &starts[*last],
        (None, None) => return Err(NoPlan::Empty),
        // Its time since the boot means nothing in another one.
        (None, Some(_)) if window.boot().is_some() => return Err(NoPlan::OtherBoots),
        (None, Some(first)) => &starts[*first],
    };
    let (mut order, others): (Vec<_>, Vec<_>) = order
        .into_iter()
        .partition(|index| is_same_boot(&starts[*index], chosen));
    let (boots, mut other_hosts): (Vec<_>, Vec<_>) = others
        .into_iter()
        .partition(|index| starts[*index].host == chosen.host);
    other_hosts.sort_unstable();
    let mut notes = Vec::new();
    if let Some(note) = other_boots(starts, boots.iter(), window) {
        notes.push(note);
    }
    // Within a boot one clock never steps.
    order.sort_by_key(|index| {
        let start = &starts[*index];
        (start.clock.monotonic_ns, number(start))
    });
    without_copies(starts, &mut order, &mut end_of);
    let overlapping = overlap::take_out(starts, &mut order, &mut end_of);
    let span = span_of(starts, &order, window, &mut end_of)?;
    let begin = span
        .since_ns
        .map_or(0, |since| begins_in(starts, &order, since));
    let mut taken = &order[begin..];
    let all = taken.len();
    if let Some(until_ns) = span.until_ns {
        let behind = |index: &usize| starts[*index].clock.monotonic_ns > until_ns;
        let count = taken.iter().position(behind).unwrap_or(taken.len());
        taken = &taken[..count];
    }
    let following = order[begin..].get(taken.len());
    if let Some(why) = nothing_then(starts, &order, taken, following, span, &mut end_of) {
        return Err(why);
    }
    let following = following.map(|index| {
        let before = taken.last().map(|last| &starts[*last]);
        (joint(before, &starts[*index]), starts[*index].clone())
    });
    let count = taken.len() + count_ahead(starts, &order[begin..], taken.len(), span);
    let mut steps = steps(starts, &order[begin..][..count]);
    let ahead = steps.split_off(taken.len());
    Ok(Plan {
        start: joined_start(starts, taken, span),
        steps,
        ahead,
        goes_on: taken.len() < all,
        following,
        span,
        notes,
        left_out: None,
        other_hosts,
        overlapping,
    })
}

/// Whether both are of one boot of one host. Recordings of earlier versions do not say which boot.
fn is_same_boot(one: &TraceStart, other: &TraceStart) -> bool {
    one.boot_id == other.boot_id && (one.boot_id.is_some() || one.host == other.host)
}

/// A copy of a recording tells nothing new, and neither does its beginning.
fn without_copies(
    starts: &[TraceStart],
    order: &mut Vec<usize>,
    end_of: &mut impl FnMut(usize) -> u64,
) {
    let is_copy = |one: usize, other: usize| {
        let [one, other] = [one, other].map(|index| &starts[index]);
        one.run_id == other.run_id && number(one) == number(other) && one.clock == other.clock
    };
    order.dedup_by(|later, kept| {
        let is_copy = is_copy(*later, *kept);
        if is_copy && end_of(*later) > end_of(*kept) {
            *kept = *later;
        }
        is_copy
    });
}

/// How many segments behind the window are read for what was open when it ended.
fn count_ahead(starts: &[TraceStart], order: &[usize], taken: usize, span: Span) -> usize {
    let Some(until_ns) = span.until_ns else {
        return 0;
    };
    let pairs = order.windows(2).skip(taken.saturating_sub(1));
    let goes_on = |pair: &&[usize]| {
        let (before, next) = (&starts[pair[0]], &starts[pair[1]]);
        let is_near = next.clock.monotonic_ns.saturating_sub(until_ns) <= AHEAD_NS;
        is_near && joint(Some(before), next) == Joint::Continues && frames_lost(next) == 0
    };
    pairs.take_while(goes_on).count()
}

fn frames_lost(start: &TraceStart) -> u64 {
    start.part.map_or(0, |part| part.frames_lost)
}

/// Whether the window is before, between or after what was recorded.
fn nothing_then(
    starts: &[TraceStart],
    order: &[usize],
    taken: &[usize],
    following: Option<&usize>,
    span: Span,
    end_of: &mut impl FnMut(usize) -> u64,
) -> Option<NoPlan> {
    let at = |index: Option<&usize>, ns: Option<u64>| {
        let clock = index.map(|index| starts[*index].clock);
        clock.map_or_else(String::new, |clock| {
            second(clock.timestamp(ns.unwrap_or(clock.monotonic_ns)))
        })
    };
    let from = at(order.first(), None);
    let only = match taken {
        [] => {
            let to = at(order.last(), order.last().map(|last| end_of(*last)));
            return Some(NoPlan::Outside { from, to });
        }
        [only] => only,
        _ => return None,
    };
    let since_ns = span.since_ns?;
    let start = &starts[*only];
    // Where the next one goes on with this one there is no gap, so that it need not be read.
    let goes_on = following.is_some_and(|index| {
        let next = &starts[*index];
        joint(Some(start), next) == Joint::Continues
            && next.part.is_none_or(|part| part.frames_lost == 0)
    });
    if goes_on || start.clock.monotonic_ns >= since_ns {
        return None;
    }
    let end_ns = end_of(*only);
    // Nothing is known of one that has just been removed.
    if end_ns == 0 || end_ns >= since_ns {
        return None;
    }
    let to = at(Some(only), Some(end_ns));
    Some(match following {
        None => NoPlan::Outside { from, to },
        Some(_) => NoPlan::Between {
            from,
            to,
            again: at(following, None),
        },
    })
}

pub(super) fn number(start: &TraceStart) -> u64 {
    start.part.map_or(0, |part| part.segment)
}

fn nanoseconds(at: Timestamp) -> i128 {
    at.as_nanosecond()
}

/// A moment to the second, as sentences have it.
pub(super) fn second(at: Timestamp) -> String {
    let at = rfc3339(at);
    match at.split_once('.') {
        Some((second, _)) => format!("{second}Z"),
        None => at,
    }
}

/// The last of them that begins at or before `ns`; the first where none does.
fn begins_in(starts: &[TraceStart], order: &[usize], ns: u64) -> usize {
    let before = |index: &usize| starts[*index].clock.monotonic_ns <= ns;
    order.iter().rposition(before).unwrap_or(0)
}

fn span_of(
    starts: &[TraceStart],
    order: &[usize],
    window: &Window,
    end_of: &mut impl FnMut(usize) -> u64,
) -> Result<Span, NoPlan> {
    let end_ns = match (window.needs_end(), order.last()) {
        (true, Some(last)) => end_of(*last),
        _ => 0,
    };
    let resolve = |when: When| match when {
        When::BeforeEnd(time) => {
            end_ns.saturating_sub(time.as_nanos().try_into().unwrap_or(u64::MAX))
        }
        When::OfBoot { ns, .. } => ns,
        When::At(at) => {
            let at = nanoseconds(at);
            // Each segment has both clocks, so that a step of the wall clock between
            // two of them does no harm.
            let before = |index: &usize| i128::from(starts[*index].clock.realtime_ns) <= at;
            let near = order.iter().rposition(before).unwrap_or(0);
            let clock = starts[order[near]].clock;
            let passed = at - i128::from(clock.realtime_ns);
            let ns = (i128::from(clock.monotonic_ns) + passed).max(0);
            u64::try_from(ns).unwrap_or(u64::MAX)
        }
    };
    let span = Span {
        since_ns: window.since.map(resolve),
        until_ns: window.until.map(resolve),
    };
    match (span.since_ns, span.until_ns) {
        (Some(since), Some(until)) if until < since => Err(NoPlan::Reversed),
        _ => Ok(span),
    }
}

/// How the joined trace was made: as its last run, from the beginning of the first one on.
fn joined_start(starts: &[TraceStart], taken: &[usize], span: Span) -> TraceStart {
    let (first, last) = (&starts[taken[0]], &starts[taken[taken.len() - 1]]);
    let mut joined = last.clone();
    joined.clock = first.clock;
    joined.part = first.part;
    for start in taken.iter().map(|index| &starts[*index]) {
        joined.ports.extend(&start.ports);
        joined.handshake |= start.handshake;
        if start.side != joined.side {
            joined.side = Sides::Both;
        }
        if (start.pid, &start.pids) != (last.pid, &last.pids) {
            (joined.pid, joined.pids, joined.process_name) = (None, Vec::new(), None);
        }
        let new = start.degraded.iter();
        let new: Vec<_> = new.filter(|one| !joined.degraded.contains(one)).collect();
        let new: Vec<_> = new.into_iter().cloned().collect();
        joined.degraded.extend(new);
    }
    joined.ports.sort_unstable();
    joined.ports.dedup();
    if let Some(since_ns) = span.since_ns
        && since_ns > joined.clock.monotonic_ns
    {
        let later = since_ns - joined.clock.monotonic_ns;
        joined.clock.realtime_ns = joined
            .clock
            .realtime_ns
            .saturating_add(i64::try_from(later).unwrap_or(i64::MAX));
        joined.clock.monotonic_ns = since_ns;
        let part = joined.part.get_or_insert_default();
        part.begins_later = true;
        part.frames_lost = 0;
    }
    // What the marks of the joined trace say is counted from its beginning on.
    joined.part = joined
        .part
        .filter(|part| part.begins_later)
        .map(|part| Part {
            loss: LossCounts::default(),
            ..part
        });
    if span.until_ns.is_some() {
        // What comes later is not said to be missing from the whole.
        joined.part.get_or_insert_default();
    }
    joined
}

fn steps(starts: &[TraceStart], taken: &[usize]) -> Vec<Step> {
    let mut before: Option<&TraceStart> = None;
    let step = |index: &usize| {
        let start = &starts[*index];
        let joint = joint(before.replace(start), start);
        Step {
            index: *index,
            joint,
        }
    };
    taken.iter().map(step).collect()
}

pub(super) fn joint(before: Option<&TraceStart>, start: &TraceStart) -> Joint {
    match before {
        None => Joint::First,
        Some(before) if before.run_id != start.run_id => Joint::Run,
        Some(before) if start.run_id.is_some() && number(before) == number(start) => Joint::Part,
        Some(_) if number(start) == 0 => Joint::Run,
        Some(before) => match number(start).saturating_sub(number(before)) {
            1 => Joint::Continues,
            further => Joint::Missing(further.saturating_sub(1)),
        },
    }
}

/// What is said of recordings of other boots.
fn other_boots<'a>(
    starts: &[TraceStart],
    others: impl Iterator<Item = &'a usize>,
    window: &Window,
) -> Option<String> {
    let others: Vec<_> = others.map(|index| &starts[*index]).collect();
    // Before what was asked for there may be any number.
    let since = match window.since {
        Some(When::At(at)) => nanoseconds(at),
        Some(When::BeforeEnd(_) | When::OfBoot { .. }) => return None,
        None => i128::MIN,
    };
    let until = match window.until {
        Some(When::At(at)) => nanoseconds(at),
        _ => i128::MAX,
    };
    let times = others.iter().map(|start| start.clock);
    let times = times.filter(|clock| {
        let at = i128::from(clock.realtime_ns);
        at >= since && at <= until
    });
    let latest = times.max_by_key(|clock| clock.realtime_ns)?;
    Some(format!(
        "the host was rebooted: {} of earlier boots left out; --until {} shows the boot before",
        text::counted(others.len() as u64, "segment"),
        second(latest.timestamp(latest.monotonic_ns)),
    ))
}
