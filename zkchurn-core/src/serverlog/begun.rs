// SPDX-License-Identifier: MIT
//! What is begun again and again, or left to expire, in a log that tells few ends or none: from
//! ZooKeeper 3.5.5 on ends are logged at DEBUG. So many accepted connections are churn seen from
//! the other side.

use super::{
    finding::{Rule, Subject},
    kind::Kind,
};
use crate::{
    diagnose::{Churn, Confidence, Severity},
    text,
};

/// So many of one address are remarkable over whatever time, and more than one host holds open.
const MANY: u64 = 100;
/// So many are no start of many clients at once.
const VERY_MANY: u64 = 1_000;

/// What was found, and how often.
pub(super) struct Begun {
    pub rule: Rule,
    pub count: u64,
}

const ACCEPTED: Rule = Rule {
    name: Churn::UnexplainedChurn,
    kinds: &[Kind::Accepted],
    least: 20,
    confidence: Confidence::Possible,
    severity: Severity::Wasteful,
    does: "opened {} whose ends this log does not report",
    means: "possibly a client that connects again and again, or a new one for each request; or \
        they are all open still",
    cannot_tell_from: &[Churn::ClientPerRequest, Churn::HandleLeak],
    would_decide: "how many of them are open (`cons`, or `ss -tn` on the server): many clients that \
        start at once and stay, one that leaks and one that reconnects look the same here",
    next: "run `sudo zkchurn` on that host",
};

const SESSIONS: Rule = Rule {
    name: Churn::SessionsComeAndGo,
    kinds: &[Kind::SessionAsked, Kind::RenewalAsked, Kind::Established],
    does: "began or renewed {s} whose ends this log does not report",
    ..ACCEPTED
};

const EXPIRED: Rule = Rule {
    name: Churn::SessionsComeAndGo,
    kinds: &[Kind::Expired],
    least: 10,
    does: "left {s} to expire instead of closing them",
    means: "each client died, was paused or lost the network for longer than its timeout, or was \
        dropped without a close",
    cannot_tell_from: &[Churn::ClientPerRequest],
    would_decide: "the clients' logs and pauses: a client for each request that nobody closes and \
        one whose JVM pauses look the same here",
    next: "run `sudo zkchurn --jvm dump` on that host",
    ..ACCEPTED
};

/// What an address begins without its ends in the log, and what of it expires. Where ends are
/// told they say more.
pub(super) fn found(subject: &Subject<'_>) -> impl Iterator<Item = Begun> + use<> {
    let counts = &subject.details.counts;
    let ended = counts.sum(Kind::is_end);
    let sessions = [Kind::SessionAsked, Kind::RenewalAsked];
    let sessions = counts
        .sum(|kind| sessions.contains(&kind))
        .max(counts.of(Kind::Established));
    let accepted = counts.of(Kind::Accepted);
    let (rule, begun) = match accepted >= sessions {
        true => (ACCEPTED, accepted),
        false => (SESSIONS, sessions),
    };
    let expired = counts.of(Kind::Expired);
    // Sessions that come and go are told of with those that expire.
    let is_told = counts.of(Kind::EndedWithSession) >= 10;
    let begun = judged(rule, begun, subject, ended * 2 < begun);
    let expired = judged(EXPIRED, expired, subject, !is_told);
    begun.into_iter().chain(expired)
}

fn judged(rule: Rule, count: u64, subject: &Subject<'_>, is_new: bool) -> Option<Begun> {
    let range = subject.details.range(rule.kinds);
    let seconds = range.map_or(0, |(first, last)| last.0.saturating_sub(first.0) / 1000);
    // A start of all clients of a host is over within a minute.
    let minutes = u64::try_from(seconds).unwrap_or(0) / 60;
    let often = count >= rule.least && minutes >= 1 && count / minutes >= 1;
    let confidence = match count >= VERY_MANY {
        true => Confidence::Likely,
        false => rule.confidence,
    };
    (is_new && (often || count >= MANY)).then_some(Begun {
        rule: Rule { confidence, ..rule },
        count,
    })
}

/// ` (12 connections accepted and 3 sessions expired)`: what a log that tells no churn has of
/// clients all the same.
pub(super) fn also(of: impl Fn(Kind) -> u64, ended: u64) -> String {
    let kinds = [
        (Kind::Accepted, "connection", "accepted"),
        (Kind::Established, "session", "established or renewed"),
        (Kind::Expired, "session", "expired"),
    ];
    let told: Vec<_> = kinds
        .into_iter()
        .filter(|(kind, ..)| of(*kind) > 0)
        .map(|(kind, noun, what)| format!("{} {what}", text::counted(of(kind), noun)))
        .collect();
    if told.is_empty() {
        return String::new();
    }
    let ends = match ended == 0 && of(Kind::Accepted).max(of(Kind::Established)) > 0 {
        true => "; this log does not report their ends",
        false => "",
    };
    format!(" ({}{ends})", text::listed(&told))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::serverlog::{
        busiest::Room,
        moment::Moment,
        tally::{Address, Event},
    };

    /// So many of a kind, one in so many seconds.
    fn found_of(kinds: &[(Kind, u64)], every_s: i64) -> Vec<(&'static str, u64, Confidence)> {
        let mut details = Address::default();
        let mut room = Room::of(1000);
        for (kind, times) in kinds {
            for number in 0..*times {
                let event = Event {
                    kind: *kind,
                    times: 1,
                    at: Some(Moment(1_700_000_000_000 + number as i64 * every_s * 1000)),
                };
                details.add(event, &mut room);
            }
        }
        let subject = Subject {
            address: Some("10.0.0.7"),
            details: &details,
            broken_with: &BTreeMap::new(),
        };
        found(&subject)
            .map(|found| (found.rule.does, found.count, found.rule.confidence))
            .collect()
    }

    #[test]
    fn what_begins_often_without_an_end_is_churn_seen_from_that_side() {
        use Confidence::{Likely, Possible};
        use Kind::{Accepted, ClosedWithoutSession, EndedWithSession, Established, Expired};
        assert_eq!(
            found_of(&[(Accepted, 3000)], 1),
            [(ACCEPTED.does, 3000, Likely)]
        );
        assert_eq!(
            found_of(&[(Accepted, 30)], 10),
            [(ACCEPTED.does, 30, Possible)]
        );
        assert_eq!(
            found_of(&[(Established, 300)], 0),
            [(SESSIONS.does, 300, Possible)]
        );
        assert_eq!(
            found_of(&[(Expired, 20)], 4),
            [(EXPIRED.does, 20, Possible)]
        );
        // All clients of a host start, some come in a day, ends are told.
        assert_eq!(found_of(&[(Accepted, 60)], 0), []);
        assert_eq!(found_of(&[(Accepted, 60)], 3600), []);
        assert_eq!(found_of(&[(Expired, 9)], 4), []);
        assert_eq!(
            found_of(&[(Accepted, 300), (ClosedWithoutSession, 280)], 1),
            []
        );
        assert_eq!(found_of(&[(Expired, 20), (EndedWithSession, 20)], 4), []);
    }

    #[test]
    fn what_is_no_finding_is_named_all_the_same() {
        let of = |accepted, expired| {
            move |kind| match kind {
                Kind::Accepted => accepted,
                Kind::Expired => expired,
                _ => 0,
            }
        };
        assert_eq!(also(of(0, 0), 0), "");
        assert_eq!(also(of(0, 1), 0), " (1 session expired)");
        assert_eq!(
            also(of(5, 2), 0),
            " (5 connections accepted and 2 sessions expired; this log does not report their ends)"
        );
        assert_eq!(also(of(5, 0), 5), " (5 connections accepted)");
    }
}
