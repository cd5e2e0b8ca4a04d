// SPDX-License-Identifier: MIT
//! What must be said of a connection, in a line: `outcome=refused closer=client out=45`.

use std::collections::HashMap;

use serde_json::Value;

use super::Case;

/// The names in the lines of cases, and where JSON has them.
const FIELDS: [(&str, &str); 15] = [
    ("outcome", "/outcome"),
    ("first", "/first_close"),
    ("reset", "/reset"),
    ("error", "/error/name"),
    ("soft", "/soft_error/name"),
    ("out", "/payload_out"),
    ("in", "/payload_in"),
    ("unsent", "/unsent"),
    ("unread", "/unread"),
    ("segments", "/segments_out"),
    ("pid", "/process/pid"),
    ("uid", "/process/uid"),
    ("closer", "/closer/pid"),
    ("closer_comm", "/closer/comm"),
    ("local", "/local"),
];

/// What is not as it must be, a sentence each. Unless a line says otherwise, the client
/// opened the connection.
pub(crate) fn check(case: &Case, found: &[&Value], truth: &HashMap<String, u64>) -> Vec<String> {
    if found.len() != case.expected.len() {
        return vec![format!(
            "{}: {} connections, not {}: {found:#?}",
            case.name,
            found.len(),
            case.expected.len()
        )];
    }
    let mut wrong = Vec::new();
    for (line, connection) in case.expected.iter().zip(found) {
        let opener = (!line.contains("pid=")).then_some("pid=client");
        for word in line.split_whitespace().chain(opener) {
            let (name, expected) = word.split_once('=').unwrap();
            let field = FIELDS.iter().find(|(field, _)| *field == name).unwrap();
            let got = connection.pointer(field.1).unwrap_or(&Value::Null);
            if *got != value(expected, truth) {
                wrong.push(format!("{}: {word}, not {got}: {connection:#}", case.name));
            }
        }
    }
    wrong
}

/// A number, a process that the client told of, nothing, or a word.
fn value(word: &str, truth: &HashMap<String, u64>) -> Value {
    if word == "none" {
        return Value::Null;
    }
    if let Some(number) = word.parse::<u64>().ok().or(truth.get(word).copied()) {
        return number.into();
    }
    word.into()
}
