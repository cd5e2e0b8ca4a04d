// SPDX-License-Identifier: MIT
//! What an agent has beside any trace: a flight recorder, and settings that SIGHUP has read
//! again while it goes on.

use std::{future::pending, io, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinHandle, spawn_blocking},
    time::{Instant, sleep_until},
};

use super::incidents::Watched;
use crate::host::helper::Keep;

/// How far apart the settings are read at least: each reading says something, and whoever sends
/// many signals may not fill the journal. Those in between are one.
const APART: Duration = Duration::from_secs(1);

/// Reads the settings again, and says what is wrong with them; `None` where they stay.
pub(crate) type Reread = Arc<dyn Fn() -> Option<AgentChanges> + Send + Sync>;

/// What may change while it goes on.
#[derive(Clone, Debug)]
pub(crate) struct AgentChanges {
    /// What is kept where; the directory stays.
    pub keep: Keep,
    /// What is looked for, and kept of it.
    pub watched: Watched,
}

/// What it is to do.
#[derive(Clone)]
pub(crate) struct AgentRun {
    pub settings: AgentChanges,
    pub reread: Reread,
}

/// SIGHUP, and what it brought.
pub(super) struct Reload {
    hangup: Signal,
    /// Whether one has come since the settings were read.
    has_come: bool,
    /// Before that they are not read again.
    not_before: Instant,
    /// [`APART`]
    apart: Duration,
    reread: Reread,
    /// The file may lie on a file system that hangs.
    reading: Option<JoinHandle<Option<AgentChanges>>>,
}

impl Reload {
    /// From now on SIGHUP ends nothing.
    ///
    /// # Errors
    ///
    /// The system grants no handler.
    pub(super) fn new(reread: &Reread) -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            has_come: false,
            not_before: Instant::now(),
            apart: APART,
            reread: Arc::clone(reread),
            reading: None,
        })
    }

    /// Waits for the next step. It may be dropped and asked again: a signal that has come stays.
    async fn next(&mut self) -> Reloading {
        match &mut self.reading {
            None => {
                if !self.has_come {
                    self.hangup.recv().await;
                    self.has_come = true;
                }
                sleep_until(self.not_before).await;
                self.has_come = false;
                self.not_before = Instant::now() + self.apart;
                let reread = Arc::clone(&self.reread);
                self.reading = Some(spawn_blocking(move || reread()));
                Reloading::Begins
            }
            Some(reading) => {
                let read = reading.await;
                self.reading = None;
                Reloading::Ends(read.ok().flatten().map(Box::new))
            }
        }
    }
}

/// How far it is with settings that are read again.
pub(super) enum Reloading {
    /// SIGHUP has come.
    Begins,
    /// They are read, and others if there are some.
    Ends(Option<Box<AgentChanges>>),
}

/// The next step of reading settings again; none where no agent is.
pub(super) async fn reloading(reload: &mut Option<Reload>) -> Reloading {
    match reload {
        Some(reload) => reload.next().await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use rustix::process::{self, getpid, kill_process};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_storm_of_signals_has_the_settings_read_now_and_then_and_after_the_last_one() {
        const APART: Duration = Duration::from_millis(100);
        const LONG: Duration = Duration::from_secs(30);
        let read = Arc::new(AtomicU32::new(0));
        let counts = Arc::clone(&read);
        let reread: Reread = Arc::new(move || {
            counts.fetch_add(1, Ordering::SeqCst);
            None
        });
        let mut reload = Reload::new(&reread).unwrap();
        reload.apart = APART;
        let mut reload = Some(reload);
        let hang_up = || kill_process(getpid(), process::Signal::HUP).unwrap();
        let begun = Instant::now();
        while begun.elapsed() < 5 * APART {
            hang_up();
            // The loop of a trace drops what it waits for, and asks again.
            let _ = timeout(APART / 50, reloading(&mut reload)).await;
        }
        let most = begun.elapsed().as_millis() / APART.as_millis() + 1;
        let before = read.load(Ordering::SeqCst);
        assert!((1..=most).contains(&before.into()), "{before} of {most}");
        // Behind the last one they are read once more.
        hang_up();
        let begins = async { while !matches!(reloading(&mut reload).await, Reloading::Begins) {} };
        timeout(LONG, begins).await.unwrap();
        let ends = timeout(LONG, reloading(&mut reload)).await.unwrap();
        assert!(matches!(ends, Reloading::Ends(None)));
        assert!(read.load(Ordering::SeqCst) > before);
    }
}
