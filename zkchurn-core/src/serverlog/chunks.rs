// SPDX-License-Identifier: MIT
//! A log in parts that can be read side by side: each begins and ends at the end of a line,
//! and brings the lines before it that decide what its first lines tell. Put together in
//! their order, they tell exactly what the lines tell one after another.

use std::io::{self, Read};

use super::{
    facts::LogFacts,
    lines::LONGEST_LINE,
    piece,
    told::{LINES_BEFORE, LogReader, Told},
    window::Window,
};

/// Bytes of a part. Large enough that handing it over costs nothing beside reading it.
const CHUNK: usize = 1024 * 1024;

/// A part of a log.
pub struct Chunk {
    bytes: Vec<u8>,
    /// Where its own lines begin, behind those before it.
    begins: usize,
    /// What of the log is counted.
    window: Window,
}

/// What the lines of a part tell.
pub struct ChunkTold {
    pub told: Vec<Told>,
    pub facts: LogFacts,
    /// Lines that were cut.
    pub cut: u64,
}

impl Chunk {
    /// Reads its lines.
    pub fn read(&self) -> ChunkTold {
        let (before, own) = self.bytes.split_at(self.begins);
        let mut reader = LogReader::default();
        for line in lines(before) {
            reader.line(line);
        }
        reader.state.facts = LogFacts::within(self.window);
        let mut cut = 0;
        let mut told = Vec::new();
        for line in lines(own) {
            cut += u64::from(line.len() > LONGEST_LINE);
            told.extend(reader.line(line.get(..LONGEST_LINE).unwrap_or(line)));
        }
        ChunkTold {
            told,
            facts: reader.state.facts,
            cut,
        }
    }
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let mut at = (!bytes.is_empty()).then_some(0);
    std::iter::from_fn(move || {
        let rest = whole.get(at?..)?;
        let (line, next) = match memchr::memchr(b'\n', rest) {
            Some(feed) => (rest.get(..feed)?, at.map(|at| at + feed + 1)),
            None => (rest, None),
        };
        at = next;
        Some(line)
    })
}

/// Cuts an input into parts.
pub struct Chunks<R> {
    from: R,
    /// The beginning of a line whose end was not read yet.
    tail: Vec<u8>,
    /// The last lines of the part before.
    before: Vec<u8>,
    window: Window,
    /// Bytes that were read.
    pub bytes: u64,
}

impl<R: Read> Chunks<R> {
    /// The parts of `from`, of which `window` is counted.
    pub fn new(from: R, window: Window) -> Self {
        Self {
            from,
            tail: Vec::new(),
            before: Vec::new(),
            window,
            bytes: 0,
        }
    }

    /// The next part.
    ///
    /// # Errors
    ///
    /// The input cannot be read on; what came before was given.
    pub fn next_chunk(&mut self) -> io::Result<Option<Chunk>> {
        let mut bytes = Vec::with_capacity(CHUNK + self.before.len());
        bytes.append(&mut self.before);
        let begins = bytes.len();
        bytes.append(&mut self.tail);
        let room = (begins + CHUNK).saturating_sub(bytes.len());
        let read = self.fill(&mut bytes, room)?;
        if bytes.len() == begins {
            return Ok(None);
        }
        if read == room {
            let own = bytes.get(begins..).unwrap_or_default();
            match memchr::memrchr(b'\n', own) {
                Some(feed) => self.tail = bytes.split_off(begins + feed + 1),
                None => self.pass_over(&mut bytes, begins)?,
            }
        }
        self.before = lines_before_next(&bytes);
        Ok(Some(Chunk {
            bytes,
            begins,
            window: self.window,
        }))
    }

    /// A line that is longer than a part: its beginning is kept, one byte more than is looked
    /// at, so that it counts as cut.
    fn pass_over(&mut self, bytes: &mut Vec<u8>, begins: usize) -> io::Result<()> {
        bytes.truncate(begins + LONGEST_LINE + 1);
        bytes.push(b'\n');
        let mut block = Vec::new();
        loop {
            block.clear();
            let read = self.fill(&mut block, CHUNK)?;
            if let Some(feed) = memchr::memchr(b'\n', &block) {
                self.tail = block.split_off(feed + 1);
                return Ok(());
            }
            if read < CHUNK {
                return Ok(());
            }
        }
    }

    fn fill(&mut self, to: &mut Vec<u8>, room: usize) -> io::Result<usize> {
        let read = self.from.by_ref().take(room as u64).read_to_end(to)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

/// What a line has that an engine marked as a piece or the last piece of one, and who it is of:
/// by a word that is looked for first, as most logs hold none of them.
const MARKS: [(&[u8], &[&[u8]]); 4] = [
    (b"stdout", &[b" stdout P ", b" stdout F ", b"\"stdout\""]),
    (b"stderr", &[b" stderr P ", b" stderr F ", b"\"stderr\""]),
    (b"partial_last", &[b"partial_last"]),
    (b"line-max", &[b"line-max"]),
];

/// The last lines, and before them the last one of each stream that may be within a line that
/// was split; each as far as it is looked at.
fn lines_before_next(bytes: &[u8]) -> Vec<u8> {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let begins = memchr::memrchr_iter(b'\n', whole)
        .nth(LINES_BEFORE - 1)
        .map_or(0, |feed| feed + 1);
    let earlier = bytes.get(..begins).unwrap_or_default();
    let marked = MARKS
        .iter()
        .filter_map(|(word, marks)| Some((memchr::memmem::find(earlier, word)?, marks)))
        .flat_map(|(first, marks)| {
            marks
                .iter()
                .filter_map(move |mark| last(earlier, first, mark))
        });
    let mut starts: Vec<_> = marked
        .chain(last_long(earlier))
        .map(|at| memchr::memrchr(b'\n', &earlier[..at]).map_or(0, |feed| feed + 1))
        .collect();
    starts.sort_unstable();
    starts.dedup();
    let mut last = Vec::new();
    let alone = starts.into_iter().filter_map(|start| {
        let line = earlier.get(start..)?;
        line.get(..memchr::memchr(b'\n', line)?)
    });
    let rest = lines(bytes.get(begins..).unwrap_or_default());
    for line in alone.chain(rest) {
        last.extend_from_slice(line.get(..LONGEST_LINE).unwrap_or(line));
        last.push(b'\n');
    }
    last
}

/// Where `mark` stands for the last time; its word begins at `first` for the first time. The
/// search from the front is many times faster than the one from the end.
fn last(bytes: &[u8], first: usize, mark: &[u8]) -> Option<usize> {
    // A mark begins a byte before its word at most.
    let from = first.saturating_sub(1);
    let first = memchr::memmem::find(bytes.get(from..)?, mark)? + from;
    Some(memchr::memmem::rfind(bytes.get(first..)?, mark)? + first)
}

/// Where the last line begins that is as long as a piece without a mark.
fn last_long(bytes: &[u8]) -> Option<usize> {
    let mut end = bytes.len();
    for feed in memchr::memrchr_iter(b'\n', bytes) {
        if end - feed > piece::SHORTEST {
            return Some(feed + 1);
        }
        end = feed;
    }
    (end >= piece::SHORTEST).then_some(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serverlog::{lines::Lines, report, scan::Scanner};

    fn side_by_side(log: &[u8]) -> (String, u64, u64) {
        let mut scanner = Scanner::new(Window::default());
        let mut chunks = Chunks::new(log, Window::default());
        let mut cut = 0;
        while let Some(chunk) = chunks.next_chunk().expect("memory can be read") {
            let told = chunk.read();
            cut += told.cut;
            scanner.lines_told(&told.told, &told.facts);
        }
        (json(scanner), chunks.bytes, cut)
    }

    fn one_after_another(log: &[u8]) -> (String, u64, u64) {
        let mut scanner = Scanner::new(Window::default());
        let mut lines = Lines::new(log);
        lines
            .for_each(|line| scanner.line(line))
            .expect("memory can be read");
        let (bytes, cut) = (lines.bytes, lines.cut);
        (json(scanner), bytes, cut)
    }

    fn json(scanner: Scanner) -> String {
        let (tally, facts) = scanner.finish();
        let report = report::build(&tally, &facts, Vec::new(), 1000);
        serde_json::to_string(&report).expect("a report is JSON")
    }

    /// Pieces that reach over lines, in an order that is different at each border of parts,
    /// with lines of all lengths, and a stream that is within a line while another goes on.
    fn log(seed: usize, length: usize) -> Vec<u8> {
        const PIECES: [&str; 12] = [
            "2024-01-01 00:00:00,000 [myid:] - WARN  [T1:NIOServerCnxn@1] - Unexpected exception\nEndOfStreamException: Unable to read additional data from client, it probably closed the socket: address = /10.0.0.1:1, session = 0x0\n",
            "2024-01-01 00:09:00,000 [myid:] - WARN  [T2:NIOServerCnxn@1] - Unable to read additional data from client sessionid 0x0, likely client has closed socket\n",
            "2024-01-01 00:08:00,000 [myid:] - DEBUG [T2:NIOServerCnxn@1] - Closed socket connection for client /10.0.0.2:2 (no session established for client)\n",
            "Nov 25, 2024 1:00:00 AM org.apache.zookeeper.server.NIOServerCnxnFactory run\nWARNING: Too many connections from /10.0.0.3 - max is 6\n",
            "Nov 25 01:00:00 zk1 last message repeated 3 times\n",
            "\tat x.Y.z(Y.java:1)\n",
            "\n",
            "2024-01-01 00:00:01,000 [myid:] - WARN  [T:NIOServerCnxn@1] - Close of session 0x0\njava.io.IOException: Len error 1195725856\n",
            "something of another program with NIOServerCnxn in it\n",
            "2024-01-01T00:00:00Z stdout P a\n",
            "2024-01-01T00:00:00Z stderr F b\n2024-01-01T00:00:00Z stderr F c\n2024-01-01T00:00:00Z stderr F d\n2024-01-01T00:00:00Z stderr F e\n",
            "2024-01-01T00:00:00Z stdout P a\n2024-01-01T00:00:00Z stdout F WARN org.apache.zookeeper.server.NIOServerCnxnFactory: Too many connections from /10.0.0.4 - max is 6\n",
        ];
        let mut log = Vec::with_capacity(length + 1000);
        let mut state = seed;
        while log.len() < length {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695);
            let piece = PIECES[(state >> 33) % PIECES.len()];
            log.extend_from_slice(piece.as_bytes());
        }
        log
    }

    #[test]
    fn parts_side_by_side_tell_what_lines_one_after_another_tell() {
        for seed in 0..4 {
            let log = log(seed, 3 * CHUNK);
            assert_eq!(side_by_side(&log), one_after_another(&log), "{seed}");
        }
    }

    /// Wherever it stands, and be it just long enough.
    #[test]
    fn the_last_line_that_is_as_long_as_a_piece_is_found() {
        let long = "x".repeat(piece::SHORTEST);
        let short = &long[1..];
        for (bytes, begins) in [
            (
                format!("a\n{long}\nb\n{long}\nc\nd\n"),
                Some(2 + long.len() + 1 + 2),
            ),
            (format!("{long}\nb\n"), Some(0)),
            (format!("a\n{long}"), Some(2)),
            (format!("{short}\n{short}\n{short}"), None),
            (String::new(), None),
        ] {
            assert_eq!(last_long(bytes.as_bytes()), begins, "{}", bytes.len());
        }
    }

    /// The line that was split is a hundred lines before the border.
    #[test]
    fn a_line_goes_on_over_the_border_of_parts() {
        let other = "2024-01-01T00:00:00Z stderr F something of another stream\n";
        let forged = "2024-01-01T00:00:00Z stdout F WARN org.apache.zookeeper.server.NIOServerCnxnFactory: Too many connections from /10.0.0.66 - max is 6\n";
        let mut log = log(5, CHUNK - 3000);
        log.extend_from_slice(b"2024-01-01T00:00:00Z stdout P a\n");
        for _ in 0..100 {
            log.extend_from_slice(other.as_bytes());
        }
        log.extend_from_slice(forged.as_bytes());
        assert!(log.len() > CHUNK);
        let (told, ..) = side_by_side(&log);
        assert!(!told.contains("10.0.0.66"));
        assert_eq!(side_by_side(&log), one_after_another(&log));
    }

    #[test]
    fn lines_longer_than_a_part_are_cut_as_everywhere() {
        for length in [
            LONGEST_LINE,
            LONGEST_LINE + 1,
            CHUNK - 1,
            CHUNK,
            3 * CHUNK + 5,
        ] {
            let mut text = log(1, 5000);
            text.extend(std::iter::repeat_n(b'x', length));
            for end in [&b""[..], b"\n", b"\nlast"] {
                let text = [&text, end].concat();
                assert_eq!(side_by_side(&text), one_after_another(&text), "{length}");
            }
        }
        assert_eq!(side_by_side(b""), one_after_another(b""));
        assert_eq!(side_by_side(b"\n\n"), one_after_another(b"\n\n"));
    }
}
