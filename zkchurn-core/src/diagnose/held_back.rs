// SPDX-License-Identifier: MIT
//! Who may have sent RSTs that came: each bears the peer's address, also where a firewall or a
//! proxy on the way sends it.
//!
//! Some came while what the program had written last had not left this host, and nothing else
//! was on its way: a firewall of this host sends such ones, and nobody at the other end has closed.
//! Where much was sent before, the peer may have stopped reading, too, and then its own kernel
//! resets the connection as it dies.

use super::{
    case::Case,
    churn::Churn,
    finding::{Confidence, Verdict},
};
use crate::{connection::Side, ledger::shape::Ending, text, traffic::FIRST_WINDOW};

/// Says so of connections of which most ended like that, and where to look.
pub(super) fn weigh(name: Churn, case: &Case<'_>, verdict: Verdict) -> Verdict {
    if are_held_back(case) {
        return match may_have_hung(case) {
            true => by_either(name, case, verdict),
            false => by_own_firewall(case, verdict),
        };
    }
    // These say by themselves what else there is, or rest on more than RSTs.
    let is_said = matches!(name, Churn::IdleTimeout | Churn::ServerRestarts);
    if is_said || verdict.confidence == Confidence::Certain || !are_resets(case) {
        return verdict;
    }
    verdict.but(format!(
        "a RST bears the {}'s address whoever sends it: a firewall or proxy on the way, or a \
         container's host, may have sent them",
        peer(case)
    ))
}

/// Whether half of the connections or more ended while what was written last waited here.
fn are_held_back(case: &Case<'_>) -> bool {
    let held_back = case.tally.reset_before_sending;
    held_back > 0 && held_back * 2 >= case.ended()
}

/// Whether they may have waited because the peer read no more: so much was sent that its window may
/// have been full.
pub(super) fn may_have_hung(case: &Case<'_>) -> bool {
    are_held_back(case) && case.tally.payload_out.max >= FIRST_WINDOW
}

/// Whether half of the connections or more ended with a RST that came.
pub(super) fn are_resets(case: &Case<'_>) -> bool {
    let ending = match case.side {
        Side::Client => Ending::ResetByServer,
        Side::Server => Ending::ResetByClient,
    };
    let resets = case.shapes().ending(ending);
    resets > 0 && resets * 2 >= case.ended()
}

const fn peer(case: &Case<'_>) -> &'static str {
    match case.side {
        Side::Client => "server",
        Side::Server => "client",
    }
}

fn by_own_firewall(case: &Case<'_>, verdict: Verdict) -> Verdict {
    let resets = case.tally.reset_before_sending;
    let peer = peer(case);
    let mut verdict = verdict.number("reset_before_sending", resets);
    let why = format!(
        "on {} a RST came while what was written last had not left this host and nothing else was \
         on its way: a REJECT rule of this host's own firewall sends such a RST in the {peer}'s \
         name, unless the {peer} had stopped reading",
        text::counted(resets, "connection")
    );
    // First: it is quickly done, and decides.
    verdict.reasons_against.insert(0, why);
    verdict.next.insert(0, look_for_a_rule(case));
    verdict
}

/// Both look the same here.
fn by_either(name: Churn, case: &Case<'_>, verdict: Verdict) -> Verdict {
    let resets = case.tally.reset_before_sending;
    let peer = peer(case);
    let mut verdict = verdict.number("reset_before_sending", resets);
    let why = format!(
        "on {} a RST came while data waited here and nothing was on its way: either the {peer} had \
         stopped reading, and its kernel reset the connection as it closed or died, or a REJECT \
         rule of this host's own firewall did so in its name",
        text::counted(resets, "connection")
    );
    verdict.reasons_against.insert(0, why);
    // Who refuses a packet for its length leaves the rest unread, too.
    if name == Churn::OversizedPacket && verdict.confidence != Confidence::Possible {
        return verdict.next(format!("if that is not it, {}", look_for_a_rule(case)));
    }
    let look = [
        format!("find out whether the {peer} hung, and then closed or died, at these times"),
        format!("if not, {}", look_for_a_rule(case)),
    ];
    verdict.next.splice(0..0, look);
    verdict
}

fn look_for_a_rule(case: &Case<'_>) -> String {
    format!(
        "look for a rule on this host that rejects with a TCP reset: {}",
        case.network.firewall()
    )
}

#[cfg(test)]
mod tests {
    use crate::{
        connection::Connection,
        diagnose::{
            Churn, Confidence, Finding,
            test_case::{diagnosed, every, living},
        },
        outcome::Outcome,
    };

    fn found(unsent: u32, in_flight: u32) -> Finding {
        let mut connections = every(1_500, 6, (49, 41, Outcome::ResetByPeer));
        connections.iter_mut().for_each(|one: &mut Connection| {
            one.traffic.unsent = Some(unsent);
            one.traffic.in_flight = Some(in_flight);
        });
        diagnosed(&connections).remove(0)
    }

    #[test]
    fn a_rst_for_what_did_not_leave_this_host_is_not_said_to_be_the_servers() {
        let says = |finding: &Finding| {
            let mut but = finding.reasons_against.iter();
            let mut next = finding.next.iter();
            but.any(|why| why.contains("in the server's name"))
                && next.any(|next| next.contains("rejects with a TCP reset"))
        };
        let here = found(12, 0);
        assert!(says(&here), "{here:?}");
        let seen = here.seen.unwrap();
        assert!(seen.contains("each reset in the server's name"), "{seen}");
        for (unsent, in_flight) in [(0, 12), (12, 12), (0, 0)] {
            let there = found(unsent, in_flight);
            assert!(!says(&there), "{unsent} {in_flight}");
            let seen = there.seen.unwrap();
            assert!(
                seen.contains("each reset by the server or in its name"),
                "{seen}"
            );
        }
    }

    /// A server hangs, its window is full, and it is killed.
    #[test]
    fn a_server_that_had_stopped_reading_may_have_sent_its_rst_itself() {
        let mut connections = every(3_500, 6, (127_025, 41, Outcome::ResetByPeer));
        connections.iter_mut().for_each(|one| {
            one.traffic.unsent = Some(40_000);
            one.traffic.in_flight = Some(0);
        });
        let of_any_age = diagnosed(&connections).remove(0);
        assert_eq!(of_any_age.name, Churn::OversizedPacket);
        let of_one_age = diagnosed(&living(1_320, connections)).remove(0);
        assert_eq!(of_one_age.confidence, Confidence::Possible);
        for finding in [of_any_age, of_one_age] {
            let seen = finding.seen.as_deref().unwrap_or_default();
            assert!(!seen.contains("in the server's name"), "{seen}");
            let against = finding.reasons_against.join("; ");
            assert!(against.contains("its kernel reset"), "{against}");
            assert!(!against.contains("looks the same"), "{against}");
            let why = finding.reasons_for.join("; ");
            assert!(!why.contains("has forgotten a connection"), "{why}");
            let next = finding.next.join("; ");
            assert!(next.contains("rejects with a TCP reset"), "{next}");
            assert!(!finding.next[0].contains("rejects"), "{next}");
        }
    }

    /// The host's firewall rejects what its containers send (FORWARD), or one on the way does.
    #[test]
    fn of_any_rst_it_is_said_that_another_may_have_sent_it() {
        let said = |kind| {
            let finding = diagnosed(&every(1_500, 6, kind)).remove(0);
            let against = finding.reasons_against.join("; ");
            assert!(!against.contains("the server ended each"), "{against}");
            against.contains("whoever sends it")
        };
        for bytes in [(97, 121), (49, 0), (106, 0), (49, 41)] {
            assert!(said((bytes.0, bytes.1, Outcome::ResetByPeer)), "{bytes:?}");
        }
        assert!(!said((49, 0, Outcome::ClosedByPeerWithoutAnswer)));
    }
}
