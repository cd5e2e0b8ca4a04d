// SPDX-License-Identifier: MIT
//! The files that a trace writes: its recording, and reports. A helper process each writes
//! them, since their file system may hang.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Instant,
};

use zkchurn_core::{render::Renderer, text};

use super::settings::ReportTo;
use crate::{
    exit::{Code, Failure},
    host::{
        helper::{
            Said,
            recording::{Recorder, StartedRecorder, Unfinished},
        },
        recording_file::partial_path,
    },
    warn::warn,
};

/// A file that gets a report. Forms that have a line for each connection write as it goes on,
/// the others at the end; it has its name once it is whole.
pub(super) struct ReportFile {
    path: PathBuf,
    recorder: Recorder,
}

impl ReportFile {
    /// Creates it, and what writes to it.
    ///
    /// # Errors
    ///
    /// It cannot be created.
    pub(super) fn create(
        to: &ReportTo,
        helper: StartedRecorder,
    ) -> Result<(Self, Box<dyn Renderer>), Failure> {
        let recorder = create(&to.path, helper)?;
        let renderer = to
            .form
            .renderer(Box::new(recorder.clone()), to.options.clone());
        let path = to.path.clone();
        Ok((Self { path, recorder }, renderer))
    }

    /// Has it completed and named, and says where that does not succeed.
    pub(super) fn is_finished(&self, deadline: Instant) -> bool {
        is_finished("the report", &self.path, &self.recorder, deadline)
    }
}

/// Has a new file created, which this helper writes.
///
/// # Errors
///
/// It cannot be created.
pub(super) fn create(path: &Path, helper: StartedRecorder) -> Result<Recorder, Failure> {
    let created = helper.create(path);
    let (recorder, is_roots) = created.map_err(|error| not_created(path, &error))?;
    if is_roots {
        warn(format_args!(
            "{} will belong to root: its directory is not writable for the user who called sudo",
            path.display()
        ));
    }
    Ok(recorder)
}

/// Why a file cannot be created, with the fix.
pub(super) fn not_created(path: &Path, error: &io::Error) -> Failure {
    let (why, fix) = match error.kind() {
        ErrorKind::AlreadyExists => (
            "File exists (os error 17)".to_owned(),
            "choose a name that does not exist yet, with .partial or without",
        ),
        _ => (error.to_string(), "choose a directory you can write to"),
    };
    let message = format!("{} cannot be created: {why}; {fix}", path.display());
    Failure::sentence(Code::Unwritable, message)
}

/// Has a file completed and named, and says where that does not succeed. `what` it is, in
/// words.
pub(super) fn is_finished(what: &str, path: &Path, recorder: &Recorder, deadline: Instant) -> bool {
    let said = recorder.finish(deadline);
    // The rest may have found no room either.
    let dropped = recorder.dropped();
    let (partial, path) = (partial_path(path), path.display());
    let partial = partial.display();
    let incomplete = |why: String| {
        warn(format_args!(
            "{what} is incomplete: {why}; {partial} has what was written so far"
        ));
    };
    match said {
        Ok(Said::Finished) if dropped == 0 => return true,
        Ok(Said::Finished) => warn(format_args!(
            "{path} lacks {}: its file system was slower than the trace",
            text::counted(dropped, "frame")
        )),
        Ok(Said::NotNamed { lost: true, .. }) => warn(format_args!(
            "{what} is lost: {partial} was removed or replaced during the trace"
        )),
        Ok(Said::NotNamed { error, .. }) => warn(format_args!(
            "{what} is complete but could not be renamed to {path} ({error}); kept as {partial}"
        )),
        Ok(Said::Cut { error, bytes: 0 }) => warn(format_args!(
            "{partial} could not be written ({error}): nothing of {what} is there"
        )),
        Ok(Said::Cut { error, bytes }) => warn(format_args!(
            "{partial} can no longer be written ({error}); it has the first {} of {what}",
            text::counted(bytes, "byte")
        )),
        Ok(
            Said::Failed(_)
            | Said::Created { .. }
            | Said::NotCreated { .. }
            | Said::Stopped(_)
            | Said::Full(_)
            | Said::Foreign(_)
            | Said::Exported(_)
            | Said::Resumed { .. },
        ) => {
            incomplete("its helper process answers something else".to_owned());
        }
        Err(Unfinished::Waits) => {
            incomplete(format!("the file system of {path} does not answer"));
        }
        Err(Unfinished::Stopped(pid)) => {
            incomplete(format!(
                "the helper process that writes it (zkchurn-record, pid {pid}) is stopped"
            ));
        }
        Err(Unfinished::Ended) => {
            incomplete("the helper process that writes it has ended".to_owned());
        }
    }
    false
}
