// SPDX-License-Identifier: MIT
//! Attributes by name. What is not known has none: a consumer tells "unknown" from zero by that.

use super::message::{AnyValue, KeyValue, Several, Value};
use crate::text;

/// Bytes of a text at most: a record stays well below what one request holds.
const LONGEST: usize = 1_024;
/// Texts of one attribute at most.
const MOST: usize = 16;

/// Attributes as they are put together.
#[derive(Debug, Default)]
pub(super) struct Attributes(Vec<KeyValue>);

impl Attributes {
    /// All of them.
    pub(super) fn all(self) -> Vec<KeyValue> {
        self.0
    }

    /// Adds a text, if it is known.
    pub(super) fn text<'a>(&mut self, key: &str, value: impl Into<Option<&'a str>>) {
        if let Some(value) = value.into() {
            self.add(key, Value::Text(shown(value)));
        }
    }

    /// Adds a number, if it is known.
    pub(super) fn int(&mut self, key: &str, value: Option<impl TryInto<i64>>) {
        if let Some(value) = value {
            let value = value.try_into().unwrap_or(i64::MAX);
            self.add(key, Value::Int(value));
        }
    }

    /// Adds yes or no.
    pub(super) fn bool(&mut self, key: &str, value: bool) {
        self.add(key, Value::Bool(value));
    }

    /// Adds texts.
    pub(super) fn texts(&mut self, key: &str, values: &[String]) {
        let values = values.iter().take(MOST);
        let values = values.map(|value| any(Value::Text(shown(value)))).collect();
        self.add(key, Value::Several(Several { values }));
    }

    fn add(&mut self, key: &str, value: Value) {
        self.0.push(KeyValue {
            key: key.to_owned(),
            value: Some(any(value)),
        });
    }
}

/// A value of any kind.
pub(super) fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

/// What programs chose to be called may be anything.
pub(super) fn shown(value: &str) -> String {
    match text::plain_ascii(value.as_bytes()) {
        Some(plain) => text::clip(plain, LONGEST),
        None => text::clip(&text::printable(value.as_bytes()), LONGEST),
    }
}
