// SPDX-License-Identifier: MIT
//! Metrics, handed over at each interval: to a helper process that renews a file, and to one that
//! serves them.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use zkchurn_core::{
    metrics::{Metering, Publish},
    render::Renderer,
};

use crate::{
    exit::{Code, Failure},
    host::{
        helper::{Listen, Said, publishing::Publisher, recording::StartedRecorder},
        journal::Priority,
    },
    warn::{say, warn},
};

/// How long the end waits until the last text is there; the helper goes on with it when this
/// process has ended.
const ANSWERED_WITHIN: Duration = Duration::from_millis(300);

/// How long the helper that serves may take no text before it is called lost.
const LOST_AFTER: Duration = Duration::from_secs(5);

/// What counts a trace and hands that over, where somebody wants it.
pub(super) fn metering(to: Vec<Box<dyn Publish>>) -> Option<Box<dyn Renderer>> {
    (!to.is_empty()).then(|| Box::new(Metering::new(All(to))) as Box<dyn Renderer>)
}

/// What has the file renewed.
///
/// # Errors
///
/// The file cannot be written, or is another's.
pub(super) fn to_file(path: &Path, helper: StartedRecorder) -> Result<Box<dyn Publish>, Failure> {
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
    Ok(Box::new(Published {
        path: path.to_owned(),
        publisher,
        state: State::Renewed,
    }))
}

/// What has the counts served.
///
/// # Errors
///
/// Nothing can listen there.
pub(super) fn to_listener(
    listen: Listen,
    helper: StartedRecorder,
) -> Result<Box<dyn Publish>, Failure> {
    let address = listen.address;
    let publisher = Publisher::listen(helper, listen).map_err(|error| {
        let sentence = format!(
            "metrics cannot be served at {address}: {error}; choose another address or port \
             with --listen"
        );
        Failure::sentence(Code::Unwritable, sentence)
    })?;
    if !address.ip().is_loopback() {
        warn(format_args!(
            "whoever reaches {address} can read the counts, with the names of processes and the \
             addresses of servers"
        ));
    }
    Ok(Box::new(Served {
        address,
        publisher,
        silent_since: None,
        is_lost: false,
    }))
}

/// Several that are handed each text.
struct All(Vec<Box<dyn Publish>>);

impl Publish for All {
    fn publish(&mut self, text: &str) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|one| one.publish(text))
    }

    fn end(&mut self) {
        self.0.iter_mut().for_each(|one| one.end());
    }
}

/// The helper that serves, which waits for nothing: where it does not answer for long it has
/// ended, or somebody has stopped it.
struct Served {
    address: SocketAddr,
    publisher: Publisher,
    /// Since when it has taken no text.
    silent_since: Option<Instant>,
    is_lost: bool,
}

impl Publish for Served {
    fn publish(&mut self, text: &str) -> io::Result<()> {
        let answer = self.publisher.answer(Duration::ZERO);
        if self.publisher.replace(text.as_bytes()) {
            self.silent_since = None;
            if answer.is_some() && std::mem::take(&mut self.is_lost) {
                let sentence = format_args!("metrics are served at {} again", self.address);
                say(Priority::Notice, sentence);
            }
            return Ok(());
        }
        // On a busy host an interval may be too short for an answer.
        let silent_since = *self.silent_since.get_or_insert_with(Instant::now);
        if silent_since.elapsed() >= LOST_AFTER && !std::mem::replace(&mut self.is_lost, true) {
            warn(format_args!(
                "metrics are no longer served at {}: the helper process that does it \
                 (zkchurn-serve) has ended or is stopped; the trace goes on",
                self.address
            ));
        }
        Ok(())
    }
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
