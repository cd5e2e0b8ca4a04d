// SPDX-License-Identifier: MIT
//! Four-letter words to which no byte comes back. ZooKeeper answers each of them, also one that
//! it does not execute (`ServerCnxn.isKnown`, `NopCommand`), and `ruok` also without a quorum.

use super::Rule;
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    ledger::{
        shape::{Ending, Spoken},
        sizes,
    },
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::FourLetterWordUnanswered,
    severity: Severity::Broken,
    scope: Scope::ZooKeeperBySize,
    judge,
};

const FEWEST: u64 = 2;
/// Once or twice a connection may have been cut by anything.
const ENOUGH: u64 = 3;
/// Who closes earlier may not have waited: monitors wait for a second or more.
const WAITED_NS: u64 = 900_000_000;

/// How many four-letter words got no byte back.
pub(super) fn unanswered(case: &Case<'_>) -> u64 {
    case.shapes().count_by_size(|shape| {
        sizes::is_four_letter_word(shape.client_bytes) && shape.server_bytes == 0
    })
}

/// Whether these are the words of the case, and not a few of many that were answered.
pub(super) fn are_nearly_all(case: &Case<'_>, unanswered: u64, words: u64) -> bool {
    unanswered >= FEWEST && unanswered * 10 >= words * 9 && case.most(unanswered)
}

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let silent = unanswered(case);
    let read = case.handshakes().map(|read| read.four_letter_words());
    if read == Some(0) || !are_nearly_all(case, silent, silent) {
        return None;
    }
    let by_server = case.shapes().count(|ending, spoken| {
        matches!(ending, Ending::ClosedByServer | Ending::ResetByServer) && spoken == Spoken::Client
    });
    let is_closed_there = by_server * 2 > silent;
    let lived = case.tally.established_for.percentile(50.0);
    let has_waited = is_closed_there || lived.is_some_and(|lived| lived >= WAITED_NS);
    let verdict = Verdict::new(
        match (has_waited && silent >= ENOUGH, read) {
            (true, Some(_)) => Confidence::Certain,
            (true, None) => Confidence::Likely,
            (false, _) => Confidence::Possible,
        },
        summary(case, silent, is_closed_there),
    )
    .number("words", silent)
    .number("closed_by_server", by_server)
    .because(match read {
        Some(_) => "the words were seen on the wire, and no byte came back",
        None => {
            "each sent 4 to 6 bytes, a word, perhaps with a line end, and got none back: ZooKeeper \
             answers a word that it knows also where it does not serve or does not execute it"
        }
    });
    let verdict = match (lived, has_waited) {
        (Some(lived), false) => verdict.but(format!(
            "the client closed after {} (median): it may not have waited for the answer",
            text::duration(lived)
        )),
        _ => verdict,
    };
    let verdict = match case.tally.retransmits {
        0 => verdict,
        segments => verdict.because(format!(
            "segments were retransmitted {}: packets are lost on the way",
            text::counted(segments, "time")
        )),
    };
    let verdict = match read {
        Some(_) => verdict,
        None => verdict
            .but(
                "a word that ZooKeeper does not know, as the check of another program sends (PING, \
                 QUIT), has no answer either",
            )
            .decided_by("--handshake, which reads the word"),
    };
    Some(advised(verdict, case, is_closed_there))
}

fn summary(case: &Case<'_>, silent: u64, is_closed_there: bool) -> String {
    let words = match case.handshakes() {
        Some(read) => {
            let words: Vec<_> = read.words.keys().map(ToString::to_string).collect();
            format!(
                "{} asked {}",
                text::counted(silent, "connection"),
                words.join(", ")
            )
        }
        None => format!(
            "{} sent a four-letter word such as `ruok` or `mntr`",
            text::counted(silent, "connection")
        ),
    };
    match is_closed_there {
        true => format!(
            "{words}, and the server closed without an answer: what listens there is a proxy with \
             no server behind it, speaks TLS, or is not ZooKeeper."
        ),
        false => format!(
            "{words} and got no byte back: the server accepts connections and does not answer. It \
             hangs or is paused, or is not ZooKeeper."
        ),
    }
}

fn advised(verdict: Verdict, case: &Case<'_>, is_closed_there: bool) -> Verdict {
    let port = case.port();
    match is_closed_there {
        true => verdict.next(format!(
            "find out what listens at port {port}: a proxy whose server is gone, or TLS (`openssl \
             s_client -connect HOST:{port}` shows a certificate)"
        )),
        false => verdict
            .next(format!(
                "on the server's host: {}; a Recv-Q that stays above 0 are connections that the \
                 server does not accept",
                case.at_server(&format!("ss -tln '( sport = :{port} )'"))
            ))
            .next(
                "look for what stops the server: a thread dump (`jstack`), GC pauses, SIGSTOP, a \
                 disk that hangs",
            ),
    }
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        connection::Connection,
        diagnose::{
            Confidence, Severity,
            test_case::{diagnosed, every, living, names, only},
        },
        handshake::{Handshake, message::Message, word::FourLetterWord},
        ledger::handshakes::tests::first,
        outcome::Outcome,
    };

    fn hung(count: u64, waited_ms: u64) -> Vec<Connection> {
        let asked = every(1_500, count, (4, 0, Outcome::ClosedByUsWithoutAnswer));
        living(waited_ms, asked)
    }

    #[test]
    fn a_word_that_gets_no_byte_back_is_no_harmless_monitor() {
        let finding = only(diagnosed(&hung(6, 1_000)));
        assert_eq!(
            (finding.name, finding.confidence, finding.severity),
            (
                Churn::FourLetterWordUnanswered,
                Confidence::Likely,
                Severity::Broken
            )
        );
        let said = format!("{} {}", finding.summary, finding.next.join("; "));
        assert!(said.contains("does not answer"), "{said}");
        let against = finding.reasons_against.join("; ");
        assert!(against.contains("PING"), "{against}");
        assert!(!said.contains("harmless") && !said.contains("nothing to do"));
    }

    #[test]
    fn who_closes_at_once_may_not_have_waited() {
        let finding = only(diagnosed(&hung(6, 20)));
        assert_eq!(finding.confidence, Confidence::Possible);
        assert!(finding.reasons_against[0].contains("may not have waited"));
        assert_eq!(
            only(diagnosed(&hung(2, 1_000))).confidence,
            Confidence::Possible
        );
    }

    #[test]
    fn what_closes_without_an_answer_does_not_hang() {
        let closed = every(1_000, 6, (4, 0, Outcome::ClosedByPeerWithoutAnswer));
        let finding = only(diagnosed(&closed));
        assert_eq!(finding.name, Churn::FourLetterWordUnanswered);
        assert!(finding.summary.contains("the server closed without"));
        assert!(!finding.summary.contains("hangs"));
    }

    #[test]
    fn words_that_were_read_make_it_certain() {
        let mut asked = hung(6, 1_000);
        for connection in &mut asked {
            let word = FourLetterWord::of(b"ruok").unwrap();
            connection.handshake = Some(Handshake {
                request: first(Message::FourLetterWord { word }),
                response: None,
            });
        }
        let finding = only(diagnosed(&asked));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::FourLetterWordUnanswered, Confidence::Certain)
        );
        assert!(
            finding.summary.contains("asked ruok"),
            "{}",
            finding.summary
        );
    }

    #[test]
    fn answered_and_unanswered_ones_have_a_count_each() {
        let mut mixed = hung(5, 1_000);
        mixed.extend(every(1_700, 12, (4, 4, Outcome::AnsweredThenClosedByPeer)));
        let findings = diagnosed(&mixed);
        assert_eq!(
            names(&findings),
            [
                (Churn::FourLetterWordUnanswered, Confidence::Likely),
                (Churn::FourLetterWordMonitor, Confidence::Likely)
            ]
        );
        assert_eq!(findings[0].numbers["words"], 5);
        assert_eq!(findings[1].numbers["words"], 12);
    }
}
