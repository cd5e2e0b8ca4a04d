// SPDX-License-Identifier: MIT
//! A monitor asks ZooKeeper one of its four-letter words.

use super::{Rule, four_letter_word_unanswered};
use crate::{
    diagnose::{
        case::Case,
        churn::Churn,
        finding::{Confidence, Severity, Verdict},
        protocol::Scope,
    },
    ledger::{handshakes::Handshakes, sizes},
    text,
};

pub(super) const RULE: Rule = Rule {
    name: Churn::FourLetterWordMonitor,
    severity: Severity::Harmless,
    scope: Scope::ZooKeeperBySize,
    judge,
};

const FEWEST: u64 = 2;
/// Once or twice somebody may have typed it.
const ENOUGH: u64 = 3;

/// Bytes of `ro` or `rw`, with a line end; every other answer has more.
const ANSWER: u64 = 3;

const ADVICE: &str = "nothing to do, unless there are too many: the admin server (port 8080, \
                      /commands) gives the same answers and logs nothing";

fn judge(case: &Case<'_>) -> Option<Verdict> {
    let unanswered = four_letter_word_unanswered::unanswered(case);
    let handshakes = case.handshakes();
    let words = match handshakes {
        Some(handshakes) => handshakes.four_letter_words(),
        None => case
            .shapes()
            .count_by_size(|shape| sizes::is_four_letter_word(shape.client_bytes)),
    };
    let is_nobody_there = four_letter_word_unanswered::are_nearly_all(case, unanswered, words);
    if words < FEWEST || !case.most(words) || is_nobody_there {
        return None;
    }
    let verdict = match handshakes {
        Some(handshakes) => by_words(words, handshakes),
        None => by_size(case, words),
    };
    let verdict = match words >= ENOUGH {
        true => verdict,
        false => verdict
            .at_most(Confidence::Possible)
            .but("somebody who types it by hand does the same"),
    };
    let verdict = match may_be_of_client(case) {
        true => or_client(verdict, case, words),
        false => verdict,
    };
    Some(with_answers(
        verdict.number("words", words),
        case,
        unanswered,
    ))
}

fn by_size(case: &Case<'_>, words: u64) -> Verdict {
    let verdict = Verdict::new(
        Confidence::Likely,
        format!(
            "{} sent a four-letter word such as `ruok` or `mntr`: {}, and harmless.",
            text::counted(words, "connection"),
            whose(words)
        ),
    )
    .because(match words == case.ended() {
        true => "each sent 4 to 6 bytes: a word, perhaps with a line end, and no session request",
        false => "these sent 4 to 6 bytes: a word, perhaps with a line end, and no session request",
    })
    .decided_by("--handshake, which reads the word");
    match case.rhythm.is_constant() {
        true => verdict.because("they come at a fixed interval, as from a timer"),
        false => verdict,
    }
}

/// The words themselves were read.
fn by_words(count: u64, handshakes: &Handshakes) -> Verdict {
    let words: Vec<_> = handshakes
        .words
        .iter()
        .map(|(word, count)| format!("{word} {}", text::counted(*count, "time")))
        .collect();
    let words = words.join(", ");
    Verdict::new(
        Confidence::Certain,
        match count >= ENOUGH {
            true => format!("A monitor sends {words}: harmless."),
            false => format!("Somebody sent {words}: {}, and harmless.", whose(count)),
        },
    )
    .because("the words were seen on the wire")
}

fn whose(words: u64) -> &'static str {
    match words >= ENOUGH {
        true => "a monitor",
        false => "a monitor, or somebody by hand",
    }
}

/// ZooKeeper's Java client asks one word itself, `isro`, whose answer is `ro` or `rw`: while it is
/// attached to a read-only server it looks for another one (`ClientCnxn.SendThread.pingRwServer`).
fn may_be_of_client(case: &Case<'_>) -> bool {
    match case.handshakes() {
        Some(handshakes) => {
            let mut words = handshakes.words.keys();
            words.all(|word| word.is_read_only())
        }
        None => (1..=ANSWER).contains(&case.server_bytes().max),
    }
}

fn or_client(mut verdict: Verdict, case: &Case<'_>, words: u64) -> Verdict {
    verdict.summary = format!(
        "{} asked `isro`, whether the server is read-only: a ZooKeeper client that is attached to a \
         read-only server, and looks for another one, or a monitor.",
        text::counted(words, "connection")
    );
    let first = format!(
        "look first whether a server has lost its quorum: {} shows `Mode: read-only`",
        case.at_server(&format!("echo srvr | nc localhost {}", case.port()))
    );
    verdict.next.insert(0, first);
    verdict.at_most(Confidence::Possible).but(
        "of all words a client asks this one itself, until it finds a server that has its quorum: \
         then it is no monitor, and not harmless",
    )
}

/// What the server made of them.
fn with_answers(verdict: Verdict, case: &Case<'_>, unanswered: u64) -> Verdict {
    let verdict = match unanswered {
        0 => verdict,
        some => verdict.number("unanswered", some).but(format!(
            "{} of them got no byte back: a server that hangs or pauses for a while does that",
            text::count(some)
        )),
    };
    let refused = case.shapes().count_by_size(sizes::is_refused_word);
    match case.nearly_all(refused) {
        true => verdict
            .because(
                "each got 57 bytes back, the size of \"ruok is not executed because it is not in \
                 the whitelist.\"",
            )
            .next(
                "if the monitor needs the answers, add the word to 4lw.commands.whitelist in \
                 zoo.cfg, or ask the admin server (port 8080, /commands)",
            ),
        false => verdict.next(ADVICE),
    }
}

#[cfg(test)]
mod tests {
    use super::Churn;
    use crate::{
        diagnose::{
            Confidence,
            test_case::{diagnosed, every, only},
        },
        handshake::{Handshake, message::Message, word::FourLetterWord},
        ledger::handshakes::tests::first,
        outcome::Outcome,
    };

    #[test]
    fn four_bytes_and_an_answer() {
        let asked = (4, 16_318, Outcome::AnsweredThenClosedByPeer);
        let finding = only(diagnosed(&every(1_000, 12, asked)));
        assert_eq!(
            (finding.name, finding.confidence),
            (Churn::FourLetterWordMonitor, Confidence::Likely)
        );
    }

    /// Somebody may have typed two; three are a monitor, as long as most connections send one.
    #[test]
    fn words_that_were_read_are_certain_from_three_on() {
        let read = |words: usize, others: u64| {
            let mut connections = every(
                1_000,
                words as u64 + others,
                (4, 90, Outcome::AnsweredThenClosedByPeer),
            );
            for (number, connection) in connections.iter_mut().enumerate() {
                let message = match number < words {
                    true => Message::FourLetterWord {
                        word: FourLetterWord::of(b"ruok").unwrap(),
                    },
                    false => Message::Other,
                };
                connection.handshake = Some(Handshake {
                    request: first(message),
                    response: None,
                });
            }
            let found = diagnosed(&connections);
            found.iter().any(|finding| {
                let is_monitor = finding.name == Churn::FourLetterWordMonitor;
                is_monitor && finding.confidence == Confidence::Certain
            })
        };
        for (words, others, is_found) in [
            (1, 0, false),
            (2, 0, false),
            (3, 0, true),
            (12, 0, true),
            (2, 30, false),
        ] {
            assert_eq!(
                read(words, others),
                is_found,
                "{words} words, {others} others"
            );
        }
    }
    #[test]
    fn who_asks_twice_may_have_typed_it() {
        let asked = every(9_000, 2, (4, 4, Outcome::AnsweredThenClosedByPeer));
        let finding = only(diagnosed(&asked));
        assert_eq!(finding.confidence, Confidence::Possible);
        assert!(finding.summary.contains("or somebody by hand"));
    }

    /// Its answer is shorter than any other.
    #[test]
    fn a_client_of_a_read_only_server_asks_for_another_one() {
        let confidence = |answer| {
            let asked = every(1_000, 12, (4, answer, Outcome::AnsweredThenClosedByPeer));
            let finding = only(diagnosed(&asked));
            let is_told = finding.next[0].contains("lost its quorum");
            assert_eq!(is_told, finding.summary.contains("isro"));
            assert_eq!(is_told, !finding.summary.contains("harmless"));
            finding.confidence
        };
        assert_eq!(confidence(2), Confidence::Possible);
        assert_eq!(confidence(4), Confidence::Likely);
    }

    #[test]
    fn a_few_that_got_no_answer_are_counted() {
        let mut asked = every(1_000, 12, (4, 90, Outcome::AnsweredThenClosedByPeer));
        let silent = every(1_300, 1, (4, 0, Outcome::ClosedByUsWithoutAnswer));
        asked.extend(silent);
        let finding = only(diagnosed(&asked));
        assert_eq!(finding.name, Churn::FourLetterWordMonitor);
        assert!(
            finding.reasons_against[0].contains("1 of them got no byte back"),
            "{finding:?}"
        );
    }

    #[test]
    fn a_server_that_refuses_the_word_answers_with_a_line() {
        let said = |server| {
            let asked = every(1_000, 12, (4, server, Outcome::AnsweredThenClosedByPeer));
            let finding = only(diagnosed(&asked));
            format!("{finding:?}").contains("not in the whitelist")
        };
        // "... currently serving requests" has one byte more.
        assert_eq!([57, 58, 4].map(said), [true, false, false]);
    }
}
