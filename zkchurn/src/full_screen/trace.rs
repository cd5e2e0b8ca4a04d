// SPDX-License-Identifier: MIT
//! A trace that goes on as a feed of the view. The loop of the trace waits for nobody, so
//! the view asks it, over a bounded channel, and is woken once there is an answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, TryRecvError},
    },
    time::Duration,
};

use tokio::sync::mpsc::Sender;

use super::{
    Feed,
    run::{NEWS_EVERY, News},
};
use crate::view::{
    key::Wish,
    snapshot::{Snapshot, Want},
};

/// Questions that wait for the loop of the trace at most.
pub(crate) const MOST_ASKED: usize = 16;
/// Answers that wait for the view at most.
pub(crate) const MOST_ANSWERS: usize = 4;

/// What the view asks the loop of a trace for.
#[derive(Debug)]
pub(crate) enum Ask {
    /// How the trace stands: as soon as anything has changed, or at once.
    Show { want: Want, at_once: bool },
    /// What a key asked for.
    Do(Wish),
}

/// What the loop of a trace answers.
pub(crate) enum Told {
    /// How the trace stands.
    Snapshot(Box<Snapshot>),
    /// What became of a wish.
    Notice(String),
}

/// The trace, from where the view stands.
pub(crate) struct LiveTrace {
    ask: Sender<Ask>,
    told: Receiver<Told>,
    /// What it was asked for and has not told yet.
    asked: Option<Want>,
    /// What it told last.
    latest: Option<Want>,
    /// Whether the trace is about to end.
    is_over: Arc<AtomicBool>,
}

impl LiveTrace {
    /// Asks, and is told, over these.
    pub(crate) fn new(ask: Sender<Ask>, told: Receiver<Told>, is_over: Arc<AtomicBool>) -> Self {
        Self {
            ask,
            told,
            asked: None,
            latest: None,
            is_over,
        }
    }
}

impl Feed for LiveTrace {
    fn news(&mut self, want: &Want) -> anyhow::Result<News> {
        if self.is_over.load(Ordering::SeqCst) {
            return Ok(News::Over);
        }
        match self.told.try_recv() {
            Ok(Told::Snapshot(snapshot)) => {
                self.latest = self.asked.take();
                return Ok(News::Snapshot(snapshot));
            }
            Ok(Told::Notice(sentence)) => return Ok(News::Notice(sentence)),
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => return Ok(News::Over),
        }
        if self.asked.as_ref() != Some(want) {
            let ask = Ask::Show {
                want: want.clone(),
                at_once: self.latest.as_ref() != Some(want),
            };
            // Where there is no room it is asked again a little later.
            if self.ask.try_send(ask).is_ok() {
                self.asked = Some(want.clone());
            }
        }
        Ok(News::Nothing)
    }

    fn wish(&mut self, wish: Wish) {
        // Where there is no room the loop is far behind, and the key can be pressed again.
        let _ = self.ask.try_send(Ask::Do(wish));
    }

    fn pause(&self) -> Option<Duration> {
        self.asked.is_none().then_some(NEWS_EVERY)
    }

    fn takes_signals(&self) -> bool {
        false
    }
}
