// SPDX-License-Identifier: MIT
//! Why a client fails inside itself, as its own log tells, and what to do about that.

use super::{
    case::{Case, Runtime},
    evidence::LogLine,
    finding::{Confidence, Verdict},
};
use crate::{inspection::LogSignature, text};

/// Signatures of log lines of a client that cannot load its own classes, or has
/// no resources left for a connection (signatures.toml).
pub(super) const FAILS_INSIDE: [LogSignature; 11] = [
    LogSignature::WEB_APPLICATION_STOPPED,
    LogSignature::CLIENT_THREAD_LEFT_RUNNING,
    LogSignature::ZOOKEEPER_CLASS_MISSING,
    LogSignature::JAR_REPLACED,
    LogSignature::OUT_OF_THREADS,
    LogSignature::OUT_OF_MEMORY,
    LogSignature::OUT_OF_FILE_DESCRIPTORS,
    LogSignature::STACK_OVERFLOW,
    LogSignature::INCOMPATIBLE_CLASS,
    LogSignature::CLASS_MISSING,
    LogSignature::CLASS_INITIALIZATION_FAILED,
];

/// Those that hold until the process ends, and may be written once: a class that could not
/// be loaded is not tried again (JVMS 5.3, 5.5), and a class loader that was closed stays so.
const LASTING: [LogSignature; 5] = [
    LogSignature::WEB_APPLICATION_STOPPED,
    LogSignature::CLIENT_THREAD_LEFT_RUNNING,
    LogSignature::ZOOKEEPER_CLASS_MISSING,
    LogSignature::JAR_REPLACED,
    LogSignature::CLASS_INITIALIZATION_FAILED,
];

/// The line that says so, written during the trace or, where it holds for ever, before.
pub(super) fn line<'a>(case: &'a Case<'_>) -> Option<LogLine<'a>> {
    let during = case.logged(&FAILS_INSIDE);
    // What a client of another server writes now is nearer than what was written before.
    if during.is_some_and(|line| line.is_of_client() || line.is_of_elsewhere()) {
        return during;
    }
    let before = case.logged_before(&LASTING);
    before.filter(LogLine::is_of_client).or(during)
}

/// What a reader finds in the log, and what is no evidence: a line of a client that fails, of
/// the time of the trace, that nobody of this process, or not this thread, can have written.
pub(super) fn line_of_another(case: &Case<'_>) -> Option<String> {
    if case.is_remote_host() || line(case).is_some() {
        return None;
    }
    let is_one = |id: &str| FAILS_INSIDE.iter().any(|one| one.id() == id);
    let mut logs = case.logs.iter();
    let found = logs.find(|log| log.during_trace && is_one(&log.signature))?;
    Some(format!(
        "its log has {} of a client that fails, and nothing shows that they are of these \
         connections ({}): \"{}\"",
        text::counted(found.count, "line"),
        found.place(),
        found.last.trim()
    ))
}

/// Why, as far as the log tells.
#[derive(Clone, Copy)]
enum Cause {
    ApplicationStopped,
    ClassMissing,
    LibrariesMixed,
    NoDescriptors,
    NoThreads,
    NoMemory,
    DeepRecursion,
}

impl Cause {
    fn of(case: &Case<'_>) -> Option<Self> {
        use LogSignature as Line;
        const CAUSES: [(&[LogSignature], Cause); 7] = [
            (
                &[
                    Line::WEB_APPLICATION_STOPPED,
                    Line::CLIENT_THREAD_LEFT_RUNNING,
                ],
                Cause::ApplicationStopped,
            ),
            (
                &[
                    Line::ZOOKEEPER_CLASS_MISSING,
                    Line::JAR_REPLACED,
                    Line::CLASS_MISSING,
                    Line::CLASS_INITIALIZATION_FAILED,
                ],
                Cause::ClassMissing,
            ),
            (&[Line::INCOMPATIBLE_CLASS], Cause::LibrariesMixed),
            (&[Line::OUT_OF_FILE_DESCRIPTORS], Cause::NoDescriptors),
            (&[Line::OUT_OF_THREADS], Cause::NoThreads),
            (&[Line::OUT_OF_MEMORY], Cause::NoMemory),
            (&[Line::STACK_OVERFLOW], Cause::DeepRecursion),
        ];
        let is_told = |signatures: &[LogSignature]| {
            let lines = [case.logged(signatures), case.logged_before(signatures)];
            let mut lines = lines.into_iter().flatten();
            lines
                .any(|line| line.is_of_client() && (!line.is_earlier() || line.is_one_of(&LASTING)))
        };
        let mut causes = CAUSES.iter();
        causes
            .find(|(signatures, _)| is_told(signatures))
            .map(|(_, cause)| *cause)
    }

    const fn words(self) -> &'static str {
        match self {
            Self::ApplicationStopped => {
                "a web application was stopped, but its ZooKeeper client was not closed and can \
                 load no more classes"
            }
            Self::ClassMissing => "a class that it needs can no longer be loaded",
            Self::LibrariesMixed => "versions of its libraries do not fit together",
            Self::NoDescriptors => "its process has no file descriptors left",
            Self::NoThreads => "its process cannot start another thread",
            Self::NoMemory => "its JVM is out of memory",
            Self::DeepRecursion => "a thread's stack overflows",
        }
    }

    const fn advice(self) -> &'static [&'static str] {
        match self {
            Self::ApplicationStopped => &[
                "restart the servlet container: only that ends the client that was left behind",
                "have the application close its client when it stops \
                 (ServletContextListener.contextDestroyed)",
            ],
            Self::ClassMissing => &[
                "restart the JVM with complete jars, and have the application close its client \
                 when it stops",
            ],
            Self::LibrariesMixed => &[
                "compare the versions of zookeeper, zookeeper-jute, curator and netty on the \
                 class path",
            ],
            Self::NoDescriptors => &[
                "`ls /proc/PID/fd | wc -l` and /proc/PID/limits show how many it holds and may \
                 hold: find what leaks them, or raise the limit",
            ],
            Self::NoThreads => &[
                "`ls /proc/PID/task | wc -l` shows its threads: find what starts them, often a \
                 client for each request that is never closed",
            ],
            Self::NoMemory => &["restart it with more memory, or find its leak in a heap dump"],
            Self::DeepRecursion => &["the stack trace in its log shows the recursion"],
        }
    }
}

/// Why it fails, for a sentence that ends with it; the bare fact where the log does not tell.
pub(super) fn cause(case: &Case<'_>) -> String {
    match Cause::of(case) {
        Some(cause) => format!(
            "{}. The fault is in the client, not in the server.",
            cause.words()
        ),
        None => "the fault is in the client, not in the server.".to_owned(),
    }
}

/// With what to do about it.
pub(super) fn mended(case: &Case<'_>, verdict: Verdict) -> Verdict {
    if let Some(cause) = Cause::of(case) {
        let when = match verdict.confidence {
            Confidence::Possible => "if it is such a client: ",
            _ => "",
        };
        let advice = cause.advice().iter();
        return advice.fold(verdict, |verdict, one| verdict.next(format!("{when}{one}")));
    }
    if line(case).is_some() {
        return verdict.next(
            "compare the times of those lines of the log with the times of the connections: \
             where they fit, it is this client",
        );
    }
    let restart = match verdict.confidence {
        Confidence::Possible => {
            "if it is such a client: restart the JVM with complete jars, and have the application \
             close its client when it stops"
        }
        _ => {
            "restart the JVM with complete jars, and have the application close its client when \
             it stops"
        }
    };
    match case.runtime {
        Runtime::Jvm => verdict
            .perhaps_next(case.search_log_for(
                "NoClassDefFoundError and \"has been stopped already\"",
                &FAILS_INSIDE,
            ))
            .next(restart),
        _ => verdict.next(case.read_log()),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        diagnose::{
            Churn, Confidence,
            test_case::{
                back_off, diagnosed_beside_earlier_log, diagnosed_beside_log, every, only,
            },
        },
        ledger::test_connection::{by, name},
        outcome::Outcome,
    };

    const SILENT: (u64, u64, Outcome) = (0, 0, Outcome::ClosedByUsBeforeAnyByte);
    const STOPPED: (&str, Option<&str>, &str, u64) = (
        "web-application-stopped",
        None,
        "INFO: Illegal access: this web application instance has been stopped already. Could not \
         load [org.apache.zookeeper.proto.SetWatches].",
        1,
    );

    #[test]
    fn the_finding_says_the_cause_that_the_log_tells_and_advises_against_it() {
        let finding = only(diagnosed_beside_log(&back_off(8, SILENT), &[STOPPED]));
        assert_eq!(finding.confidence, Confidence::Certain);
        assert!(finding.summary.contains("a web application was stopped"));
        let advice = finding.next.join("\n");
        assert!(advice.contains("servlet container"), "{advice}");
        assert!(!advice.contains("complete jars"), "{advice}");
    }

    #[test]
    fn what_was_written_once_before_the_trace_still_holds_for_its_thread() {
        let finding = only(diagnosed_beside_earlier_log(
            &back_off(8, SILENT),
            &[STOPPED],
        ));
        assert_eq!(finding.confidence, Confidence::Certain);
        assert!(finding.summary.contains("a web application was stopped"));
        let first = &finding.reasons_for[0];
        assert!(
            first.starts_with("its log said so earlier (/client.log:1)"),
            "{first}"
        );
    }

    #[test]
    fn before_the_trace_it_may_have_been_another_thread() {
        let probes: Vec<_> = every(1_000, 12, SILENT)
            .into_iter()
            .map(|one| by(one, 7, 8, "pool-1-thread-3"))
            .collect();
        let findings = diagnosed_beside_earlier_log(&probes, &[STOPPED]);
        assert!(
            findings
                .iter()
                .all(|one| one.confidence != Confidence::Certain)
        );
    }

    /// The Java client connects by a thread that is named SendThread.
    #[test]
    fn a_line_of_one_client_does_not_prove_what_a_thread_of_another_kind_does() {
        let surest = |comm: &str| {
            let silent = back_off(8, SILENT).into_iter().map(|one| {
                let mut one = by(one, 7, 8, comm);
                one.opener.as_mut().unwrap().process_comm = Some(name("java"));
                one
            });
            let findings = diagnosed_beside_log(&silent.collect::<Vec<_>>(), &[STOPPED]);
            findings.iter().map(|one| one.confidence).max()
        };
        assert_eq!(surest("main-SendThread"), Some(Confidence::Certain));
        assert_ne!(surest("pool-watch"), Some(Confidence::Certain));
    }

    #[test]
    fn an_error_that_passes_does_not_hold_for_ever() {
        let line = (
            "out-of-memory",
            Some("WARN [main-SendThread(zk1:2181)] ClientCnxn - Session 0x1"),
            "java.lang.OutOfMemoryError: Java heap space",
            1,
        );
        let finding = only(diagnosed_beside_earlier_log(&back_off(8, SILENT), &[line]));
        assert_eq!(finding.name, Churn::ClientFailsBeforeItSpeaks);
        assert_eq!(finding.confidence, Confidence::Likely);
        assert!(!finding.summary.contains("out of memory"));
    }
}
