// SPDX-License-Identifier: MIT
//! What more hosts, and agents that tell of an interval each 10 s, would take in ClickHouse: by
//! multiplication, and marked so on the page.

use std::fmt::Write as _;

use super::Measured;

/// Intervals of an agent for each of those that were loaded, one a minute.
const LOOKS_A_MINUTE: f64 = 6.0;
/// Connections a second of a host that churns as in the incident …
const CHURN: f64 = 0.63;
/// … and of one that does not: a health check a minute.
const CHECKS: f64 = 1.0 / 60.0;
/// Seconds after which whoever shows an answer has usually given up; Grafana's default.
const TOO_LONG_S: f64 = 30.0;

/// More than was measured.
pub(super) fn part(day: &Measured, random_bytes: f64) -> String {
    let mut text = format!(
        "
## By arithmetic, not measured, for ClickHouse

Bytes a connection as of the random rows, bytes an interval as with {} hosts. An agent tells of an interval
each 10 s, so 8,640 a day and host.

| hosts | connections a second and host | connections a day | of them, GB a day | intervals, GB a day | 14 days, GB | lines a second |
|---|---|---|---|---|---|---|
",
        day.hosts
    );
    for hosts in [1_000.0, 10_000.0, 100_000.0_f64] {
        for rate in [0.1, 0.63, 10.0] {
            let connections = hosts * rate * 86_400.0;
            let gb = connections * random_bytes / 1e9;
            let intervals = hosts * 8_640.0 * day.interval_bytes / 1e9;
            let _ = writeln!(
                text,
                "| {hosts:.0} | {rate} | {connections:.2e} | {gb:.1} | {intervals:.2} | {:.0} | {:.0} |",
                14.0 * (gb + intervals),
                hosts * (rate + 0.1)
            );
        }
    }
    text.push_str(
        "
Where it would break first: lines have to be parsed. What was loaded a second above is what
two busy processors take. 10,000 hosts at 0.63 connections a second are well within that; 100,000, or 10,000 at 10 a
second, need a cluster ([cluster.sql](../../contrib/clickhouse/cluster.sql), which was parsed here and never
run).
Inserts have to be gathered: a file a minute of each of 1,000 hosts is 17 inserts a second, which wants `async_insert`.
",
    );
    text.push_str(&questions(day));
    text
}

/// Which rows a question reads, so what its time is taken to be proportional to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Connections,
    RollUp,
    Intervals,
}

impl Reads {
    fn of(question: &str) -> Self {
        match question {
            "who-churns" | "which-threads" => Self::Connections,
            "who-leaks" | "who-is-silent" | "whose-clock-is-wrong" => Self::Intervals,
            _ => Self::RollUp,
        }
    }

    const fn what(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::RollUp => "five-minute sums",
            Self::Intervals => "intervals",
        }
    }

    /// How many times as many rows a host has when an agent traces it.
    const fn of_agent(self) -> f64 {
        match self {
            Self::Connections | Self::RollUp => 1.0,
            Self::Intervals => LOOKS_A_MINUTE,
        }
    }

    /// The same where it churns, too. A second program has sums of its own.
    const fn of_churn(self) -> f64 {
        match self {
            Self::Connections => CHURN / CHECKS,
            Self::RollUp => 2.0,
            Self::Intervals => LOOKS_A_MINUTE,
        }
    }
}

fn questions(day: &Measured) -> String {
    let hosts = f64::from(day.hosts);
    let mut text = format!(
        "
How long an answer would take, in seconds, if it takes as much longer as there are more rows, and no part of it is the
same for any number: from the times of {hosts:.0} hosts, with an agent's six intervals a minute. A host that churns has {:.0} times as many connections as one with a health check a minute.

| question | reads | {hosts:.0} hosts, measured, one interval a minute | 10000 hosts | 10000 hosts that all churn | 100000 hosts |
|---|---|---|---|---|---|
",
        CHURN / CHECKS
    );
    let (mut slow_of_churn, mut slow_of_many) = (Vec::new(), Vec::new());
    for (question, took) in &day.questions {
        let (reads, took) = (Reads::of(question), took.as_secs_f64());
        let more = took * 10_000.0 / hosts;
        let few = more * reads.of_agent();
        let churning = more * reads.of_churn();
        let many = 10.0 * few;
        for (seconds, slow) in [(churning, &mut slow_of_churn), (many, &mut slow_of_many)] {
            if seconds > TOO_LONG_S {
                slow.push(format!("`{question}`"));
            }
        }
        let what = reads.what();
        let _ = writeln!(
            text,
            "| {question} | {what} | {took:.3} | {few:.1} | {churning:.1} | {many:.1} |"
        );
    }
    let named = |slow: &[String]| match slow {
        [] => "none".to_owned(),
        slow => slow.join(", "),
    };
    let _ = write!(
        text,
        "
Where it would break, on two processors: longer than the {TOO_LONG_S:.0} s that Grafana waits unless told otherwise would take,
with 10,000 hosts that all churn, {}; with 100,000 hosts, {}. `minutes`, `hours` and `days` are parameters:
half as many take half as long. Memory, which a question needs for each host and program that it groups by, was not
measured.
",
        named(&slow_of_churn),
        named(&slow_of_many)
    );
    text
}

#[cfg(test)]
mod tests {
    use std::{fs, time::Duration};

    use xtask::workspace;

    use super::*;

    fn measured(ms: u64) -> Measured {
        Measured {
            hosts: 1_000,
            connections: 1,
            intervals: 1,
            connection_bytes: 12.0,
            interval_bytes: 1.6,
            rollup_rows: 1,
            rollup_bytes: 3.7,
            line_bytes: 900.0,
            loading: Duration::from_secs(1),
            questions: ["who-churns", "who-leaks", "since-when"]
                .map(|name| (name, Duration::from_millis(ms)))
                .to_vec(),
        }
    }

    #[test]
    fn an_answer_takes_as_much_longer_as_there_are_more_rows() {
        let text = questions(&measured(100));
        for row in [
            "| who-churns | connections | 0.100 | 1.0 | 37.8 | 10.0 |",
            "| who-leaks | intervals | 0.100 | 6.0 | 6.0 | 60.0 |",
            "| since-when | five-minute sums | 0.100 | 1.0 | 2.0 | 10.0 |",
        ] {
            assert!(text.contains(row), "{row} in {text}");
        }
        assert!(text.contains("all churn, `who-churns`; with 100,000 hosts, `who-leaks`. "));
        let text = questions(&measured(1));
        assert!(text.contains("all churn, none; with 100,000 hosts, none. "));
    }

    #[test]
    fn what_each_question_reads_is_what_it_is_said_to() {
        let questions = workspace::root().join("contrib/clickhouse/questions");
        for file in fs::read_dir(questions).expect("the questions") {
            let path = file.expect("a question").path();
            let sql = fs::read_to_string(&path).expect("its text");
            let name = path.file_stem().expect("a name").to_string_lossy();
            let table = match Reads::of(&name) {
                Reads::Connections => "FROM zkchurn.connections AS",
                Reads::RollUp => "FROM zkchurn.connections_5m",
                Reads::Intervals => "FROM zkchurn.intervals",
            };
            assert!(sql.contains(table), "{name}");
        }
    }
}
