// SPDX-License-Identifier: MIT
//! What an agent has beside any trace: a flight recorder, and settings that SIGHUP has read
//! again while it goes on.

use std::{future::pending, io, sync::Arc};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinHandle, spawn_blocking},
};

use super::incidents::Watched;
use crate::host::helper::Keep;

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
            reread: Arc::clone(reread),
            reading: None,
        })
    }

    /// Waits for the next step. It may be dropped and asked again.
    async fn next(&mut self) -> Reloading {
        match &mut self.reading {
            None => {
                self.hangup.recv().await;
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
