// SPDX-License-Identifier: MIT
//! What others put in front of each line of a log: syslog, the journal, container engines,
//! `kubectl`, `stern`, `grep`, service managers.
//!
//! Each form is recognised whole. A few words before a time are no prefix as such: a message
//! with a client's text in it begins with a few words, too.

use super::{
    cleaned, csv,
    line::Level,
    moment::Stamp,
    piece::{Piece, Stream},
    time,
};

/// How far into a line a prefix may reach.
const LONGEST: usize = 256;

/// A prefix that was taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix<'l> {
    /// Its time, where it tells one.
    pub stamp: Stamp,
    /// Whether it begins with a time or with what stands before one: behind that a message may
    /// begin, so names are no prefix any more.
    pub has_time: bool,
    /// Whether the line may be a piece of a longer one.
    pub piece: Option<Piece>,
    /// The line behind it.
    pub rest: &'l [u8],
}

/// Takes a prefix off; `may_be_name` where no time was taken off before.
pub(super) fn strip(line: &[u8], may_be_name: bool) -> Option<Prefix<'_>> {
    let timed = match line.first()? {
        b'<' => priority(line),
        b'@' => tai64n(line),
        _ if may_be_name => counted(line)
            .or_else(|| csv::read(line).map(|(stamp, rest)| (stamp, None, rest)))
            .or_else(|| behind_time(line)),
        _ => behind_time(line),
    };
    if let Some((stamp, piece, rest)) = timed {
        return Some(Prefix {
            stamp,
            has_time: true,
            piece,
            rest,
        });
    }
    if !may_be_name {
        return None;
    }
    let (stamp, rest) = match line.first()? {
        b'[' => pod(line),
        _ => of_journal_field(line)
            .or_else(|| bar(line))
            .or_else(|| path(line))
            .or_else(|| pod_and_container(line)),
    }?;
    Some(Prefix {
        stamp,
        has_time: false,
        piece: None,
        rest,
    })
}

/// What is behind a prefix with a time.
type Timed<'l> = (Stamp, Option<Piece>, &'l [u8]);

/// `<134>1 TIME HOST APP PID MSGID [data] …` (RFC 5424) and `<134>Nov 25 …` (RFC 3164).
fn priority(line: &[u8]) -> Option<Timed<'_>> {
    let end = memchr::memchr(b'>', line.get(..6).unwrap_or(line))?;
    let number = line.get(1..end)?;
    if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let rest = line.get(end + 1..)?;
    let Some(behind) = rest.strip_prefix(b"1 ") else {
        return Some((Stamp::UNKNOWN, None, rest));
    };
    let (stamp, length) = match behind.strip_prefix(b"-") {
        Some(_) => (Stamp::UNKNOWN, 1),
        None => time::at_start(behind)?,
    };
    let fields = behind.get(length..)?.strip_prefix(b" ")?;
    let mut rest = fields;
    for _ in 0..4 {
        let blank = memchr::memchr(b' ', rest.get(..LONGEST).unwrap_or(rest))?;
        rest = rest.get(blank + 1..)?;
    }
    let source = fields.get(..fields.len() - rest.len())?;
    // Structured data: `-` or `[id name="value"]…`.
    rest = match rest.strip_prefix(b"[") {
        Some(_) => {
            let end = memchr::memmem::find(rest, b"] ")?;
            rest.get(end + 2..)?
        }
        None => rest
            .strip_prefix(b"- ")
            .or_else(|| rest.strip_prefix(b"-"))?,
    };
    // RFC 5424, 6.4: a text in UTF-8 begins with the mark.
    let rest = rest.strip_prefix(cleaned::MARK).unwrap_or(rest);
    Some((stamp, Some(Piece::of_journal(source, rest)), rest))
}

/// `118 <30>1 …`: how RFC 6587 counts the bytes of a message.
fn counted(line: &[u8]) -> Option<Timed<'_>> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let rest = line.get(digits..)?.strip_prefix(b" ")?;
    let is_counted = (1..=6).contains(&digits) && rest.starts_with(b"<");
    is_counted.then(|| priority(rest))?
}

/// `@400000005a4d2f1b0c5e8a14 …`: multilog and s6.
fn tai64n(line: &[u8]) -> Option<Timed<'_>> {
    let label = line.get(1..25)?;
    if !label.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    Some((Stamp::UNKNOWN, None, line.get(25..)?.strip_prefix(b" ")?))
}

/// `[pod/zk-0/zookeeper] …` (kubectl), `[zk-0] …` (kubetail, pssh), `[  123.456] …` (dmesg's time).
fn pod(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let end = memchr::memchr(b']', line.get(..LONGEST).unwrap_or(line))?;
    let name = line.get(1..end)?.trim_ascii();
    if !is_label(name, b"/_:")
        && !name
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.')
    {
        return None;
    }
    let rest = line.get(end + 1..)?.strip_prefix(b" ")?;
    Some((Stamp::UNKNOWN, host_and_tag(rest, true).unwrap_or(rest)))
}

/// `TIME stdout F …` (CRI), `TIME HOST TAG[pid]: …` (syslog, journal), `TIME …` (docker
/// --timestamps, kubectl --timestamps), `TIME [APP/PROC/WEB/0] OUT …` (Cloud Foundry),
/// `TIME<tab>TAG<tab>{…}` and `TIME TAG: {…}` (Fluentd).
fn behind_time(line: &[u8]) -> Option<Timed<'_>> {
    let (stamp, length) = time::at_start(line)?;
    let rest = line.get(length..)?;
    if let Some(rest) = rest.strip_prefix(b"\t") {
        return Some((stamp, None, behind_tag(rest, b"\t")?));
    }
    let rest = rest.strip_prefix(b" ")?;
    let streams = [
        (&b"stdout "[..], Stream::Output),
        (b"stderr ", Stream::Error),
    ];
    for (name, stream) in streams {
        if let Some(tag) = rest.strip_prefix(name) {
            let goes_on = tag.starts_with(b"P");
            let behind = tag
                .strip_prefix(b"F ")
                .or_else(|| tag.strip_prefix(b"P "))?;
            return Some((stamp, Some(Piece { stream, goes_on }), behind));
        }
    }
    let is_syslogs = stamp.is_unknown() || line.get(10) == Some(&b'T');
    if let Some(behind) = host_and_tag(rest, is_syslogs) {
        let source = rest.get(..rest.len() - behind.len())?;
        return Some((stamp, Some(Piece::of_journal(source, behind)), behind));
    }
    let behind = stream(rest)
        .or_else(|| cloud_foundry(rest))
        .or_else(|| task(rest))
        .or_else(|| behind_tag(rest, b": "));
    Some((stamp, None, behind.unwrap_or(rest)))
}

/// `kube.zk<separator>{…}`. A class of an exception and a client's text is none.
fn behind_tag<'l>(text: &'l [u8], separator: &[u8]) -> Option<&'l [u8]> {
    let head = text.get(..LONGEST).unwrap_or(text);
    let end = memchr::memmem::find(head, separator)?;
    let tag = head.get(..end)?;
    let rest = text.get(end + separator.len()..)?;
    let is_tag = is_label(tag, b"_/:")
        && tag.contains(&b'.')
        && !tag.iter().any(u8::is_ascii_uppercase)
        && rest.starts_with(b"{");
    is_tag.then_some(rest)
}

/// `zk.1.abc@node1    | …` (`docker service logs --timestamps`).
fn task(text: &[u8]) -> Option<&[u8]> {
    let bar = memchr::memchr(b'|', text.get(..LONGEST / 2).unwrap_or(text))?;
    let name = text.get(..bar)?.trim_ascii_end();
    let rest = text.get(bar + 1..)?;
    let is_task = is_label(name, b"_@") && name.contains(&b'@') && name.contains(&b'.');
    is_task.then(|| rest.strip_prefix(b" ").unwrap_or(rest))
}

/// `[APP/PROC/WEB/0] OUT …`.
fn cloud_foundry(text: &[u8]) -> Option<&[u8]> {
    let inside = text.strip_prefix(b"[")?;
    let end = memchr::memchr(b']', inside.get(..LONGEST).unwrap_or(inside))?;
    let name = inside.get(..end)?;
    let rest = inside.get(end + 1..)?;
    let rest = rest
        .strip_prefix(b" OUT ")
        .or_else(|| rest.strip_prefix(b" ERR "))?;
    (is_label(name, b"/_") && name.contains(&b'/')).then_some(rest)
}

/// `MESSAGE=…`: a field of `journalctl -o export`, and with blanks before it of `-o verbose`.
fn of_journal_field(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let line = line.strip_prefix(b"    ").unwrap_or(line);
    Some((Stamp::UNKNOWN, line.strip_prefix(b"MESSAGE=")?))
}

/// `ecs/zookeeper/0a1b2c3d …` (a log stream's name), where a time or a bracket follows.
fn stream(text: &[u8]) -> Option<&[u8]> {
    let head = text.get(..LONGEST).unwrap_or(text);
    let name = head.get(..memchr::memchr(b' ', head)?)?;
    let is_path = name.iter().any(|byte| matches!(byte, b'/' | b'-'));
    if !(is_path && is_label(name, b"/_:@$[]")) {
        return None;
    }
    let rest = text.get(name.len() + 1..)?;
    let follows = matches!(rest.first()?, b'[' | b'{') || time::at_start(rest).is_some();
    follows.then_some(rest)
}

/// `zk1 java[812]: `, `zk1 zookeeper: `, `zk1 daemon.info zookeeper[812]: `, and `zk1 ` before
/// what syslog itself says. Without a pid only behind a time as syslog writes it
/// (`is_syslogs`), because `Setting authorizedID: ` is a message with a client's text.
fn host_and_tag(text: &[u8], is_syslogs: bool) -> Option<&[u8]> {
    let head = text.get(..LONGEST).unwrap_or(text);
    let host = head.get(..memchr::memchr(b' ', head)?)?;
    if !is_label(host, b"_:%") {
        return None;
    }
    let rest = text.get(host.len() + 1..)?;
    if rest.starts_with(b"last message repeated ") {
        return Some(rest);
    }
    let end = memchr::memmem::find(head, b": ")
        .or_else(|| head.ends_with(b":").then(|| head.len() - 1))
        .filter(|end| *end > host.len())?;
    let tags = head.get(host.len() + 1..end)?;
    let mut words = tags.split(|byte| *byte == b' ');
    let (first, last) = (words.next()?, words.next());
    let tag = last.unwrap_or(first);
    let has_pid = tag.strip_suffix(b"]").is_some_and(|tag| {
        let digits = tag
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        digits > 0
            && tag
                .get(..tag.len() - digits)
                .is_some_and(|name| name.ends_with(b"["))
    });
    let is_host = host.iter().all(|byte| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_')
    });
    let is_tag = words.next().is_none()
        && is_label(first, b"_[]()/@%")
        && last.is_none_or(|tag| is_label(tag, b"_[]()/@%"))
        && Level::named(first).is_none();
    if !(is_tag && (has_pid || (is_syslogs && is_host))) {
        return None;
    }
    let rest = text.get(end + 1..)?;
    Some(rest.strip_prefix(b" ").unwrap_or(rest))
}

/// `zookeeper-1  | …` (compose, swarm), `INFO   | jvm 1    | 2026/11/25 04:13:01 | …` (Java
/// Service Wrapper).
fn bar(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let head = line.get(..LONGEST / 2).unwrap_or(line);
    let end = memchr::memchr(b'|', head)?;
    let name = head.get(..end)?.trim_ascii();
    let is_jvm = name
        .strip_prefix(b"jvm ")
        .is_some_and(|number| number.iter().all(u8::is_ascii_digit));
    // Services are called in small letters; the wrapper begins with a level.
    let is_service = is_label(name, b"_/@:") && !name.iter().any(u8::is_ascii_uppercase);
    if !(is_service || is_jvm || Level::named(name).is_some()) {
        return None;
    }
    let rest = line.get(end + 1..)?;
    Some((Stamp::UNKNOWN, rest.strip_prefix(b" ").unwrap_or(rest)))
}

/// `zookeeper.log:12:…` and `zookeeper.log-…` (grep), `zk1: …` (pdsh), where a time or a
/// bracket follows.
fn path(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let head = line.get(..LONGEST).unwrap_or(line);
    let end = memchr::memchr(b':', head)?;
    let name = head.get(..end)?;
    let is_number = !name.is_empty() && name.iter().all(u8::is_ascii_digit);
    let has_mark = name
        .iter()
        .any(|byte| matches!(byte, b'/' | b'.' | b'-') || byte.is_ascii_digit());
    if !(is_number || (has_mark && is_label(name, b"_/"))) {
        return None;
    }
    let rest = line.get(end + 1..)?;
    let rest = rest.strip_prefix(b" ").unwrap_or(rest);
    let number = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let follows = |text: &[u8]| {
        matches!(text.first(), Some(b'[' | b'{' | b'@')) || time::at_start(text).is_some()
    };
    let behind_number = rest.get(number..).and_then(|rest| rest.strip_prefix(b":"));
    match behind_number.filter(|behind| number > 0 && follows(behind)) {
        Some(behind) => Some((Stamp::UNKNOWN, behind)),
        None => follows(rest).then_some((Stamp::UNKNOWN, rest)),
    }
}

/// `zk-0 zookeeper …` (stern), where a time, a bracket or a tab follows.
fn pod_and_container(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let head = line.get(..LONGEST).unwrap_or(line);
    let mut words = head.splitn(3, |byte| *byte == b' ');
    let (pod, container) = (words.next()?, words.next()?);
    let is_name = |word: &[u8]| {
        !word.is_empty()
            && word.iter().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.')
            })
    };
    // Names of pods hold a number or a hash behind a dash; words of a sentence do not.
    let is_pod = is_name(pod) && pod.contains(&b'-') && pod.iter().any(u8::is_ascii_digit);
    if !(is_pod && is_name(container)) {
        return None;
    }
    let rest = line.get(pod.len() + container.len() + 2..)?;
    let follows = matches!(rest.first()?, b'[' | b'{' | b'\t') || time::at_start(rest).is_some();
    follows.then_some((Stamp::UNKNOWN, rest))
}

/// Letters, digits, `-`, `.` and what stands in `marks`.
fn is_label(word: &[u8], marks: &[u8]) -> bool {
    word.len() <= 128
        && word.iter().any(u8::is_ascii_alphanumeric)
        && word.iter().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.') || marks.contains(byte)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefixes_of_the_field() {
        for line in [
            "118 <134>1 2026-11-25T04:13:01Z zk1 zookeeper 812 - - TEXT",
            "<134>1 2026-11-25T04:13:01Z zk1 zookeeper - - [a@1 b=\"c\"][d e=\"f\"] \u{feff}TEXT",
            "2026-11-25T04:13:01.00+0000 [APP/PROC/WEB/0] OUT TEXT",
            "2026-11-25T04:13:01.249000000Z zk.1.abc@node1    | TEXT",
            "MESSAGE=TEXT",
            "    MESSAGE=TEXT",
            "<134>1 2026-11-25T04:13:01.000Z zk1 zookeeper 812 - - TEXT",
            "<134>1 2026-11-25T04:13:01Z zk1 zookeeper 812 - [a@1 b=\"c\"] TEXT",
            "@400000005a4d2f1b0c5e8a14 TEXT",
            "[pod/zk-0/zookeeper] TEXT",
            "[  123.456789] zk1 java[812]: TEXT",
            "2026-11-25T04:13:01.249000000Z stdout F TEXT",
            "2026-11-25T04:13:01.249000000+00:00 stderr P TEXT",
            "2026-11-25T04:13:01+0000 zk1.example.com java[812]: TEXT",
            "Nov 25 04:13:01 zk1 zookeeper: TEXT",
            "Nov 25 04:13:01 zk1 daemon.info zookeeper[812]: TEXT",
            "Wed 2026-11-25 04:13:01 UTC zk1 java[812]: TEXT",
            "1795579981.249000 zk1 java[812]: TEXT",
            "2026-11-25T04:13:01.249000000Z TEXT",
            "zookeeper-1  | TEXT",
            "zk.1.abc@node1    | TEXT",
            "jvm 1    | TEXT",
        ] {
            let rest = strip(line.as_bytes(), true).expect(line).rest;
            assert_eq!(rest, b"TEXT", "{line}");
        }
        for line in [
            "zookeeper.log:[TEXT",
            "/var/log/zk/zk.log:12:[TEXT",
            "12:[TEXT",
            "zk1: [TEXT",
            "zk-0 zookeeper [TEXT",
        ] {
            let rest = strip(line.as_bytes(), true).expect(line).rest;
            assert_eq!(rest, b"[TEXT", "{line}");
        }
    }

    /// Behind a time of a logger, words with a colon are a message.
    #[test]
    fn words_behind_a_time_are_no_host() {
        let line = b"2026-11-25 04:13:01,249 Setting authorizedID: TEXT";
        let rest = strip(line, true).expect("a time").rest;
        assert_eq!(rest, b"Setting authorizedID: TEXT");
        assert_eq!(strip(b"Command | INFO | TEXT", false), None);
    }

    /// A message may begin with some words of the server's and go on with a client's.
    #[test]
    fn words_of_a_message_are_no_prefix() {
        for line in [
            "Setting authorizedID: 2026-11-25 04:13:01,249 INFO",
            "got auth 2026-11-25 04:13:01,249 INFO",
            "user: 2026-11-25 04:13:01,249 INFO",
            "a sentence | 2026-11-25 04:13:01,249 INFO",
            "",
        ] {
            assert_eq!(strip(line.as_bytes(), true), None, "{line}");
        }
    }
}
