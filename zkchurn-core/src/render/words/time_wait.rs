// SPDX-License-Identifier: MIT
//! Whose TIME_WAIT sockets are, in words.

use crate::{
    text,
    timewait::{owner_row::OwnerRow, table::TimeWait},
};

/// Bytes of a Java thread's name that are shown.
const NAME_SHOWN: usize = 80;

pub(crate) fn sentence(table: &TimeWait) -> String {
    let known = table.owners.iter().find(|one| is_known(&one.owner));
    let Some(first) = known.or(table.owners.first()) else {
        return "TIME_WAIT: no socket to or from the traced ports".to_owned();
    };
    let (count, total) = (
        text::count(first.count),
        text::counted(table.total, "socket"),
    );
    let whose = whose(&first.owner, first.threads);
    let belong = match first.count {
        1 => "belongs",
        _ => "belong",
    };
    match (known, table.total) {
        (Some(_), 1) => format!("TIME_WAIT: 1 socket, which belongs to {whose}"),
        (Some(_), all) if all == first.count => {
            format!("TIME_WAIT: all {total} belong to {whose}")
        }
        (Some(_), _) => format!("TIME_WAIT: {count} of {total} {belong} to {whose}"),
        (None, _) => format!("TIME_WAIT: {count} of {total}: {whose}"),
    }
}

pub(crate) fn is_known(owner: &OwnerRow) -> bool {
    matches!(
        owner,
        OwnerRow::Traced { .. } | OwnerRow::TracedProcesses { .. }
    )
}

pub(crate) fn whose(of: &OwnerRow, threads: u64) -> String {
    match (of, threads) {
        (OwnerRow::Traced { pid, process, .. }, 2..) => format!(
            "{}, from {} threads",
            process_name(*pid, process),
            text::count(threads)
        ),
        _ => owner(of),
    }
}

pub(crate) fn process_name(pid: u32, process: &str) -> String {
    format!("pid {pid} {}", text::printable(process.as_bytes()))
}

pub(crate) fn owner(owner: &OwnerRow) -> String {
    match owner {
        OwnerRow::Traced {
            pid,
            process,
            tid,
            thread,
            java_thread,
            ..
        } => {
            let process = process_name(*pid, process);
            let java_thread = java_thread
                .as_ref()
                .map(|name| text::printable(text::clip(name, NAME_SHOWN).as_bytes()));
            match (tid, java_thread.as_ref().or(thread.as_ref())) {
                (Some(tid), Some(thread)) => format!("{process} thread {tid} \"{thread}\""),
                _ => format!("{process}, thread unknown (older than the trace)"),
            }
        }
        OwnerRow::TracedProcesses {
            process,
            processes,
            such_as,
        } => format!(
            "{} processes named {}, such as pid {such_as}",
            text::count(*processes),
            text::printable(process.as_bytes())
        ),
        OwnerRow::ClosedBeforeStart => "closed before zkchurn started: owner unknown".to_owned(),
        OwnerRow::Evicted => "ended too long ago: evicted from the table".to_owned(),
        OwnerRow::NotRecorded => "closed during the trace, but not recorded".to_owned(),
        OwnerRow::NotThatProcess => {
            "closed during the trace, but not by the traced process".to_owned()
        }
    }
}

pub(crate) fn left(first_ms: u32, last_ms: u32) -> String {
    let duration = |ms: u32| text::duration(u64::from(ms) * 1_000_000);
    match first_ms == last_ms {
        true => duration(first_ms),
        false => format!("{} to {}", duration(first_ms), duration(last_ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timewait::table::OwnerTotal;

    fn headline(owners: &[(OwnerRow, u64)]) -> String {
        let mut table = TimeWait::default();
        table.total = owners.iter().map(|(_, count)| count).sum();
        let totals = owners.iter().map(|(owner, count)| OwnerTotal {
            owner: owner.clone(),
            threads: 1,
            count: *count,
        });
        table.owners = totals.collect();
        sentence(&table)
    }

    #[test]
    fn the_owner_comes_first_and_hostile_names_change_nothing() {
        let thread = OwnerRow::Traced {
            pid: 42,
            start_ns: 0,
            process: "belong to: \u{1b}[2J".to_owned(),
            tid: Some(43),
            thread: Some("main-SendThread".to_owned()),
            java_thread: Some("main-SendThread(zk1:2181)\u{9b}".to_owned()),
        };
        let headline_of_both = headline(&[(OwnerRow::ClosedBeforeStart, 30), (thread, 7)]);
        assert_eq!(
            headline_of_both,
            "TIME_WAIT: 7 of 37 sockets belong to pid 42 belong to: \\u{1b}[2J thread 43 \
             \"main-SendThread(zk1:2181)\\u{9b}\""
        );
        let many = OwnerRow::TracedProcesses {
            process: "nc".to_owned(),
            processes: 15,
            such_as: 7,
        };
        assert_eq!(
            headline(&[(many, 15)]),
            "TIME_WAIT: all 15 sockets belong to 15 processes named nc, such as pid 7"
        );
        let one = |count| OwnerRow::TracedProcesses {
            process: "nc".to_owned(),
            processes: count,
            such_as: 7,
        };
        assert!(headline(&[(one(1), 1)]).starts_with("TIME_WAIT: 1 socket, which belongs to"));
        let of_more = headline(&[(one(1), 1), (OwnerRow::ClosedBeforeStart, 1)]);
        assert!(of_more.starts_with("TIME_WAIT: 1 of 2 sockets belongs to"));
        let unknown = headline(&[(OwnerRow::ClosedBeforeStart, 3)]);
        assert!(unknown.starts_with("TIME_WAIT: 3 of 3 sockets: closed before"));
    }
}
