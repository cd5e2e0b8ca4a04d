// SPDX-License-Identifier: MIT
//! The file with metrics, renewed at each interval by a helper process.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

use zkchurn_core::{
    metrics::{Metering, Publish},
    render::Renderer,
};

use crate::{
    exit::{Code, Failure},
    host::{
        helper::{Said, publishing::Publisher, recording::StartedRecorder},
        journal::Priority,
    },
    warn::{say, warn},
};

/// How long the end waits until the last text is there; the helper goes on with it when this
/// process has ended.
const ANSWERED_WITHIN: Duration = Duration::from_millis(300);

/// What counts a trace and has the file renewed.
///
/// # Errors
///
/// The file cannot be written, or is another's.
pub(super) fn metering(path: &Path, helper: StartedRecorder) -> Result<Box<dyn Renderer>, Failure> {
    let publisher = Publisher::open(helper, path).map_err(|error| {
        let why = match error.kind() {
            ErrorKind::AlreadyExists => {
                "it is there already and zkchurn has not written it; choose another name".to_owned()
            }
            _ => format!("{error}; choose a file in a directory that exists"),
        };
        let sentence = format!("{} cannot take metrics: {why}", path.display());
        Failure::sentence(Code::Unwritable, sentence)
    })?;
    Ok(Box::new(Metering::new(Published {
        path: path.to_owned(),
        publisher,
        state: State::Renewed,
    })))
}

/// The file, and what was said last of how it goes.
struct Published {
    path: PathBuf,
    publisher: Publisher,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Renewed,
    Failing,
    Hanging,
}

impl Published {
    fn learn(&mut self, said: &Said) {
        let path = self.path.display();
        let state = match said {
            Said::Stopped(_) => State::Failing,
            _ => State::Renewed,
        };
        match said {
            _ if state == self.state => {}
            Said::Stopped(error) => warn(format_args!(
                "{path} cannot be renewed ({error}): it stays as it was until that succeeds"
            )),
            _ => say(Priority::Notice, format_args!("{path} is renewed again")),
        }
        self.state = state;
    }

    fn say_that_it_hangs(&mut self) {
        if self.state != State::Hanging {
            warn(format_args!(
                "{} is not renewed: its file system, or the helper process that writes it, does \
                 not answer; the trace goes on",
                self.path.display()
            ));
        }
        self.state = State::Hanging;
    }

    fn learn_within(&mut self, within: Duration) {
        if let Some(said) = self.publisher.answer(within) {
            self.learn(&said);
        }
    }
}

impl Publish for Published {
    /// While the helper waits for a file system texts are left out: the next one has it all.
    fn publish(&mut self, text: &str) -> io::Result<()> {
        self.learn_within(Duration::ZERO);
        if !self.publisher.replace(text.as_bytes()) {
            self.say_that_it_hangs();
        }
        Ok(())
    }

    fn end(&mut self) {
        self.learn_within(ANSWERED_WITHIN);
        if self.publisher.is_waiting() {
            self.say_that_it_hangs();
        }
    }
}
