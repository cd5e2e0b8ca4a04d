// SPDX-License-Identifier: MIT
//! The loop of the view: keys, what is new, drawing. It draws when something has changed.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{
    input::{Input, input},
    keyboard::Keyboard,
    signals::{Signals, stop},
    terminal::{Terminal, give_back, takes_bytes},
    wake::{Wake, Waker},
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
/// How long a message of the program is shown, unless a key is pressed.
const MESSAGE_FOR: Duration = Duration::from_secs(10);

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

    /// How long after it was asked it is to be asked again; `None` where it wakes the loop.
    fn pause(&self) -> Option<Duration>;

    /// Whether signals end the view here, and not elsewhere.
    fn takes_signals(&self) -> bool;
}

/// What a feed brings.
pub(crate) enum News {
    /// The trace as it stands now.
    Snapshot(Box<Snapshot>),
    /// What became of a wish.
    Notice(String),
    /// Nothing has changed.
    Nothing,
    /// There is no more.
    Over,
}

/// Shows the view until it ends.
///
/// # Errors
///
/// The feed fails. A terminal that is gone is an end like another.
pub(crate) fn run(
    mut terminal: Terminal,
    (waker, mut wake): (&Waker, Wake),
    view: &mut View,
    feed: &mut impl Feed,
) -> anyhow::Result<()> {
    let signals = Signals::take(feed.takes_signals(), waker)?;
    let mut keyboard = Keyboard::new()?;
    let mut is_stale = true;
    let mut next_news = Some(Instant::now());
    let mut message_until = None;
    let mut want = view.want();
    loop {
        let now = Instant::now();
        // A terminal that takes nothing is asked again.
        let redraw = is_stale.then(|| now + NEWS_EVERY);
        let until = [next_news, redraw, message_until]
            .into_iter()
            .flatten()
            .min();
        let wait = until.map(|until| until.saturating_duration_since(now));
        match keys(view, &mut keyboard, wait, &wake) {
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
                        next_news = Some(Instant::now());
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
        let is_woken = wake.is_woken();
        is_stale |= is_woken;
        let wanted = view.want();
        let is_due = next_news.is_some_and(|at| Instant::now() >= at);
        if is_woken || is_due || wanted != want {
            want = wanted;
            let news = feed.news(&want)?;
            next_news = feed.pause().map(|pause| Instant::now() + pause);
            match news {
                News::Snapshot(snapshot) => {
                    view.update(*snapshot);
                    is_stale = true;
                }
                News::Notice(sentence) => {
                    view.notice(sentence);
                    // There may be more behind it.
                    next_news = Some(Instant::now());
                    is_stale = true;
                }
                News::Nothing => {}
                News::Over => return Ok(()),
            }
        }
        if let Some(message) = warn::latest() {
            view.tell(Some(message));
            message_until = Some(Instant::now() + MESSAGE_FOR);
            is_stale = true;
        }
        if message_until.is_some_and(|until| Instant::now() >= until) {
            view.tell(None);
            message_until = None;
            is_stale = true;
        }
        if is_stale && takes_bytes(Duration::ZERO) {
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
fn keys(
    view: &mut View,
    keyboard: &mut Keyboard,
    wait: Option<Duration>,
    wake: &Wake,
) -> io::Result<Pressed> {
    let mut pressed = Pressed::Nothing;
    keyboard.wait(wait, wake)?;
    while let Some(event) = keyboard.take() {
        match input(&event) {
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

/// Gives the terminal back, stops, and takes it over again once that is over.
fn suspend(terminal: &mut Terminal) -> io::Result<()> {
    give_back();
    stop();
    terminal.take_again()
}
