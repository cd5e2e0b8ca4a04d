// SPDX-License-Identifier: MIT
//! What stands in front of a message: times, levels, threads, loggers.

use super::message;

const LEVELS: [&str; 24] = [
    "trace",
    "debug",
    "info",
    "information",
    "notice",
    "warn",
    "warning",
    "error",
    "err",
    "fatal",
    "severe",
    "critical",
    "fine",
    "finer",
    "finest",
    "config",
    "stdout",
    "stderr",
    "f",
    "p",
    "w",
    "e",
    "i",
    "d",
];
const OF_A_DATE: [&str; 24] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon",
    "tue", "wed", "thu", "fri", "sat", "sun", "am", "pm", "utc", "gmt", "cet",
];
/// Fields of `key=value` layouts that the logger fills.
const FIELDS: [&str; 12] = [
    "time",
    "ts",
    "timestamp",
    "level",
    "lvl",
    "severity",
    "logger",
    "caller",
    "thread",
    "pid",
    "host",
    "component",
];
const MESSAGES: [&str; 4] = ["msg", "message", "error", "err"];

/// Words that a header has at most.
const LIMIT: usize = 20;

/// Whether Tomcat's class loader wrote it, which quotes no text of others.
pub(super) fn is_of_class_loader(names: &str) -> bool {
    names.contains("org.apache.catalina.") || names.contains("WebappClassLoader")
}

/// The names in a header, and the message behind it.
pub(super) fn split(line: &str) -> (String, &str) {
    let mut header = Header {
        is_ruby: line.get(1..4) == Some(", ["),
        ..Header::default()
    };
    let mut rest = line;
    for _ in 0..LIMIT {
        let trimmed = rest.trim_start_matches(|one: char| " \t-|:,;*".contains(one));
        // White space in front is what a frame of a stack begins with.
        if !message::own_part(rest).is_empty() || trimmed.is_empty() {
            break;
        }
        rest = trimmed;
        if !message::own_part(rest).is_empty() {
            break;
        }
        match header.take(rest) {
            Some(behind) => rest = behind,
            None => break,
        }
    }
    (header.names, rest)
}

#[derive(Default)]
struct Header {
    names: String,
    /// Whether the word before belongs to a date, and whether a word of letters has followed
    /// one: the host in syslog's lines.
    is_behind_date: bool,
    has_host: bool,
    has_logger: bool,
    /// `W, [TIME #PID]  WARN -- PROGRAM: MESSAGE`.
    is_ruby: bool,
}

impl Header {
    /// What is behind the next word, where that is of a header.
    fn take<'a>(&mut self, rest: &'a str) -> Option<&'a str> {
        if let Some(length) = bracketed(rest) {
            let (group, behind) = rest.split_at(length);
            self.name_group(group);
            return Some(behind);
        }
        let length = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(length);
        if word.contains(['"', '\'', '?', '&', '%']) && !word.contains("=\"") {
            return None;
        }
        if let Some((key, value)) = word.split_once('=') {
            return self.take_field(key, &rest[key.len() + 1..], value);
        }
        if word.starts_with(|one: char| one.is_ascii_digit() || one == '+') {
            self.is_behind_date = true;
            self.name(word);
            return Some(behind);
        }
        self.take_word(word, rest, behind)
    }

    fn take_word<'a>(&mut self, word: &'a str, rest: &'a str, behind: &'a str) -> Option<&'a str> {
        let letters = word.find(|one: char| !one.is_ascii_alphabetic());
        let (first, more) = word.split_at(letters.unwrap_or(word.len()));
        let lower = first.to_ascii_lowercase();
        if LEVELS.contains(&lower.as_str()) && is_end(more) {
            return Some(&rest[first.len()..]);
        }
        if OF_A_DATE.contains(&lower.as_str()) && is_end(more) {
            self.is_behind_date = true;
            return Some(&rest[first.len()..]);
        }
        // glog: `E0131`.
        if first.len() == 1 && more.len() >= 4 && more.bytes().all(|one| one.is_ascii_digit()) {
            return Some(behind);
        }
        let bare = word.trim_end_matches(':');
        let is_closed = bare.len() < word.len() || is_separated(behind);
        if bare.ends_with(']') && is_closed && bare.contains('[') {
            // syslog: `app[12]:`.
            self.name(bare);
            return Some(behind);
        }
        let is_word_enough = is_separated(behind) || (self.is_ruby && is_closed);
        if !self.has_logger && is_logger(bare, is_word_enough) {
            self.has_logger = true;
            self.name(bare);
            return Some(behind);
        }
        let is_host = self.is_behind_date && !self.has_host && is_name(word);
        if is_host && is_followed_by_program(behind) {
            self.has_host = true;
            return Some(behind);
        }
        None
    }

    fn take_field<'a>(&mut self, key: &str, value: &'a str, word: &str) -> Option<&'a str> {
        if MESSAGES.contains(&key) {
            let text = value.trim_start_matches('"');
            return (!message::own_part(text).is_empty()).then_some(text);
        }
        if !FIELDS.contains(&key) {
            return None;
        }
        match value.strip_prefix('"') {
            Some(quoted) => {
                let end = quoted.find('"')?;
                self.name_group(&quoted[..end]);
                Some(&quoted[end + 1..])
            }
            None => {
                self.name_group(word);
                Some(&value[word.len()..])
            }
        }
    }

    fn name_group(&mut self, group: &str) {
        let open = group.find(|one: char| !"[(<{".contains(one)).unwrap_or(0);
        let mut inside = group[open..].chars();
        // As many closing ones, whatever they are.
        for _ in 0..open {
            inside.next_back();
        }
        let inside = inside.as_str();
        let is_thread = inside.ends_with(')');
        let is_foreign = inside.contains(['"', '\'', '=', '?', '&', '%'])
            || (inside.contains(": ") || inside.split(' ').count() > 4)
            || (inside.contains(' ') && !is_thread && inside.contains("Error"));
        if !is_foreign {
            self.name(inside);
        }
    }

    fn name(&mut self, name: &str) {
        self.names.push(' ');
        self.names.push_str(name);
    }
}

fn is_end(more: &str) -> bool {
    more.is_empty() || more.starts_with([':', ',', '-', '|', ']', '['])
}

fn is_separated(behind: &str) -> bool {
    let behind = behind.trim_start();
    [": ", "- ", "-- ", "| "]
        .iter()
        .any(|mark| behind.starts_with(mark))
}

fn is_name(word: &str) -> bool {
    let is_part = |one: char| one.is_ascii_alphanumeric() || "_.$@/#-:".contains(one);
    word.starts_with(|one: char| one.is_ascii_alphabetic()) && word.chars().all(is_part)
}

/// A class or a module: it has parts, or a capital within; another word only before a dash.
fn is_logger(word: &str, is_before_dash: bool) -> bool {
    let has_parts = word.trim_matches('.').contains(['.', '$', '@']) || word.contains("::");
    let mut letters = word.chars().skip(1);
    let is_camel = letters.any(|one| one.is_ascii_uppercase())
        && word.chars().any(|one| one.is_ascii_lowercase());
    is_name(word) && (has_parts || is_camel || is_before_dash)
}

fn is_followed_by_program(behind: &str) -> bool {
    let next = behind.split_whitespace().next().unwrap_or_default();
    next.ends_with("]:")
}

/// The length of a group in brackets, those inside of it included.
fn bracketed(text: &str) -> Option<usize> {
    let (open, close) = match text.chars().next()? {
        '[' => ('[', ']'),
        '(' => ('(', ')'),
        '<' => ('<', '>'),
        '{' => ('{', '}'),
        _ => return None,
    };
    let mut depth = 0_usize;
    for (position, one) in text.char_indices() {
        if one == open {
            depth += 1;
        } else if one == close {
            depth -= 1;
            if depth == 0 {
                return Some(position + 1);
            }
        }
    }
    None
}
