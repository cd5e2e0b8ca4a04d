// SPDX-License-Identifier: MIT
//! The time at the beginning of a line. A log tells no time zone, so these are
//! times of the server's wall clock.

use std::fmt;

use jiff::civil::DateTime;
use serde::{Serialize, Serializer};

/// Milliseconds since 1970-01-01 00:00 of the log's own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

impl Moment {
    /// Years that are believed: ZooKeeper is of 2007.
    pub(crate) const YEARS: std::ops::RangeInclusive<i16> = 2000..=2100;

    /// Reads `2026-11-25 04:13:01,249`, also with `T` and with a dot, a colon or
    /// no milliseconds.
    pub fn read(stamp: &[u8]) -> Option<Self> {
        let seconds = stamp.get(..Stamp::SECONDS)?;
        if !Stamp::has_shape(seconds) {
            return None;
        }
        let number = |from: usize, to: usize| {
            let digits = seconds.get(from..to).unwrap_or_default();
            digits
                .iter()
                .fold(0i16, |sum, digit| sum * 10 + i16::from(digit - b'0'))
        };
        let small = |from: usize| i8::try_from(number(from, from + 2)).ok();
        let year = number(0, 4);
        if !Self::YEARS.contains(&year) {
            return None;
        }
        let date = DateTime::new(
            year,
            small(5)?,
            small(8)?,
            small(11)?,
            small(14)?,
            small(17)?,
            i32::from(milliseconds(stamp)) * 1_000_000,
        )
        .ok()?;
        Some(Self::of(date))
    }

    /// The moment of a date.
    pub fn of(date: DateTime) -> Self {
        Self(date.duration_since(EPOCH).as_millis() as i64)
    }

    /// The minute that it is in.
    pub fn minute(self) -> i64 {
        self.0.div_euclid(60_000)
    }

    /// The beginning of a minute.
    pub fn of_minute(minute: i64) -> Self {
        Self(minute.saturating_mul(60_000))
    }

    pub fn date(self) -> DateTime {
        let span = jiff::SignedDuration::from_millis(self.0);
        EPOCH.checked_add(span).unwrap_or(DateTime::MAX)
    }
}

/// To the second, as people say it.
impl fmt::Display for Moment {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = self.date();
        write!(to, "{} {:.0}", date.date(), date.time())
    }
}

/// Without a zone, because the log has none.
impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:.3}", self.date()))
    }
}

fn milliseconds(stamp: &[u8]) -> i16 {
    match stamp.get(Stamp::SECONDS..Stamp::LENGTH) {
        Some([b',' | b'.' | b':', digits @ ..]) if digits.iter().all(u8::is_ascii_digit) => digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0')),
        _ => 0,
    }
}

/// Reads times one after another: most are of the same minute as the one before,
/// whose date need not be worked out again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    minute: Option<([u8; Stamp::MINUTES], Moment)>,
}

impl Clock {
    /// The moment of a time.
    pub fn moment(&mut self, stamp: &Stamp) -> Option<Moment> {
        let bytes = match &stamp.0 {
            Form::Text(bytes) => bytes,
            Form::Read(moment) => return *moment,
            Form::Number(moment) => return Some(*moment),
        };
        let head = *bytes.first_chunk()?;
        let seconds = bytes.get(Stamp::MINUTES + 1..Stamp::SECONDS)?;
        if let (Some((known, begins)), [tens @ b'0'..=b'5', ones @ b'0'..=b'9']) =
            (self.minute, seconds)
            && known == head
        {
            let seconds = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
            let milliseconds = i64::from(milliseconds(bytes));
            return Some(Moment(begins.0 + seconds * 1000 + milliseconds));
        }
        let moment = stamp.moment()?;
        self.minute = Some((head, Moment::of_minute(moment.minute())));
        Some(moment)
    }
}

/// The bytes of a time, kept unread until they matter: most lines do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(Form);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `2026-11-25 04:13:01,249`.
    Text([u8; Stamp::LENGTH]),
    /// What is written otherwise is read at once; `None` where it tells no date.
    Read(Option<Moment>),
    /// A number since 1970, which is of UTC whatever the server's zone.
    Number(Moment),
}

impl Stamp {
    /// Bytes up to the minutes.
    const MINUTES: usize = 16;
    /// Bytes up to and with the seconds.
    const SECONDS: usize = 19;
    /// Bytes up to the milliseconds.
    const LENGTH: usize = 23;
    /// A line without a time, or a time without a date.
    pub const UNKNOWN: Self = Self(Form::Read(None));

    /// A time that was read.
    pub fn of(moment: Moment) -> Self {
        Self(Form::Read(Some(moment)))
    }

    /// A time that was a number.
    pub fn of_number(moment: Moment) -> Self {
        Self(Form::Number(moment))
    }

    /// Whether it was a number, so that it is of UTC.
    pub fn is_number(&self) -> bool {
        matches!(self.0, Form::Number(_))
    }

    /// Whether it is of the same second as `other`, as far as that is seen without reading.
    pub fn is_of_same_second(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Form::Text(one), Form::Text(two)) => {
                one.get(..Self::SECONDS) == two.get(..Self::SECONDS)
            }
            _ => false,
        }
    }

    /// Whether it tells nothing.
    pub fn is_unknown(&self) -> bool {
        *self == Self::UNKNOWN
    }

    /// The time that `line` begins with, judged by its shape.
    pub fn at_start(line: &[u8]) -> Option<Self> {
        let seconds = line.get(..Self::SECONDS)?;
        if !Self::has_shape(seconds) {
            return None;
        }
        let mut stamp = [b' '; Self::LENGTH];
        let length = line.len().min(Self::LENGTH);
        stamp
            .get_mut(..length)?
            .copy_from_slice(line.get(..length)?);
        Some(Self(Form::Text(stamp)))
    }

    /// The moment; `None` where it is no date after all.
    pub fn moment(&self) -> Option<Moment> {
        match &self.0 {
            Form::Text(bytes) => Moment::read(bytes),
            Form::Read(moment) => *moment,
            Form::Number(moment) => Some(*moment),
        }
    }

    fn has_shape(seconds: &[u8]) -> bool {
        let [
            y1,
            y2,
            y3,
            y4,
            b'-',
            m1,
            m2,
            b'-',
            d1,
            d2,
            b' ' | b'T',
            h1,
            h2,
            b':',
            n1,
            n2,
            b':',
            s1,
            s2,
        ] = seconds
        else {
            return false;
        };
        [y1, y2, y3, y4, m1, m2, d1, d2, h1, h2, n1, n2, s1, s2]
            .iter()
            .all(|digit| digit.is_ascii_digit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_remembers_the_minute_reads_the_same() {
        let mut clock = Clock::default();
        for time in [
            "2026-11-25 04:13:01,249",
            "2026-11-25 04:13:59,999",
            "2026-11-25 04:13:61,000",
            "2026-11-25 04:14:00,000",
            "2026-11-25 04:13:02.000",
            "2026-13-25 04:13:02.000",
        ] {
            let stamp = Stamp::at_start(time.as_bytes()).unwrap();
            assert_eq!(clock.moment(&stamp), stamp.moment(), "{time}");
        }
    }

    #[test]
    fn the_forms_of_several_loggers() {
        let text = |stamp: &str| {
            let moment = Stamp::at_start(stamp.as_bytes())?.moment()?;
            Some(format!("{:.3}", moment.date()))
        };
        let expected = Some("2026-11-25T04:13:01.249".to_owned());
        assert_eq!(text("2026-11-25 04:13:01,249 [myid:] - INFO"), expected);
        assert_eq!(text("2026-11-25T04:13:01.249Z x"), expected);
        let no_milliseconds = Some("2026-11-25T04:13:01.000".to_owned());
        assert_eq!(text("2026-11-25 04:13:01 INFO"), no_milliseconds);
        for wrong in [
            "2026-13-25 04:13:01,249",
            "2026-02-30 04:13:01,249",
            "9999-01-01 00:00:00,000",
            "2026-11-25 04:13",
            "EndOfStreamException: Unable",
        ] {
            assert_eq!(text(wrong), None, "{wrong}");
        }
    }
}
