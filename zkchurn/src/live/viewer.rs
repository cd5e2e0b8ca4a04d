// SPDX-License-Identifier: MIT
//! The full-screen view of a trace that goes on, from where its loop stands: a thread that
//! draws, and asks. The loop answers from its ledger and never waits for it.

use std::{
    cell::RefCell,
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use jiff::tz::TimeZone;
use tokio::sync::mpsc::{Receiver, channel};
use zkchurn_core::{
    filter::Filter,
    frame::Mark,
    tape::{MOST_EACH, Tape},
    text::{clip, printable},
};

use super::{saves::Saves, sink::Sink};
use crate::{
    full_screen::{
        self, Terminal, give_back,
        trace::{Ask, LiveTrace, MOST_ANSWERS, MOST_ASKED, Told},
        wake::{self, Waker},
    },
    host::{journal::Priority, privilege::held, threads},
    view::{
        View,
        offers::{Handshakes, Offers},
        snapshot::Want,
    },
    warn::say,
};

/// Bytes of a filter that are shown.
const SHOWN: usize = 120;

/// How long the end waits for the view to give the terminal back by itself.
const GIVE_BACK_WITHIN: Duration = Duration::from_millis(300);

/// How the view looks.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    /// The zone of the times of day.
    pub zone: TimeZone,
    /// Whether to colour.
    pub colour: bool,
}

/// The view at work.
pub(super) struct Viewer {
    asked: Receiver<Ask>,
    tell: SyncSender<Told>,
    waker: Waker,
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    tape: Rc<RefCell<Tape>>,
    /// What the view waits for, and whether it is told without anything new.
    wanted: Option<(Want, bool)>,
    /// Frames that were taken when it was told last.
    told_at: u64,
    /// What was typed as a filter, while it holds.
    filter: Option<String>,
    /// Whether handshakes are captured.
    handshakes: Handshakes,
}

impl Viewer {
    /// Takes the terminal over, and starts the thread that draws on it. `tape` gets the
    /// connections that it can show one by one.
    ///
    /// # Errors
    ///
    /// The terminal is gone, or the system grants no thread.
    pub(super) fn start(look: &Look, offers: Offers, tape: Rc<RefCell<Tape>>) -> io::Result<Self> {
        let (ask, asked) = channel(MOST_ASKED);
        let (tell, told) = sync_channel(MOST_ANSWERS);
        let (waker, wake) = wake::pair()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let mut feed = LiveTrace::new(ask, told, Arc::clone(&is_over));
        let view = View::new(look.zone.clone(), look.colour, false);
        let mut view = view.offering(offers);
        let terminal = Terminal::take(waker.clone())?;
        let theirs = waker.clone();
        let run = move || {
            // It has a terminal, and needs no more.
            let _ = held::give_up_all();
            // Its end is the end of the trace, which says what there is to say.
            let _ = full_screen::run(terminal, (&theirs, wake), &mut view, &mut feed);
        };
        let thread = threads::named("view").spawn(run)?;
        Ok(Self {
            asked,
            tell,
            waker,
            is_over,
            thread,
            tape,
            wanted: None,
            told_at: 0,
            filter: None,
            handshakes: offers.handshakes,
        })
    }

    /// What the view asks for next; `None` once it has ended.
    pub(super) async fn asked(&mut self) -> Option<Ask> {
        self.asked.recv().await
    }

    /// Enters that the view wants to be shown the trace.
    pub(super) fn enter(&mut self, want: Want, at_once: bool) {
        self.wanted = Some((want, at_once));
    }

    /// Whether there is something to show that the view waits for.
    pub(super) fn is_due(&self, sink: &Sink) -> bool {
        let is_wanted = |at_once| at_once || sink.frames() != self.told_at;
        self.wanted
            .as_ref()
            .is_some_and(|(_, at_once)| is_wanted(*at_once))
    }

    /// Shows the trace as it stands at `mark`.
    pub(super) fn show(&mut self, sink: &Sink, mark: &Mark) {
        let Some((want, _)) = self.wanted.take() else {
            return;
        };
        let snapshot = sink.snapshot(&self.tape.borrow(), mark, &want);
        self.told_at = sink.frames();
        let Some(mut snapshot) = snapshot else { return };
        snapshot.handshakes = Some(self.handshakes);
        if let Err(TrySendError::Full(_)) = self.tell.try_send(Told::Snapshot(Box::new(snapshot))) {
            // It has others to take first.
            self.wanted = Some((want, true));
            return;
        }
        self.waker.wake();
    }

    /// Has only that shown which the filter selects, and says so.
    pub(super) fn select(&mut self, sink: &mut Sink, filter: Option<Filter>) {
        self.filter = filter.as_ref().map(Filter::to_string);
        let sentence = match (&filter, sink.pipeline.keeps_open_in_part()) {
            (None, _) => "all connections are shown again".to_owned(),
            (Some(_), false) => format!(
                "filtered: what comes, what is open, and the last {MOST_EACH} connections of each \
                 process name and peer"
            ),
            (Some(_), true) => format!(
                "filtered: what comes, the last {MOST_EACH} connections of each process name and \
                 peer, and of what is open a part: the rest counts once it ends"
            ),
        };
        sink.select(filter, &self.tape.borrow());
        self.say(sentence);
    }

    /// Whether handshakes can be turned on, and are not yet.
    pub(super) fn may_turn_on_handshakes(&self) -> bool {
        self.handshakes == Handshakes::OnWish
    }

    /// Says what became of turning handshakes on: since when they are captured, nanoseconds
    /// of `CLOCK_MONOTONIC`, or why they are not.
    pub(super) fn handshakes_turned_on(&mut self, turned_on: Result<u64, String>) {
        let sentence = match turned_on {
            Ok(now_ns) => {
                self.handshakes = Handshakes::Since(now_ns);
                "handshakes are captured of connections that are opened from now on".to_owned()
            }
            Err(why) => {
                self.handshakes = Handshakes::Impossible;
                format!("handshakes are not captured: {why}")
            }
        };
        self.say(sentence);
    }

    /// Has what is shown written.
    pub(super) fn save(&self, saves: &Saves, sink: &Sink, mark: &Mark) {
        if let Err(why) = saves.save(sink, &self.tape.borrow(), mark) {
            self.say(why);
        }
    }

    /// Says what became of a wish.
    pub(super) fn say(&self, sentence: String) {
        // Where it finds no room the view has others to show.
        let _ = self.tell.try_send(Told::Notice(sentence));
        self.waker.wake();
    }

    /// Ends the view, and sees to it that the terminal is as it was before, also where the
    /// view hangs because nobody takes what it draws.
    pub(super) fn end(self) {
        self.is_over.store(true, Ordering::SeqCst);
        self.waker.wake();
        let until = Instant::now() + GIVE_BACK_WITHIN;
        while !self.thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(2));
        }
        give_back();
        // It saw only what was kept when it was typed: the answer to stay is that of all.
        if let Some(filter) = &self.filter {
            let filter = printable(clip(filter, SHOWN).as_bytes());
            say(
                Priority::Info,
                format_args!(
                    "the answer is without the view's filter ({filter}): of all connections"
                ),
            );
        }
    }
}
