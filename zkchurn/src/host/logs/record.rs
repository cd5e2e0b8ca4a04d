// SPDX-License-Identifier: MIT
//! The log record that a line of a stack trace belongs to.

use std::ops::Range;

/// Lines above a line that are looked at.
const LINE_LIMIT: usize = 200;

/// Bytes above a line that are looked at.
const BYTE_LIMIT: usize = 64 * 1024;

/// Levels of log4j, logback, java.util.logging and Python.
const LEVELS: [&str; 12] = [
    "TRACE", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "SEVERE", "CRITICAL", "FINE",
    "FINER", "FINEST",
];

/// Months as java.util.logging and syslog write them.
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The nearest line above `line` that begins a record; `None` when `line`
/// begins one itself, or none is near.
pub(super) fn head(text: &[u8], line: &Range<usize>) -> Option<Range<usize>> {
    if begins_record(text.get(line.clone())?) {
        return None;
    }
    // Without the end of the line above.
    let end = line.start.checked_sub(1)?;
    let from = end.saturating_sub(BYTE_LIMIT);
    let above = text.get(from..end)?;
    let mut end = above.len();
    for part in above.rsplit(|byte| *byte == b'\n').take(LINE_LIMIT) {
        let start = end - part.len();
        // At `from` a line may be cut, and its middle is no beginning.
        let is_whole = start > 0 || from == 0;
        if is_whole && begins_record(part) {
            return Some(from + start..from + end);
        }
        end = start.saturating_sub(1);
    }
    None
}

/// Whether a line begins with what loggers put first: a date, a bracket, a JSON
/// object, a level, a month. Lines of a stack trace begin with white space, `at`,
/// `Caused by` or the name of a class.
pub(super) fn begins_record(line: &[u8]) -> bool {
    match line.first() {
        Some(b'0'..=b'9' | b'[' | b'{') => true,
        Some(_) => begins_with_word(line) || begins_with_glog(line),
        None => false,
    }
}

fn begins_with_word(line: &[u8]) -> bool {
    let length = line.iter().position(|byte| !byte.is_ascii_alphabetic());
    let (word, rest) = line.split_at(length.unwrap_or(line.len()));
    let is_one_of = |words: &[&str]| words.iter().any(|known| known.as_bytes() == word);
    match rest.first() {
        Some(b' ') => is_one_of(&LEVELS) || is_one_of(&MONTHS),
        Some(b':' | b'\t' | b'|' | b'-') => is_one_of(&LEVELS),
        _ => false,
    }
}

/// `E0131 10:00:00.000000`: the form of glog, as klog and Mesos write it.
fn begins_with_glog(line: &[u8]) -> bool {
    match line.split_at_checked(5) {
        Some(([b'I' | b'W' | b'E' | b'F', date @ ..], _)) => date.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_begin_with_a_date_a_bracket_or_a_level() {
        let beginnings = [
            "2024-01-31 10:00:00,000 WARN  ClientCnxn: …",
            "10:00:00.000 [main] INFO x",
            "[2021-04-16 15:41:55,589] WARN …",
            "{\"level\":\"warn\"}",
            "WARN  Session 0x1",
            "WARNING:kazoo.client:Connection dropped",
            "SEVERE: Context [/a] startup failed",
            "Sep 26, 2018 3:31:48 PM org.apache.catalina.core.StandardContext startInternal",
            "E0131 10:00:00.000000 1 main.go:1] x",
        ];
        for line in beginnings {
            assert!(begins_record(line.as_bytes()), "{line}");
        }
        let others = [
            "\tat org.apache.zookeeper.ClientCnxn$SendThread.run(ClientCnxn.java:1290)",
            "    at a.b(C.java:1)",
            "at a.b(C.java:1)",
            "Caused by: java.lang.ClassNotFoundException: x",
            "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches",
            "EndOfStreamException: Unable to read",
            "\t... 12 more",
            "Maybe",
            "ERROR",
            "",
        ];
        for line in others {
            assert!(!begins_record(line.as_bytes()), "{line}");
        }
    }

    const TRACE: &str = "2024 WARN one\njava.lang.NoClassDefFoundError: a\n\tat b\nCaused by: c\n";

    fn head_of(text: &str, line: &str) -> Option<String> {
        let start = text.find(line).unwrap();
        let head = head(text.as_bytes(), &(start..start + line.len()))?;
        Some(text[head].to_owned())
    }

    #[test]
    fn the_nearest_beginning_above_is_the_head() {
        let head = Some("2024 WARN one".to_owned());
        assert_eq!(head_of(TRACE, "java.lang.NoClassDefFoundError: a"), head);
        assert_eq!(head_of(TRACE, "Caused by: c"), head);
        assert_eq!(head_of(TRACE, "2024 WARN one"), None);
        assert_eq!(head_of("java.lang.Error\n", "java.lang.Error"), None);
        assert_eq!(head_of("\n\njava.lang.Error\n", "java.lang.Error"), None);
    }

    #[test]
    fn the_search_for_a_head_is_bounded() {
        let far = |lines: usize| format!("2024 head\n{}end", "x\n".repeat(lines));
        assert!(head_of(&far(LINE_LIMIT - 1), "end").is_some());
        assert_eq!(head_of(&far(LINE_LIMIT), "end"), None);
        let wide = format!("2024 head\n{}\nend", "2".repeat(BYTE_LIMIT));
        assert_eq!(head_of(&wide, "end"), None);
    }
}
