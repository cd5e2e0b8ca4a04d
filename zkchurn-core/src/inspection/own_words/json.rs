// SPDX-License-Identifier: MIT
//! A line that is a JSON object. It may be cut, in front or at its end, so it is looked
//! through for its fields instead of being parsed.

/// What the logger wrote, and what counts as a message or an exception.
#[derive(Default)]
pub(super) struct Fields {
    pub names: Vec<String>,
    pub texts: Vec<String>,
}

const NAMES: [&str; 12] = [
    "logger",
    "logger_name",
    "loggername",
    "category",
    "class",
    "name",
    "thread",
    "thread_name",
    "threadname",
    "module",
    "component",
    "source",
];
const TEXTS: [&str; 16] = [
    "message",
    "@message",
    "msg",
    "log",
    "short_message",
    "full_message",
    "stack_trace",
    "stacktrace",
    "stack",
    "exception",
    "throwable",
    "thrown",
    "error",
    "err",
    "exc_info",
    "extendedstacktrace",
];

/// Where a message may be cut in front.
const CUT: char = '…';

/// Reads a line; `None` where it is no object.
pub(super) fn read(line: &str) -> Option<Fields> {
    let is_object = line.starts_with('{') && line.contains("\":");
    let cut = line.strip_prefix(CUT);
    if !is_object && cut.is_none() {
        return None;
    }
    let mut fields = Fields::default();
    let mut rest = line;
    if let Some(cut) = cut {
        // Up to the end of the text that it was cut in.
        let (text, behind) = string(cut);
        fields.texts.extend(causes(text));
        rest = behind;
    }
    let mut key = None;
    while let Some(start) = rest.find('"') {
        let (text, behind) = string(&rest[start + 1..]);
        rest = behind;
        if let Some(value) = behind.trim_start().strip_prefix(':') {
            key = value
                .trim_start()
                .starts_with('"')
                .then(|| text.to_ascii_lowercase());
        } else if let Some(key) = key.take() {
            fields.put(&key, text);
        }
    }
    Some(fields)
}

impl Fields {
    fn put(&mut self, key: &str, text: &str) {
        if NAMES.contains(&key) {
            self.names.push(text.to_owned());
        } else if TEXTS.contains(&key) {
            let (names, message) = super::header::split(text);
            if key == "log" {
                self.names.push(names);
                self.texts.push(message.to_owned());
            } else {
                self.texts.push(text.to_owned());
            }
            self.texts.extend(causes(text));
        }
    }
}

/// The causes below a stack's first line.
fn causes(text: &str) -> impl Iterator<Item = String> {
    let lines = text.split("\\n").skip(1);
    lines
        .filter(|line| line.starts_with("Caused by: "))
        .map(str::to_owned)
}

/// A text up to the quote that ends it, and what is behind.
fn string(text: &str) -> (&str, &str) {
    let mut is_escaped = false;
    for (position, one) in text.char_indices() {
        match one {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' => return (&text[..position], &text[position + 1..]),
            _ => {}
        }
    }
    (text, "")
}
