// SPDX-License-Identifier: MIT
//! The flight recorder as the loop of a trace sees it: frames go to a helper process, once
//! a second at most, and what that has to say is said.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use zkchurn_core::{frame::Frame, recording::writer::Writer, text};

use super::incidents::Unkept;
use crate::{
    exit::{Code, Failure},
    host::{
        helper::{
            Keep, Said,
            recording::{Recorder, StartedRecorder, Unfinished},
        },
        journal::Priority,
    },
    warn::{say, warn},
};

/// How long frames wait here at most while the loop is awake: a trace that is killed loses
/// no more than this and one more turn of the loop.
const HANDED_OVER_EVERY: Duration = Duration::from_secs(1);

/// The recorder at work.
pub(super) struct Flight {
    keep: Keep,
    writer: Writer<Recorder>,
    recorder: Recorder,
    handed_over: Instant,
    has_waiting: bool,
    /// Frames that found no room on their way.
    dropped: u64,
    has_failed: bool,
    /// Whether nothing is written at present.
    is_stopped: bool,
    /// Incidents of which there is only what is written here.
    unkept: Vec<Unkept>,
}

impl Flight {
    /// Opens the directory, with a helper that was started while everything was held.
    ///
    /// # Errors
    ///
    /// It cannot be opened.
    pub(super) fn open(keep: &Keep, helper: StartedRecorder) -> Result<Self, Failure> {
        let not_opened = |error: std::io::Error| {
            Failure::sentence(
                Code::Unwritable,
                format!(
                    "{} cannot be recorded to: {error}; choose another with --directory",
                    keep.directory.display()
                ),
            )
        };
        let recorder = helper.keep(keep).map_err(not_opened)?;
        Ok(Self {
            keep: keep.clone(),
            writer: Writer::new(recorder.clone()).map_err(not_opened)?,
            recorder,
            handed_over: Instant::now(),
            has_waiting: false,
            dropped: 0,
            has_failed: false,
            is_stopped: false,
            unkept: Vec::new(),
        })
    }

    /// Where it writes to, and whether it does at present.
    pub(super) fn kept(&self) -> (&Path, bool) {
        (&self.keep.directory, !self.is_stopped)
    }

    /// Takes any frame.
    pub(super) fn take(&mut self, frame: Frame<'_>) {
        // One that is too long is left out; a helper that is gone shows below.
        if self.writer.write(frame).is_ok() {
            self.recorder.frame_ends();
            self.has_waiting = true;
        }
    }

    /// Hands over what has waited for long enough, and says what is new.
    pub(super) fn turn(&mut self) {
        if self.has_waiting && self.handed_over.elapsed() >= HANDED_OVER_EVERY {
            self.hand_over();
        }
        self.say_news();
    }

    fn hand_over(&mut self) {
        // What its helper cannot take shows as a failure of that.
        let _ = self.writer.flush();
        self.handed_over = Instant::now();
        self.has_waiting = false;
    }

    fn say_news(&mut self) {
        let directory = self.keep.directory.clone();
        let directory = directory.display();
        while let Some(said) = self.recorder.news() {
            match &said {
                Said::Stopped(_) | Said::Full(_) | Said::Failed(_) => self.is_stopped = true,
                Said::Resumed { .. } => self.is_stopped = false,
                _ => {}
            }
            match said {
                Said::Stopped(error) => warn(format_args!(
                    "{directory} takes nothing more: {error}; the trace goes on without being \
                     recorded, and tries again every 10 s"
                )),
                Said::Full(error) => warn(format_args!(
                    "{directory} takes nothing more ({error}): the trace goes on without being \
                     recorded, and is recorded again once there is room"
                )),
                Said::Resumed { lost } => say(
                    Priority::Notice,
                    format_args!(
                        "{directory} is recorded to again; {} missing",
                        text::counted(lost, "record")
                    ),
                ),
                Said::Foreign(names) => warn(format_args!(
                    "{directory} has what the agent did not make: {}; that is left alone, and does \
                     not count for its size",
                    text::first_of(&names)
                )),
                Said::Failed(error) => self.fail(&error),
                _ => {}
            }
        }
        if let Some(error) = self.recorder.helper_failure() {
            self.fail(&error.to_string());
        }
        let dropped = self.recorder.dropped();
        if dropped > self.dropped {
            warn(format_args!(
                "{directory} is slower than the trace: {} not recorded",
                text::counted(dropped - self.dropped, "frame")
            ));
            self.dropped = dropped;
        }
    }

    /// Whether the helper process that writes has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.has_failed
    }

    fn fail(&mut self, error: &str) {
        self.is_stopped = true;
        if !std::mem::replace(&mut self.has_failed, true) {
            let sentence = format_args!(
                "{} is no longer recorded to: the helper process that writes it has ended ({error}); \
                 the agent ends, too, so that its service manager starts it again",
                self.keep.directory.display()
            );
            say(Priority::Error, sentence);
        }
    }

    /// Takes on other limits.
    pub(super) fn limit(&mut self, keep: Keep) {
        self.recorder.keep_again(&keep);
        self.keep = keep;
    }

    /// Is given incidents of which there will be nothing else.
    pub(super) fn leave_unkept(&mut self, unkept: Vec<Unkept>) {
        self.unkept = unkept;
    }

    /// Has all written, and says what that means for incidents that nobody keeps; whether it
    /// succeeded by `deadline`.
    pub(super) fn is_finished(&mut self, deadline: Instant) -> bool {
        let has_all = self.is_written(deadline);
        for unkept in &self.unkept {
            let sentence = unkept.sentence(&self.keep.directory, has_all);
            warn(format_args!("{sentence}"));
        }
        has_all
    }

    fn is_written(&mut self, deadline: Instant) -> bool {
        self.hand_over();
        self.say_news();
        let why = match self.recorder.finish(deadline) {
            Ok(Said::Finished) => return true,
            // That was said.
            Ok(_) if self.is_stopped => return false,
            Ok(Said::Stopped(error) | Said::Full(error) | Said::Failed(error)) => error,
            Ok(_) => return false,
            Err(Unfinished::Waits) => "its file system does not answer".to_owned(),
            Err(Unfinished::Stopped(pid)) => {
                format!("the helper process that writes it (zkchurn-keep, pid {pid}) is stopped")
            }
            Err(Unfinished::Ended) => "the helper process that writes it has ended".to_owned(),
        };
        warn(format_args!(
            "what came last may be missing in {}: {why}",
            self.keep.directory.display()
        ));
        false
    }
}
