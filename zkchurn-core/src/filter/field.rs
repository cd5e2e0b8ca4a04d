// SPDX-License-Identifier: MIT
//! The fields of a filter, and reading their values. docs/reference/filter.md lists them.

use std::ops::{Range, RangeInclusive};

use jiff::SignedDuration;

use super::{
    address::{Address, NoAddress},
    error::FilterError,
    grammar::{Operator, Spanned, Term},
    pattern::Pattern,
    predicate::Predicate,
    row::RowPredicate,
};
use crate::{
    connection::{FirstClose, Side},
    diagnose::{Churn, Confidence, Severity},
    errno,
    outcome::Outcome,
};

/// What a term tests.
pub(super) enum Tested {
    Connection(Predicate),
    /// A finding.
    Row(RowPredicate),
}

const FIELDS: &str = "process, thread, pid, tid, uid, user, unit, container, pod, peer, local, \
                      port, side, outcome, first_close, error, lived, connecting, sent, received; \
                      of findings: finding, confidence, severity, connections";

/// What one value of a term tests.
pub(super) fn tested(text: &str, term: &Term, value: &Spanned) -> Result<Tested, FilterError> {
    let read = Reading { text, term, value };
    let predicate = match term.field.text.as_str() {
        "process" => Predicate::Process(read.pattern()?),
        "thread" => Predicate::Thread(read.pattern()?),
        "unit" => Predicate::Unit(read.pattern()?),
        "container" => Predicate::Container(read.pattern()?),
        "pod" => Predicate::Pod(read.pattern()?),
        "user" => Predicate::User(read.pattern()?),
        "pid" => Predicate::Pid(read.range()?),
        "tid" => Predicate::Tid(read.range()?),
        "uid" => Predicate::Uid(read.range()?),
        "port" => Predicate::Port(read.range()?),
        "peer" => Predicate::Peer(read.address()?),
        "local" => Predicate::Local(read.address()?),
        "side" => {
            Predicate::Side(read.one_of(&[("client", Side::Client), ("server", Side::Server)])?)
        }
        "outcome" => Predicate::Outcome(read.outcomes()?),
        "first_close" => Predicate::FirstClose(read.one_of(&[
            ("us", FirstClose::Us),
            ("peer", FirstClose::Peer),
            ("kernel", FirstClose::Kernel),
        ])?),
        "error" => Predicate::Error(read.errno()?),
        "lived" => Predicate::Lived(term.operator, read.duration()?),
        "connecting" => Predicate::Connecting(term.operator, read.duration()?),
        "sent" => Predicate::Sent(term.operator, read.number()?),
        "received" => Predicate::Received(term.operator, read.number()?),
        other => return row(other, &read).map(Tested::Row),
    };
    Ok(Tested::Connection(predicate))
}

fn row(field: &str, read: &Reading<'_>) -> Result<RowPredicate, FilterError> {
    let operator = read.term.operator;
    Ok(match field {
        "finding" => RowPredicate::Finding(read.one_of(&Churn::ALL.map(|one| (one.id(), one)))?),
        "confidence" => {
            let words = Confidence::ALL.map(|one| (one.word(), one));
            RowPredicate::Confidence(operator, read.ordered(&words)?)
        }
        "severity" => {
            let words = Severity::ALL.map(|one| (one.word(), one));
            RowPredicate::Severity(operator, read.ordered(&words)?)
        }
        "connections" => RowPredicate::Connections(operator, read.number()?),
        _ => {
            let place = read.term.field.place.clone();
            let sentence = format!("there is no field of this name; fields are {FIELDS}");
            return Err(FilterError::new(read.text, place, sentence));
        }
    })
}

/// Whether a term's operator goes into its predicate, and is not about equality.
pub(super) fn has_order(field: &str) -> bool {
    matches!(
        field,
        "lived" | "connecting" | "sent" | "received" | "confidence" | "severity" | "connections"
    )
}

struct Reading<'a> {
    text: &'a str,
    term: &'a Term,
    value: &'a Spanned,
}

impl Reading<'_> {
    fn wrong(&self, sentence: impl Into<String>) -> FilterError {
        FilterError::new(self.text, self.value.place.clone(), sentence)
    }

    /// For fields whose values are no texts and have no order.
    fn plain(&self) -> Result<&str, FilterError> {
        if self.value.contains {
            return Err(self.wrong("`~` is for names: it means \"contains\""));
        }
        self.equality()?;
        Ok(&self.value.text)
    }

    fn equality(&self) -> Result<(), FilterError> {
        match self.term.operator {
            Operator::Is | Operator::IsNot => Ok(()),
            _ => {
                let place: Range<usize> = self.term.field.place.end..self.value.place.start;
                let sentence = format!("`{}` has no order: use `:` or `!=`", self.term.field.text);
                Err(FilterError::new(self.text, place, sentence))
            }
        }
    }

    fn pattern(&self) -> Result<Pattern, FilterError> {
        self.equality()?;
        Ok(Pattern::new(&self.value.text, self.value.contains))
    }

    fn range(&self) -> Result<RangeInclusive<u64>, FilterError> {
        let text = self.plain()?;
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (whole(first), whole(last)) {
            (Some(first), Some(last)) if first <= last => Ok(first..=last),
            _ => Err(self.wrong("a number is needed here, or a range such as 2181-2183")),
        }
    }

    fn number(&self) -> Result<u64, FilterError> {
        let number = whole(&self.value.text).filter(|_| !self.value.contains);
        number.ok_or_else(|| self.wrong("a number is needed here"))
    }

    fn address(&self) -> Result<Address, FilterError> {
        Address::parse(self.plain()?).map_err(|why| {
            self.wrong(match why {
                NoAddress::NamedScope => {
                    "an interface is given by its number here, as it is printed: \
                     [fe80::1%3]:2181 for the one that `ip link` on the traced host lists as 3"
                }
                NoAddress::Other => {
                    "an address is needed here, such as 10.0.1.7, 10.0.1.0/24, 10.0.1.7:2181 or \
                     [fd00::7]:2181"
                }
            })
        })
    }

    fn duration(&self) -> Result<u64, FilterError> {
        let wrong = || self.wrong("a time with its unit is needed here, such as 10ms, 1.5s or 2m");
        if self.value.contains {
            return Err(wrong());
        }
        let text = self.value.text.as_str();
        let too_long = || self.wrong("this is longer than any connection lives: 584 years");
        let duration: SignedDuration = match text.parse() {
            Ok(duration) => duration,
            Err(_) if is_long(text) => return Err(too_long()),
            Err(_) => return Err(wrong()),
        };
        if duration.is_negative() {
            return Err(wrong());
        }
        u64::try_from(duration.as_nanos()).map_err(|_| too_long())
    }

    fn errno(&self) -> Result<u32, FilterError> {
        let text = self.plain()?;
        let number = whole(text).and_then(|number| u32::try_from(number).ok());
        let named = || errno::number(&text.to_ascii_uppercase());
        number
            .or_else(named)
            .ok_or_else(|| self.wrong("an errno is needed here, such as ECONNREFUSED"))
    }

    fn one_of<T: Copy>(&self, known: &[(&str, T)]) -> Result<T, FilterError> {
        let text = self.plain()?;
        self.among(known, text)
    }

    fn ordered<T: Copy>(&self, known: &[(&str, T)]) -> Result<T, FilterError> {
        match self.value.contains {
            true => Err(self.wrong("`~` is for names: it means \"contains\"")),
            false => self.among(known, &self.value.text),
        }
    }

    fn among<T: Copy>(&self, known: &[(&str, T)], text: &str) -> Result<T, FilterError> {
        let found = known.iter().find(|(name, _)| *name == text);
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|(name, _)| *name).collect();
            self.wrong(format!("this is none of {}", names.join(", ")))
        })
    }

    /// One, or `failed`: all that mean that no work was done.
    fn outcomes(&self) -> Result<Vec<Outcome>, FilterError> {
        let failed = Outcome::ALL.into_iter().filter(|one| one.is_failure());
        if self.plain()? == "failed" {
            return Ok(failed.collect());
        }
        let names = Outcome::ALL.map(|outcome| (outcome.name(), vec![outcome]));
        let found = names.iter().find(|(name, _)| *name == self.value.text);
        found.map(|(_, outcomes)| outcomes.clone()).ok_or_else(|| {
            let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
            self.wrong(format!("this is none of failed, {}", names.join(", ")))
        })
    }
}

/// Digits alone: `+5` is no number here.
fn whole(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// Whether it is a number with a unit, so that it can only be too large.
fn is_long(text: &str) -> bool {
    const LONG: usize = 10;
    let number = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    number.len() >= LONG
        && number.len() < text.len()
        && number.bytes().all(|byte| byte.is_ascii_digit())
}
