// SPDX-License-Identifier: MIT
//! How far zkchurn itself has looked into the processes of a case: what it has done already
//! is not advised.

use super::case::Case;
use crate::{
    inspection::{
        Inspection, LogSignature,
        jvm::{Dump, Jvm},
    },
    text,
};

/// What became of a look at the threads of a JVM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Threads {
    #[default]
    NotAsked,
    /// zkchurn cannot or must not dump this JVM.
    Refused,
    /// They were gone when the dump was taken.
    Missed,
    Seen,
}

/// Of any process of a case, what went furthest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    searched_logs: bool,
    /// When logs were searched for the last time, nanoseconds of `CLOCK_MONOTONIC`.
    searched_at_ns: u64,
    /// The server's own.
    searched_server_log: bool,
    threads: Threads,
}

impl Looked {
    pub fn of<'a>(inspections: impl Iterator<Item = &'a Inspection>) -> Self {
        let mut looked = Self::default();
        for inspection in inspections {
            for file in inspection.logs.iter().flat_map(|logs| &logs.files) {
                let before_ns = file.read_before_ms.unwrap_or(0).saturating_mul(1_000_000);
                let at_ns = inspection.at_ns.saturating_sub(before_ns);
                looked.searched_logs = true;
                looked.searched_at_ns = looked.searched_at_ns.max(at_ns);
            }
            if let (Some(jvm), Threads::NotAsked) = (&inspection.jvm, looked.threads) {
                looked.threads = threads(jvm);
            }
        }
        looked
    }

    /// Of the servers that remote hosts connected to.
    pub fn of_servers<'a>(mut servers: impl Iterator<Item = &'a Inspection>) -> Self {
        Self {
            searched_server_log: servers.any(|server| {
                let logs = server.logs.as_ref();
                logs.is_some_and(|logs| !logs.files.is_empty())
            }),
            ..Self::default()
        }
    }

    /// Leaves out what sends the reader to the server's log, where that was read.
    pub fn leave_out_done(self, advice: &mut Vec<String>) {
        if self.searched_server_log {
            advice.retain(|one| !one.starts_with(SERVER_LOG) && !one.contains("zkchurn serverlog"));
        }
    }
}

/// What was read so short before the last connection is as good as read after it.
const LATELY_NS: u64 = 1_000_000_000;

/// How an advice begins that sends the reader to the server's log.
const SERVER_LOG: &str = "the server's log";

fn threads(jvm: &Jvm) -> Threads {
    match jvm.dump {
        Dump::NotAsked => Threads::NotAsked,
        Dump::Impossible { .. } => Threads::Refused,
        Dump::Taken { .. } if jvm.threads.is_empty() => Threads::Missed,
        Dump::Taken { .. } => Threads::Seen,
    }
}

impl Case<'_> {
    /// Where the client may have written `words`; `None` where a line of these signatures
    /// was found already.
    pub fn search_log_for(&self, words: &str, signatures: &[LogSignature]) -> Option<String> {
        let is_one = |id: &str| signatures.iter().any(|one| one.id() == id);
        if self.logs.iter().any(|log| is_one(&log.signature)) {
            return None;
        }
        Some(match (self.looked.searched_logs, self.searched_before()) {
            (false, _) => format!("search the client's log for {words}"),
            (true, Some(before)) => format!(
                "search the client's logs for {words}: {before} before its last connection, when \
                 zkchurn read them last, they did not say it"
            ),
            (true, None) => format!(
                "search the client's other logs for {words}: those that zkchurn read do not say it"
            ),
        })
    }

    /// How long before its last connection its logs were read for the last time, where that is
    /// so long that it may have written more since: it ended before the trace did, or the trace
    /// goes on.
    fn searched_before(&self) -> Option<String> {
        let last_ns = self.tally.last_seen_ns;
        let before_ns = last_ns.saturating_sub(self.looked.searched_at_ns);
        (self.looked.searched_logs && before_ns >= LATELY_NS).then(|| text::duration(before_ns))
    }

    /// That somebody should read the client's log.
    pub fn read_log(&self) -> &'static str {
        match self.looked.searched_logs {
            false => "check the client's log at the times of these connections",
            true if self.has_lines() => {
                "read the client's log at the times of these connections: the lines that zkchurn \
                 found there (--details) are not known to be of them"
            }
            true if self.searched_before().is_some() => {
                "read the client's log at the times of these connections: zkchurn read it before \
                 the last ones"
            }
            true => {
                "read the client's log at the times of these connections: none of the lines that \
                 zkchurn knows explains them"
            }
        }
    }

    /// A thread dump that would show more.
    pub fn thread_dump(&self) -> Option<&'static str> {
        match self.looked.threads {
            Threads::NotAsked => Some("a thread dump while it churns (--jvm dump)"),
            Threads::Refused => {
                Some("a thread dump while it churns, taken by hand: zkchurn could not take one")
            }
            Threads::Missed => Some("a thread dump while one of its connections is open"),
            Threads::Seen => None,
        }
    }

    /// A log that would show more.
    pub fn log_that_decides(&self) -> &'static str {
        match self.looked.searched_logs {
            false => "its log from the time of the trace",
            true if self.has_lines() => {
                "its log: whether the lines that zkchurn found there (--details) are of these \
                 connections"
            }
            true if self.searched_before().is_some() => {
                "what its log got after zkchurn read it, or another log of it"
            }
            true => "another log of it: those that zkchurn read do not tell",
        }
    }

    /// Whether its logs have lines of the time of the trace that a reader is shown.
    fn has_lines(&self) -> bool {
        self.logs.iter().any(|log| log.during_trace)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::test_case, *};
    use crate::{
        diagnose::{Churn, Finding},
        inspection::{
            jvm::JvmKind,
            logs::{LogFinding, LogSearch, SearchedFile},
        },
        ledger::test_connection::by,
        outcome::Outcome,
        process::ProcessKey,
        registry::Registry,
    };

    /// A JVM that may be a probe as well: it keeps a beat.
    fn undecided(inspection: Option<Inspection>) -> Finding {
        let silent = (0, 0, Outcome::ClosedByUsBeforeAnyByte);
        let connections: Vec<_> = test_case::every(1000, 15, silent)
            .into_iter()
            .map(|one| by(one, 42, 43, "java"))
            .collect();
        let mut registry = Registry::default();
        if let Some(mut inspection) = inspection {
            let opener = connections[0].opener.unwrap();
            inspection.key = ProcessKey::new(42, opener.process_start_ns.unwrap_or(0));
            registry.insert_inspection(inspection);
        }
        let finding = test_case::only(test_case::diagnosed_with(&connections, &registry));
        assert_eq!(finding.name, Churn::ClientFailsBeforeItSpeaks);
        finding
    }

    fn inspection(dump: Option<Dump>, searched: bool) -> Inspection {
        let file = SearchedFile {
            path: "/var/log/app.log".to_owned(),
            size: 1,
            searched: 1,
            device: 0,
            inode: 0,
            gone: None,
            read_before_ms: None,
        };
        Inspection {
            logs: Some(LogSearch {
                files: searched.then_some(file).into_iter().collect(),
                ..LogSearch::default()
            }),
            key: ProcessKey::new(42, 0),
            at_ns: u64::MAX,
            details: None,
            jvm: dump.map(jvm),
        }
    }

    fn jvm(dump: Dump) -> Jvm {
        Jvm {
            kind: JvmKind::HotSpot,
            catalina_base: None,
            flags: Vec::new(),
            inner_pid: 42,
            dump,
            tasks: Vec::new(),
            threads: Vec::new(),
            jstack: String::new(),
        }
    }

    fn advice(finding: &Finding) -> String {
        [&finding.would_decide[..], &finding.next[..]]
            .concat()
            .join("\n")
    }

    #[test]
    fn what_nobody_looked_at_is_to_be_looked_at() {
        for inspection in [None, Some(inspection(Some(Dump::NotAsked), false))] {
            let advice = advice(&undecided(inspection));
            assert!(advice.contains("(--jvm dump)"), "{advice}");
            assert!(advice.contains("its log from the time"), "{advice}");
            assert!(
                advice.contains("search the client's log for NoClass"),
                "{advice}"
            );
        }
    }

    #[test]
    fn what_was_done_is_not_advised() {
        let taken = Dump::Taken {
            threads: 20,
            started_attach: false,
        };
        let advice = advice(&undecided(Some(inspection(Some(taken), true))));
        assert!(!advice.contains("--jvm dump"), "{advice}");
        assert!(
            advice.contains("while one of its connections is open"),
            "{advice}"
        );
        assert!(!advice.contains("search the client's log"), "{advice}");
        assert!(advice.contains("other logs"), "{advice}");
    }

    #[test]
    fn of_logs_that_were_read_before_it_went_on_no_more_is_said() {
        let mut early = inspection(None, true);
        early.at_ns = 3_000_000_000;
        let advice = advice(&undecided(Some(early)));
        assert!(!advice.contains("do not say it"), "{advice}");
        assert!(
            advice.contains("before its last connection, when zkchurn read them last"),
            "{advice}"
        );
        assert!(advice.contains("after zkchurn read it"), "{advice}");
    }

    #[test]
    fn a_line_that_was_found_is_not_to_be_searched() {
        let mut found = inspection(None, true);
        let line = LogFinding {
            signature: LogSignature::ZOOKEEPER_CLASS_MISSING.id().to_owned(),
            meaning: String::new(),
            path: "/var/log/app.log".to_owned(),
            count: 1,
            last: "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches"
                .to_owned(),
            record: None,
            line: Some(1),
            offset: 0,
            logged_ago_ms: None,
            during_trace: false,
            gone: None,
            client: None,
        };
        found.logs.as_mut().unwrap().findings.push(line);
        let advice = advice(&undecided(Some(found)));
        assert!(!advice.contains("for NoClassDefFoundError"), "{advice}");
        assert!(advice.contains("restart the JVM"), "{advice}");
    }
}
