// SPDX-License-Identifier: MIT
//! The frame that a container's engine puts around each line: Docker's `json-file`, and that
//! of the CRI (`TIME STREAM TAG MESSAGE`, kubelet's `logs.go`), which Podman's `k8s-file`
//! is, too.

use serde::Deserialize;

/// A line of Docker's `json-file` driver (`jsonlog.JSONLog`).
#[derive(Deserialize)]
struct DockerLine<'a> {
    #[serde(borrow)]
    log: std::borrow::Cow<'a, str>,
}

/// The messages alone, each line filled up to its length with blanks, so that what is found
/// stands where it does in the file. A line without such a frame stays.
pub(in crate::host) fn unframed(text: &[u8]) -> Vec<u8> {
    let mut messages = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let (body, end) = match line.split_last() {
            Some((b'\n', body)) => (body, &b"\n"[..]),
            _ => (line, &b""[..]),
        };
        let start = messages.len();
        match message(body) {
            Some(message) => messages.extend(message),
            None => messages.extend_from_slice(body),
        }
        messages.resize(start + body.len(), b' ');
        messages.extend_from_slice(end);
    }
    messages
}

/// The message in a framed line, on one line.
fn message(line: &[u8]) -> Option<Vec<u8>> {
    if line.first() == Some(&b'{') {
        let line: DockerLine<'_> = serde_json::from_slice(line).ok()?;
        let message = line.log.trim_end_matches(['\n', '\r']).as_bytes();
        // An engine writes one line; another writer of the file may put in more.
        let one_line = message.iter().map(|byte| match byte {
            b'\n' => b' ',
            byte => *byte,
        });
        return Some(one_line.collect());
    }
    let mut words = line.splitn(4, |byte| *byte == b' ');
    let time = words.next()?;
    let stream = words.next()?;
    let tag = words.next()?;
    let is_framed = time.first()?.is_ascii_digit()
        && time.contains(&b'T')
        && [&b"stdout"[..], b"stderr"].contains(&stream)
        && matches!(tag.first(), Some(b'F' | b'P'));
    is_framed.then(|| words.next().unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str) -> Vec<String> {
        let text = unframed(text.as_bytes());
        let text = String::from_utf8(text).unwrap();
        text.lines()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    #[test]
    fn the_frame_goes_and_what_has_none_stays() {
        let text = concat!(
            "{\"log\":\"ERROR \\\"x\\\" failed\\n\",\"stream\":\"stderr\",\"time\":\"2026-11-27T10:00:00Z\"}\n",
            "2026-11-27T10:00:00.123456789Z stdout F 2026-11-27 10:00:00,1 WARN a  b\n",
            "2026-11-27T10:00:00+01:00 stderr P part\n",
            "2026-11-27T10:00:00Z INFO a plain line\n",
            "{\"level\":\"error\",\"msg\":\"the program's own JSON\"}\n",
            "\tat org.example.Shop.main\n",
        );
        assert_eq!(
            plain(text),
            [
                "ERROR \"x\" failed",
                "2026-11-27 10:00:00,1 WARN a  b",
                "part",
                "2026-11-27T10:00:00Z INFO a plain line",
                "{\"level\":\"error\",\"msg\":\"the program's own JSON\"}",
                "\tat org.example.Shop.main",
            ]
        );
    }

    proptest! {
        #[test]
        fn every_line_keeps_its_place(text in "([{]\"log\":\"[a-z\\\\\\\\u0-9n]*\"[}]|[ -~\n]|\n)*") {
            let plain = unframed(text.as_bytes());
            let ends = |text: &[u8]| -> Vec<usize> {
                let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
                ends.map(|(at, _)| at).collect()
            };
            prop_assert_eq!(plain.len(), text.len());
            prop_assert_eq!(ends(&plain), ends(text.as_bytes()));
        }
    }
}
