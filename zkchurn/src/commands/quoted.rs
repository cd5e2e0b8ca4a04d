// SPDX-License-Identifier: MIT
//! What was typed, in the message that refuses it: its beginning, however long it is.

use clap::{
    Error,
    builder::StyledStr,
    error::{ContextKind, ContextValue},
};
use zkchurn_core::text;

/// Bytes of a value that a message quotes at most.
pub(crate) const MOST_QUOTED: usize = 80;
/// Bytes of what clap itself quotes: it may be a path.
const MOST_TYPED: usize = 200;
/// Bytes of a tip, which may quote it once more, twice.
const LONGEST_TIP: usize = 2 * MOST_TYPED;

/// The same error, which quotes the beginning only.
pub(crate) fn bounded(mut error: Error) -> Error {
    let context = error.context();
    let long = context.filter_map(|(kind, value)| Some((kind, shortened(value)?)));
    let long: Vec<(ContextKind, ContextValue)> = long.collect();
    for (kind, value) in long {
        error.insert(kind, value);
    }
    error
}

/// What stands for a value of the context that is too long.
fn shortened(value: &ContextValue) -> Option<ContextValue> {
    let is_long = |text: &str| text.len() > MOST_TYPED;
    let is_long_tip = |tip: &StyledStr| tip.to_string().len() > LONGEST_TIP;
    match value {
        ContextValue::String(typed) if is_long(typed) => {
            Some(ContextValue::String(text::clip(typed, MOST_TYPED)))
        }
        ContextValue::Strings(typed) if typed.iter().any(|one| is_long(one)) => {
            let typed = typed.iter().map(|one| text::clip(one, MOST_TYPED));
            Some(ContextValue::Strings(typed.collect()))
        }
        // To leave it out says more than half of it.
        ContextValue::StyledStrs(tips) if tips.iter().any(is_long_tip) => {
            let tips = tips.iter().filter(|tip| !is_long_tip(tip));
            Some(ContextValue::StyledStrs(tips.cloned().collect()))
        }
        _ => None,
    }
}
