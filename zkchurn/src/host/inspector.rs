// SPDX-License-Identifier: MIT
//! A thread that looks closer, so that the loop that takes records never waits
//! for a process that is slow to answer.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use zkchurn_core::{inspection::Inspection, process::ProcessKey, recording::MAX_PAYLOAD};

use super::{clock::monotonic_ns, jvm, jvm::JvmMode, logs, proc::details};

/// Longest time that the end of a trace waits for looks that are still going on:
/// longer than a thread dump takes at most.
pub const PATIENCE: Duration = Duration::from_secs(15);

/// A closer look that is to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub process: ProcessKey,
    /// Its threads that connect, busiest first.
    pub tids: Vec<u32>,
    /// What to ask its JVM.
    pub jvm: JvmMode,
    /// Whether to search its logs.
    pub logs: bool,
}

/// The thread, and the looks that it still owes.
pub struct Inspector {
    requests: Sender<Request>,
    results: Receiver<Inspection>,
    owed: Vec<ProcessKey>,
}

impl Inspector {
    /// Starts the thread. It ends when the inspector is dropped and its present
    /// look is over; nobody waits for that.
    ///
    /// # Errors
    ///
    /// The system grants no thread.
    pub fn start() -> std::io::Result<Self> {
        let (requests, to_do) = channel::<Request>();
        let (done, results) = channel();
        thread::Builder::new()
            .name("inspector".to_owned())
            .spawn(move || {
                for request in to_do {
                    if done.send(look(&request)).is_err() {
                        return;
                    }
                }
            })?;
        Ok(Self {
            requests,
            results,
            owed: Vec::new(),
        })
    }

    /// Asks for a look.
    pub fn ask(&mut self, request: Request) {
        self.owed.push(request.process);
        // It fails only if the thread has died: the look stays owed, and the
        // report says so.
        let _ = self.requests.send(request);
    }

    /// A look that is done, if there is one.
    pub fn take(&mut self) -> Option<Inspection> {
        let inspection = self.results.try_recv().ok()?;
        self.settle(&inspection);
        Some(inspection)
    }

    /// Waits for one of the looks that are owed; `None` when there is none, or
    /// none by `deadline`.
    pub fn wait(&mut self, deadline: Instant) -> Option<Inspection> {
        if self.owed.is_empty() {
            return None;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        match self.results.recv_timeout(left) {
            Ok(inspection) => {
                self.settle(&inspection);
                Some(inspection)
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => None,
        }
    }

    /// The processes whose looks are owed.
    pub fn owed(&self) -> &[ProcessKey] {
        &self.owed
    }

    fn settle(&mut self, inspection: &Inspection) {
        let settled = self.owed.iter().position(|key| *key == inspection.key);
        if let Some(settled) = settled {
            self.owed.remove(settled);
        }
    }
}

fn look(request: &Request) -> Inspection {
    let details = details::read(request.process);
    let jvm = details
        .as_ref()
        .and_then(|_| jvm::look(request.process, request.jvm, &request.tids));
    let logs = details.as_ref().filter(|_| request.logs).map(|details| {
        logs::search(
            request.process.pid,
            &details.log_files,
            details.log_files_left_out,
        )
    });
    let mut inspection = Inspection {
        key: request.process,
        at_ns: monotonic_ns(),
        details,
        jvm,
        logs,
    };
    // Here, so that a trace and its replay report the same.
    inspection.fit(MAX_PAYLOAD);
    inspection
}
