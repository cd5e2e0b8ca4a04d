// SPDX-License-Identifier: MIT
//! A request or an answer is larger than `jute.maxbuffer` allows; the side whose
//! limit is hit closes, the client reconnects and does it again.

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    inspection::LogSignature,
    ledger::{
        shape::{Ending, Shape},
        sizes,
    },
    text,
};

pub const RULE: Rule = Rule {
    name: Churn::OversizedPacket,
    severity: Severity::Broken,
    scope: Scope::ZooKeeperBySize,
    judge,
};

const FEWEST: u64 = 2;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let large = case.shapes().count_exact(is_large);
    if large < FEWEST || large * 3 < case.ended() {
        return None;
    }
    let logged = case.logged(&[LogSignature::PACKET_TOO_LARGE]);
    let confidence = match logged {
        Some(_) => Confidence::Certain,
        None => Confidence::Likely,
    };
    let most = case.client_bytes().max.max(case.server_bytes().max);
    let mut verdict = Verdict::new(
        confidence,
        format!(
            "{} carried up to {} bytes and ended: a packet larger than jute.maxbuffer \
             (1,048,575 bytes by default) is refused, and sent again after the reconnect.",
            text::counted(large, "connection"),
            text::count(most)
        ),
    )
    .because("a healthy client keeps a connection over which it moves this much")
    .number("large", large)
    .number("most_bytes", most)
    .decided_by("the log of the side that closes: \"Len error\" or \"is out of range\" (--logs)")
    .next("store less in one znode (or list fewer children); otherwise raise jute.maxbuffer on every client and server");
    if let Some(line) = logged {
        verdict = verdict.because(format!("the log says so: \"{}\"", line.last.trim()));
    }
    Some(verdict)
}

/// By its size, or by what was left unread of it.
fn is_large(shape: &Shape) -> bool {
    let Shape {
        ending,
        client_bytes,
        server_bytes,
    } = *shape;
    client_bytes >= sizes::LARGE
        || server_bytes >= sizes::LARGE
        || (ending == Ending::ResetByServer && client_bytes >= sizes::LARGE_UNREAD)
        || (ending == Ending::ResetByClient && server_bytes >= sizes::LARGE_UNREAD)
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::{
            Confidence,
            test_case::{back_off, diagnosed},
        },
        outcome::Outcome,
    };

    #[test]
    fn what_the_server_left_unread_is_enough() {
        let findings = diagnosed(&back_off(5, (127_025, 41, Outcome::ResetByPeer)));
        assert_eq!(findings[0].name, Churn::OversizedPacket);
        let findings = diagnosed(&back_off(5, (12_025, 41, Outcome::ResetByPeer)));
        assert_ne!(findings[0].name, Churn::OversizedPacket);
    }

    #[test]
    fn a_megabyte_again_and_again() {
        let findings = diagnosed(&back_off(5, (1_200_000, 41, Outcome::ResetByPeer)));
        let finding = &findings[0];
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::OversizedPacket, Confidence::Likely)
        );
        assert_eq!(finding.numbers["large"], 5);
    }
}
