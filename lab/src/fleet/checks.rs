// SPDX-License-Identifier: MIT
//! A day of the fleet, measured, and whether each question names the hosts that it should.

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use super::{
    Measured,
    day::{self, UNTIL},
    host::{Host, Planted},
    story::{CLIENT_RESTARTED, RESTARTED},
};
use crate::clickhouse::{Engine, Parameters, Row, number, text};

/// Most bytes that a connection's row may take.
const MOST_BYTES_A_ROW: f64 = 25.0;

type Checks = Vec<(bool, String)>;

/// Has the day made, asks, and measures.
pub(super) fn measure(
    engine: &mut Engine,
    zkchurn: &Path,
    count: u32,
) -> Result<(Measured, Checks)> {
    let hosts: Vec<_> = (0..count).map(|number| Host::of(number, count)).collect();
    engine.run(&labels(&hosts))?;
    let began = Instant::now();
    let inserted = day::insert(engine, zkchurn, &hosts)?;
    let loading = began.elapsed();
    for table in ["connections", "intervals", "connections_5m"] {
        engine.run(&format!("OPTIMIZE TABLE zkchurn.{table} FINAL"))?;
    }
    let (connections, connection_bytes) = size(engine, "connections")?;
    let (intervals, interval_bytes) = size(engine, "intervals")?;
    let (rollup_rows, rollup_bytes) = size(engine, "connections_5m")?;
    let intervals_add_up = intervals_add_up(engine, count)?;
    let mut asked = Asked {
        engine,
        hosts: &hosts,
        took: Vec::new(),
        checks: vec![
            (
                (connections, intervals) == (inserted.connections, inserted.intervals),
                format!("{connections} connections and {intervals} intervals, all that were sent"),
            ),
            (
                connection_bytes <= MOST_BYTES_A_ROW,
                format!("{connection_bytes:.1} bytes a connection"),
            ),
            intervals_add_up,
        ],
    };
    asked.all()?;
    let Asked { took, checks, .. } = asked;
    let measured = Measured {
        hosts: count,
        connections,
        intervals,
        connection_bytes,
        interval_bytes,
        rollup_rows,
        rollup_bytes,
        line_bytes: inserted.bytes as f64 / (connections + intervals) as f64,
        loading,
        questions: took,
    };
    Ok((measured, checks))
}

/// Whether what hosts tell of intervals is what an agent could: where more were opened than
/// ended, as many more are open.
fn intervals_add_up(engine: &mut Engine, count: u32) -> Result<(bool, String)> {
    let rows = engine.run(
        "SELECT count() AS hosts, sum(grown != at_end - at_first) AS wrong FROM \
         (SELECT toInt64(sum(opened)) - toInt64(sum(ended)) AS grown, \
         toInt64(argMax(open, at)) AS at_end, toInt64(argMin(open, at)) AS at_first \
         FROM zkchurn.intervals GROUP BY host)",
    )?;
    let row = rows.first().context("no intervals")?;
    let holds = number(row, "hosts") == Some(f64::from(count)) && number(row, "wrong") == Some(0.0);
    let what = "what is open grows by what was opened and has not ended, on each host";
    Ok((holds, what.to_owned()))
}

/// Bytes a row of connections that compress as badly as can be.
pub(super) fn random(engine: &mut Engine) -> Result<(f64, Checks)> {
    engine.run(include_str!("../../clickhouse/random.sql"))?;
    engine.run("OPTIMIZE TABLE zkchurn.connections FINAL")?;
    let (rows, bytes) = size(engine, "connections")?;
    let check = (
        rows == 300_000 && bytes <= MOST_BYTES_A_ROW,
        format!("{rows} random connections take {bytes:.1} bytes each"),
    );
    Ok((bytes, vec![check]))
}

/// Rows and bytes a row.
fn size(engine: &mut Engine, table: &str) -> Result<(u64, f64)> {
    let rows = engine.run(&format!(
        "SELECT sum(rows) AS rows, sum(bytes_on_disk) AS bytes FROM system.parts \
         WHERE database = 'zkchurn' AND table = '{table}' AND active"
    ))?;
    let row = rows.first().context("no parts")?;
    let (rows, bytes) = (number(row, "rows"), number(row, "bytes"));
    let (rows, bytes) = rows.zip(bytes).context("no sizes")?;
    Ok((rows as u64, bytes / rows.max(1.0)))
}

fn labels(hosts: &[Host]) -> String {
    let values = hosts.iter().enumerate().map(|(number, host)| {
        let group = ["eu", "us"][number % 2];
        format!(
            "('{0}','version','{1}'),('{0}','group','{group}')",
            host.name,
            host.version()
        )
    });
    let values: Vec<_> = values.collect();
    format!(
        "INSERT INTO zkchurn.host_labels VALUES {}",
        values.join(",")
    )
}

struct Asked<'a> {
    engine: &'a mut Engine,
    hosts: &'a [Host],
    took: Vec<(&'static str, Duration)>,
    checks: Checks,
}

impl Asked<'_> {
    fn all(&mut self) -> Result<()> {
        self.churn()?;
        self.restarts()?;
        self.others()
    }

    /// Asks three times, and keeps how long the quickest answer took.
    fn ask(&mut self, name: &'static str, parameters: Parameters<'_>) -> Result<Vec<Row>> {
        let parameters = [&[("ensemble", "%:2181"), ("until", UNTIL)][..], parameters].concat();
        let mut rows = Vec::new();
        let mut least = Duration::MAX;
        for _ in 0..3 {
            let began = Instant::now();
            rows = self.engine.question(name, &parameters)?;
            least = least.min(began.elapsed());
        }
        self.took.push((name, least));
        Ok(rows)
    }

    fn check(&mut self, name: &str, holds: bool, what: &str, rows: &[Row]) {
        let what = match holds {
            true => format!("{name}: {what}"),
            false => format!(
                "{name}: {what}, and not {:?}",
                rows.get(..6).unwrap_or(rows)
            ),
        };
        self.checks.push((holds, what));
    }

    fn planted(&self, wanted: &[Planted]) -> BTreeSet<&str> {
        let hosts = self.hosts.iter();
        hosts
            .filter(|host| wanted.contains(&host.planted))
            .map(|host| host.name.as_str())
            .collect()
    }

    fn churn(&mut self) -> Result<()> {
        let name = "who-churns";
        let rows = self.ask(name, &[("minutes", "15")])?;
        let churning = self.planted(&[Planted::Churns]);
        // Each has connections to three servers.
        let first = rows.iter().take(9);
        let holds = first
            .clone()
            .map(|row| text(row, "host"))
            .collect::<BTreeSet<_>>()
            == churning
            && first.clone().all(|row| {
                text(row, "application") == "IncidentClient"
                    && text(row, "mostly") == "closed_by_us_before_any_byte"
                    && (0.15..0.27).contains(&number(row, "per_second").unwrap_or_default())
            });
        self.check(
            name,
            holds,
            "the three that churn come first, at their rate",
            &rows,
        );

        let name = "since-when";
        let rows = self.ask(name, &[("days", "2")])?;
        let churning = self.planted(&[Planted::Churns]);
        let is_present = |row: &&Row| number(row, "goes_on") == Some(1.0);
        let present: Vec<_> = rows.iter().filter(is_present).collect();
        let over: Vec<_> = rows.iter().filter(|row| !is_present(row)).collect();
        let holds = present
            .iter()
            .map(|row| text(row, "host"))
            .collect::<BTreeSet<_>>()
            == churning
            && rows.iter().all(|row| text(row, "since") == RESTARTED)
            && over
                .iter()
                .map(|row| text(row, "host"))
                .collect::<BTreeSet<_>>()
                == self.planted(&[Planted::ChurnedUntilRestart])
            && over
                .iter()
                .all(|row| text(row, "until_at_least") == CLIENT_RESTARTED);
        self.check(
            name,
            holds,
            "since the server's restart, and one until its own",
            &rows,
        );

        let name = "which-group";
        let rows = self.ask(name, &[("hours", "1")])?;
        let holds = rows.first().is_some_and(|row| {
            (text(row, "label"), text(row, "value")) == ("version", "2.5.0")
                && number(row, "hosts") == Some(5.0)
                && number(row, "that_churn") == Some(3.0)
        }) && rows.len() == 4;
        self.check(
            name,
            holds,
            "version 2.5.0, of whose five hosts three churn",
            &rows,
        );

        let name = "which-threads";
        let rows = self.ask(name, &[("hours", "1")])?;
        let by_churn = |row: &&Row| text(row, "application") == "IncidentClient";
        let holds = rows.iter().find(by_churn).is_some_and(|row| {
            text(row, "thread_family") == "main-SendThread"
                && number(row, "hosts") == Some(3.0)
                && number(row, "threads") == Some(3.0)
                && number(row, "each").is_some_and(|each| each > 2_000.0)
        });
        self.check(name, holds, "one thread on each of three hosts", &rows);

        let name = "who-closes";
        let rows = self.ask(name, &[("hours", "1")])?;
        let of_churn: Vec<_> = rows.iter().filter(by_churn).collect();
        let holds = of_churn.len() == 3
            && of_churn.iter().all(|row| {
                text(row, "first_close") == "us" && number(row, "percent") == Some(100.0)
            });
        self.check(name, holds, "the client itself closes", &rows);
        Ok(())
    }

    fn restarts(&mut self) -> Result<()> {
        let name = "did-the-restart-help";
        let rows = self.ask(name, &[("at", CLIENT_RESTARTED), ("hours", "1")])?;
        let of = |wanted: &str| -> BTreeSet<&str> {
            let said = rows.iter().filter(|row| text(row, "did_it_help") == wanted);
            said.map(|row| text(row, "host")).collect()
        };
        let churning = |row: &&Row| text(row, "application") == "IncidentClient";
        let holds = of("yes: it is over") == self.planted(&[Planted::ChurnedUntilRestart])
            && rows.iter().filter(churning).all(|row| {
                let is_helped = self
                    .planted(&[Planted::ChurnedUntilRestart])
                    .contains(text(row, "host"));
                is_helped || text(row, "did_it_help") == "no: there is as much"
            });
        self.check(
            name,
            holds,
            "yes on the host that was restarted, no on the others",
            &rows,
        );

        let name = "what-changed";
        let rows = self.ask(name, &[("at", RESTARTED), ("hours", "1")])?;
        let changed = self.planted(&[Planted::Churns, Planted::ChurnedUntilRestart]);
        let holds = rows
            .iter()
            .map(|row| text(row, "host"))
            .collect::<BTreeSet<_>>()
            == changed
            && rows.iter().all(|row| {
                text(row, "change") == "new"
                    && text(row, "outcome") == "closed_by_us_before_any_byte"
            });
        self.check(
            name,
            holds,
            "four hosts whose client closes before any byte",
            &rows,
        );
        Ok(())
    }

    fn others(&mut self) -> Result<()> {
        let hosts = |rows: &[Row]| -> Vec<String> {
            rows.iter()
                .map(|row| text(row, "host").to_owned())
                .collect()
        };
        let only = |asked: &Self, planted| -> Vec<String> {
            let names = asked.planted(&[planted]);
            names.into_iter().map(str::to_owned).collect()
        };
        let name = "who-leaks";
        let rows = self.ask(name, &[("hours", "6")])?;
        let holds = hosts(&rows) == only(self, Planted::Leaks)
            && rows.iter().all(|row| {
                text(row, "finding") == "handle_leak"
                    && (25.0..35.0).contains(&number(row, "more_an_hour").unwrap_or_default())
            });
        self.check(name, holds, "the one that leaks, 30 an hour", &rows);

        let name = "who-is-silent";
        let rows = self.ask(name, &[("hours", "6"), ("minutes", "10")])?;
        let holds = hosts(&rows) == only(self, Planted::Silent)
            && rows.iter().all(|row| {
                (148.0..154.0).contains(&number(row, "minutes_ago").unwrap_or_default())
            });
        self.check(
            name,
            holds,
            "the one that is silent, for 150 minutes",
            &rows,
        );

        let name = "whose-clock-is-wrong";
        let rows = self.ask(name, &[("hours", "6")])?;
        let holds = hosts(&rows) == only(self, Planted::ClockAhead)
            && rows.iter().all(|row| {
                (10_790.0..10_810.0).contains(&number(row, "ahead_by_s").unwrap_or_default())
            });
        self.check(
            name,
            holds,
            "the one whose clock is three hours ahead",
            &rows,
        );
        Ok(())
    }
}
