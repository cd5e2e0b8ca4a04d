// SPDX-License-Identifier: MIT
//! A closer look at a process. It may hang for as long as the process likes: it belongs
//! into a helper (`host/helper`).

use serde::{Deserialize, Serialize};
use zkchurn_core::{inspection::Inspection, process::ProcessKey, recording::MAX_PAYLOAD};

use super::{clock::monotonic_ns, jvm, jvm::JvmMode, logs, proc::details};

/// A closer look that is to be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub process: ProcessKey,
    /// Its threads that connect, busiest first.
    pub tids: Vec<u32>,
    /// What to ask its JVM.
    pub jvm: JvmMode,
    /// Whether to search its logs.
    pub logs: bool,
    /// The traced ports at which it listens, where its log is wanted as a server's.
    pub serves: Vec<u16>,
    /// An earlier look, where only what its logs have got since is wanted.
    #[serde(default)]
    pub earlier: Option<Box<Inspection>>,
}

/// Looks, and tells what was seen after each step, with `true` after the last one: a later
/// step may hang, and then what the earlier ones brought is not lost.
pub fn look(request: &Request, mut tell: impl FnMut(Inspection, bool)) {
    let mut inspection = Inspection {
        key: request.process,
        at_ns: monotonic_ns(),
        details: details::read(request.process),
        jvm: None,
        logs: None,
    };
    let Some(details) = &inspection.details else {
        return tell(inspection, true);
    };
    let details = details.clone();
    let mut so_far = |inspection: &mut Inspection, last| {
        inspection.at_ns = monotonic_ns();
        let mut seen = inspection.clone();
        // Here, so that a trace and its replay report the same.
        seen.fit(MAX_PAYLOAD);
        tell(seen, last);
    };
    if request.jvm != JvmMode::Off {
        so_far(&mut inspection, false);
        inspection.jvm = jvm::look(request.process, request.jvm, &request.tids);
    }
    if request.logs {
        let pid = request.process.pid;
        let searched = request.earlier.as_ref().and_then(|earlier| {
            let elapsed_ms = monotonic_ns().saturating_sub(earlier.at_ns) / 1_000_000;
            logs::search_again(pid, &details, earlier.logs.as_ref()?, elapsed_ms)
        });
        if searched.is_some() {
            inspection.logs = searched;
            return so_far(&mut inspection, true);
        }
        so_far(&mut inspection, false);
        // Searching rotated files may take longer than there is at the end of a trace.
        let search = logs::search(pid, &details, &request.serves, |open_files| {
            inspection.logs = Some(open_files);
            so_far(&mut inspection, false);
        });
        inspection.logs = Some(search);
    }
    so_far(&mut inspection, true);
}
