// SPDX-License-Identifier: MIT
//! Whether a file is named as what a log was rotated into.
//!
//! A line of such a file is called the process's own, and may make a cause certain. Programs
//! keep the logs of several instances in one directory, so a name has to speak for a rotation
//! by itself; where it does not, the file is left out:
//!
//! | open | beside it | is |
//! |---|---|---|
//! | `app.log` | `app.log.1`, `app.log-20261128`, `app.log.2026-11-28.gz`, `app.log.old` | rotated: logrotate, log4j, Python, Docker; `gc.log.0` of a JVM's `gc.log` |
//! | `app.log` | `app.1.log`, `app-2026-11-28.log`, `app-11-28-2026-1.log.gz` | rotated: logback, log4j2 |
//! | `app.2026-11-29.log` | `app.2026-11-28.log` | rotated by date: Tomcat, log4j2 without a `fileName` |
//! | `app.2026-11-29.2.log` | `app.2026-11-29.1.log` | [`Turned::Perhaps`]: an index or an hour, or instances that were numbered behind the date |
//! | `app.log.0` | `app.log.1` | [`Turned::Perhaps`]: java.util.logging writes to generation 0 always |
//! | `app-1.log` | `app-2.log` | another instance, or a shard; the same of `0.log` and `1.log` of a pod, which are containers of their own, and of `app.log` and `app-1.log` |
//! | `app-1.2026-11-29.log` | `app-2.2026-11-28.log` | another instance: only the date may differ |
//!
//! Who writes to a file, and when it was written to, is looked at where it lies
//! (`host/logs/rotated.rs`): a name alone is not enough there.

/// Endings of packed files.
const PACKED: [&str; 9] = [
    ".gz", ".xz", ".bz2", ".zst", ".lz4", ".lzo", ".lzma", ".zip", ".Z",
];
/// What a program calls the one log that it keeps.
const FORMER: [&str; 4] = [".old", ".bak", ".prev", ".previous"];
/// Endings of logs behind which java.util.logging puts a generation.
const LOGS: [&str; 4] = [".log", ".out", ".err", ".txt"];

/// How sure a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turned {
    /// Nobody else names files so.
    Surely,
    /// It may be another instance's: only where it was last written before the log began.
    Perhaps,
}

/// Whether a file is named after a log as what was rotated from it.
pub fn is_rotated_from(file: &str, log: &str) -> bool {
    turned(file, log).is_some()
}

/// The same, and how sure that is.
pub fn turned(file: &str, log: &str) -> Option<Turned> {
    let plain = without_packer(file);
    if file == log {
        return None;
    }
    if plain == log || is_added(plain, log) || is_inserted(plain, log) {
        return Some(Turned::Surely);
    }
    if is_later_generation(plain, log) {
        return Some(Turned::Perhaps);
    }
    let (here, there) = (Dated::of(log)?, Dated::of(plain)?);
    if (here.before, here.after) != (there.before, there.after) {
        return None;
    }
    match here.date == there.date {
        false => Some(Turned::Surely),
        true => Some(Turned::Perhaps),
    }
}

fn without_packer(file: &str) -> &str {
    let mut endings = PACKED.iter();
    let plain = endings.find_map(|ending| file.strip_suffix(ending));
    plain.unwrap_or(file)
}

/// `app.log.1`, `app.log-20261128`.
fn is_added(file: &str, log: &str) -> bool {
    let ending = file.strip_prefix(log);
    ending.is_some_and(|ending| FORMER.contains(&ending) || is_moment(ending) || is_number(ending))
}

/// `app.1.log`, `app-2026-11-28.log`: before the ending of `app.log`.
fn is_inserted(file: &str, log: &str) -> bool {
    let Some((stem, ending)) = log.rsplit_once('.') else {
        return false;
    };
    let is_ending = !ending.is_empty() && ending.bytes().all(|byte| byte.is_ascii_alphabetic());
    let inserted = (file.strip_prefix(stem))
        .and_then(|rest| rest.strip_suffix(ending)?.strip_suffix('.'))
        .filter(|_| is_ending);
    inserted.is_some_and(|inserted| is_moment(inserted) || is_number(inserted))
}

/// `.1`; behind another divider it numbers instances.
fn is_number(text: &str) -> bool {
    let number = text.strip_prefix('.');
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A divider and a date with all that may follow it, and nothing else.
fn is_moment(text: &str) -> bool {
    let rest = text.strip_prefix(['.', '-', '_']);
    let dated = rest.and_then(Dated::of);
    dated.is_some_and(|dated| dated.before.is_empty() && dated.after.is_empty())
}

/// `app.log.3` beside `app.log.0` (`%g` of `java.util.logging.FileHandler`).
fn is_later_generation(file: &str, log: &str) -> bool {
    let stem = log.strip_suffix(".0");
    let is_log = |stem: &&str| LOGS.iter().any(|ending| stem.ends_with(ending));
    let generation = stem.filter(is_log).and_then(|stem| file.strip_prefix(stem));
    generation.is_some_and(is_number)
}

/// A name with a date in it.
#[derive(Debug)]
struct Dated<'a> {
    before: &'a str,
    date: &'a str,
    /// What follows it and its number: the time of day, an hour, an index, or a mixture.
    after: &'a str,
}

impl<'a> Dated<'a> {
    /// By the first date of the name.
    fn of(name: &'a str) -> Option<Self> {
        let bytes = name.as_bytes();
        let is_begin = |at: &usize| *at == 0 || !bytes[at - 1].is_ascii_digit();
        let mut places = (0..bytes.len()).filter(is_begin);
        let (from, length) = places.find_map(|at| Some((at, date_length(&bytes[at..])?)))?;
        let (before, rest) = name.split_at(from);
        let (date, rest) = rest.split_at(length);
        let after = &rest[number_length(rest.as_bytes())..];
        Some(Self {
            before,
            date,
            after,
        })
    }
}

/// Length of the date that begins here: `20261128`, with the time of day in the same run, or
/// seconds since 1970; `2026-11-28`, `2026-11`, `11-28-2026`, with `-`, `_` or `.`.
fn date_length(text: &[u8]) -> Option<usize> {
    match digits(text) {
        8 | 12 | 14 => is_day(year(text)?, pair(text, 4)?, pair(text, 6)?).then(|| digits(text)),
        10 => (text[0] == b'1' || year(text).is_some_and(is_year)).then_some(10),
        4 => {
            let (year, month) = (year(text)?, divided(text, 4)?);
            match divided(text, 7) {
                Some(day) => is_day(year, month, day).then_some(10),
                None => is_day(year, month, 1).then_some(7),
            }
        }
        2 => {
            let (first, second) = (pair(text, 0)?, divided(text, 2)?);
            let is_divided = matches!(text.get(5), Some(b'-' | b'_' | b'.'));
            let year = year(text.get(6..)?).filter(|_| is_divided && digits(&text[6..]) == 4)?;
            let is_either = is_day(year, first, second) || is_day(year, second, first);
            is_either.then_some(10)
        }
        _ => None,
    }
}

/// Length of up to three short numbers, or one time of day in six digits, each behind a divider.
fn number_length(text: &[u8]) -> usize {
    let mut end = 0;
    for _ in 0..3 {
        let is_divided = matches!(text.get(end), Some(b'-' | b'_' | b'.' | b':' | b'T'));
        let length = digits(text.get(end + 1..).unwrap_or_default());
        match length {
            1..=3 if is_divided => end += 1 + length,
            6 if is_divided && end == 0 => return 1 + length,
            _ => return end,
        }
    }
    end
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn pair(text: &[u8], at: usize) -> Option<u32> {
    std::str::from_utf8(text.get(at..at + 2)?)
        .ok()?
        .parse()
        .ok()
}

fn year(text: &[u8]) -> Option<u32> {
    Some(pair(text, 0)? * 100 + pair(text, 2)?)
}

/// Two digits, no more, behind a divider.
fn divided(text: &[u8], at: usize) -> Option<u32> {
    let is_divided = matches!(text.get(at), Some(b'-' | b'_' | b'.'));
    let is_two = digits(text.get(at + 1..)?) == 2;
    (is_divided && is_two).then(|| pair(text, at + 1))?
}

fn is_year(year: u32) -> bool {
    (1990..2100).contains(&year)
}

fn is_day(year: u32, month: u32, day: u32) -> bool {
    is_year(year) && (1..=12).contains(&month) && (1..=31).contains(&day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_speak_for_a_rotation() {
        for (log, other) in [
            ("app.log", "app.log.1"),
            ("app.log", "app.log.2.gz"),
            ("app.log", "app.log.12.bz2"),
            ("app.log", "app.log-20261126"),
            ("app.log", "app.log-20261126.xz"),
            ("app.log", "app.log-1795000000"),
            ("app.log", "app.log.2026-11-26.gz"),
            ("app.log", "app.log.2026-11-26-13"),
            ("app.log", "app.log.2026-11-26_13-05-09"),
            ("app.log", "app.log.gz"),
            ("app.log", "app.log.old"),
            ("gc.log", "gc.log.0"),
            ("app.log", "app.1.log"),
            ("app.log", "app.1.log.gz"),
            ("app.log", "app-2026-11-28.log"),
            ("app.log", "app-2026-11.log"),
            ("app.log", "app.2026-11-28.3.log.zip"),
            ("app.log", "app-11-28-2026-1.log.gz"),
            ("catalina.2026-11-26.log", "catalina.2026-11-25.log"),
            ("catalina.2026-11-26.log", "catalina.2026-11-25.log.gz"),
            ("app-1.2026-11-29.log", "app-1.2026-11-28.log"),
            ("app.20261129-130000.log", "app.20261128-140000.log"),
            ("access.log.1795000000", "access.log.1794913600"),
        ] {
            assert_eq!(turned(other, log), Some(Turned::Surely), "{log} {other}");
        }
    }

    #[test]
    fn names_that_another_instance_may_have_as_well() {
        for (log, other) in [
            ("app.2026-11-29.2.log", "app.2026-11-29.1.log"),
            ("app-2026-11-29-13.log", "app-2026-11-29-12.log.gz"),
            ("app.log.0", "app.log.1"),
            ("app.log.0", "app.log.1.gz"),
        ] {
            assert_eq!(turned(other, log), Some(Turned::Perhaps), "{log} {other}");
        }
    }

    #[test]
    fn another_instance_is_no_rotation() {
        for (log, other) in [
            ("app-1.log", "app-2.log"),
            ("app-3.log", "app-12.log"),
            ("app.1.log", "app.2.log"),
            ("app1.log", "app2.log"),
            ("0.log", "1.log"),
            ("app.log", "app-1.log"),
            ("app.log", "app1.log"),
            ("app", "app-1"),
            ("app-1.log", "app-2.log.1"),
            ("app-1.2026-11-29.log", "app-2.2026-11-28.log"),
            ("app-1.2026-11-29.log", "app-2.2026-11-29.log"),
            ("2026-11-29-app-1.log", "2026-11-28-app-2.log"),
            ("INFO.20261129-130000.4242", "INFO.20261129-140000.4243"),
            ("app.log.1", "app.log.2"),
            ("app.log", "app.log"),
            ("app.log", "app.logger"),
            ("app.log", "other.log"),
            ("app.log", "app.log.lck"),
            ("app.log", "app.log-node2"),
            ("catalina.2026-11-26.log", "localhost.2026-11-26.log"),
            ("catalina.2026-11-26.log", "catalina.out"),
            ("app.log", "map.log.1"),
        ] {
            assert_eq!(turned(other, log), None, "{log} {other}");
        }
    }

    #[test]
    fn a_packed_copy_of_the_log_itself_is_rotated() {
        let log = "catalina.2026-11-26.log";
        let packed = turned("catalina.2026-11-26.log.gz", log);
        assert_eq!(packed, Some(Turned::Surely));
    }

    proptest! {
        #[test]
        fn any_names_are_taken(log in "[a-z0-9.é-]{0,24}", other in "[a-z0-9.é-]{0,24}") {
            turned(&other, &log);
        }

        #[test]
        fn only_a_date_or_an_added_number_may_differ(stem in "[a-z]{1,5}", one in 0_u32..999, two in 0_u32..999) {
            let name = |number| format!("{stem}-{number}.log");
            prop_assert_eq!(turned(&name(one), &name(two)), None);
        }
    }
}
