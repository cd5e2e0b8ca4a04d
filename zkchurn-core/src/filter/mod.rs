// SPDX-License-Identifier: MIT
//! One filter for all commands: `process:java peer:10.0.1.0/24 not outcome:refused`
//! (docs/reference/filter.md).
//!
//! Terms about connections decide before anything is counted. Terms about findings select
//! rows of a report and nothing else; so they stand beside those about connections, and not
//! in one `or` with them.

mod address;
mod decision;
mod error;
mod expectation;
mod field;
mod gate;
mod grammar;
mod pattern;
mod predicate;
mod row;
mod subject;
#[cfg(test)]
mod tests;

use std::{fmt, ops::Range, str::FromStr};

use serde::Serialize;

use crate::diagnose::Finding;
use grammar::{Operator, Syntax, Term};
use predicate::Predicate;
use row::RowPredicate;

pub use decision::Decision;
pub use error::FilterError;
pub use expectation::Expectation;
pub(crate) use gate::{Gate, Passage, as_first};
pub use subject::Subject;

/// What connections, and what findings, are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    text: String,
    /// All of them.
    connections: Vec<Tree<Predicate>>,
    rows: Vec<Tree<RowPredicate>>,
    /// Where the first term about findings is.
    first_row: Option<Range<usize>>,
}

/// Tests, put together.
#[derive(Clone, Debug, PartialEq)]
enum Tree<P> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    One(P),
}

/// What a filter did, for the report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Filtered {
    /// The filter.
    pub filter: String,
    /// Connections that were filtered out, and are counted nowhere else.
    pub connections: u64,
    /// How many of them because what is known of them does not decide it: nobody had looked
    /// at the process yet, or the kernel did not report it.
    pub undecided: u64,
    /// Findings that were filtered out.
    pub findings: u64,
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let mut filter = Self {
            text: text.to_owned(),
            connections: Vec::new(),
            rows: Vec::new(),
            first_row: None,
        };
        let parts = match grammar::parse(text)? {
            None => {
                let sentence = "the filter is empty; write FIELD:VALUE, such as process:java";
                return Err(FilterError::new(text, 0..0, sentence));
            }
            Some(Syntax::All(parts)) => parts,
            Some(part) => vec![part],
        };
        for part in &parts {
            match part_of(text, part)? {
                Part::Connections(tree) => filter.connections.push(tree),
                Part::Rows(tree, place) => {
                    filter.rows.push(tree);
                    filter.first_row.get_or_insert(place);
                }
            }
        }
        Ok(filter)
    }
}

impl Filter {
    /// A term that compares one field with a name, which may hold blanks; `*` stands for any
    /// text in it.
    ///
    /// # Errors
    ///
    /// The field is unknown, or the name cannot stand in a filter.
    pub fn of_name(field: &str, name: &str) -> Result<Self, FilterError> {
        // Systemd writes `-` within a name as `\x2d`.
        let name = name.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{field}:\"{name}\"").parse()
    }

    /// What both select.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.text = format!("{} {}", self.as_a_part(), other.as_a_part());
        self.connections.extend(other.connections);
        self.rows.extend(other.rows);
        self.first_row = self.first_row.or(other.first_row);
        self
    }

    /// As it stands beside other terms.
    fn as_a_part(&self) -> String {
        let text = &self.text;
        match (self.connections.as_slice(), self.rows.as_slice()) {
            ([Tree::Any(_)], []) | ([], [Tree::Any(_)]) => format!("({text})"),
            _ => text.clone(),
        }
    }

    /// Whether a connection is wanted.
    pub fn decide(&self, subject: &Subject<'_>) -> Decision {
        decide_all(&self.connections, subject)
    }

    /// Whether a finding is wanted.
    pub fn wants_finding(&self, finding: &Finding) -> bool {
        self.rows.iter().all(|tree| matches(tree, finding))
    }

    /// Whether it is about single connections at all.
    pub fn selects_connections(&self) -> bool {
        !self.connections.is_empty()
    }

    /// Whether findings are selected.
    pub fn selects_findings(&self) -> bool {
        !self.rows.is_empty()
    }

    /// Whether whole names of threads bear on it: finding them out takes time.
    pub fn wants_thread_names(&self) -> bool {
        any(&self.connections, &|one| {
            matches!(one, Predicate::Thread(_))
        })
    }

    /// Whether it takes a closer look at processes to decide it.
    pub(crate) fn depends_on_a_look(&self) -> bool {
        any(&self.connections, &Predicate::depends_on_a_look)
    }

    /// Refuses terms about findings, for output that has none.
    ///
    /// # Errors
    ///
    /// There is one.
    pub fn without_findings(self, why: &str) -> Result<Self, FilterError> {
        match self.first_row {
            None => Ok(self),
            Some(place) => Err(FilterError::new(&self.text, place, why)),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

fn decide_all(trees: &[Tree<Predicate>], subject: &Subject<'_>) -> Decision {
    trees
        .iter()
        .map(|tree| decide(tree, subject))
        .fold(Decision::Yes, Decision::and)
}

fn decide(tree: &Tree<Predicate>, subject: &Subject<'_>) -> Decision {
    match tree {
        Tree::All(trees) => decide_all(trees, subject),
        Tree::Any(trees) => trees
            .iter()
            .map(|tree| decide(tree, subject))
            .fold(Decision::No, Decision::or),
        Tree::Not(tree) => !decide(tree, subject),
        Tree::One(predicate) => predicate.decide(subject),
    }
}

fn matches(tree: &Tree<RowPredicate>, finding: &Finding) -> bool {
    match tree {
        Tree::All(trees) => trees.iter().all(|tree| matches(tree, finding)),
        Tree::Any(trees) => trees.iter().any(|tree| matches(tree, finding)),
        Tree::Not(tree) => !matches(tree, finding),
        Tree::One(predicate) => predicate.matches(finding),
    }
}

fn any(trees: &[Tree<Predicate>], wanted: &dyn Fn(&Predicate) -> bool) -> bool {
    trees.iter().any(|tree| match tree {
        Tree::All(trees) | Tree::Any(trees) => any(trees, wanted),
        Tree::Not(tree) => any(std::slice::from_ref(tree), wanted),
        Tree::One(predicate) => wanted(predicate),
    })
}

/// A tree about one of the two.
enum Part {
    Connections(Tree<Predicate>),
    /// And where its first term is.
    Rows(Tree<RowPredicate>, Range<usize>),
}

fn part_of(text: &str, syntax: &Syntax) -> Result<Part, FilterError> {
    match syntax {
        Syntax::Term(term) => part_of_term(text, term),
        Syntax::Not(inner) => Ok(match part_of(text, inner)? {
            Part::Connections(tree) => Part::Connections(Tree::Not(Box::new(tree))),
            Part::Rows(tree, place) => Part::Rows(Tree::Not(Box::new(tree)), place),
        }),
        Syntax::All(parts) => {
            let parts = parts.iter().map(|part| part_of(text, part));
            joined(text, parts.collect::<Result<_, _>>()?, Tree::All, Tree::All)
        }
        Syntax::Any(parts) => {
            let parts = parts.iter().map(|part| part_of(text, part));
            joined(text, parts.collect::<Result<_, _>>()?, Tree::Any, Tree::Any)
        }
    }
}

fn joined(
    text: &str,
    parts: Vec<Part>,
    connections: fn(Vec<Tree<Predicate>>) -> Tree<Predicate>,
    rows: fn(Vec<Tree<RowPredicate>>) -> Tree<RowPredicate>,
) -> Result<Part, FilterError> {
    let (mut of_connections, mut of_rows, mut place) = (Vec::new(), Vec::new(), None);
    for part in parts {
        match part {
            Part::Connections(tree) => of_connections.push(tree),
            Part::Rows(tree, at) => {
                of_rows.push(tree);
                place.get_or_insert(at);
            }
        }
    }
    match place {
        None => Ok(Part::Connections(connections(of_connections))),
        Some(place) if of_connections.is_empty() => Ok(Part::Rows(rows(of_rows), place)),
        Some(place) => Err(FilterError::new(
            text,
            place,
            "this is about findings, which are made of many connections: it cannot stand in one \
             `or`, `not` or pair of parentheses with terms about single connections",
        )),
    }
}

/// Values behind `|` are alternatives; `!=` is none of them.
fn part_of_term(text: &str, term: &Term) -> Result<Part, FilterError> {
    let (mut connections, mut rows) = (Vec::new(), Vec::new());
    for value in &term.values {
        match field::tested(text, term, value)? {
            field::Tested::Connection(predicate) => connections.push(Tree::One(predicate)),
            field::Tested::Row(predicate) => rows.push(Tree::One(predicate)),
        }
    }
    let has_order = field::has_order(&term.field.text);
    if has_order
        && let [_, second, ..] = term.values.as_slice()
        && term.operator != Operator::Is
    {
        let sentence = "alternatives need `:`; with an order one value is enough";
        return Err(FilterError::new(text, second.place.clone(), sentence));
    }
    let negate = term.operator == Operator::IsNot && !has_order;
    Ok(match rows.is_empty() {
        true => Part::Connections(alternatives(connections, negate)),
        false => Part::Rows(alternatives(rows, negate), term.place.clone()),
    })
}

fn alternatives<P>(mut trees: Vec<Tree<P>>, negate: bool) -> Tree<P> {
    let tree = match (trees.pop(), trees.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            trees.extend(last);
            Tree::Any(trees)
        }
    };
    match negate {
        true => Tree::Not(Box::new(tree)),
        false => tree,
    }
}
