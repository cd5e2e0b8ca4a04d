// SPDX-License-Identifier: MIT
//! Questions to a Prometheus by its HTTP API.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use xtask::prometheus_server::Server;

/// It gives up on a query after two minutes.
const ANSWERED_WITHIN: Duration = Duration::from_secs(150);

/// A series of an answer.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Row {
    /// A label, or nothing.
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// A rule that it has read.
#[derive(Debug, Deserialize)]
pub(super) struct Rule {
    pub name: String,
    /// Its expression.
    pub query: String,
    #[serde(rename = "type")]
    kind: String,
}

impl Rule {
    /// Whether it is no recording rule.
    pub(super) fn is_alert(&self) -> bool {
        self.kind == "alerting"
    }
}

/// What it answers about a moment, largest value first.
pub(super) fn query(server: &Server, expr: &str, unix_s: u64) -> Result<Vec<Row>> {
    let path = format!("/api/v1/query?time={unix_s}&query={}", encoded(expr));
    let answer = get(server, &path).with_context(|| expr.to_owned())?;
    let rows = answer["data"]["result"].as_array().context("no result")?;
    let mut rows = rows.iter().map(row).collect::<Result<Vec<_>>>()?;
    rows.sort_by(|one, other| other.value.total_cmp(&one.value));
    Ok(rows)
}

fn row(row: &Value) -> Result<Row> {
    Ok(Row {
        labels: BTreeMap::deserialize(&row["metric"])?,
        value: row["value"][1].as_str().context("no value")?.parse()?,
    })
}

/// The rules that it has read, in their order.
pub(super) fn rules(server: &Server) -> Result<Vec<Rule>> {
    let answer = get(server, "/api/v1/rules")?;
    let groups = answer["data"]["groups"].as_array().context("no groups")?;
    let rules = groups.iter().flat_map(|group| group["rules"].as_array());
    let rules = rules.flatten().map(|rule| Ok(Rule::deserialize(rule)?));
    rules.collect()
}

fn get(server: &Server, path: &str) -> Result<Value> {
    let mut stream = TcpStream::connect(server.address())?;
    stream.set_read_timeout(Some(ANSWERED_WITHIN))?;
    // By version 1.0 the answer ends with the connection, and comes in one piece.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let body: Value = serde_json::from_str(body).context("its answer is no JSON")?;
    ensure!(body["status"] == "success", "it says {}", body["error"]);
    Ok(body)
}

fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_fits_into_a_path() {
        assert_eq!(
            encoded("a{b=\"c d\"}[5m]"),
            "a%7Bb%3D%22c%20d%22%7D%5B5m%5D"
        );
    }
}
