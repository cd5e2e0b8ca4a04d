// SPDX-License-Identifier: MIT
//! What was done against what was recorded.

use anyhow::{Result, ensure};

use super::churn::Count;
use super::load::{Done, Summary};
use crate::recorded::{Connection, Recorded};

/// Prints the comparison and fails where anything differs.
pub(super) fn print_and_check(done: &Summary, trace: &Recorded) -> Result<()> {
    println!("\n{:<18}{:>10}{:>10}", "thread", "generator", "recorded");
    let mut all_equal = true;
    for kind in &done.kinds {
        let recorded = recorded(done, kind, trace);
        all_equal &= recorded == kind.count;
        println!(
            "{:<18}{:>10}{:>10}{}",
            shortened(&kind.kind),
            kind.count.attempted,
            recorded.attempted,
            remark(kind.count, recorded)
        );
    }
    let made: usize = done.kinds.iter().map(|kind| kind.count.attempted).sum();
    println!(
        "\ngenerator: {made} connections, recorded {}, lost {}",
        trace.connections.len(),
        trace.lost
    );
    ensure!(trace.lost == 0, "records were lost: {}", trace.loss);
    ensure!(
        all_equal && made == trace.connections.len(),
        "what was recorded differs from what was done"
    );
    Ok(())
}

fn recorded(done: &Summary, kind: &Done, trace: &Recorded) -> Count {
    let mine = |connection: &&Connection| {
        connection.pid == Some(i64::from(done.pid)) && made_by(done, kind, connection)
    };
    let mine: Vec<_> = trace.connections.iter().filter(mine).collect();
    Count {
        attempted: mine.len(),
        established: mine.iter().filter(|one| one.established).count(),
    }
}

/// A kind without a thread of its own has every connection that none of the
/// others made.
fn made_by(done: &Summary, kind: &Done, connection: &Connection) -> bool {
    let by = |tid: i32| connection.tid == Some(i64::from(tid));
    match kind.tid {
        Some(tid) => by(tid),
        None => !done.kinds.iter().filter_map(|other| other.tid).any(by),
    }
}

fn shortened(name: &str) -> &str {
    name.split('(').next().unwrap_or(name)
}

fn remark(made: Count, recorded: Count) -> String {
    if made == recorded {
        return String::new();
    }
    format!(
        "   differs ({} established, {} recorded as established)",
        made.established, recorded.established
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done() -> Summary {
        let kind = |kind: &str, tid, attempted, established| Done {
            kind: kind.to_owned(),
            tid,
            count: Count {
                attempted,
                established,
            },
        };
        Summary {
            pid: 7,
            kinds: vec![
                kind("main-SendThread(127.0.0.1:1)", Some(8), 2, 2),
                kind("request-N", None, 1, 1),
                kind("refused-client", Some(9), 1, 0),
            ],
        }
    }

    fn trace(of: &[(i64, bool)], lost: u64) -> Recorded {
        let connections = of.iter().map(|&(tid, established)| Connection {
            pid: Some(7),
            tid: Some(tid),
            established,
            ..Connection::default()
        });
        Recorded {
            connections: connections.collect(),
            lost,
            ..Recorded::default()
        }
    }

    const AS_DONE: [(i64, bool); 4] = [(8, true), (8, true), (30, true), (9, false)];

    #[test]
    fn equal_counts_pass() {
        print_and_check(&done(), &trace(&AS_DONE, 0)).expect("equal");
    }

    #[test]
    fn a_missing_and_a_mistaken_connection_fail() {
        assert!(print_and_check(&done(), &trace(&AS_DONE[1..], 0)).is_err());
        let mistaken = [(8, true), (8, true), (30, true), (9, true)];
        assert!(print_and_check(&done(), &trace(&mistaken, 0)).is_err());
    }

    #[test]
    fn a_loss_fails() {
        assert!(print_and_check(&done(), &trace(&AS_DONE, 1)).is_err());
    }
}
