// SPDX-License-Identifier: MIT
//! One of the addresses that a client tries never works while others do: a
//! server that is down, or an address that is no longer ZooKeeper's
//! (ZOOKEEPER-2184: the client resolved the name once).

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::StaleAddress,
    severity: Severity::Broken,
    scope: Scope::AnyProtocol,
    judge,
};

/// Other addresses that are named: there may be thousands.
const MOST_NAMED: usize = 3;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let failed = case.shapes().count(|ending, _| ending.is_failed_connect());
    let working: Vec<_> = case
        .siblings
        .iter()
        .filter(|sibling| sibling.working > 0)
        .collect();
    if !case.nearly_all(failed) || working.is_empty() {
        return None;
    }
    let elsewhere: Vec<_> = working
        .iter()
        .map(|sibling| sibling.destination.to_string())
        .collect();
    let addresses = match case.destinations.len() {
        1 => "this address",
        _ => "these addresses",
    };
    Some(
        Verdict::new(
            Confidence::Possible,
            format!(
                "{} to {} failed, while the same process reaches {}.",
                text::counted(failed, "connection attempt"),
                addresses,
                text::some_of(&elsewhere, MOST_NAMED)
            ),
        )
        .because(match failed == case.ended() {
            true => format!("every attempt to {addresses} failed"),
            false => format!("nearly every attempt to {addresses} failed"),
        })
        .because("connections to other addresses from the same process work")
        .number("failed", failed)
        .decided_by(
            "`getent ahosts NAME` with the name in the connect string: if this address is not \
             listed, it is stale; otherwise that server is down, or cannot be reached from here",
        )
        .next("restart the client if the address is stale: older clients resolve names only once"),
    )
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::test_case::{back_off, diagnosed},
        outcome::Outcome,
    };

    #[test]
    fn one_address_fails_and_another_works() {
        let mut connections = back_off(6, (0, 0, Outcome::Refused));
        for connection in &mut connections {
            connection.remote = "192.0.2.1:2181".parse().unwrap();
        }
        connections.extend(back_off(1, (200, 300, Outcome::AnsweredThenClosedByUs)));
        let findings = diagnosed(&connections);
        let refused = &findings[0];
        assert_eq!(refused.destinations, ["192.0.2.1:2181"]);
        let [stale] = refused.alternatives.as_slice() else {
            panic!("{findings:?}");
        };
        assert_eq!(stale.name, Churn::StaleAddress);
        assert!(stale.summary.contains("127.0.0.1:2181"));
    }
}
