// SPDX-License-Identifier: MIT
//! Words and numbers for people: untrusted text made printable, durations and
//! counts with their units.

use std::fmt;

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// A destination where it is said whose connections they are. That of a connection which was
/// accepted here is written with the remote host before it.
pub fn place(destination: &str) -> String {
    match destination.split_once(" -> :") {
        Some((_, port)) => format!("port {port} here"),
        None => destination.to_owned(),
    }
}

/// Writes bytes from another process so that none of them can act on a
/// terminal: control characters, invalid UTF-8 and invisible format characters
/// come out as escapes.
pub fn write_printable(to: &mut impl fmt::Write, bytes: &[u8]) -> fmt::Result {
    // Nearly all of it.
    if let Some(plain) = plain_ascii(bytes) {
        return to.write_str(plain);
    }
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_printable(character) {
                to.write_char(character)?;
            } else {
                write!(to, "{}", character.escape_unicode())?;
            }
        }
        for byte in chunk.invalid() {
            write!(to, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

/// The bytes as they are, if they are printable ASCII.
pub fn plain_ascii(bytes: &[u8]) -> Option<&str> {
    match is_plain_ascii(bytes) {
        true => str::from_utf8(bytes).ok(),
        false => None,
    }
}

/// Whether all bytes are printable ASCII.
pub fn is_plain_ascii(bytes: &[u8]) -> bool {
    // Without an early end, so that many bytes are decided at once.
    let is_plain = |so_far, byte: &u8| so_far & matches!(byte, b' '..=b'~');
    bytes.iter().fold(true, is_plain)
}

/// [`write_printable`] into a new string.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    // Writing to a String cannot fail.
    let _ = write_printable(&mut text, bytes);
    text
}

/// At most `most` bytes of `words`, cut between characters, with an ellipsis
/// where something is missing.
pub fn clip(words: &str, most: usize) -> String {
    if words.len() <= most {
        return words.to_owned();
    }
    let cut = words.floor_char_boundary(most);
    format!("{}…", &words[..cut])
}

/// A sentence in which what it quotes between backticks is cut to `most` bytes each: who made
/// the input must not fill the reader's screen with it.
pub fn clip_quotes(sentence: &str, most: usize) -> String {
    let parts = sentence.split('`').enumerate();
    let clipped = parts.map(|(index, part)| match index % 2 {
        0 => part.to_owned(),
        _ => clip(part, most),
    });
    clipped.collect::<Vec<_>>().join("`")
}

/// A sentence in which each word of more than `longest` bytes is cut to `most`.
pub fn clip_words(sentence: &str, longest: usize, most: usize) -> String {
    let clipped = sentence.split(' ').map(|word| match word.len() > longest {
        true => clip(word, most),
        false => word.to_owned(),
    });
    clipped.collect::<Vec<_>>().join(" ")
}

/// Whether a character neither acts on a terminal nor hides there: what has no form of its
/// own, or one that the font decides.
pub fn is_printable(character: char) -> bool {
    use GeneralCategory::{
        Control, Format, LineSeparator, ParagraphSeparator, PrivateUse, Surrogate, Unassigned,
    };
    if character.is_ascii() {
        return !character.is_ascii_control();
    }
    let is_formless = matches!(
        character.general_category(),
        Control | Format | LineSeparator | ParagraphSeparator | PrivateUse | Surrogate | Unassigned
    );
    !is_formless && !is_blank(character)
}

/// Letters, marks and symbols that show nothing: those of the property
/// `Default_Ignorable_Code_Point` (Unicode's DerivedCoreProperties.txt) that are no format
/// characters, and the empty Braille pattern. New ones come from ranges that are
/// unassigned or here already.
fn is_blank(character: char) -> bool {
    matches!(character,
        '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// A duration with two to three significant digits and its unit: `0.28 ms`,
/// `1.6 ms`, `84 ms`, `1.60 s`, `2 min 5 s`.
pub fn duration(nanoseconds: u64) -> String {
    let milliseconds = nanoseconds as f64 / 1e6;
    if milliseconds < 0.995 {
        format!("{milliseconds:.2} ms")
    } else if milliseconds < 9.95 {
        format!("{milliseconds:.1} ms")
    } else if milliseconds < 999.5 {
        format!("{milliseconds:.0} ms")
    } else if milliseconds < 9_995.0 {
        format!("{:.2} s", milliseconds / 1e3)
    } else if milliseconds < 99_950.0 {
        format!("{:.1} s", milliseconds / 1e3)
    } else {
        let seconds = (milliseconds / 1e3).round() as u64;
        match seconds {
            0..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
            _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        }
    }
}

/// A trace's length: `60 s`, `12.5 s`, `2 min 5 s`, `20 ms`.
pub fn window(nanoseconds: u64) -> String {
    let seconds = nanoseconds as f64 / 1e9;
    let is_brief = nanoseconds > 0 && seconds < 0.05;
    if seconds >= 100.0 || is_brief {
        duration(nanoseconds)
    } else if (seconds - seconds.round()).abs() < 0.05 {
        format!("{seconds:.0} s")
    } else {
        format!("{seconds:.1} s")
    }
}

/// A rate per second: `0.63/s`, `12.4/s`, `20,000/s`. One that would be none in seconds is told in
/// hours.
pub fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 0.005 {
        rate_of_any(per_second)
    } else if per_second < 9.995 {
        format!("{per_second:.2}/s")
    } else if per_second < 99.95 {
        format!("{per_second:.1}/s")
    } else {
        format!("{}/s", count(per_second.round() as u64))
    }
}

/// A part of 1 as `12 %`; what is no whole is never called one, and something never nothing.
pub fn share(part: f64) -> String {
    let percent = 100.0 * part;
    match () {
        () if part < 1.0 && percent >= 99.5 => "above 99 %".to_owned(),
        // A half is rounded to the even number, which is none.
        () if part > 0.0 && percent <= 0.5 => "below 1 %".to_owned(),
        () => format!("{percent:.0} %"),
    }
}

/// A rate that may be slow: `0.63/s`, `4.0/min`, `1.5/h`, `0.2/day`.
pub fn rate_of_any(per_second: f64) -> String {
    const DAY: f64 = 24.0 * 3600.0;
    match per_second {
        0.0 => rate(0.0),
        once if once < 0.05 / DAY => "below 0.1/day".to_owned(),
        rare if rare < 0.095 / 3600.0 => format!("{:.1}/day", rare * DAY),
        slow if slow < 1.0 / 600.0 => format!("{:.1}/h", slow * 3600.0),
        slow if slow < 0.095 => format!("{:.1}/min", slow * 60.0),
        fast => rate(fast),
    }
}

/// A count with thousands separated: `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// ` after 1.4 ms (p50; p99 6.0 ms)`, of so many durations; nothing where there is none.
pub fn after(count: u64, p50_ns: Option<u64>, p99_ns: Option<u64>) -> String {
    let (Some(p50), Some(p99)) = (p50_ns.map(duration), p99_ns.map(duration)) else {
        return String::new();
    };
    match count == 1 || p50 == p99 {
        true => format!(" after {p50}"),
        false => format!(" after {p50} (p50; p99 {p99})"),
    }
}

/// `78`, or `0 to 79`.
pub fn range(least: u64, most: u64) -> String {
    match least == most {
        true => count(least),
        false => format!("{} to {}", count(least), count(most)),
    }
}

/// `1 attempt to connect waits`, `7 attempts to connect wait`.
pub fn waits(attempts: u64) -> String {
    match attempts {
        1 => "1 attempt to connect waits".to_owned(),
        _ => format!("{} attempts to connect wait", count(attempts)),
    }
}

/// `1 connection`, `2 connections`, `2 processes`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = match (number, noun.ends_with('s')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {noun}{plural}", count(number))
}

/// [`counted`], where there may have been more: `at least 2 connections`.
pub fn at_least(may_be_more: bool, number: u64, noun: &str) -> String {
    match may_be_more {
        true => format!("at least {}", counted(number, noun)),
        false => counted(number, noun),
    }
}

/// [`range`] of something: `1 byte`, `49 bytes`, `0 to 98 bytes`.
pub fn counted_range(least: u64, most: u64, noun: &str) -> String {
    match least == most {
        true => counted(least, noun),
        false => format!("{} {noun}s", range(least, most)),
    }
}

/// Bytes in both directions, each the least and the most of several connections:
/// `78 bytes sent and 0 to 98 received`.
pub fn sent_and_received(out: (u64, u64), back: (u64, u64)) -> String {
    format!(
        "{} sent and {} received",
        counted_range(out.0, out.1, "byte"),
        range(back.0, back.1)
    )
}

/// How many names a sentence has at most.
const NAMES: usize = 5;

/// The first of some names, made printable, and how many others there are.
pub fn first_of(names: &[String]) -> String {
    let some = names.iter().take(NAMES);
    let some: Vec<_> = some.map(|name| printable(name.as_bytes())).collect();
    match names.len().saturating_sub(NAMES) {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

/// Ports that are named; a list may have thousands.
const PORTS_NAMED: usize = 10;

/// `port 2181`, `ports 2181, 2182`, `ports 1, 2, … and 19,990 more`.
pub fn ports(ports: &[u16]) -> String {
    let noun = match ports {
        [_] => "port",
        _ => "ports",
    };
    let named = ports.iter().take(PORTS_NAMED).map(u16::to_string);
    let named = named.collect::<Vec<_>>().join(", ");
    match ports.len().saturating_sub(PORTS_NAMED) {
        0 => format!("{noun} {named}"),
        more => format!("{noun} {named} and {} more", count(more as u64)),
    }
}

/// The same at the start of a sentence.
pub fn ports_first(ports: &[u16]) -> String {
    self::ports(ports).replacen('p', "P", 1)
}

/// The first few of these, and how many more there are.
pub fn some_of(words: &[String], most: usize) -> String {
    let named = words.iter().take(most).cloned().collect::<Vec<_>>();
    let named = named.join(", ");
    match words.len().saturating_sub(most) {
        0 => named,
        more => format!("{named} and {} more", count(more as u64)),
    }
}

/// `a`, `a and b`, `a, b and c`.
pub fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_the_first_are_named_and_the_rest_counted() {
        assert_eq!(ports(&[2181]), "port 2181");
        assert_eq!(ports(&[2181, 2182]), "ports 2181, 2182");
        assert_eq!(ports_first(&[2181, 2182]), "Ports 2181, 2182");
        let many: Vec<_> = (1..=20_000).collect();
        assert_eq!(
            ports(&many),
            "ports 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 19,990 more"
        );
        let words = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(some_of(&words, 3), "a, b, c");
        assert_eq!(some_of(&words, 1), "a and 2 more");
    }

    #[test]
    fn nothing_that_hides_passes_and_every_script_does() {
        for hidden in [
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{17b4}',
            '\u{180e}',
            '\u{200b}',
            '\u{202e}',
            '\u{2028}',
            '\u{2064}',
            '\u{2065}',
            '\u{2800}',
            '\u{3164}',
            '\u{e000}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{1d173}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{10ffff}',
        ] {
            assert!(!is_printable(hidden), "{}", hidden.escape_unicode());
        }
        for words in [
            "Zoë",
            "Ωμέγα",
            "сервер",
            "服务器",
            "サーバー",
            "서버",
            "خادم",
            "סרבר",
            "e\u{301}",
        ] {
            assert!(words.chars().all(is_printable), "{words}");
        }
    }

    #[test]
    fn what_is_quoted_is_cut_and_the_rest_is_not() {
        let long = "é".repeat(50);
        let said = format!("unknown field `{long}`, expected one of `port`, `{long}`");
        assert_eq!(
            clip_quotes(&said, 5),
            "unknown field `éé…`, expected one of `port`, `éé…`"
        );
        assert_eq!(clip_quotes("no quote", 2), "no quote");
        assert_eq!(clip_quotes("`", 2), "`");
    }

    #[test]
    fn a_word_that_can_be_no_name_is_cut_and_what_is_said_of_it_stays() {
        let said = |name: &str| format!("{name} cannot be read: it is no file");
        assert_eq!(
            clip_words(&said("/a/b"), 4, 2),
            "/a/b ca… be re… it is no file"
        );
        let long = "é".repeat(50);
        assert_eq!(clip_words(&said(&long), 50, 5), said("éé…"));
        assert_eq!(clip_words(&said(&long), 100, 5), said(&long));
        assert_eq!(clip_words("  ", 0, 0), "  ");
    }

    #[test]
    fn one_of_something_is_no_plural() {
        assert_eq!(counted_range(1, 1, "byte"), "1 byte");
        assert_eq!(counted_range(49, 49, "byte"), "49 bytes");
        assert_eq!(counted_range(0, 1, "byte"), "0 to 1 bytes");
        assert_eq!(counted_range(0, 0, "byte"), "0 bytes");
    }

    #[test]
    fn what_is_taken_for_plain_is_written_as_it_is() {
        for byte in 0..=u8::MAX {
            let bytes = [b'a', byte];
            let is_plain = (b' '..=b'~').contains(&byte);
            assert_eq!(is_plain_ascii(&bytes), is_plain, "{byte}");
            assert_eq!(plain_ascii(&bytes).is_some(), is_plain, "{byte}");
            if is_plain {
                assert_eq!(printable(&bytes).as_bytes(), bytes);
            }
        }
        assert_eq!(plain_ascii(b""), Some(""));
    }

    #[test]
    fn nothing_that_acts_on_a_terminal_passes() {
        assert_eq!(printable(b"main-SendThread"), "main-SendThread");
        assert_eq!(printable(b"\x1b[2J\x07x\n"), "\\u{1b}[2J\\u{7}x\\u{a}");
        assert_eq!(
            printable("a\u{202e}b\u{9b}".as_bytes()),
            "a\\u{202e}b\\u{9b}"
        );
        assert_eq!(printable(b"\xff\xfe ok"), "\\xff\\xfe ok");
        assert_eq!(printable("zoë".as_bytes()), "zoë");
    }

    #[test]
    fn durations_carry_their_unit() {
        let cases = [
            (0, "0.00 ms"),
            (280_000, "0.28 ms"),
            (1_600_000, "1.6 ms"),
            (84_000_000, "84 ms"),
            (1_599_000_000, "1.60 s"),
            (60_000_000_000, "60.0 s"),
            (125_000_000_000, "2 min 5 s"),
            (7_260_000_000_000, "2 h 1 min"),
        ];
        for (nanoseconds, text) in cases {
            assert_eq!(duration(nanoseconds), text);
        }
    }

    #[test]
    fn one_duration_has_no_percentiles() {
        const MS: u64 = 1_000_000;
        assert_eq!(after(0, None, None), "");
        assert_eq!(after(1, Some(MS), Some(2 * MS)), " after 1.0 ms");
        assert_eq!(after(2, Some(MS), Some(MS + 1)), " after 1.0 ms");
        let two = after(2, Some(MS), Some(6 * MS));
        assert_eq!(two, " after 1.0 ms (p50; p99 6.0 ms)");
    }

    #[test]
    fn rates_and_counts() {
        assert_eq!(window(20_000_000), "20 ms");
        assert_eq!(window(0), "0 s");
        assert_eq!(rate(0.6333), "0.63/s");
        assert_eq!(rate(20_000.0), "20,000/s");
        // Three in ten hours, one in a day, one in a year: none of them is none.
        assert_eq!(rate(3.0 / 36_000.0), "0.3/h");
        assert_eq!(rate(1.0 / 86_400.0), "1.0/day");
        assert_eq!(rate(1.0 / 31_536_000.0), "below 0.1/day");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(12), "12");
        assert_eq!(counted(1, "thread"), "1 thread");
        assert_eq!(counted(2, "thread"), "2 threads");
        assert_eq!(window(60_000_000_000), "60 s");
        assert_eq!(window(12_500_000_000), "12.5 s");
    }

    #[test]
    fn each_unit_begins_where_the_one_before_it_ends() {
        let rates = [
            (0.0, "0.00/s"),
            (1.0 / 3600.0, "1.0/h"),
            (0.001_6, "5.8/h"),
            (1.0 / 600.0, "0.1/min"),
            (0.094, "5.6/min"),
            (0.096, "0.10/s"),
            (9.99, "9.99/s"),
            (10.0, "10.0/s"),
            (99.9, "99.9/s"),
            (99.96, "100/s"),
        ];
        for (per_second, text) in rates {
            assert_eq!(rate_of_any(per_second), text);
        }
        let shares = [
            (0.0, "0 %"),
            (0.001, "below 1 %"),
            (0.005, "below 1 %"),
            (0.006, "1 %"),
            (0.5, "50 %"),
            (0.994, "99 %"),
            (0.996, "above 99 %"),
            (1.0, "100 %"),
        ];
        for (part, text) in shares {
            assert_eq!(share(part), text);
        }
        let durations = [
            (994_000, "0.99 ms"),
            (996_000, "1.0 ms"),
            (9_940_000, "9.9 ms"),
            (9_960_000, "10 ms"),
            (999_400_000, "999 ms"),
            (999_600_000, "1.00 s"),
            (9_994_000_000, "9.99 s"),
            (9_996_000_000, "10.0 s"),
            (99_940_000_000, "99.9 s"),
            (99_960_000_000, "1 min 40 s"),
            (3_599_400_000_000, "59 min 59 s"),
            (3_599_600_000_000, "1 h 0 min"),
            (90_061_000_000_000, "25 h 1 min"),
        ];
        for (nanoseconds, text) in durations {
            assert_eq!(duration(nanoseconds), text);
        }
        let windows = [
            (12_960_000_000, "13 s"),
            (12_940_000_000, "12.9 s"),
            (12_040_000_000, "12 s"),
            (99_900_000_000, "99.9 s"),
            (100_000_000_000, "1 min 40 s"),
        ];
        for (nanoseconds, text) in windows {
            assert_eq!(window(nanoseconds), text);
        }
        let counts = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345, "12,345"),
            (999_999, "999,999"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ];
        for (number, text) in counts {
            assert_eq!(count(number), text);
        }
    }
}
