// SPDX-License-Identifier: MIT
//! RSTs that came while what the program had written last had not left this host, and nothing
//! else was on its way: a firewall of this host sends such ones in the peer's name, and nobody
//! at the other end has closed.

use super::{case::Case, finding::Verdict};
use crate::{connection::Side, text};

/// Says so of connections of which most ended like that, and where to look.
pub(super) fn weigh(case: &Case<'_>, verdict: Verdict) -> Verdict {
    let resets = case.tally.reset_before_sending;
    if resets == 0 || resets * 2 < case.ended() {
        return verdict;
    }
    let peer = match case.side {
        Side::Client => "server",
        Side::Server => "client",
    };
    let mut verdict = verdict.number("reset_before_sending", resets).but(format!(
        "on {} a RST came while what was written last had not left this host and nothing else \
             was on its way: a REJECT rule of this host's own firewall sends such a RST in the \
             {peer}'s name, unless the {peer} had stopped reading",
        text::counted(resets, "connection")
    ));
    // First: it is quickly done, and decides.
    let look = format!(
        "look for a rule on this host that rejects with a TCP reset: {}",
        case.network.firewall()
    );
    verdict.next.insert(0, look);
    verdict
}

#[cfg(test)]
mod tests {
    use crate::{
        connection::Connection,
        diagnose::{
            Finding,
            test_case::{diagnosed, every},
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
            assert!(seen.contains("each reset by the server"), "{seen}");
        }
    }
}
