// SPDX-License-Identifier: MIT
//! Reads thread dumps of HotSpot, JDK 8 to 25 (`Thread::print_on`,
//! `JavaThread::print_on`, `os::print_on`).
//!
//! Thread names go into a dump as they are, with quotes and line breaks, so a
//! program can make up lines that look like the header of another thread. Every
//! line that ends like a header therefore counts as a claim to its `nid`, and of
//! two claims to the same one none is believed.

/// Frames that are kept of a stack.
const FRAMES: usize = 40;
/// Characters that are kept of a name, and of any other line.
const NAME: usize = 512;
const LINE: usize = 400;
/// Lines that a name with line breaks is followed back.
const NAME_LINES: usize = 16;

/// A thread dump, its headers found.
#[derive(Clone, Debug)]
pub struct ThreadDump<'a> {
    lines: Vec<&'a [u8]>,
    headers: Vec<Header<'a>>,
}

/// A line that ends like the header of a thread.
#[derive(Clone, Copy, Debug)]
struct Header<'a> {
    /// Index of the line.
    line: usize,
    /// Thread id as the JVM sees it.
    nid: u32,
    /// What the line holds of the name, an opening quote included.
    name: &'a [u8],
}

/// A thread of a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// Its name as the JVM wrote it, whole.
    pub raw_name: Vec<u8>,
    /// Whether the name holds line breaks, so that its begin is not certain.
    pub broken_name: bool,
    /// `java.lang.Thread.State`, which native threads have not.
    pub state: Option<String>,
    /// The frames without their leading `at`, innermost first.
    pub stack: Vec<String>,
    /// Frames that were left out.
    pub frames_left_out: u64,
}

/// What a dump says of one thread id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It does not name it.
    Nothing,
    One(Thread),
    /// So many headers claim it, of which all but one are forged.
    Ambiguous(usize),
}

impl<'a> ThreadDump<'a> {
    /// Finds the headers in the text of a dump, which may be any bytes.
    pub fn parse(text: &'a [u8]) -> Self {
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        let headers = lines
            .iter()
            .enumerate()
            .filter_map(|(index, line)| header(index, line))
            .collect();
        Self { lines, headers }
    }

    /// How many threads it shows.
    pub fn threads(&self) -> u64 {
        self.headers.len() as u64
    }

    /// The thread whose id inside of the JVM's pid namespace is `nid`.
    pub fn find(&self, nid: u32) -> Found {
        let claims: Vec<_> = self
            .headers
            .iter()
            .filter(|claim| claim.nid == nid)
            .collect();
        match claims[..] {
            [] => Found::Nothing,
            [one] => Found::One(self.thread(one)),
            _ => Found::Ambiguous(claims.len()),
        }
    }

    fn thread(&self, header: &Header<'_>) -> Thread {
        let body = self.lines.get(header.line + 1..).unwrap_or_default();
        let end = body.iter().position(|line| line.is_empty());
        let body = &body[..end.unwrap_or(body.len())];
        let frames = || body.iter().filter_map(|line| line.strip_prefix(b"\tat "));
        let (raw_name, broken_name) = self.name(header);
        Thread {
            raw_name,
            broken_name,
            state: body.first().and_then(|line| {
                let state = line
                    .trim_ascii()
                    .strip_prefix(b"java.lang.Thread.State: ")?;
                Some(text(state, LINE))
            }),
            stack: frames()
                .take(FRAMES)
                .map(|frame| text(frame, LINE))
                .collect(),
            frames_left_out: frames().skip(FRAMES).count() as u64,
        }
    }

    /// The whole name, and whether it runs over more than one line: then it is
    /// followed back to the blank line or the header that comes before it.
    fn name(&self, header: &Header<'_>) -> (Vec<u8>, bool) {
        let oldest = header.line.saturating_sub(NAME_LINES);
        let mut first = header.line;
        while first > oldest && !self.ends_thread(first - 1) {
            first -= 1;
        }
        let begun = self.lines.get(first..header.line).unwrap_or_default();
        if header.name.starts_with(b"\"")
            && !begun.first().is_some_and(|line| line.starts_with(b"\""))
        {
            return (header.name[1..].to_vec(), false);
        }
        let mut lines = begun.to_vec();
        lines.push(header.name);
        let name = lines.join(&b'\n');
        (name.strip_prefix(b"\"").unwrap_or(&name).to_vec(), true)
    }

    fn ends_thread(&self, line: usize) -> bool {
        self.lines.get(line).is_none_or(|text| text.is_empty())
            || self
                .headers
                .binary_search_by_key(&line, |header| header.line)
                .is_ok()
    }
}

impl Thread {
    /// The name for people: bounded, invalid UTF-8 replaced.
    pub fn name(&self) -> String {
        text(&self.raw_name, NAME)
    }
}

/// Takes a line for a header if after its last quote, which ends the name, come
/// the fields of one:
///
/// ```text
/// "name" #12 [19223] daemon prio=5 os_prio=0 cpu=1.00ms elapsed=2.00s tid=0x00007f nid=19223 runnable
/// ```
///
/// Names may hold quotes; what comes after them holds none.
fn header<'a>(index: usize, line: &'a [u8]) -> Option<Header<'a>> {
    let quote = line.iter().rposition(|byte| *byte == b'"')?;
    let (name, rest) = line.split_at(quote);
    let fields = std::str::from_utf8(rest.strip_prefix(b"\" ")?).ok()?;
    let mut fields = fields.split(' ');
    fields.find(|field| field.starts_with("tid=0x"))?;
    let nid = fields.find_map(|field| field.strip_prefix("nid="))?;
    Some(Header {
        line: index,
        nid: number(nid)?,
        name,
    })
}

/// A `nid`: hexadecimal up to JDK 17, decimal since 18 (JDK-8268425).
fn number(nid: &str) -> Option<u32> {
    match nid.strip_prefix("0x") {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok(),
        None => nid.parse().ok(),
    }
}

fn text(bytes: &[u8], limit: usize) -> String {
    // A character has at most four bytes: no need to decode more.
    let bytes = &bytes[..bytes.len().min(4 * limit + 4)];
    let text = String::from_utf8_lossy(bytes.trim_ascii_end());
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

#[cfg(test)]
#[path = "thread_dump_tests.rs"]
mod tests;
