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
        held_back,
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
    // One such line is of one packet.
    let is_repeated = logged.is_some_and(|line| line.is_repeated(case));
    let (large, unread) = (
        case.shapes().count_by_size(is_large),
        case.shapes().count_by_size(is_left_unread),
    );
    let is_many = |count: u64| count >= FEWEST && count * 3 >= case.ended();
    let answered = case.shapes().count(|_, spoken| spoken == Spoken::Both);
    let refused = case.shapes().count_by_size(is_reset_unread);
    let confidence = match (is_said, is_many(large) || is_many(unread)) {
        (true, true) if is_repeated => Confidence::Certain,
        (true, true) => Confidence::Likely,
        (true, false) if case.most(answered) => Confidence::Likely,
        (false, _) if is_many(refused) && !may_have_hung(case) => Confidence::Likely,
        // Read to its end, it may have been as large as it should be.
        (false, _) if is_many(large.max(refused)) => Confidence::Possible,
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
            _ if confidence == Confidence::Possible => format!(
                "{} carried up to {} bytes and ended: perhaps a packet larger than jute.maxbuffer \
                 (1,048,575 bytes by default), which is refused.",
                text::counted(large, "connection"),
                text::count(most)
            ),
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
    if refused > 0 {
        verdict = verdict.because(format!(
            "{} carried much one way and ended with a RST: who refuses a packet for its \
             length leaves the rest unread",
            match refused == case.ended() {
                true => "each".to_owned(),
                false => format!("{} of {}", text::count(refused), text::count(case.ended())),
            }
        ));
    } else if large > 0 {
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

/// Whether the rest waited here as a RST came, after so long that a server that refuses a length
/// would have closed: one that hangs reads nothing either, and its kernel sends a RST as it dies.
fn may_have_hung(case: &Case<'_>) -> bool {
    const LONG_NS: u64 = 500_000_000;
    let lived = case.tally.established_for.percentile(50.0);
    held_back::may_have_hung(case) && lived.is_none_or(|lived| lived >= LONG_NS)
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
    shape.client_bytes >= sizes::LARGE
        || shape.server_bytes >= sizes::LARGE
        || is_reset_unread(shape)
}

/// Much was sent, little came back, and then a RST. On a connection that was in use for long
/// much went both ways.
fn is_reset_unread(shape: &Shape) -> bool {
    let is_one_sided =
        |much: u64, little: u64| much >= sizes::LARGE_UNREAD && little < sizes::SMALL;
    match shape.ending {
        Ending::ResetByServer => is_one_sided(shape.client_bytes, shape.server_bytes),
        Ending::ResetByClient => is_one_sided(shape.server_bytes, shape.client_bytes),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::{
            Confidence,
            test_case::{
                back_off, diagnosed, diagnosed_beside_log, every, names_and_alternatives,
                new_thread_each,
            },
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

    /// 600 kB are no reason to end a connection.
    #[test]
    fn what_was_read_to_its_end_was_not_refused() {
        let read = (88, 600_000, Outcome::AnsweredThenClosedByPeer);
        let findings = diagnosed(&new_thread_each(every(300, 9, read)));
        let found = names_and_alternatives(&findings);
        assert_eq!(found[0], (Churn::ClientPerRequest, Confidence::Likely));
        assert!(found.contains(&(Churn::OversizedPacket, Confidence::Possible)));
    }

    /// As of a NAT that has forgotten it.
    #[test]
    fn a_reset_of_what_was_in_use_for_long_is_no_packet() {
        let findings = diagnosed(&back_off(5, (90_000, 70_000, Outcome::ResetByPeer)));
        let found = names_and_alternatives(&findings);
        assert!(
            found
                .iter()
                .all(|(name, _)| *name != Churn::OversizedPacket),
            "{found:?}"
        );
    }

    #[test]
    fn one_line_about_one_packet_does_not_prove_many() {
        let line = "WARN [main-SendThread(zk1:2181)] org.apache.zookeeper.ClientCnxn - Session 0x1, \
                    unexpected error: java.io.IOException: Packet len 1200000 is out of range!";
        let confidence = |count| {
            let large = back_off(12, (1_200_000, 41, Outcome::ResetByPeer));
            let lines = [("packet-too-large", None, line, count)];
            let findings = diagnosed_beside_log(&large, &lines);
            assert_eq!(findings[0].name, Churn::OversizedPacket);
            findings[0].confidence
        };
        assert_eq!(confidence(1), Confidence::Likely);
        assert_eq!(confidence(12), Confidence::Certain);
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
