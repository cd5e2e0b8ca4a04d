// SPDX-License-Identifier: MIT
//! Whether what a finding tells may be over: it came often, and then no more until the end of
//! the trace, or of the part of it that is looked at.

use super::case::Case;
use crate::text;

/// Of what came again and again, so many usual intervals without it are no chance.
const TIMES: u64 = 5;
/// Nor are so many of the longest.
const LONGEST: u64 = 2;
/// A shorter time, in nanoseconds, tells nobody anything.
const SHORTEST_NS: u64 = 3_000_000_000;

/// A sentence, where it may be over.
pub(super) fn sentence(case: &Case<'_>) -> Option<String> {
    let quiet = quiet_ns(case)?;
    let quiet = text::duration(quiet);
    Some(match case.goes_on_otherwise {
        _ if case.waiting.attempts > 0 => format!(
            "the last of them ended {quiet} before the end of the trace, and {} for an answer to \
             the SYN now: it goes on as that",
            text::waits(case.waiting.attempts)
        ),
        true => format!(
            "the last of them ended {quiet} before the end of the trace: what came since ended \
             otherwise"
        ),
        false => {
            format!("the last of them ended {quiet} before the end of the trace: it may be over")
        }
    })
}

/// How long none of them has begun or ended, where that is long for them.
fn quiet_ns(case: &Case<'_>) -> Option<u64> {
    if case.tally.open() > 0 || case.held > 0 {
        return None;
    }
    let quiet = case.ended_ago_ns?.min(case.idle_ns?);
    let usual = case.gaps.percentile(95.0)?.saturating_mul(TIMES);
    let longest = case.gaps.max()?;
    // One that is open may end as these did.
    let lived = case.tally.established_for.max().unwrap_or_default();
    let connecting = case.tally.connecting_for.max().unwrap_or_default();
    let longest = longest.max(lived).max(connecting).saturating_mul(LONGEST);
    (quiet >= SHORTEST_NS.max(usual).max(longest)).then_some(quiet)
}

#[cfg(test)]
mod tests {
    use crate::{
        connection::{Connection, Stage},
        diagnose::{
            Churn, Finding,
            test_case::{diagnosed_in, every, living, new_thread_each, only},
        },
        outcome::Outcome,
    };

    const SILENT: (u64, u64, Outcome) = (0, 0, Outcome::ClosedByUsBeforeAnyByte);

    fn against(connections: &[Connection], window_ms: u64) -> String {
        let told = |finding: Finding| finding.reasons_against.join("\n");
        told(only(diagnosed_in(connections, window_ms * 1_000_000)))
    }

    #[test]
    fn churn_that_has_stopped_is_told_as_over() {
        // The last one ends 4.9 s after the clock's zero.
        let forty = every(100, 40, SILENT);
        let words = against(&forty, 17_000);
        assert!(
            words.contains("the last of them ended 12.1 s before the end of the trace"),
            "{words}"
        );
        assert!(!against(&forty, 7_000).contains("may be over"));
    }

    #[test]
    fn what_goes_on_in_another_way_is_not_over() {
        let mut all = every(100, 20, SILENT);
        all.extend(every(100, 80, (0, 0, Outcome::Refused)).split_off(30));
        let findings = diagnosed_in(&all, 10_000_000_000);
        let mut findings = findings.iter();
        let silent = findings.find(|one| one.name != Churn::Refused);
        let words = silent.map(|one| one.reasons_against.join("\n"));
        assert!(
            words.as_ref().is_some_and(|words| words
                .contains("7.10 s before the end of the trace: what came since ended otherwise")),
            "{words:?}"
        );
    }

    /// The close of each got no answer, and each connects anew from its thread.
    #[test]
    fn what_connects_again_without_an_answer_is_not_over() {
        let closed = living(
            1_000,
            every(1, 10, (101, 81, Outcome::AnsweredThenClosedByUs)),
        );
        let mut closed = new_thread_each(closed);
        for one in &mut closed {
            (one.stage, one.ended_ns) = (Stage::Closing, None);
            (one.traffic.payload_out, one.traffic.payload_in) = (None, None);
        }
        // They left it 2 s after the clock's zero.
        let words = |all: &[Connection]| {
            let findings = diagnosed_in(all, 9_000_000_000).into_iter();
            let of_closed = findings.filter(|one| one.name != Churn::Blackhole);
            let words = of_closed.flat_map(|one| one.reasons_against);
            words.collect::<Vec<_>>().join("\n")
        };
        let alone = words(&closed);
        assert!(
            alone.contains("ended 6.99 s before the end of the trace: it may be over"),
            "{alone}"
        );
        // Where the server closed first they are in LAST-ACK.
        let next = diagnosed_in(&closed, 9_000_000_000)
            .remove(0)
            .next
            .join("\n");
        assert!(next.contains("state closing state last-ack '("), "{next}");
        let again = every(1, 10, (0, 0, Outcome::GivenUp)).into_iter();
        let again = again.map(|mut one| {
            one.started_ns += 2_000_000_000;
            one.socket += 1 << 32;
            (one.stage, one.ended_ns, one.error) = (Stage::Open, None, None);
            one
        });
        let mut all = closed.clone();
        all.extend(new_thread_each(again.collect()));
        let back = words(&all);
        assert!(!back.contains("may be over"), "{back}");
        assert!(
            back.contains("10 attempts to connect wait for an answer to the SYN now"),
            "{back}"
        );
        let findings = diagnosed_in(&all, 9_000_000_000);
        let hole = findings.iter().find(|one| one.name == Churn::Blackhole);
        assert_eq!(hole.map(|one| one.connections), Some(10));
    }

    #[test]
    fn what_comes_seldom_or_lives_long_may_come_again() {
        let seldom = every(2_000, 8, SILENT);
        assert!(!against(&seldom, 24_000).contains("may be over"));
        assert!(against(&seldom, 29_000).contains("may be over"));
        // One pause as long as that had come before.
        let mut paused = every(100, 20, SILENT);
        for one in &mut paused[10..] {
            one.started_ns += 8_000_000_000;
            one.ended_ns = one.ended_ns.map(|at| at + 8_000_000_000);
        }
        assert!(!against(&paused, 24_000).contains("may be over"));
        let work = (101, 81, Outcome::AnsweredThenClosedByUs);
        let long = living(6_000, every(100, 40, work));
        assert!(!against(&long, 20_000).contains("may be over"));
    }
}
