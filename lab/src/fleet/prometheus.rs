// SPDX-License-Identifier: MIT
//! Two hours around the incident in a real Prometheus, a sample a minute, put there by promtool; the
//! shipped alerts and panels have to name the planted hosts.

mod api;
mod backfill;
mod counts;
pub(super) mod page;
mod questions;
mod recorded;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use xtask::{
    command,
    prometheus_server::{Server, database},
    setup, workspace,
};

use self::{
    api::Row,
    backfill::{Backfill, Blocks},
    questions::{Question, Wanted},
    recorded::Recorded,
};
use super::{
    host::{Host, Planted},
    story::DAY_UNIX_S,
};

/// An hour before the server's restart and one after: a block of Prometheus.
const MINUTES: std::ops::Range<u64> = 20 * 60..22 * 60;
/// The moment of all questions: the churn is 55 minutes old, the silence 25.
const ASKED_UNIX_S: u64 = DAY_UNIX_S + (21 * 60 + 55) * 60;
/// From when on rules are recorded.
const RECORDED_FROM_UNIX_S: u64 = ASKED_UNIX_S - 600;

/// What was measured.
pub(super) struct Measured {
    hosts: u32,
    blocks: Blocks,
    /// How long making the text and putting it in took.
    filling: Duration,
    /// Each question, and how long its answer took.
    questions: Vec<(String, Duration)>,
}

type Checks = Vec<(bool, String)>;

/// Fills a database in a directory of its own, asks, and measures.
pub(super) fn measure(directory: &Path, count: u32) -> Result<(Measured, Checks)> {
    let hosts: Vec<_> = (0..count).map(|number| Host::of(number, count)).collect();
    let began = Instant::now();
    let blocks = filled(directory, &hosts)?;
    let filling = began.elapsed();
    let server = with_recorded_rules(directory)?;
    let rules = api::rules(&server)?;
    let mut checks = vec![(
        rules.len() > 5 && blocks.series > 20 * u64::from(count),
        format!(
            "{} rules are understood, and {} series are there",
            rules.len(),
            blocks.series
        ),
    )];
    let mut took = Vec::new();
    for question in questions::all(&rules)? {
        let (rows, least) = asked(&server, &question.expr)?;
        checks.push(check(&question, &rows, &hosts));
        took.push((question.name, least));
    }
    for rule in rules.iter().filter(|rule| !rule.is_alert()) {
        took.push((rule.name.clone(), asked(&server, &rule.query)?.1));
    }
    let measured = Measured {
        hosts: count,
        blocks,
        filling,
        questions: took,
    };
    Ok((measured, checks))
}

fn filled(directory: &Path, hosts: &[Host]) -> Result<Blocks> {
    let recorded = Recorded::read()?;
    let mut backfill = Backfill::new(database(directory))?;
    for host in hosts {
        counts::each_minute(&recorded, host, MINUTES, |at_ms, text| {
            backfill.scraped(host, DAY_UNIX_S * 1_000 + at_ms, text)
        })?;
        backfill.host_is_over()?;
    }
    backfill.end()
}

/// A server that has what the recording rules would have recorded. Those of one group do not see
/// each other when promtool does that, so it does it twice.
fn with_recorded_rules(directory: &Path) -> Result<Server> {
    let rules = rules();
    for _ in 0..2 {
        let server = Server::start(directory, Some(&rules))?;
        let mut record = Command::new(setup::prometheus::promtool()?);
        record
            .args(["tsdb", "create-blocks-from", "rules", "--url"])
            .arg(server.url())
            .arg(format!("--start={RECORDED_FROM_UNIX_S}"))
            .arg(format!("--end={ASKED_UNIX_S}"))
            .arg(format!("--output-dir={}", database(directory).display()));
        command::output(record.arg(&rules))?;
    }
    Server::start(directory, Some(&rules))
}

fn rules() -> PathBuf {
    workspace::root().join("contrib/prometheus/zkchurn.rules.yml")
}

/// Asks three times; how long the quickest answer took.
fn asked(server: &Server, expr: &str) -> Result<(Vec<Row>, Duration)> {
    let mut rows = Vec::new();
    let mut least = Duration::MAX;
    for _ in 0..3 {
        let began = Instant::now();
        rows = api::query(server, expr, ASKED_UNIX_S)?;
        least = least.min(began.elapsed());
    }
    Ok((rows, least))
}

fn check(question: &Question, rows: &[Row], hosts: &[Host]) -> (bool, String) {
    let Question { name, names, .. } = question;
    let planted = |wanted: &[Planted]| -> BTreeSet<&str> {
        let hosts = hosts.iter().filter(|host| wanted.contains(&host.planted));
        hosts.map(|host| host.name.as_str()).collect()
    };
    let named = |rows: &[Row]| -> BTreeSet<String> {
        let rows = rows.iter().map(|row| row.label("instance").to_owned());
        rows.collect()
    };
    let is = |named: BTreeSet<String>, wanted: &[Planted]| named.iter().eq(planted(wanted));
    let number = rows.first().map(|row| row.value);
    let (holds, what) = match *names {
        Wanted::Exactly(&[]) => (rows.is_empty(), "nobody".to_owned()),
        Wanted::Exactly(wanted) => (
            is(named(rows), wanted),
            format!("the {} planted, and nobody else", planted(wanted).len()),
        ),
        Wanted::First(wanted, rows_each) => {
            let count = planted(wanted).len() * rows_each;
            let first = rows.get(..count).unwrap_or_default();
            let is_apart = match (first.last(), rows.get(count)) {
                (Some(last), Some(next)) => last.value > 2.0 * next.value,
                _ => true,
            };
            let what = format!("the {} planted come first", planted(wanted).len());
            (is(named(first), wanted) && is_apart, what)
        }
        Wanted::AllBut(fewer) => {
            let wanted = hosts.len() as f64 - fewer;
            (number == Some(wanted), format!("hosts: {wanted}"))
        }
        Wanted::Number(wanted) => (number == Some(wanted), format!("hosts: {wanted}")),
    };
    let what = match holds {
        true => format!("{name}: {what}"),
        false => format!(
            "{name}: {what}, and not {:?}",
            rows.get(..6).unwrap_or(rows)
        ),
    };
    (holds, what)
}

impl Measured {
    /// How long all alerts and records together take, which a Prometheus asks for each minute.
    fn group(&self) -> Result<Duration> {
        let rules = self.questions.iter();
        let rules = rules.filter(|(name, _)| !name.ends_with("(dashboard)"));
        let all: Duration = rules.map(|(_, took)| *took).sum();
        ensure!(!all.is_zero(), "nothing was asked");
        Ok(all)
    }
}
