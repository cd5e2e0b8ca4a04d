// SPDX-License-Identifier: MIT
//! The ClickHouse engine at work, with what contrib/clickhouse ships: it has no server here, but
//! is the same engine.

pub(crate) mod cluster;

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use xtask::{command, setup::clickhouse, workspace};

/// A row of an answer.
pub(crate) type Row = Map<String, Value>;
/// What is filled into a question: names and values.
pub(crate) type Parameters<'a> = &'a [(&'a str, &'a str)];

/// The engine, with a directory for its tables. It ends when this is dropped.
pub(crate) struct Engine {
    child: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Engine {
    /// Starts it.
    pub(crate) fn start(tables: &Path) -> Result<Self> {
        let mut python = command::dies_with_parent("python3");
        let mut child = python
            .env("PYTHONPATH", clickhouse::library()?)
            .arg(workspace::root().join("lab/clickhouse/engine.py"))
            .arg(tables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start python3")?;
        let answers = child.stdout.take().context("no answers")?;
        Ok(Self {
            requests: child.stdin.take(),
            child,
            answers: BufReader::new(answers),
        })
    }

    /// Has a statement done.
    pub(crate) fn run(&mut self, sql: &str) -> Result<Vec<Row>> {
        self.ask(sql, &[], &[])
    }

    /// Inserts lines of JSON, as any client does.
    pub(crate) fn insert(&mut self, lines: &[u8]) -> Result<()> {
        let sql = "INSERT INTO zkchurn.lines FORMAT JSONEachRow\n";
        self.ask(sql, &[], lines).map(drop)
    }

    /// Asks one of the questions that are shipped.
    pub(crate) fn question(&mut self, name: &str, parameters: Parameters<'_>) -> Result<Vec<Row>> {
        let path = shipped("questions").join(format!("{name}.sql"));
        let sql =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        self.ask(&sql, parameters, &[]).context(name.to_owned())
    }

    /// Asks something with parameters.
    pub(crate) fn asked(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>> {
        self.ask(sql, parameters, &[])
    }

    fn ask(&mut self, sql: &str, parameters: Parameters<'_>, data: &[u8]) -> Result<Vec<Row>> {
        let parameters = parameters
            .iter()
            .copied()
            .collect::<std::collections::BTreeMap<_, _>>();
        let request = json!({ "sql": sql, "params": parameters, "bytes": data.len() });
        let requests = self.requests.as_mut().context("the engine has ended")?;
        writeln!(requests, "{request}")?;
        requests.write_all(data)?;
        requests.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line).context("the engine has ended")?;
        let bytes = answer["bytes"].as_u64().context("no length")?;
        let mut rows = vec![0; usize::try_from(bytes)?];
        self.answers.read_exact(&mut rows)?;
        if let Some(error) = answer["error"].as_str() {
            bail!("{error}");
        }
        let rows = rows
            .split(|byte| *byte == b'\n')
            .filter(|row| !row.is_empty());
        rows.map(|row| Ok(serde_json::from_slice(row)?)).collect()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // It ends when nothing can come any more.
        self.requests = None;
        let _ = self.child.wait();
    }
}

/// A file or directory of contrib/clickhouse.
pub(crate) fn shipped(name: &str) -> PathBuf {
    workspace::root().join("contrib/clickhouse").join(name)
}

/// A shipped file with statements.
pub(crate) fn statements(name: &str) -> Result<String> {
    let path = shipped(name);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// A number, which may have come as text.
pub(crate) fn number(row: &Row, name: &str) -> Option<f64> {
    match row.get(name)? {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    }
}

/// A text of a row.
pub(crate) fn text<'a>(row: &'a Row, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}
