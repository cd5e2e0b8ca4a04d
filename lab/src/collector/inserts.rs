// SPDX-License-Identifier: MIT
//! What stands in the place of ClickHouse's HTTP server: it keeps each insert, which the engine
//! takes later from a file.

use std::{
    fs,
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Result, ensure};

use crate::clickhouse::Engine;

/// Types of the columns in contrib/opentelemetry/clickhouse.sql, for a file without names.
const TYPES: [(&str, &str); 6] = [
    ("Timestamp", "DateTime64(9)"),
    ("TraceFlags", "UInt8"),
    ("SeverityNumber", "UInt8"),
    ("ResourceAttributes", "Map(String, String)"),
    ("ScopeAttributes", "Map(String, String)"),
    ("LogAttributes", "Map(String, String)"),
];

/// An insert: its statement, and rows in the format RowBinary.
type Insert = (String, Vec<u8>);

/// The inserts so far.
pub(super) struct Inserts {
    address: SocketAddr,
    kept: Arc<Mutex<Vec<Insert>>>,
}

impl Inserts {
    /// Listens on loopback.
    pub(super) fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let kept = Arc::<Mutex<Vec<Insert>>>::default();
        let keeps = Arc::clone(&kept);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let keeps = Arc::clone(&keeps);
                thread::spawn(move || serve(stream, &keeps));
            }
        });
        Ok(Self { address, kept })
    }

    /// Where a collector writes to.
    pub(super) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has the engine take those of logs; how many there were.
    pub(super) fn load(&self, engine: &mut Engine, scratch: &Path) -> Result<usize> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let logs = kept
            .iter()
            .filter(|(statement, _)| statement.starts_with("INSERT INTO otel_logs "));
        let mut count = 0;
        for (number, (statement, rows)) in logs.enumerate() {
            let columns = statement
                .split_once('(')
                .and_then(|(_, rest)| rest.split_once(')'));
            let (columns, format) = columns.context("an insert without columns")?;
            ensure!(format.trim() == "FORMAT RowBinary", "{statement}");
            let path = scratch.join(format!("insert-{number}"));
            fs::write(&path, rows)?;
            let structure: Vec<_> = columns.split(',').map(typed).collect();
            engine.run(&format!(
                "INSERT INTO otel.otel_logs ({columns}) SELECT * FROM file('{}', RowBinary, '{}')",
                path.display(),
                structure.join(", ")
            ))?;
            count += 1;
        }
        ensure!(count > 0, "nothing was inserted");
        Ok(count)
    }
}

fn typed(column: &str) -> String {
    let column = column.trim();
    let known = TYPES.iter().find(|(name, _)| *name == column);
    let kind = known.map_or("String", |(_, kind)| kind);
    format!("{column} {kind}")
}

/// Takes inserts from a connection until it ends.
fn serve(stream: TcpStream, kept: &Mutex<Vec<Insert>>) -> Option<()> {
    let mut answers = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let insert = insert(&mut reader)?;
        kept.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(insert);
        let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        answers.write_all(ok).ok()?;
    }
}

fn insert(reader: &mut impl BufRead) -> Option<Insert> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let (_, query) = line.split(' ').nth(1)?.split_once('?')?;
    let statement = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("query="));
    let statement = decoded(statement?)?;
    let mut is_chunked = false;
    let mut length = 0;
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let field = line.trim_end().to_ascii_lowercase();
        if field.is_empty() {
            break;
        }
        is_chunked |= field == "transfer-encoding: chunked";
        if let Some(value) = field.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
    }
    let mut rows = Vec::new();
    if !is_chunked {
        reader.take(length).read_to_end(&mut rows).ok()?;
        return Some((statement, rows));
    }
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let length = u64::from_str_radix(line.trim_end(), 16).ok()?;
        reader.take(length).read_to_end(&mut rows).ok()?;
        line.clear();
        reader.read_line(&mut line).ok()?;
        if length == 0 {
            return Some((statement, rows));
        }
    }
}

/// A value of a query in a URL.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_insert_is_read_in_pieces_or_at_once() {
        let begin =
            "POST /?database=otel&query=INSERT+INTO+t+%28A%2CB%29+FORMAT+RowBinary HTTP/1.1\r\n";
        for rest in [
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
            "content-length: 5\r\n\r\nabcde",
        ] {
            let bytes = format!("{begin}{rest}");
            let (statement, rows) = insert(&mut bytes.as_bytes()).expect("an insert");
            assert_eq!(statement, "INSERT INTO t (A,B) FORMAT RowBinary");
            assert_eq!(rows, b"abcde");
        }
        assert!(insert(&mut &b"POST /?query=x HTTP/1.1\r\n\r\n"[..]).is_some());
        assert!(insert(&mut &b"GET / HTTP/1.1\r\n\r\n"[..]).is_none());
        assert_eq!(typed(" TraceId"), "TraceId String");
        assert_eq!(typed("SeverityNumber"), "SeverityNumber UInt8");
    }
}
