// SPDX-License-Identifier: MIT
//! Which of several servers wrote a line, where their lines stand in one stream: by what `kubectl`,
//! `stern`, compose, syslog or `grep` put in front of it, and by ZooKeeper's own `[myid:1]`. Servers
//! call their threads alike.

use std::hash::BuildHasher;

use memchr::{memchr, memmem};

use super::{
    cleaned,
    line::{self, Level},
};

/// A number for each server; 0 where the line tells none. Equal in every reader, so the hash has a
/// fixed seed.
pub(super) fn of(line: &[u8]) -> u64 {
    if cleaned::has_escapes(line) {
        // `stern` colours names.
        let mut plain = Vec::new();
        cleaned::without_escapes(line, &mut plain);
        return of_plain(&plain);
    }
    of_plain(cleaned::bare(line))
}

fn of_plain(line: &[u8]) -> u64 {
    let (before, own) = line.split_at(line.len() - line::behind_prefixes(line).len());
    let names: Vec<_> = before
        .split(|byte| byte.is_ascii_whitespace() || *byte == b'|')
        .map(without_number)
        .filter(|word| is_name(word))
        .take(NAMES)
        .chain(fields(own))
        .chain(my_id(own))
        .collect();
    match names.is_empty() {
        true => 0,
        false => foldhash::quality::FixedState::default().hash_one(names),
    }
}

/// Of a line in JSON what says where it comes from. Quotes in a text have a backslash, so a client's
/// are no key.
fn fields(own: &[u8]) -> impl Iterator<Item = &[u8]> {
    let own = match own.first() {
        Some(b'{') => own,
        _ => &[],
    };
    KEYS.iter().filter_map(move |key| {
        let at = memmem::find(own, key)? + key.len();
        let value = own.get(at..)?.trim_ascii_start();
        match value.split_first()? {
            (b'"', value) => value.get(..memchr(b'"', value)?),
            (b'{', value) => {
                let within = value.get(..memchr(b'}', value)?)?;
                let at = memmem::find(within, b"\"name\":")? + 7;
                let name = within.get(at..)?.trim_ascii_start().strip_prefix(b"\"")?;
                name.get(..memchr(b'"', name)?)
            }
            _ => None,
        }
    })
}

/// Keys of a pod, a container or a host, as shippers write them: the name, or an object with it.
const KEYS: [&[u8]; 9] = [
    b"\"pod_name\":",
    b"\"kubernetes.pod.name\":",
    b"\"pod\":",
    b"\"container_id\":",
    b"\"container_name\":",
    b"\"host\":",
    b"\"host.name\":",
    b"\"hostname\":",
    b"\"_HOSTNAME\":",
];

/// A pod and its container, or a host and its program; behind these is what differs from line to line.
const NAMES: usize = 2;

/// How `daemon.warning` of syslog ends.
const SEVERITIES: [&[u8]; 10] = [
    b".emerg",
    b".alert",
    b".crit",
    b".err",
    b".error",
    b".warning",
    b".warn",
    b".notice",
    b".info",
    b".debug",
];

/// `1` of `[myid:1]`; the id is unknown while a server begins.
fn my_id(own: &[u8]) -> Option<&[u8]> {
    // Within JSON it is in a field.
    let reach = if own.starts_with(b"{") { 1024 } else { 64 };
    let head = own.get(..reach).unwrap_or(own);
    let at = memmem::find(head, b"[myid:")? + 6;
    let rest = head.get(at..)?;
    let id = rest.get(..memchr(b']', rest)?)?;
    (!id.is_empty()).then_some(id)
}

/// `zookeeper.log` of `zookeeper.log:12:`.
fn without_number(word: &[u8]) -> &[u8] {
    let Some(word) = word.strip_suffix(b":") else {
        return word;
    };
    let digits = word.iter().rev().take_while(|byte| byte.is_ascii_digit());
    let name = word.get(..word.len() - digits.count()).unwrap_or(word);
    name.strip_suffix(b":").unwrap_or(word)
}

/// Not a time, a priority, a level, a number or a mark, which differ from line to line.
fn is_name(word: &[u8]) -> bool {
    let inside = word.strip_prefix(b"[").unwrap_or(word);
    if Level::named(inside.strip_suffix(b"]").unwrap_or(inside)).is_some() {
        return false;
    }
    // Days, months, zones, and `OUT`.
    let is_short = word.len() <= 5
        && word.iter().all(u8::is_ascii_alphabetic)
        && word.first().is_some_and(u8::is_ascii_uppercase);
    let is_stream = matches!(word, b"stdout" | b"stderr");
    if is_short || is_stream || SEVERITIES.iter().any(|end| word.ends_with(end)) {
        return false;
    }
    let is_address = word.iter().filter(|byte| **byte == b'.').count() == 3;
    let begins = word.first().is_some_and(|first| {
        is_address || !(first.is_ascii_digit() || matches!(first, b'<' | b'@'))
    });
    begins && word.len() > 1 && !word.contains(&b'"') && !word.contains(&b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str =
        "2026-11-25 04:13:01,249 [myid:ID] - INFO  [NIOWorkerThread-1:NIOServerCnxn@9] - x";

    #[test]
    fn lines_of_one_server_have_one_origin_and_those_of_two_have_two() {
        for (one, again, other) in [
            ("[pod/zk-0/zk] ", "[pod/zk-0/zk] ", "[pod/zk-1/zk] "),
            ("zk-0 zookeeper ", "zk-0 zookeeper ", "zk-1 zookeeper "),
            ("zookeeper-1  | ", "zookeeper-1  | ", "zookeeper-2  | "),
            ("zk1.log:7:", "zk1.log:12:", "zk2.log:7:"),
            (
                "\u{1b}[32mzk-0\u{1b}[0m zookeeper ",
                "\u{1b}[32mzk-0\u{1b}[0m zookeeper ",
                "\u{1b}[33mzk-1\u{1b}[0m zookeeper ",
            ),
            (
                "Nov 25 04:13:01 zk1 java[812]: ",
                "Nov 25 04:13:59 zk1 java[812]: ",
                "Nov 25 04:13:01 zk2 java[812]: ",
            ),
            (
                "2026-11-25T04:13:01+0000 10.0.0.1 java[812]: ",
                "2026-11-25T04:13:02+0000 10.0.0.1 java[812]: ",
                "2026-11-25T04:13:01+0000 10.0.0.2 java[812]: ",
            ),
            (
                "<134>1 2026-11-25T04:13:01Z zk1 zookeeper 812 - [a@1 n=\"1\"] ",
                "<135>1 2026-11-25T04:13:02Z zk1 zookeeper 812 - [a@1 n=\"2\"] ",
                "<134>1 2026-11-25T04:13:01Z zk2 zookeeper 812 - [a@1 n=\"1\"] ",
            ),
        ] {
            let of = |prefix: &str| of(format!("{prefix}{OWN}").as_bytes());
            assert_eq!(of(one), of(again), "{one}");
            assert_ne!(of(one), of(other), "{one}");
        }
        // What differs between lines of one server.
        for (one, other) in [
            (
                "2026-11-25T04:13:01.00Z stdout F ",
                "2026-11-25T04:13:02.00Z stderr F ",
            ),
            (
                "2026-11-25T04:13:01.00+0000 [APP/PROC/WEB/0] OUT ",
                "2026-11-25T04:13:02.00+0000 [APP/PROC/WEB/0] ERR ",
            ),
            (
                "Nov 30 04:13:01 zk1 daemon.warning zookeeper[812]: ",
                "Dec 1 04:13:01 zk1 daemon.debug zookeeper[812]: ",
            ),
            (
                "<134>1 2026-11-25T04:13:01Z zk1 zookeeper 812 ID1 - ",
                "<134>1 2026-11-25T04:13:02Z zk1 zookeeper 812 ID2 - ",
            ),
            (
                "INFO   | jvm 1    | 2026/11/25 04:13:01 | ",
                "WARN   | jvm 1    | 2026/11/25 04:13:02 | ",
            ),
        ] {
            let of = |prefix: &str| of(format!("{prefix}{OWN}").as_bytes());
            assert_eq!(of(one), of(other), "{one}");
        }
        for field in [
            r#""kubernetes":{"pod_name":"zk-ID","x":1}"#,
            r#""kubernetes":{"pod":{"name":"zk-ID"}}"#,
            r#""host": "zkID""#,
            r#""host":{"name":"zkID"}"#,
            r#""host":{"up":1,"name": "zkID"}"#,
            r#""_HOSTNAME":"zkID""#,
        ] {
            let json = |id: &str, text: &str| {
                let field = field.replace("ID", id);
                of(format!(r#"{{"log":"{text}",{field}}}"#).as_bytes())
            };
            let forged = r#"\"host\":\"zk9\" \"pod_name\":\"a\""#;
            assert_eq!(json("0", "a"), json("0", forged), "{field}");
            assert_ne!(json("0", "a"), json("1", "a"), "{field}");
        }
        let layout = |level: &str| of(format!("[{level}] [2026-11-25 04:13:01,249] x").as_bytes());
        assert_eq!(layout("WARN"), layout("DEBUG"));
        let own = |id: &str| of(OWN.replace("ID", id).as_bytes());
        assert_eq!(own("1"), own("1"));
        assert_ne!(own("1"), own("2"));
        assert_eq!(own(""), 0);
        assert_eq!(of(b""), 0);
    }
}
