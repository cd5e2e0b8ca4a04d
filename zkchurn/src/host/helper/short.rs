// SPDX-License-Identifier: MIT
//! What may hang and is over soon: asked of a process of its own that answers on its standard
//! output and ends. One that does not is left: no thread of ours waits in the kernel for it.

use std::{
    ffi::{OsStr, OsString},
    io::{self, Read, Write},
    os::{fd::AsFd, unix::process::CommandExt},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
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
    /// The system grants no process.
    pub(crate) fn ask(self, about: &[OsString], within: Duration) -> io::Result<Option<Vec<u8>>> {
        let mut child = Command::new("/proc/self/exe")
            .arg0(NAME)
            .arg(self.word())
            .args(about)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let said = child.stdout.take();
        let answer = said.map_or(Ok(None), |said| answer(said, within));
        let is_answered = matches!(answer, Ok(Some(_)));
        if !is_answered || !ended_within(&mut child, ENDS_WITHIN) {
            // One that waits in the kernel stays until that lets go of it.
            let _ = child.kill();
            ended_within(&mut child, ENDS_WITHIN);
        }
        answer
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

/// All that is said until its end.
fn answer(mut from: impl Read + AsFd, within: Duration) -> io::Result<Option<Vec<u8>>> {
    let deadline = Instant::now() + within;
    let mut answer = Vec::new();
    let mut block = [0; 8192];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        if poll(&mut [PollFd::new(&from, PollFlags::IN)], Some(&left))? == 0 {
            return Ok(None);
        }
        match from.read(&mut block)? {
            0 => return Ok(Some(answer)),
            count if answer.len() + count <= MOST => answer.extend_from_slice(&block[..count]),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
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
    use super::*;

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
