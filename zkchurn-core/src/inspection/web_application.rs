// SPDX-License-Identifier: MIT
//! Which web application a thread is of: Tomcat names it as it stops the application and the
//! thread lives on (`WebappClassLoaderBase.clearReferencesThreads`).

use std::collections::BTreeSet;

use super::{Inspection, LogSignature, logs::LogFinding};

const APPLICATION: &str = "The web application [";
const THREAD: &str = "] appears to have started a thread named [";

/// The context path or name of the web application that left a thread of this name; `None`
/// where the log names none, or may name several: of each signature it has the last line.
pub fn of(inspection: &Inspection, thread: &str) -> Option<String> {
    let findings = &inspection.logs.as_ref()?.findings;
    let left = LogSignature::CLIENT_THREAD_LEFT_RUNNING.id();
    let lines = findings.iter().filter(|line| line.signature == left);
    let named: Option<BTreeSet<_>> = lines.map(|line| named(line, thread)).collect();
    let mut named = named?;
    match (named.pop_first(), named.is_empty()) {
        (Some(application), true) => Some(application.to_owned()),
        _ => None,
    }
}

fn named<'a>(line: &'a LogFinding, thread: &str) -> Option<&'a str> {
    if line.count != 1 {
        return None;
    }
    let (_, named) = line.last.split_once(APPLICATION)?;
    let (application, left) = named.split_once(THREAD)?;
    let rest = left.strip_prefix(thread)?;
    rest.starts_with(']').then_some(application)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{inspection::logs::LogSearch, process::ProcessKey};

    const THREAD: &str = "main-SendThread(127.0.0.1:2181)";

    fn line(path: &str, count: u64, application: &str, thread: &str) -> LogFinding {
        LogFinding {
            signature: LogSignature::CLIENT_THREAD_LEFT_RUNNING.id().to_owned(),
            meaning: String::new(),
            path: path.to_owned(),
            count,
            last: format!(
                "26-Nov-2026 23:13:27.680 WARNING [main] x The web application [{application}] \
                 appears to have started a thread named [{thread}] but has failed to stop it."
            ),
            record: None,
            line: None,
            offset: 0,
            logged_ago_ms: None,
            during_trace: false,
            gone: None,
            client: None,
        }
    }

    fn named(lines: &[LogFinding]) -> Option<String> {
        let inspection = Inspection {
            key: ProcessKey::new(1, 0),
            at_ns: 0,
            details: None,
            jvm: None,
            logs: Some(LogSearch {
                findings: lines.to_vec(),
                ..LogSearch::default()
            }),
        };
        of(&inspection, THREAD)
    }

    #[test]
    fn it_is_named_where_only_one_can_be_meant() {
        let once = line("catalina.out", 1, "shop", THREAD);
        let again = line("catalina.log", 1, "shop", THREAD);
        assert_eq!(named(&[once.clone(), again]).as_deref(), Some("shop"));
        assert_eq!(named(&[line("catalina.out", 2, "shop", THREAD)]), None);
        let news = line("catalina.log", 1, "news", THREAD);
        assert_eq!(named(&[once, news]), None);
        let other = line("catalina.out", 1, "shop", "main-SendThread(zk2:2181)");
        assert_eq!(named(&[other]), None);
        assert_eq!(named(&[]), None);
    }
}
