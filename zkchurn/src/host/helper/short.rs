// SPDX-License-Identifier: MIT
//! What may hang and is over soon: asked of a process of its own that answers on its standard
//! output and ends. One that does not is left: no thread of ours waits in the kernel for it, and
//! none is begun beside it.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read, Write},
    os::{fd::AsFd, unix::process::CommandExt},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
    process::{Signal, set_parent_process_death_signal},
};

use super::{neighbour, process::NAME};
use crate::host::{
    privilege::{held, needs::Kept},
    settings_file,
};

/// Bytes of an answer at most.
const MOST: usize = 2 << 20;
/// How often it is asked whether a process has ended.
const ASKED_EVERY: Duration = Duration::from_millis(20);
/// How long the end of one that has answered, or is killed, is waited for.
const ENDS_WITHIN: Duration = Duration::from_millis(100);

/// The process of each question that was killed and has not ended yet: it waits in the kernel
/// until that lets go of it.
static LEFT: [Mutex<Option<Child>>; WORDS.len()] = [const { Mutex::new(None) }; WORDS.len()];

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether an agent traces the same: [`neighbour`].
    Neighbour,
    /// What is in a file of settings.
    Settings,
    /// Whether a file is a program that can be run.
    Program,
}

const WORDS: [(&str, Question); 3] = [
    ("neighbour", Question::Neighbour),
    ("settings", Question::Settings),
    ("program", Question::Program),
];

impl Question {
    fn word(self) -> &'static str {
        let found = WORDS.iter().find(|(_, question)| *question == self);
        found.map_or("", |(word, _)| word)
    }

    /// That of a word.
    pub(super) fn of(word: &OsStr) -> Option<Self> {
        let found = WORDS.iter().find(|(known, _)| word == *known);
        found.map(|(_, question)| *question)
    }

    /// The answer; `None` where there is none within this time.
    ///
    /// # Errors
    ///
    /// The system grants no process, or the one that was asked before still hangs.
    pub(crate) fn ask(self, about: &[OsString], within: Duration) -> io::Result<Option<Vec<u8>>> {
        let mut asked = Command::new("/proc/self/exe");
        asked.arg0(NAME).arg(self.word()).args(about);
        let mut left = LEFT[self as usize]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        ask(asked, within, &mut left)
    }

    /// Answers, as the process of its own.
    pub(super) fn serve(self, about: impl Iterator<Item = OsString>) -> io::Result<()> {
        held::keep_only(match self {
            Self::Neighbour => Kept::FINDS_AGENTS,
            Self::Settings | Self::Program => Kept::READS_FILES,
        })?;
        // Last: a change of credentials would take it back.
        set_parent_process_death_signal(Some(Signal::KILL))?;
        let answer = match self {
            Self::Neighbour => neighbour::answer(about),
            Self::Settings => settings_file::answer(about),
            Self::Program => settings_file::answer_whether_program(about),
        };
        let mut output = io::stdout();
        output.write_all(&answer)?;
        output.flush()
    }
}

/// What a process answers; it is `left` where it does not end, and no other is begun meanwhile.
fn ask(
    mut asked: Command,
    within: Duration,
    left: &mut Option<Child>,
) -> io::Result<Option<Vec<u8>>> {
    if let Some(before) = left
        && matches!(before.try_wait(), Ok(None))
    {
        return Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the process that looked before still waits for a file system",
        ));
    }
    *left = None;
    // A Ctrl-C is for us: of a question that it ends nobody could say why there is no answer.
    let mut child = asked
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let said = child.stdout.take();
    let answer = said.map_or(Ok(None), |said| answer(said, within));
    let is_answered = matches!(answer, Ok(Some(_)));
    let has_ended = is_answered && ended_within(&mut child, ENDS_WITHIN);
    if !has_ended && !end(&mut child) {
        *left = Some(child);
    }
    answer
}

/// All that is said until its end.
fn answer(mut from: impl Read + AsFd, within: Duration) -> io::Result<Option<Vec<u8>>> {
    let deadline = Instant::now() + within;
    let mut answer = Vec::new();
    let mut block = [0; 8192];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&from, PollFlags::IN)], Some(&left)) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match from.read(&mut block) {
            Ok(0) => return Ok(Some(answer)),
            Ok(count) if answer.len() + count <= MOST => answer.extend_from_slice(&block[..count]),
            Ok(_) => return Err(io::ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Kills a process; whether it has ended then. One that waits in the kernel has not.
pub(crate) fn end(child: &mut Child) -> bool {
    let _ = child.kill();
    ended_within(child, ENDS_WITHIN)
}

/// Whether a process has ended by then; it is not waited for any longer.
pub(crate) fn ended_within(child: &mut Child, within: Duration) -> bool {
    let deadline = Instant::now() + within;
    while matches!(child.try_wait(), Ok(None)) {
        if Instant::now() >= deadline {
            return false;
        }
        std::thread::sleep(ASKED_EVERY);
    }
    true
}

#[cfg(test)]
mod tests {
    use std::os::fd::BorrowedFd;

    use super::*;

    /// A pipe of which every other read is interrupted.
    struct Interrupted(io::PipeReader, bool);

    impl Read for Interrupted {
        fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            match self.1 {
                true => Err(io::ErrorKind::Interrupted.into()),
                false => self.0.read(block),
            }
        }
    }

    impl AsFd for Interrupted {
        fn as_fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }

    #[test]
    fn a_signal_does_not_cut_an_answer() {
        let (ours, mut theirs) = io::pipe().unwrap();
        theirs.write_all(b"yes").unwrap();
        drop(theirs);
        let said = answer(Interrupted(ours, false), Duration::from_secs(60));
        assert_eq!(said.unwrap().unwrap(), b"yes");
    }

    #[test]
    fn none_is_begun_beside_one_that_hangs() {
        let within = Duration::from_secs(60);
        let echo = || {
            let mut echo = Command::new("/bin/echo");
            echo.arg("yes");
            echo
        };
        let hangs = Command::new("/bin/sleep").arg("600").spawn().unwrap();
        let mut left = Some(hangs);
        let why = ask(echo(), within, &mut left).unwrap_err();
        assert_eq!(why.kind(), io::ErrorKind::TimedOut);
        let mut hangs = left.take().unwrap();
        hangs.kill().unwrap();
        assert!(ended_within(&mut hangs, within));
        left = Some(hangs);
        assert_eq!(ask(echo(), within, &mut left).unwrap().unwrap(), b"yes\n");
        assert!(left.is_none());
    }

    #[test]
    fn one_that_says_nothing_is_not_waited_for() {
        let (ours, mut theirs) = io::pipe().unwrap();
        let short = Duration::from_millis(300);
        let ask = |within| answer(ours.try_clone().unwrap(), within).unwrap();
        assert_eq!(ask(short), None);
        theirs.write_all(b"ye").unwrap();
        assert_eq!(ask(short), None, "it may say more");
        theirs.write_all(b"s").unwrap();
        drop(theirs);
        assert_eq!(ask(Duration::from_secs(60)).unwrap(), b"s");
    }

    #[test]
    fn every_question_has_its_word() {
        for (word, question) in WORDS {
            assert_eq!(
                (question.word(), Question::of(word.as_ref())),
                (word, Some(question))
            );
        }
        assert_eq!(Question::of("look".as_ref()), None);
    }
}
