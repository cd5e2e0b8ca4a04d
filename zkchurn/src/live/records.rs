// SPDX-License-Identifier: MIT
//! Records for an engine: the lines of `--format json` in files that somebody collects, but the
//! report, which is for people. A helper process writes them; nobody waits for it.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use zkchurn_core::{
    frame::TraceStart,
    render::{ConnectionLine, Renderer, json::Json},
    report::{IntervalSummary, Report},
    text,
};

use crate::{
    exit::{Code, Failure},
    host::{
        helper::{
            Lines, Said,
            recording::{Recorder, StartedRecorder, Unfinished},
        },
        journal::Priority,
    },
    warn::{say, warn},
};

/// How long lines wait here at most while the loop is awake.
const HANDED_OVER_EVERY: Duration = Duration::from_secs(1);

/// What writes the lines as the trace goes on.
pub(super) struct Records {
    json: Json<Recorder>,
    recorder: Recorder,
    handed_over: Instant,
    told: Told,
}

/// What is done with them at the end.
pub(super) struct RecordFiles {
    directory: PathBuf,
    recorder: Recorder,
}

/// What was said of how it goes.
struct Told {
    directory: PathBuf,
    /// Lines that found no room on their way.
    dropped: u64,
    is_gone: bool,
}

/// Opens the directory, with a helper that was started while everything was held.
///
/// # Errors
///
/// It cannot be opened.
pub(super) fn open(
    lines: &Lines,
    helper: StartedRecorder,
) -> Result<(RecordFiles, Box<dyn Renderer>), Failure> {
    let recorder = helper.lines(lines).map_err(|error| {
        let sentence = format!(
            "{} cannot take records: {error}; choose another with --ndjson-dir",
            lines.directory.display()
        );
        Failure::sentence(Code::Unwritable, sentence)
    })?;
    let records = Records {
        json: Json::new(recorder.clone()),
        recorder: recorder.clone(),
        handed_over: Instant::now(),
        told: Told {
            directory: lines.directory.clone(),
            dropped: 0,
            is_gone: false,
        },
    };
    let files = RecordFiles {
        directory: lines.directory.clone(),
        recorder,
    };
    Ok((files, Box::new(records)))
}

impl Records {
    /// A line is whole.
    fn ends(&mut self, written: io::Result<()>) -> io::Result<()> {
        self.recorder.frame_ends();
        written
    }

    fn hand_over(&mut self) -> io::Result<()> {
        self.handed_over = Instant::now();
        self.recorder.flush()
    }
}

impl Renderer for Records {
    fn start(&mut self, start: &TraceStart) -> io::Result<()> {
        let written = self.json.start(start);
        self.ends(written)
    }

    fn connection(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        let written = self.json.connection(line);
        self.ends(written)
    }

    fn other_end(&mut self, line: &ConnectionLine<'_>) -> io::Result<()> {
        let written = self.json.other_end(line);
        self.ends(written)
    }

    fn interval(&mut self, summary: &IntervalSummary) -> io::Result<()> {
        let written = self.json.interval(summary);
        self.ends(written)?;
        self.hand_over()?;
        self.told.news(&self.recorder);
        Ok(())
    }

    fn report(&mut self, _report: &Report) -> io::Result<()> {
        self.hand_over()
    }

    fn time_wait(&mut self, _report: &Report) -> io::Result<()> {
        self.hand_over()
    }

    /// Called at each turn of the loop: many small writes would keep a disk awake.
    fn flush(&mut self) -> io::Result<()> {
        if self.handed_over.elapsed() >= HANDED_OVER_EVERY {
            self.hand_over()?;
        }
        Ok(())
    }
}

impl Told {
    fn news(&mut self, recorder: &Recorder) {
        let directory = self.directory.display();
        while let Some(said) = recorder.news() {
            match said {
                Said::Stopped(error) => warn(format_args!(
                    "{directory} takes no records ({error}): the trace goes on, and they are \
                     written again once that succeeds"
                )),
                said => tell_again(&self.directory, &said),
            }
        }
        let dropped = recorder.dropped();
        if dropped > self.dropped {
            warn(format_args!(
                "{directory} is slower than the trace: {} not written",
                text::counted(dropped - self.dropped, "line")
            ));
            self.dropped = dropped;
        }
        if recorder.helper_failure().is_some() && !std::mem::replace(&mut self.is_gone, true) {
            warn(format_args!(
                "{directory} takes no more records: the helper process that writes them \
                 (zkchurn-lines) has ended; the trace goes on without it"
            ));
        }
    }
}

/// Says that lines are written again, if it is that.
fn tell_again(directory: &Path, said: &Said) {
    if let Said::Resumed { lost } = said {
        say(
            Priority::Notice,
            format_args!(
                "{} takes records again; {} missing",
                directory.display(),
                text::counted(*lost, "line")
            ),
        );
    }
}

impl RecordFiles {
    /// Has all written, and says what is missing; whether nothing is.
    pub(super) fn is_finished(&self, deadline: Instant) -> bool {
        let directory = self.directory.display();
        let dropped = self.recorder.dropped();
        let (news, end) = self.recorder.finish_with_news(deadline);
        let mut why_stopped = None;
        let mut lacks_some = dropped > 0;
        for said in news {
            tell_again(&self.directory, &said);
            lacks_some |= matches!(said, Said::Resumed { .. });
            if let Said::Stopped(error) = said {
                why_stopped = Some(error);
            }
        }
        let why = match end {
            Ok(Said::Resumed { lost }) => {
                let why = why_stopped.map(|why| format!(" ({why})"));
                warn(format_args!(
                    "{directory} lacks the last {}: they could not be written{}",
                    text::counted(lost, "line"),
                    why.unwrap_or_default()
                ));
                return false;
            }
            Ok(Said::Failed(error)) => error,
            Ok(_) => return !lacks_some,
            Err(Unfinished::Waits) => "its file system does not answer".to_owned(),
            Err(Unfinished::Stopped(pid)) => {
                format!("the helper process that writes it (zkchurn-lines, pid {pid}) is stopped")
            }
            Err(Unfinished::Ended) => "the helper process that writes it has ended".to_owned(),
        };
        warn(format_args!(
            "the last records may be missing in {directory}: {why}"
        ));
        false
    }
}
