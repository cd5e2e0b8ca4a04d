// SPDX-License-Identifier: MIT
//! Whether nobody looks into other processes for now: the helper is stopped, gets no CPU, or
//! hangs with all that it was asked. That is said once, not once for each process.

use std::fmt;

use tokio::time::Instant;

/// Whether the helper answers.
#[derive(Debug, Default)]
pub(super) struct Silence {
    answered: Option<Instant>,
    is_said: bool,
}

impl Silence {
    /// It has answered; whether it had been said that it does not.
    pub(super) fn answered(&mut self) -> bool {
        self.answered = Some(Instant::now());
        std::mem::take(&mut self.is_said)
    }

    /// Whether it was silent ever since one of these was asked for.
    fn holds_since(&self, asked: Instant) -> bool {
        self.answered.is_none_or(|answered| answered < asked)
    }

    /// What is made of look-ups that are overdue, by when they were asked for, and of a helper
    /// that is `stopped`.
    pub(super) fn judge(&mut self, asked: &[Instant], stopped: Option<u32>) -> Blame {
        let is_silent = asked.iter().any(|asked| self.holds_since(*asked));
        if !is_silent || (stopped.is_none() && asked.len() < 2 && !self.is_said) {
            return Blame::Processes;
        }
        match std::mem::replace(&mut self.is_said, true) {
            true => Blame::Said,
            false => Blame::Helper(Why { stopped }),
        }
    }
}

/// Who is said to be the reason.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Blame {
    /// Each of the processes.
    Processes,
    /// The helper, which is to be said now.
    Helper(Why),
    /// The helper, which was said.
    Said,
}

/// Why it does not answer, as far as that is known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Why {
    stopped: Option<u32>,
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.stopped {
            Some(pid) => write!(
                formatter,
                "the helper process that looks into other processes (zkchurn-look, pid {pid}) is \
                 stopped, by SIGSTOP or a debugger; `kill -CONT {pid}` lets it go on; until then \
                 new processes are shown by the name that the kernel saw"
            ),
            None => formatter.write_str(
                "the helper process that looks into other processes (zkchurn-look) does not \
                 answer: it gets no CPU, or the processes that it looks at hold locks that reading \
                 /proc/PID/cmdline takes; until it does new processes are shown by the name that \
                 the kernel saw",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_is_to_blame_for_itself_and_a_silent_helper_for_all_once() {
        let mut silence = Silence::default();
        let asked = [Instant::now()];
        assert_eq!(silence.judge(&asked, None), Blame::Processes);
        let several = [Instant::now(); 3];
        let said = silence.judge(&several, None);
        assert!(matches!(said, Blame::Helper(Why { stopped: None })));
        assert_eq!(silence.judge(&asked, None), Blame::Said);
        assert!(silence.answered(), "it is back, which is said");
        assert!(!silence.answered(), "once");
        // It has answered since they were asked for.
        assert_eq!(silence.judge(&several, None), Blame::Processes);
    }

    #[test]
    fn a_helper_that_is_stopped_is_named_at_the_first_process() {
        let mut silence = Silence::default();
        let Blame::Helper(why) = silence.judge(&[Instant::now()], Some(42)) else {
            panic!("it is stopped");
        };
        assert!(why.to_string().contains("`kill -CONT 42`"));
        assert_eq!(silence.judge(&[Instant::now()], Some(42)), Blame::Said);
    }
}
