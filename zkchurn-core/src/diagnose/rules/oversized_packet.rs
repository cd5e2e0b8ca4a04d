// SPDX-License-Identifier: MIT
//! A request or an answer is larger than `jute.maxbuffer` allows; the side whose
//! limit is hit closes, the client reconnects and does it again.

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        evidence::LogLine,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    handshake::message::Foreign,
    inspection::LogSignature,
    ledger::{
        shape::{Ending, Shape, Spoken},
        sizes,
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::OversizedPacket,
    severity: Severity::Broken,
    scope: Scope::ZooKeeperBySize,
    judge,
};

const FEWEST: u64 = 2;

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let logged = case.logged(&[LogSignature::PACKET_TOO_LARGE]);
    let is_said = logged.is_some_and(|line| line.is_of_client() && !is_of_another_protocol(line));
    let (large, unread) = (
        case.shapes().count_exact(is_large),
        case.shapes().count_exact(is_left_unread),
    );
    let is_many = |count: u64| count >= FEWEST && count * 3 >= case.ended();
    let answered = case.shapes().count(|_, spoken| spoken == Spoken::Both);
    let confidence = match (is_said, is_many(large), is_many(unread)) {
        (true, true, _) | (true, _, true) => Confidence::Certain,
        (true, ..) if case.most(answered) => Confidence::Likely,
        (false, true, _) => Confidence::Likely,
        _ => return None,
    };
    let large = large.max(unread);
    let most = case.client_bytes().max.max(case.server_bytes().max);
    let mut verdict = Verdict::new(
        confidence,
        match large {
            0 => "A packet larger than jute.maxbuffer (1,048,575 bytes by default) is refused, and \
                  asked for or sent again after the reconnect."
                .to_owned(),
            _ => format!(
                "{} carried up to {} bytes and ended: a packet larger than jute.maxbuffer \
                 (1,048,575 bytes by default) is refused, and sent again after the reconnect.",
                text::counted(large, "connection"),
                text::count(most)
            ),
        },
    )
    .number("large", large)
    .number("most_bytes", most)
    .next("store less in one znode (or list fewer children); otherwise raise jute.maxbuffer on every client and server");
    if large > 0 {
        verdict =
            verdict.because("a healthy client keeps a connection over which it moves this much");
    }
    match logged {
        Some(line) => verdict = verdict.because(line.quoted()),
        None => {
            verdict = verdict
                .decided_by("the server's log, if the server closes first: \"Len error\"")
                .perhaps_next(
                    case.search_log_for("\"is out of range\"", &[LogSignature::PACKET_TOO_LARGE]),
                );
        }
    }
    Some(verdict)
}

/// Whether the length that was refused is text, as of HTTP, or the beginning of TLS.
fn is_of_another_protocol(line: LogLine<'_>) -> bool {
    let parts = line.text().split(|one: char| !one.is_ascii_digit());
    let mut lengths = parts.filter_map(|part| part.parse::<u32>().ok());
    lengths.any(|length| {
        let is_text = length.to_be_bytes().iter().all(u8::is_ascii_uppercase);
        is_text || Foreign::of_length(length).is_some()
    })
}

/// An answer of which one side refused the rest, however it closed.
fn is_left_unread(shape: &Shape) -> bool {
    matches!(shape.ending, Ending::ClosedByClient | Ending::ResetByClient)
        && shape.server_bytes >= sizes::LARGE_UNREAD
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
