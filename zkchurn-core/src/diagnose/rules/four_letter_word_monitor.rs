// SPDX-License-Identifier: MIT
//! A monitor asks ZooKeeper one of its four-letter words.

use super::Rule;
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

fn judge(case: &Case<'_>) -> Option<Verdict> {
    if let Some(handshakes) = case.handshakes() {
        return by_words(case, handshakes);
    }
    let words = case
        .shapes()
        .count_by_size(|shape| sizes::is_four_letter_word(shape.client_bytes));
    if words < FEWEST || !case.most(words) {
        return None;
    }
    let verdict = Verdict::new(
        Confidence::Likely,
        format!(
            "{} sent a four-letter word such as `ruok` or `mntr`: a monitor, and harmless.",
            text::counted(words, "connection")
        ),
    )
    .because(match words == case.ended() {
        true => "each sent 4 to 6 bytes: a word, perhaps with a line end, and no session request",
        false => "these sent 4 to 6 bytes: a word, perhaps with a line end, and no session request",
    })
    .number("words", words)
    .decided_by("--handshake, which reads the word")
    .next(ADVICE);
    Some(match case.rhythm.is_constant() {
        true => verdict.because("they come at a fixed interval, as from a timer"),
        false => verdict,
    })
}

const ADVICE: &str = "nothing to do, unless there are too many: the admin server (port 8080, \
                      /commands) gives the same answers and logs nothing";

/// The words themselves were read.
fn by_words(case: &Case<'_>, handshakes: &Handshakes) -> Option<Verdict> {
    let count = handshakes.four_letter_words();
    if count < FEWEST || !case.most(count) {
        return None;
    }
    let words: Vec<_> = handshakes
        .words
        .iter()
        .map(|(word, count)| format!("{word} {}", text::counted(*count, "time")))
        .collect();
    Some(
        Verdict::new(
            Confidence::Certain,
            format!("A monitor sends {}: harmless.", words.join(", ")),
        )
        .because("the words were seen on the wire")
        .number("words", count)
        .next(ADVICE),
    )
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

    /// Two words are a monitor, one is not, as long as most connections send one.
    #[test]
    fn words_that_were_read_are_certain_from_two_on() {
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
            (2, 0, true),
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
}
