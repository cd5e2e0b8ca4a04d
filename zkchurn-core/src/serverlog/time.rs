// SPDX-License-Identifier: MIT
//! The time that a text begins with, in the forms that loggers, syslog, the journal and
//! container engines write.

use jiff::civil::DateTime;

use super::moment::{Moment, Stamp};

/// A time, and how many bytes it takes with its fraction and its zone.
pub fn at_start(text: &[u8]) -> Option<(Stamp, usize)> {
    let first = *text.first()?;
    if first.is_ascii_digit() {
        iso(text)
            .or_else(|| underscored(text))
            .or_else(|| slashed(text))
            .or_else(|| day_first(text))
            .or_else(|| of_day(text))
            .or_else(|| compact(text))
            .or_else(|| epoch(text))
    } else if first.is_ascii_uppercase() {
        weekday(text).or_else(|| month_first(text))
    } else {
        None
    }
}

/// Bytes of a line in which [`within`] looks for a time: behind them is what it says.
const HEAD: usize = 120;

/// The first time with a date near the beginning of a line, whatever stands before it. It
/// is of the log's own clock, in a zone that it may not tell.
pub fn within(line: &[u8]) -> Option<Moment> {
    let starts = (0..line.len().min(HEAD)).filter(|at| match at.checked_sub(1) {
        None => true,
        Some(before) => line
            .get(before)
            .is_some_and(|byte| !byte.is_ascii_alphanumeric()),
    });
    let mut times = starts.filter_map(|at| at_start(line.get(at..)?));
    times.find_map(|(stamp, _)| stamp.moment())
}

/// `2026-11-25 04:13:01,249`, with `T`, with a zone.
fn iso(text: &[u8]) -> Option<(Stamp, usize)> {
    let stamp = Stamp::at_start(text)?;
    Some((stamp, with_zone(text, with_fraction(text, 19))))
}

/// `2026-11-25_04:13:01.00000`, as svlogd of runit writes it.
fn underscored(text: &[u8]) -> Option<(Stamp, usize)> {
    let mut seconds = *text.first_chunk::<19>()?;
    if std::mem::replace(seconds.get_mut(10)?, b' ') != b'_' {
        return None;
    }
    let at = Moment::read(&seconds)?;
    let at = Moment(at.0 + i64::from(milliseconds(text, 19)));
    Some((Stamp::of(at), with_fraction(text, 19)))
}

/// `2026/11/25 04:13:01` and `26/11/25 04:13:01`.
fn slashed(text: &[u8]) -> Option<(Stamp, usize)> {
    let year = match text.get(4)? {
        b'/' | b'.' => 4,
        _ if text.get(2) == Some(&b'/') => 2,
        _ => return None,
    };
    let rest = text.get(year + 1..)?;
    let ([month, day, ..], true) = (numbers(rest, &[0, 3])?, matches!(rest.get(2)?, b'/' | b'.'))
    else {
        return None;
    };
    let (clock, length) = clock_behind(text, year + 6)?;
    let years = number(text.get(..year)?)? + if year == 2 { 2000 } else { 0 };
    Some((stamp(years, month, day, clock), length))
}

/// `25-Nov-2026 04:13:01.249`, `25/Nov/2026:04:13:01 +0000`, `25 Nov 2026 04:13:01,249`,
/// `25.11.2026 04:13:01`; `25/11/2026 04:13:01` tells no date, because others write the month
/// first.
fn day_first(text: &[u8]) -> Option<(Stamp, usize)> {
    let day = number(text.get(..2)?)?;
    let mark = *text.get(2)?;
    if !matches!(mark, b'-' | b'/' | b' ' | b'.') {
        return None;
    }
    let (month, behind) = match month(text.get(3..)?) {
        Some(month) => (month, 6),
        // Which of two numbers is the month is known with dots only.
        None if mark == b'.' => (number(text.get(3..5)?)?, 5),
        None if mark == b'/' && *text.get(5)? == b'/' => {
            number(text.get(3..5)?)?;
            number(text.get(6..10)?)?;
            let (_, length) = clock_behind(text, 10)?;
            return Some((Stamp::UNKNOWN, length));
        }
        None => return None,
    };
    if *text.get(behind)? != mark {
        return None;
    }
    let year = number(text.get(behind + 1..behind + 5)?)?;
    let (clock, length) = clock_behind(text, behind + 5)?;
    Some((stamp(year, month, day, clock), length))
}

/// `Nov 25, 2026 4:13:01 AM`, `Nov 25 04:13:01` (syslog: without a year), `Nov 25 04:13:01 2026`.
fn month_first(text: &[u8]) -> Option<(Stamp, usize)> {
    let month = month(text)?;
    let rest = text.get(3..)?.strip_prefix(b" ")?;
    let rest_at = text.len() - rest.trim_ascii_start().len();
    let digits = digits(text.get(rest_at..)?);
    if !(1..=2).contains(&digits) {
        return None;
    }
    let day = number(text.get(rest_at..rest_at + digits)?)?;
    let mut at = rest_at + digits;
    let mut year = None;
    if text.get(at) == Some(&b',') {
        year = Some(number(text.get(at + 2..at + 6)?)?);
        at += 6;
        // Kibana.
        if text.get(at..)?.starts_with(b" @ ") {
            at += 2;
        }
    }
    let (clock, mut at) = clock_behind(text, at)?;
    if year.is_none()
        && let Some(later) = text.get(at..at + 5)
        && later.starts_with(b" 20")
        && !text.get(at + 5).is_some_and(u8::is_ascii_digit)
        && let Some(known) = number(later.get(1..)?)
    {
        (year, at) = (Some(known), at + 5);
    }
    let stamp = year.map_or(Stamp::UNKNOWN, |year| stamp(year, month, day, clock));
    Some((stamp, at))
}

/// `Sun 2026-11-25 04:13:01 UTC` (journalctl), `Sun Nov 25 04:13:01 2026`.
fn weekday(text: &[u8]) -> Option<(Stamp, usize)> {
    const DAYS: [&[u8]; 7] = [
        b"Mon ", b"Tue ", b"Wed ", b"Thu ", b"Fri ", b"Sat ", b"Sun ",
    ];
    let rest = DAYS.iter().find_map(|day| text.strip_prefix(*day))?;
    let (stamp, length) = iso(rest).or_else(|| month_first(rest))?;
    Some((stamp, length + 4))
}

/// `04:13:01.249`: no date, so no moment.
fn of_day(text: &[u8]) -> Option<(Stamp, usize)> {
    let (_, length) = clock(text)?;
    Some((Stamp::UNKNOWN, length))
}

/// `20261125T041301.249Z`, `20261125 04:13:01`.
fn compact(text: &[u8]) -> Option<(Stamp, usize)> {
    if digits(text) != 8 || !matches!(text.get(8)?, b'T' | b' ' | b'-') {
        return None;
    }
    let year = number(text.get(..4)?)?;
    let [month, day, ..] = numbers(text, &[4, 6])?;
    let behind = text.get(9..)?;
    let (clock, length) = match digits(behind) {
        6 => {
            let [hour, minute, second] = numbers(behind, &[0, 2, 4])?;
            let end = with_zone(text, with_fraction(text, 15));
            ([hour, minute, second, milliseconds(text, 15)], end)
        }
        _ => clock_behind(text, 8)?,
    };
    Some((stamp(year, month, day, clock), length))
}

/// Seconds since 1970 with a fraction, or milliseconds.
fn epoch(text: &[u8]) -> Option<(Stamp, usize)> {
    let length = digits(text);
    let seconds: i64 = std::str::from_utf8(text.get(..10)?).ok()?.parse().ok()?;
    if !(1_000_000_000..4_000_000_000).contains(&seconds) {
        return None;
    }
    match (length, text.get(length)) {
        (10, Some(b'.')) => {
            let at = Moment(seconds * 1000 + i64::from(milliseconds(text, 10)));
            Some((Stamp::of_number(at), with_fraction(text, 10)))
        }
        (13, _) => {
            let rest = i64::from(number(text.get(10..13)?)?);
            Some((Stamp::of_number(Moment(seconds * 1000 + rest)), 13))
        }
        _ => None,
    }
}

/// A number of seconds, milliseconds, microseconds or nanoseconds since 1970, by its size.
pub fn of_number(number: f64) -> Stamp {
    let milliseconds = match number {
        1e9..4e9 => number * 1e3,
        1e12..4e12 => number,
        1e15..4e15 => number / 1e3,
        1e18..4e18 => number / 1e6,
        _ => return Stamp::UNKNOWN,
    };
    Stamp::of_number(Moment(milliseconds as i64))
}

fn clock_behind(text: &[u8], at: usize) -> Option<([i16; 4], usize)> {
    if !matches!(text.get(at)?, b' ' | b'T' | b':' | b'-') {
        return None;
    }
    let (clock, length) = clock(text.get(at + 1..)?)?;
    Some((clock, at + 1 + length))
}

/// `4:13:01,249 AM` and `04:13:01`, with a zone.
fn clock(text: &[u8]) -> Option<([i16; 4], usize)> {
    let hours = digits(text);
    if !(1..=2).contains(&hours) {
        return None;
    }
    let hour = number(text.get(..hours)?)?;
    let rest = text.get(hours..hours + 6)?;
    let [b':', _, _, b':', _, _] = rest else {
        return None;
    };
    let [minute, second, ..] = numbers(rest, &[1, 4])?;
    let seconds = hours + 6;
    let mut end = with_fraction(text, seconds);
    let hour = match text.get(end..end + 3) {
        Some(b" AM") => hour % 12,
        Some(b" PM") => hour % 12 + 12,
        _ => {
            let end = with_zone(text, end);
            return Some(([hour, minute, second, milliseconds(text, seconds)], end));
        }
    };
    end = with_zone(text, end + 3);
    Some(([hour, minute, second, milliseconds(text, seconds)], end))
}

fn with_fraction(text: &[u8], at: usize) -> usize {
    match text.get(at) {
        Some(b',' | b'.' | b':') => match digits(text.get(at + 1..).unwrap_or_default()) {
            count @ 1..=9 => at + 1 + count,
            _ => at,
        },
        _ => at,
    }
}

fn milliseconds(text: &[u8], at: usize) -> i16 {
    let end = with_fraction(text, at);
    let digits = text.get(at + 1..end.min(at + 4)).unwrap_or_default();
    let scale = [0, 100, 10, 1].get(digits.len()).copied().unwrap_or(0);
    number(digits).unwrap_or(0) * scale
}

/// Behind `Z`, `+01:00`, ` +0100` and ` UTC`.
fn with_zone(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    if rest.starts_with(b"Z") {
        return at + 1;
    }
    let blank = usize::from(rest.starts_with(b" "));
    let zone = rest.get(blank..).unwrap_or_default();
    if let [b'+' | b'-', behind @ ..] = zone {
        let length = match (digits(behind), behind.get(2)) {
            (4, _) => 4,
            (2, Some(b':')) if digits(behind.get(3..).unwrap_or_default()) == 2 => 5,
            (2, _) => 2,
            _ => return at,
        };
        return at + blank + 1 + length;
    }
    let letters = zone
        .iter()
        .take_while(|byte| byte.is_ascii_uppercase())
        .count();
    let name = zone.get(..letters).unwrap_or_default();
    let ends = zone
        .get(letters)
        .is_none_or(|byte| matches!(byte, b' ' | b']' | b'|' | b'\t' | b'>'));
    if ends && (3..=5).contains(&letters) && (name == b"UTC" || name.ends_with(b"T")) {
        return at + blank + letters;
    }
    at
}

fn month(text: &[u8]) -> Option<i16> {
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let name = text.get(..3)?;
    let place = MONTHS
        .chunks(3)
        .position(|month| month.eq_ignore_ascii_case(name))?;
    i16::try_from(place + 1).ok()
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn number(digits: &[u8]) -> Option<i16> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    digits.iter().try_fold(0i16, |sum, digit| {
        sum.checked_mul(10)?.checked_add(i16::from(digit - b'0'))
    })
}

/// Numbers of two digits at these places.
fn numbers(text: &[u8], places: &[usize]) -> Option<[i16; 3]> {
    let mut found = [0; 3];
    for (place, found) in places.iter().zip(&mut found) {
        *found = number(text.get(*place..*place + 2)?)?;
    }
    Some(found)
}

fn stamp(year: i16, month: i16, day: i16, clock: [i16; 4]) -> Stamp {
    let [hour, minute, second, milliseconds] = clock;
    let small = |number: i16| i8::try_from(number).unwrap_or(-1);
    let date = DateTime::new(
        year,
        small(month),
        small(day),
        small(hour),
        small(minute),
        small(second),
        i32::from(milliseconds) * 1_000_000,
    );
    match date {
        Ok(date) if Moment::YEARS.contains(&year) => Stamp::of(Moment::of(date)),
        _ => Stamp::UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_loggers_syslog_and_engines() {
        let expected = "2026-11-25T04:13:01";
        for (text, rest) in [
            ("2026-11-25 04:13:01,249 INFO", " INFO"),
            ("2026-11-25T04:13:01.249000000Z stdout", " stdout"),
            ("2026-11-25T04:13:01,249+0000 [main]", " [main]"),
            ("2026-11-25 04:13:01.249 +08:00 x", " x"),
            ("2026-11-25 04:13:01.249 UTC x", " x"),
            ("2026-11-25 04:13:01 TRACE x", " TRACE x"),
            ("2026/11/25 04:13:01 x", " x"),
            ("26/11/25 04:13:01 INFO x", " INFO x"),
            ("25-Nov-2026 04:13:01.249 INFO", " INFO"),
            ("25/Nov/2026:04:13:01 +0000]", "]"),
            ("25 Nov 2026 04:13:01,249 [main]", " [main]"),
            ("25.11.2026 04:13:01 x", " x"),
            ("Nov 25, 2026 4:13:01 AM org", " org"),
            ("Nov 25, 2026 @ 04:13:01.249 x", " x"),
            ("Nov 25 04:13:01 2026 x", " x"),
            ("Wed Nov 25 04:13:01 2026 x", " x"),
            ("Wed 2026-11-25 04:13:01 UTC zk1", " zk1"),
            ("20261125T041301.249Z x", " x"),
            ("1795579981.249000 zk1", " zk1"),
            ("1795579981249 x", " x"),
        ] {
            let (stamp, length) = at_start(text.as_bytes()).expect(text);
            assert_eq!(&text[length..], rest, "{text}");
            let date = stamp.moment().expect(text).date();
            assert!(format!("{date:.0}").starts_with(expected), "{text}: {date}");
        }
    }

    #[test]
    fn the_hours_of_a_day_by_halves() {
        for (text, hour) in [
            ("12:00:01 AM", 0),
            ("4:00:01 AM", 4),
            ("12:00:01 PM", 12),
            ("4:00:01 PM", 16),
            ("11:00:01 PM", 23),
        ] {
            let stamped = format!("Nov 25, 2026 {text} org");
            let (stamp, length) = at_start(stamped.as_bytes()).expect(text);
            assert_eq!(&stamped[length..], " org");
            let date = stamp.moment().expect(text).date();
            assert_eq!(i16::from(date.hour()), hour, "{text}");
        }
    }

    #[test]
    fn a_number_is_seconds_or_a_thousandth_of_the_next() {
        for number in [
            1_795_579_981.249,
            1_795_579_981_249.0,
            1_795_579_981_249e3,
            1_795_579_981_249e6,
        ] {
            let moment = of_number(number).moment().expect("it is one");
            let date = format!("{:.3}", moment.date());
            assert_eq!(date, "2026-11-25T04:13:01.249", "{number}");
        }
        for number in [0.0, 42.0, 9e9, 9e18, f64::NAN] {
            assert!(of_number(number).is_unknown(), "{number}");
        }
    }

    #[test]
    fn a_time_without_a_date_or_a_year_is_no_moment() {
        for (text, rest) in [
            ("04:13:01.249 [main]", " [main]"),
            ("Nov 25 04:13:01 zk1", " zk1"),
        ] {
            let (stamp, length) = at_start(text.as_bytes()).expect(text);
            assert_eq!((&text[length..], stamp.moment()), (rest, None));
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "May the",
            "2026",
            "10.0.0.1:2181",
            "12 apples",
            "Sunday",
            "1 --- [main]",
        ] {
            assert!(at_start(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn a_time_is_found_behind_what_stands_before_it() {
        let expected = Some("2026-11-25T04:13:01.249".to_owned());
        for line in [
            "2026-11-25 04:13:01,249 [myid:] - WARN  [main] - x",
            "25-Nov-2026 04:13:01.249 SEVERE [main] org.apache.zookeeper.ClientCnxn x",
            "[2026-11-25T04:13:01.249Z] WARN x",
            "WARN  2026-11-25 04:13:01.249 x",
            r#"{"level":"WARN","@timestamp":"2026-11-25T04:13:01.249Z","message":"x"}"#,
        ] {
            let found = within(line.as_bytes());
            assert_eq!(
                found.map(|it| format!("{:.3}", it.date())),
                expected,
                "{line}"
            );
        }
        assert_eq!(
            within(b"java.net.ConnectException: Connection refused"),
            None
        );
        assert_eq!(within(b"04:13:01.249 [main] WARN x"), None);
    }
}
