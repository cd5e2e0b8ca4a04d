// SPDX-License-Identifier: MIT
//! contrib/clickhouse/cluster.sql: made from schema.sql, so that the two cannot differ. Without a
//! cluster it can be parsed here, and no more.

use std::fs;

use anyhow::{Context, Result, ensure};

use super::{Engine, shipped, statements};

const HEAD: &str = "\
-- zkchurn in ClickHouse, on a cluster: each shard keeps what is inserted there, in as many replicas
-- as it has, and zkchurn.connections and the like ask all shards. The macros {cluster}, {shard} and
-- {replica} are those of the servers' configuration. Insert into zkchurn.lines of any server.
-- `cargo xtask fleet --write` makes this from schema.sql. It was parsed by ClickHouse, and not run:
-- there was no cluster.
";
const ON_CLUSTER: &str = " ON CLUSTER '{cluster}'";
/// Engines that keep something; the longest names first.
const ENGINES: [&str; 3] = ["SummingMergeTree", "ReplacingMergeTree", "MergeTree"];

/// Writes it.
pub(crate) fn write() -> Result<()> {
    let path = shipped("cluster.sql");
    fs::write(&path, of(&statements("schema.sql")?)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Compares it with what schema.sql makes, and has each statement parsed; how many there are.
pub(crate) fn check(engine: &mut Engine) -> Result<usize> {
    let shipped = statements("cluster.sql")?;
    ensure!(
        shipped == of(&statements("schema.sql")?)?,
        "contrib/clickhouse/cluster.sql is not what schema.sql makes: `cargo xtask fleet --write`"
    );
    let statements = split(&shipped);
    for statement in &statements {
        engine
            .run(&format!("EXPLAIN AST {statement}"))
            .with_context(|| statement.clone())?;
    }
    ensure!(
        engine.run("EXPLAIN AST CREATE TABLE x ENGIN = y").is_err(),
        "what is wrong is parsed, too"
    );
    Ok(statements.len())
}

/// Statements without the comments above them.
fn split(sql: &str) -> Vec<String> {
    let lines = sql
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let statements = text
        .split(";\n")
        .map(|one| one.trim().trim_end_matches(';'));
    statements
        .filter(|one| !one.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The schema of a cluster.
fn of(schema: &str) -> Result<String> {
    let statements = split(schema);
    let kept: Vec<_> = statements
        .iter()
        .filter_map(|one| kept_table(one))
        .collect();
    let mut made = HEAD.to_owned();
    for statement in &statements {
        let mut statement = with_cluster(statement)?;
        for name in &kept {
            for before in ["TABLE IF NOT EXISTS ", "TO ", "FROM "] {
                statement = local(&statement, before, name);
            }
        }
        let name = kept.iter().find(|name| {
            statement.starts_with(&format!("CREATE TABLE IF NOT EXISTS zkchurn.{name}_local "))
        });
        made.push('\n');
        match name {
            None => made += &statement,
            Some(name) => {
                made += &replicated(&statement, name);
                made += &format!(
                    ";\n\nCREATE TABLE IF NOT EXISTS zkchurn.{name}{ON_CLUSTER} AS \
                     zkchurn.{name}_local\nENGINE = Distributed('{{cluster}}', zkchurn, \
                     {name}_local, cityHash64(host))"
                );
            }
        }
        made += ";\n";
    }
    Ok(made)
}

/// The name of a table that keeps what it gets.
fn kept_table(statement: &str) -> Option<String> {
    let rest = statement.strip_prefix("CREATE TABLE IF NOT EXISTS zkchurn.")?;
    let keeps = ENGINES
        .iter()
        .any(|engine| rest.contains(&format!("ENGINE = {engine}")));
    let name = rest.split_whitespace().next()?;
    keeps.then(|| name.to_owned())
}

/// Has a statement done on all servers: behind the name of what is made.
fn with_cluster(statement: &str) -> Result<String> {
    let (head, rest) = statement
        .split_once(" IF NOT EXISTS ")
        .with_context(|| format!("no IF NOT EXISTS: {statement}"))?;
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    Ok(format!("{head} IF NOT EXISTS {name}{ON_CLUSTER}{rest}"))
}

/// Names the table of this server where a whole name follows on `before`.
fn local(statement: &str, before: &str, name: &str) -> String {
    let named = format!("{before}zkchurn.{name}");
    let mut made = String::new();
    let mut rest = statement;
    while let Some(at) = rest.find(&named) {
        let (head, tail) = rest.split_at(at + named.len());
        made += head;
        let goes_on = tail.starts_with(|next: char| next.is_alphanumeric() || next == '_');
        if !goes_on {
            made += "_local";
        }
        rest = tail;
    }
    made + rest
}

fn replicated(statement: &str, name: &str) -> String {
    let at = format!("'/clickhouse/tables/{{shard}}/zkchurn/{name}', '{{replica}}'");
    for engine in ENGINES {
        let with_arguments = format!("ENGINE = {engine}(");
        if statement.contains(&with_arguments) {
            let made = format!("ENGINE = Replicated{engine}({at}, ");
            return statement.replace(&with_arguments, &made);
        }
        let plain = format!("ENGINE = {engine}");
        if statement.contains(&plain) {
            return statement.replace(&plain, &format!("ENGINE = Replicated{engine}({at})"));
        }
    }
    statement.to_owned()
}
