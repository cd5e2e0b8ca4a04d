// SPDX-License-Identifier: MIT
//! A signal that comes before the trace has begun: there is nothing to report on yet, so it is said
//! what has come, and the process ends by that signal, as whoever started it expects.
//!
//! A thread does it, since what comes before a trace may hang.

use std::{
    mem,
    process::exit,
    sync::{
        Arc, Once,
        atomic::{AtomicUsize, Ordering},
        mpsc::channel,
    },
    thread::JoinHandle,
    time::Duration,
};

use signal_hook::{
    SigId, flag,
    iterator::{Handle, Signals},
    low_level::{emulate_default_handler, signal_name, unregister},
};

use super::signals;
use crate::{
    host::{journal::Priority, privilege::held, threads},
    warn::say,
};

/// How long the reader of standard error is waited for.
const SAID_WITHIN: Duration = Duration::from_millis(500);
/// Added to a signal's number where the process cannot end by it: as shells have it.
const OF_SIGNAL: i32 = 128;

/// Ends this process at a signal, until it is dropped.
#[derive(Default)]
pub(crate) struct EarlyEnd {
    /// The signal that came first; 0 for none.
    came: Arc<AtomicUsize>,
    flags: Vec<SigId>,
    watching: Option<(Handle, JoinHandle<()>)>,
}

impl EarlyEnd {
    /// Begins with the signals that end a trace; SIGHUP may be taken for something else. Where
    /// the system grants no thread they end this process without a word.
    pub(crate) fn watch(hangup_is_taken: bool) -> Self {
        let mut early = Self::default();
        let taken = signals::that_are_taken(hangup_is_taken);
        // Not before there is somebody who acts on them.
        let Ok(mut signals) = Signals::new([0; 0]) else {
            return early;
        };
        let handle = signals.handle();
        let thread = threads::named("early").spawn(move || {
            let _ = held::give_up_all();
            signals.forever().for_each(end_by);
        });
        let Ok(thread) = thread else { return early };
        for number in taken {
            let value = usize::try_from(number).unwrap_or_default();
            // What is not caught ends this process, too.
            let _ = handle.add_signal(number);
            let flag = flag::register_usize(number, Arc::clone(&early.came), value);
            early.flags.extend(flag.ok());
        }
        early.watching = Some((handle, thread));
        early
    }
}

/// From here on somebody else takes the signals. One that has come ends this process still: a
/// helper that it has ended as well must not be taken for a fault.
impl Drop for EarlyEnd {
    fn drop(&mut self) {
        if let Some((handle, thread)) = self.watching.take() {
            handle.close();
            // It panics nowhere.
            let _ = thread.join();
        }
        match i32::try_from(self.came.load(Ordering::SeqCst)) {
            Ok(0) | Err(_) => {}
            Ok(number) => end_by(number),
        }
        for id in mem::take(&mut self.flags) {
            unregister(id);
        }
    }
}

/// Says it, and ends this process by the signal.
fn end_by(number: i32) {
    static ENDS: Once = Once::new();
    ENDS.call_once(|| {
        let (done, said) = channel();
        let saying = threads::named("says").spawn(move || {
            say(Priority::Error, format_args!("{}", sentence(number)));
            let _ = done.send(());
        });
        if saying.is_ok() {
            let _ = said.recv_timeout(SAID_WITHIN);
        }
        // It does not know all of them.
        let _ = emulate_default_handler(number);
        exit(OF_SIGNAL + number);
    });
}

fn sentence(number: i32) -> String {
    let name = signal_name(number).map_or_else(|| format!("signal {number}"), str::to_owned);
    format!("ended by {name} before the trace began: nothing was traced or recorded")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_which_signal_it_was() {
        let said = "before the trace began: nothing was traced or recorded";
        assert_eq!(sentence(2), format!("ended by SIGINT {said}"));
        assert_eq!(sentence(40), format!("ended by signal 40 {said}"));
    }
}
