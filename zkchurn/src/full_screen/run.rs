// SPDX-License-Identifier: MIT
//! The loop of the view: keys, what is new, drawing. It draws when something has changed.

use std::{
    io,
    time::{Duration, Instant},
};

use crossterm::event;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::{
    input::{Input, input},
    signals::{Signals, stop},
    terminal::{Terminal, give_back},
};
use crate::{
    view::{
        View,
        key::Wish,
        snapshot::{Snapshot, Want},
    },
    warn,
};

/// How often what is new is shown at most.
pub(super) const NEWS_EVERY: Duration = Duration::from_millis(250);
/// Keys that are taken before the next drawing.
const KEYS_AT_ONCE: usize = 64;

/// Where the view gets what it shows, and who does what it cannot.
pub(crate) trait Feed {
    /// What is new, if anything is; asked at most each [`NEWS_EVERY`], and after keys.
    ///
    /// # Errors
    ///
    /// There is no more, and that is no ordinary end.
    fn news(&mut self, want: &Want) -> anyhow::Result<News>;

    /// Does what a key asked for.
    fn wish(&mut self, wish: Wish);

    /// How long the loop may wait for a key.
    fn patience(&self) -> Duration;

    /// Whether signals end the view here, and not elsewhere.
    fn takes_signals(&self) -> bool;
}

/// What a feed brings.
pub(crate) enum News {
    /// The trace as it stands now.
    Snapshot(Box<Snapshot>),
    /// Nothing has changed.
    Nothing,
}

/// Shows the view until it ends.
///
/// # Errors
///
/// The feed fails. A terminal that is gone is an end like another.
pub(crate) fn run(
    mut terminal: Terminal,
    view: &mut View,
    feed: &mut impl Feed,
) -> anyhow::Result<()> {
    let signals = Signals::take(feed.takes_signals())?;
    let mut is_stale = true;
    let mut next_news = Instant::now();
    let mut want = view.want();
    loop {
        let wait = next_news.saturating_duration_since(Instant::now());
        let wait = wait.min(feed.patience());
        match keys(view, wait) {
            Ok(Pressed::Nothing) => {}
            Ok(Pressed::Something) => is_stale = true,
            Ok(Pressed::Wish(Wish::Quit)) | Err(_) => return Ok(()),
            Ok(Pressed::Wish(wish)) => {
                is_stale = true;
                match wish {
                    Wish::Suspend => suspend(&mut terminal)?,
                    Wish::Redraw => terminal.forget(),
                    wish => {
                        feed.wish(wish);
                        next_news = Instant::now();
                    }
                }
            }
        }
        if signals.ends() {
            return Ok(());
        }
        if signals.stops() {
            suspend(&mut terminal)?;
            is_stale = true;
        }
        let wanted = view.want();
        if Instant::now() >= next_news || wanted != want {
            want = wanted;
            next_news = Instant::now() + NEWS_EVERY;
            match feed.news(&want)? {
                News::Snapshot(snapshot) => {
                    view.update(*snapshot);
                    is_stale = true;
                }
                News::Nothing => {}
            }
        }
        if let Some(message) = warn::latest() {
            view.tell(Some(message));
            is_stale = true;
        }
        if is_stale {
            is_stale = false;
            if terminal.draw(|cells| view.draw(cells)).is_err() {
                return Ok(());
            }
        }
    }
}

/// What keys did.
enum Pressed {
    Nothing,
    Something,
    Wish(Wish),
}

/// Takes the keys that are there, up to the first that wishes for something.
fn keys(view: &mut View, wait: Duration) -> io::Result<Pressed> {
    let mut pressed = Pressed::Nothing;
    wait_for_input(wait)?;
    for _ in 0..KEYS_AT_ONCE {
        let is_there = match event::poll(Duration::ZERO) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => false,
            is_there => is_there?,
        };
        if !is_there {
            break;
        }
        match input(&event::read()?) {
            Some(Input::Key(key)) => {
                pressed = Pressed::Something;
                if let Some(wish) = view.press(key) {
                    return Ok(Pressed::Wish(wish));
                }
            }
            Some(Input::Resized) => pressed = Pressed::Something,
            None => {}
        }
    }
    Ok(pressed)
}

/// Waits for a key, a signal or the end of `wait`.
///
/// # Errors
///
/// The terminal is gone. It has to be found out here: crossterm takes the end of the
/// terminal for an empty read, and reads again for ever.
fn wait_for_input(wait: Duration) -> io::Result<()> {
    let stdin = io::stdin();
    let mut terminal = [PollFd::new(&stdin, PollFlags::IN)];
    let wait = Timespec::try_from(wait).map_err(io::Error::other)?;
    match poll(&mut terminal, Some(&wait)) {
        Err(Errno::INTR) => return Ok(()),
        ready => ready?,
    };
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    match terminal[0].revents().intersects(gone) {
        true => Err(io::ErrorKind::UnexpectedEof.into()),
        false => Ok(()),
    }
}

/// Gives the terminal back, stops, and takes it over again once that is over.
fn suspend(terminal: &mut Terminal) -> io::Result<()> {
    give_back();
    stop();
    terminal.take_again()
}
