// SPDX-License-Identifier: MIT
//! The service manager as the loop of an agent sees it: it is told when tracing begins and
//! ends, when settings are read again, how it stands, and, from the loop itself, that the loop
//! goes on.

use std::{io::ErrorKind, time::Duration};

use tokio::time::{Instant, sleep_until};
use zkchurn_core::text;

use crate::{
    host::{clock::monotonic_ns, service_manager::ServiceManager},
    warn::warn,
};

/// After so long something is said again that the manager did not take.
const AGAIN: Duration = Duration::from_secs(1);

/// The manager at the other end.
pub(super) struct Service {
    manager: ServiceManager,
    /// When the next sign of life is due.
    next_sign: Option<Instant>,
    /// The state that it did not take yet.
    untold: Option<String>,
    again_at: Instant,
    status: String,
    has_failed: bool,
}

impl Service {
    /// The one that has started this process, if there is one. A variable that something else
    /// has left behind is no reason not to trace.
    pub(super) fn of_environment() -> Option<Self> {
        let manager = ServiceManager::of_environment().unwrap_or_else(|error| {
            warn(format_args!(
                "nobody is told that the agent runs: NOTIFY_SOCKET names no service manager \
                 that answers ({error})"
            ));
            None
        });
        manager.map(Self::new)
    }

    fn new(manager: ServiceManager) -> Self {
        let now = Instant::now();
        Self {
            next_sign: manager.watchdog.map(|_| now),
            manager,
            untold: None,
            again_at: now,
            status: String::new(),
            has_failed: false,
        }
    }

    /// It traces, or does so with what it read; how it stands is a sentence.
    pub(super) fn ready(&mut self, status: &str) {
        self.status = one_line(status);
        self.tell(format!("READY=1\nSTATUS={}\n", self.status));
    }

    /// How it stands now; it is said if it is new.
    pub(super) fn stands(&mut self, status: &str) {
        let status = one_line(status);
        if status == self.status {
            return;
        }
        match &self.untold {
            // That it is ready is still to be said.
            Some(untold) if untold.starts_with("READY=1") => self.ready(&status),
            Some(untold) if !untold.starts_with("STATUS=") => {}
            _ => {
                self.tell(format!("STATUS={status}\n"));
                self.status = status;
            }
        }
    }

    /// Settings are being read again.
    pub(super) fn reloading(&mut self) {
        let usec = monotonic_ns() / 1_000;
        self.tell(format!(
            "RELOADING=1\nMONOTONIC_USEC={usec}\nSTATUS=reading the settings again\n"
        ));
    }

    /// It ends; once.
    pub(super) fn stopping(&mut self) {
        self.tell("STOPPING=1\nSTATUS=writing what came last\n".to_owned());
    }

    /// Waits until something is due.
    async fn due(&self) {
        let again = self.untold.as_ref().map(|_| self.again_at);
        match self.next_sign.into_iter().chain(again).min() {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// Does what is due.
    pub(super) fn turn(&mut self) {
        let now = Instant::now();
        if let (Some(at), Some(limit)) = (self.next_sign, self.manager.watchdog)
            && at <= now
        {
            // Twice in that time, as sd_watchdog_enabled(3) has it.
            self.next_sign = now.checked_add(limit / 2);
            // A manager that takes nothing does not look at its clock either.
            let _ = self.manager.say("WATCHDOG=1\n");
        }
        if self.again_at <= now
            && let Some(untold) = self.untold.take()
        {
            self.tell(untold);
        }
    }

    fn tell(&mut self, state: String) {
        match self.manager.say(&state) {
            Ok(()) => {
                self.untold = None;
                self.has_failed = false;
            }
            Err(error) => {
                if error.kind() != ErrorKind::WouldBlock && !self.has_failed {
                    self.has_failed = true;
                    warn(format_args!(
                        "the service manager cannot be told how the agent stands: {error}; the \
                         trace goes on"
                    ));
                }
                self.untold = Some(state);
                self.again_at = Instant::now() + AGAIN;
            }
        }
    }
}

/// What is on a line of its own would be a message of its own.
fn one_line(status: &str) -> String {
    text::printable(status.as_bytes())
}

/// Waits until a service has something to do; for ever where there is none.
pub(super) async fn due(service: &Option<Service>) {
    match service {
        Some(service) => service.due().await,
        None => std::future::pending().await,
    }
}
