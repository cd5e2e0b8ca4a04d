// SPDX-License-Identifier: MIT
//! From the text of a filter to its tree. What fields and values mean is not known here.
//!
//! ```text
//! filter   = clause { "or" clause }
//! clause   = factor { [ "and" | "," ] factor }
//! factor   = "not" factor | "(" filter ")" | term
//! term     = field operator value { "|" value }
//! operator = ":" | "=" | "!=" | "<" | "<=" | ">" | ">="
//! value    = [ "~" ] ( bare | '"' { any | '\"' | '\\' } '"' )
//! ```

use std::ops::Range;

use winnow::{
    LocatingSlice, ModalResult, Parser,
    ascii::multispace0,
    combinator::{alt, cut_err, delimited, not, opt, preceded, repeat, separated, terminated},
    error::{ContextError, ErrMode},
    stream::{Location, Stateful},
    token::{any, none_of, one_of, take_while},
};

use super::error::FilterError;

/// Bytes of the longest filter.
pub(super) const LONGEST: usize = 4096;
/// Parentheses and `not` within each other.
const DEEPEST: usize = 32;

/// The tree of a filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Syntax {
    /// All of them.
    All(Vec<Self>),
    /// One of them at least.
    Any(Vec<Self>),
    /// The opposite.
    Not(Box<Self>),
    Term(Term),
}

/// `outcome:refused|timed_out`
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Term {
    pub(super) field: Spanned,
    pub(super) operator: Operator,
    /// One of them at least.
    pub(super) values: Vec<Spanned>,
    /// Its bytes in the filter.
    pub(super) place: Range<usize>,
}

/// A word, and its bytes in the filter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Spanned {
    pub(super) text: String,
    /// Whether `~` stands in front of it.
    pub(super) contains: bool,
    pub(super) place: Range<usize>,
}

/// What stands between field and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    /// `:` or `=`
    Is,
    /// `!=`
    IsNot,
    Below,
    AtMost,
    Above,
    AtLeast,
}

type Input<'a> = Stateful<LocatingSlice<&'a str>, Depth>;

/// How many parentheses and `not` are around.
#[derive(Clone, Copy, Debug)]
struct Depth(usize);

/// Reads a filter; `None` of an empty one.
pub(super) fn parse(text: &str) -> Result<Option<Syntax>, FilterError> {
    if text.len() > LONGEST {
        let sentence = format!("a filter has at most {LONGEST} bytes");
        return Err(FilterError::new(text, LONGEST..text.len(), sentence));
    }
    if text.trim().is_empty() {
        return Ok(None);
    }
    let input = Stateful {
        input: LocatingSlice::new(text),
        state: Depth(0),
    };
    terminated(filter, multispace0)
        .parse(input)
        .map(Some)
        .map_err(|error| at(text, error.offset()))
}

/// Says what is wrong where parsing stopped.
fn at(text: &str, offset: usize) -> FilterError {
    let offset = text.floor_char_boundary(offset.min(text.len()));
    let rest = &text[offset..];
    let blanks = rest.len() - rest.trim_start().len();
    let word: String = rest
        .trim_start()
        .chars()
        .take_while(|character| !character.is_whitespace())
        .collect();
    let from = offset + blanks;
    let place = from..from + word.len();
    let is_too_deep = depth(&text[..offset]) >= DEEPEST;
    let sentence = match word.chars().next() {
        None if text[..offset].matches('"').count() % 2 == 1 => "a closing quote is missing",
        None if is_after_operator(&text[..offset]) => "a value is missing here",
        None if text[..offset].contains('(') => "a term or a closing parenthesis is missing here",
        None => "a term is missing here: FIELD:VALUE, such as process:java",
        Some('"') => "a closing quote is missing",
        Some(')') => "there is no opening parenthesis for this one, or nothing between them",
        Some(_) if is_too_deep => "parentheses and `not` are nested too deeply",
        Some('|') => "a value is missing before `|`",
        Some(_) if word == "or" || word == "and" => "a term is missing beside this word",
        Some(_) if is_after_operator(&text[..offset]) => {
            "a value cannot begin like this; put it in double quotes"
        }
        Some(_) => "this is not a term: write FIELD:VALUE, such as process:java",
    };
    FilterError::new(text, place, sentence)
}

/// How many parentheses are open at the end, and how many `not` wait there for what they negate.
fn depth(text: &str) -> usize {
    let open = text
        .matches('(')
        .count()
        .saturating_sub(text.matches(')').count());
    let words = text.split(|character: char| character.is_whitespace() || character == '(');
    let words = words.filter(|word| !word.is_empty()).rev();
    open + words.take_while(|word| *word == "not").count()
}

fn is_after_operator(before: &str) -> bool {
    before.ends_with([':', '=', '<', '>', '~', '|'])
}

fn filter(input: &mut Input<'_>) -> ModalResult<Syntax> {
    let either = (multispace0, word("or"), multispace0);
    let clauses: Vec<_> = separated(1.., clause, either).parse_next(input)?;
    Ok(one_or(clauses, Syntax::Any))
}

fn clause(input: &mut Input<'_>) -> ModalResult<Syntax> {
    let also = (
        multispace0,
        opt(alt((",".void(), word("and")))),
        multispace0,
    );
    let first = preceded(multispace0, factor).parse_next(input)?;
    let more: Vec<_> = repeat(0.., preceded(also, factor)).parse_next(input)?;
    let all = std::iter::once(first).chain(more).collect();
    Ok(one_or(all, Syntax::All))
}

fn one_or(mut parts: Vec<Syntax>, many: fn(Vec<Syntax>) -> Syntax) -> Syntax {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            parts.extend(last);
            many(parts)
        }
    }
}

fn factor(input: &mut Input<'_>) -> ModalResult<Syntax> {
    if input.state.0 >= DEEPEST {
        return Err(ErrMode::Cut(ContextError::new()));
    }
    input.state.0 += 1;
    let parsed = alt((negated, group, term)).parse_next(input);
    input.state.0 -= 1;
    parsed
}

fn negated(input: &mut Input<'_>) -> ModalResult<Syntax> {
    preceded((word("not"), multispace0), cut_err(factor))
        .map(|factor| Syntax::Not(Box::new(factor)))
        .parse_next(input)
}

fn group(input: &mut Input<'_>) -> ModalResult<Syntax> {
    delimited("(", cut_err(filter), cut_err((multispace0, ")"))).parse_next(input)
}

fn term(input: &mut Input<'_>) -> ModalResult<Syntax> {
    let from = input.current_token_start();
    let field = take_while(1.., |character: char| {
        character.is_ascii_alphanumeric() || character == '_'
    });
    let (field, place) = field.with_span().parse_next(input)?;
    let operator = operator.parse_next(input)?;
    let values = cut_err(separated(1.., value, "|")).parse_next(input)?;
    Ok(Syntax::Term(Term {
        field: Spanned {
            text: field.to_owned(),
            contains: false,
            place,
        },
        operator,
        values,
        place: from..input.previous_token_end(),
    }))
}

fn operator(input: &mut Input<'_>) -> ModalResult<Operator> {
    alt((
        "!=".value(Operator::IsNot),
        "<=".value(Operator::AtMost),
        ">=".value(Operator::AtLeast),
        one_of([':', '=']).value(Operator::Is),
        "<".value(Operator::Below),
        ">".value(Operator::Above),
    ))
    .parse_next(input)
}

fn value(input: &mut Input<'_>) -> ModalResult<Spanned> {
    let contains = opt("~").parse_next(input)?.is_some();
    let (text, place) = alt((quoted, bare)).with_span().parse_next(input)?;
    Ok(Spanned {
        text,
        contains,
        place,
    })
}

fn bare(input: &mut Input<'_>) -> ModalResult<String> {
    let ends = |character: char| {
        character.is_whitespace() || matches!(character, '"' | '|' | ',' | '(' | ')')
    };
    take_while(1.., move |character| !ends(character))
        .map(str::to_owned)
        .parse_next(input)
}

fn quoted(input: &mut Input<'_>) -> ModalResult<String> {
    let character = alt((preceded('\\', any), none_of(['"', '\\'])));
    delimited('"', repeat(0.., character), cut_err('"')).parse_next(input)
}

/// A whole word, not the begin of one.
fn word<'a>(word: &'static str) -> impl Parser<Input<'a>, (), ErrMode<ContextError>> {
    let goes_on = one_of(|character: char| {
        character.is_ascii_alphanumeric() || matches!(character, '_' | ':' | '=' | '!' | '<' | '>')
    });
    (word, not(goes_on)).void()
}
