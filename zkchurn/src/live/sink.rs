// SPDX-License-Identifier: MIT
//! Where the frames of a live trace go: into the recording, if there is one,
//! and through the pipeline.

use std::{
    fs::File,
    io::{BufWriter, ErrorKind},
    path::{Path, PathBuf},
};

use crate::{
    exit::{Code, Failure},
    host::{
        proc::identity,
        recording_file::{self, Unfinished, partial_path},
    },
    warn::warn,
};
use zkchurn_core::{
    decode::{self, Record},
    frame::Frame,
    pipeline::Pipeline,
    recording::writer::Writer,
    registry::Registry,
    render::Renderer,
};

/// What goes through the pipeline comes out of one renderer.
type Output = Pipeline<Box<dyn Renderer>>;

/// The recording, if any, and the pipeline.
pub struct Sink {
    recording: Option<Recording>,
    /// What every frame goes through.
    pub pipeline: Output,
    seen: Registry,
    /// Whether the label of a JVM tells what it runs.
    name_applications: bool,
    recording_failed: bool,
    output_failure: Option<Failure>,
}

struct Recording {
    path: PathBuf,
    writer: Writer<BufWriter<File>>,
    unfinished: Unfinished,
}

impl Sink {
    /// A sink that also records into a new file, if it is given one.
    ///
    /// # Errors
    ///
    /// The file cannot be created.
    pub fn new(
        record: Option<&Path>,
        pipeline: Output,
        name_applications: bool,
    ) -> Result<Self, Failure> {
        Ok(Self {
            recording: record.map(start_recording).transpose()?,
            pipeline,
            seen: Registry::default(),
            name_applications,
            recording_failed: false,
            output_failure: None,
        })
    }

    /// Takes a record, and looks its process up when it is the first of it.
    pub fn take(&mut self, record: &[u8]) {
        if let Ok(Record::Connection(connection)) = &decode::read(record)
            && let Some(key) = decode::process_of(connection)
            && self.seen.first_sight(key)
            && let Some(mut identity) = identity::read(key)
        {
            if !self.name_applications {
                identity.application = None;
            }
            self.emit(Frame::Process(&identity));
        }
        self.emit(Frame::Record(record));
    }

    /// Takes any frame.
    pub fn emit(&mut self, frame: Frame<'_>) {
        self.record(|recording| recording.writer.write(frame));
        self.output(|pipeline| pipeline.accept(frame));
    }

    /// Hands buffered output to the system.
    pub fn flush(&mut self) {
        self.record(|recording| recording.writer.flush());
        self.output(Pipeline::flush);
    }

    /// Whether nobody reads the output any more, so that the trace may end.
    pub fn output_failed(&self) -> bool {
        self.output_failure.is_some()
    }

    /// Whether frames still go into a recording.
    pub fn records(&self) -> bool {
        self.recording.is_some()
    }

    /// An output that fails ends, but the recording shall have its end.
    fn output(&mut self, act: impl FnOnce(&mut Output) -> std::io::Result<()>) {
        if self.output_failure.is_none()
            && let Err(error) = act(&mut self.pipeline)
        {
            self.output_failure = Some(error.into());
        }
    }

    /// Gives the recording its name, if it is whole. Success, unless it had to be
    /// given up.
    ///
    /// # Errors
    ///
    /// The output could not be written.
    pub fn finish(mut self) -> Result<Code, Failure> {
        if let Some(Recording {
            path, unfinished, ..
        }) = self.recording.take()
            && let Err(error) = unfinished.finish()
        {
            let (partial, path) = (partial_path(&path), path.display());
            let partial = partial.display();
            match error.kind() {
                ErrorKind::NotFound => warn(format_args!(
                    "the recording is lost: {partial} was removed or replaced during the trace"
                )),
                _ => warn(format_args!(
                    "the recording is complete but could not be renamed to {path} ({error}); \
                     kept as {partial}"
                )),
            }
            self.recording_failed = true;
        }
        let code = match self.recording_failed {
            true => Code::Unwritable,
            false => Code::Success,
        };
        match self.output_failure {
            Some(failure) if failure.code != Code::Success => Err(failure),
            _ => Ok(code),
        }
    }

    /// A recording that fails ends, and the trace goes on without it.
    fn record(&mut self, act: impl FnOnce(&mut Recording) -> std::io::Result<()>) {
        if let Some(recording) = &mut self.recording
            && let Err(error) = act(recording)
        {
            let partial = partial_path(&recording.path);
            let partial = partial.display();
            if error.kind() == ErrorKind::InvalidInput {
                warn(format_args!(
                    "{partial} lacks {error}; the recording continues"
                ));
                return;
            }
            warn(format_args!(
                "{partial} can no longer be written ({error}); the trace continues without it"
            ));
            self.recording = None;
            self.recording_failed = true;
        }
    }
}

/// Says where the recording of a trace is that has ended before its time.
pub fn tell_of_partial(path: &Path) {
    let partial = partial_path(path);
    if partial.exists() {
        let partial = partial.display();
        warn(format_args!(
            "{partial} has what was recorded so far; `zkchurn replay` reads it"
        ));
    }
}

fn start_recording(path: &Path) -> Result<Recording, Failure> {
    let unwritable = |error: std::io::Error| {
        let fix = match error.kind() {
            ErrorKind::AlreadyExists => {
                "choose a name that does not exist yet, with or without .partial"
            }
            _ => "choose a directory you can write to",
        };
        let message = format!("{} cannot be created: {error}; {fix}", path.display());
        Failure::sentence(Code::Unwritable, message)
    };
    let (file, unfinished) = recording_file::create(path).map_err(unwritable)?;
    Ok(Recording {
        path: path.to_owned(),
        writer: Writer::new(BufWriter::with_capacity(256 * 1024, file)).map_err(unwritable)?,
        unfinished,
    })
}
