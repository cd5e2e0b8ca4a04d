// SPDX-License-Identifier: MIT
//! Where the frames of a live trace go: into the recording, if there is one,
//! and through the pipeline.

use std::{
    cell::RefCell,
    io::ErrorKind,
    path::{Path, PathBuf},
    rc::Rc,
    time::Instant,
};

use crate::{
    exit::{Code, Failure},
    host::{
        clock::clock_pair,
        helper::{
            Keep,
            recording::{Recorder, StartedRecorder},
        },
        outbox::Drained,
        recording_file::partial_path,
    },
    view::snapshot::{Snapshot, Want},
    warn::warn,
};
use zkchurn_core::{
    decode::names,
    filter::Filter,
    frame::{Frame, Mark},
    pipeline::Pipeline,
    recording::writer::Writer,
    render::{Renderer, Several},
    segments::last::{Kept, Last},
    still::Still,
    tape::{Tape, Taping},
};

use super::{
    ending::Ending,
    exported::Collected,
    flight::Flight,
    incidents::Unkept,
    records::RecordFiles,
    screen::Screen,
    successor::Successor,
    written::{self, ReportFile},
};

/// What goes through the pipeline comes out of one renderer.
type Output = Pipeline<Box<dyn Renderer>>;

/// The recording, if any, and the pipeline.
pub(super) struct Sink {
    recording: Option<Recording>,
    /// An agent's.
    flight: Option<Flight>,
    /// What every frame goes through.
    pub pipeline: Output,
    /// An agent's, which takes its place after a while.
    successor: Option<Successor>,
    /// Where the pipeline's output waits for its reader; `None` in tests.
    screen: Option<Screen>,
    recording_failed: bool,
    output_failure: Option<Failure>,
    /// Where else the report goes.
    reports: Vec<ReportFile>,
    /// Records for an engine. The pipeline writes them.
    records: Option<RecordFiles>,
    /// Who is sent events. The pipeline makes them.
    collected: Option<Collected>,
    /// How many frames it took.
    frames: u64,
    /// What is looked at instead of the pipeline's all.
    selected: Option<Selected>,
    /// What came last, for whoever wants a recording and has none.
    last: Option<Last>,
}

/// A part of the trace that is looked at on its own, while the whole goes on.
struct Selected {
    pipeline: Pipeline<Taping<Several>>,
    tape: Rc<RefCell<Tape>>,
}

/// A recording that is being written.
pub(super) struct Recording {
    path: PathBuf,
    writer: Writer<Recorder>,
    recorder: Recorder,
    /// Whether it is known what became of it.
    is_settled: bool,
}

impl Drop for Recording {
    fn drop(&mut self) {
        if !self.is_settled && self.recorder.has_begun() {
            let partial = partial_path(&self.path);
            warn(format_args!(
                "{} has what was recorded until then; `zkchurn replay` reads it",
                partial.display()
            ));
        }
    }
}

impl Sink {
    /// A sink that also records, if it is given a recording.
    pub(super) fn new(
        recording: Option<Recording>,
        pipeline: Output,
        screen: Option<Screen>,
    ) -> Self {
        Self {
            recording,
            flight: None,
            pipeline,
            successor: None,
            screen,
            recording_failed: false,
            output_failure: None,
            reports: Vec::new(),
            records: None,
            collected: None,
            frames: 0,
            selected: None,
            last: None,
        }
    }

    /// The same, which keeps what comes last, where nothing is recorded.
    pub(super) fn with_last(self, is_wanted: bool) -> Self {
        let last = (is_wanted && self.recording.is_none()).then(Last::default);
        Self { last, ..self }
    }

    /// The same, which has these files completed as well. The pipeline writes to them.
    pub(super) fn with_reports(self, reports: Vec<ReportFile>) -> Self {
        Self { reports, ..self }
    }

    /// The same, which has these completed as well.
    pub(super) fn with_records(self, records: Option<RecordFiles>) -> Self {
        Self { records, ..self }
    }

    /// The same, which has this collector get the last records.
    pub(super) fn with_collected(self, collected: Option<Collected>) -> Self {
        Self { collected, ..self }
    }

    /// Records that the collector lacks, if there is one.
    pub(super) fn records_not_exported(&self) -> Option<u64> {
        self.collected.as_ref().map(Collected::dropped)
    }

    /// Learns that as it stands now, for the report.
    pub(super) fn settle_exported(&self) {
        if let Some(collected) = &self.collected {
            collected.settle();
        }
    }

    /// The same, which an agent's flight recorder gets as well.
    pub(super) fn with_flight(self, flight: Option<Flight>) -> Self {
        let successor = flight.is_some().then(Successor::default);
        Self {
            flight,
            successor,
            ..self
        }
    }

    /// Has the flight recorder take on other limits.
    pub(super) fn limit(&mut self, keep: Keep) {
        if let Some(flight) = &mut self.flight {
            flight.limit(keep);
        }
    }

    /// Where an agent's recorder writes to, and whether it does.
    pub(super) fn kept(&self) -> Option<(&Path, bool)> {
        self.flight.as_ref().map(Flight::kept)
    }

    /// Whether an agent's recorder has ended before its trace: without it the agent is of no use.
    pub(super) fn recorder_is_gone(&self) -> bool {
        self.flight.as_ref().is_some_and(Flight::is_gone)
    }

    /// Does what is due from time to time.
    pub(super) fn turn(&mut self) {
        if let Some(flight) = &mut self.flight {
            flight.turn();
        }
    }

    /// How many frames it took: as long as they are no more, nothing has changed.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Takes any frame. What it hides is hidden everywhere, in recordings too.
    pub(super) fn emit(&mut self, frame: Frame<'_>) {
        let hidden = match frame {
            Frame::Record(record) => names::without_secrets(record),
            _ => None,
        };
        let frame = hidden.as_deref().map_or(frame, Frame::Record);
        self.frames += 1;
        self.record(|recording| {
            recording.writer.write(frame)?;
            recording.recorder.frame_ends();
            Ok(())
        });
        if let Some(flight) = &mut self.flight {
            flight.take(frame);
        }
        if let Some(last) = &mut self.last {
            last.take(frame, clock_pair);
        }
        self.output(|pipeline| pipeline.accept(frame));
        if let Some(successor) = &mut self.successor {
            successor.take(frame, &mut self.pipeline);
        }
        // What it writes to is memory.
        if let Some(selected) = &mut self.selected
            && !matches!(frame, Frame::End(_))
        {
            let _ = selected.pipeline.accept(frame);
        }
    }

    /// Has only that looked at which the filter selects: of what comes, and of the last
    /// connections, which `tape` has. Without one all is looked at again.
    pub(super) fn select(&mut self, filter: Option<Filter>, tape: &Tape) {
        self.frames += 1;
        self.selected = filter.and_then(|filter| {
            let own = Rc::new(RefCell::new(Tape::default()));
            let renderer = Taping::new(Rc::clone(&own), Several(Vec::new()));
            let pipeline = self.pipeline.selecting(filter, tape, renderer).ok()?;
            Some(Selected {
                pipeline,
                tape: own,
            })
        });
    }

    /// What is looked at, at `mark`; `tape` has the last connections of all.
    pub(super) fn snapshot(&self, tape: &Tape, mark: &Mark, want: &Want) -> Option<Snapshot> {
        match &self.selected {
            None => Snapshot::of(&self.pipeline, tape, mark, want, None),
            Some(Selected { pipeline, tape }) => {
                Snapshot::of(pipeline, &tape.borrow(), mark, want, None)
            }
        }
    }

    /// What is looked at, at `mark`, to be written down elsewhere.
    pub(super) fn still(&self, tape: &Tape, mark: &Mark) -> Option<Still> {
        match &self.selected {
            None => Still::of(&self.pipeline, tape, mark),
            Some(Selected { pipeline, tape }) => Still::of(pipeline, &tape.borrow(), mark),
        }
    }

    /// Where the trace is recorded to, if it is.
    pub(super) fn recorded_to(&self) -> Option<&Path> {
        self.recording.as_ref().map(|recording| &*recording.path)
    }

    /// What came last, as of `now_ns`, where it is kept.
    pub(super) fn last(&self, now_ns: u64) -> Option<Kept> {
        self.last.as_ref().map(|last| last.kept(now_ns))
    }

    /// Hands buffered output to the system.
    pub(super) fn flush(&mut self) {
        self.record(|recording| match recording.recorder.failure() {
            None => recording.writer.flush(),
            Some(failure) => Err(std::io::Error::other(failure)),
        });
        self.output(Pipeline::flush);
        self.turn();
    }

    /// Whether nobody reads the output any more, so that the trace may end.
    pub(super) fn output_failed(&mut self) -> bool {
        // It fails behind the queue, and maybe long after the last line was put in.
        if self.output_failure.is_none()
            && let Some(error) = self.screen.as_ref().and_then(Screen::failure)
        {
            self.output_failure = Some(error.into());
        }
        self.output_failure.is_some()
    }

    /// Frames that the recording lacks, because its file system was too slow.
    pub(super) fn frames_dropped(&self) -> u64 {
        let recording = self.recording.as_ref();
        recording.map_or(0, |recording| recording.recorder.dropped())
    }

    /// Lines that were not shown, because their reader was too slow.
    pub(super) fn lines_dropped(&self) -> u64 {
        self.screen.as_ref().map_or(0, Screen::dropped)
    }

    /// Says how many lines were not shown, once their reader reads again.
    pub(super) fn tell_of_dropped(&self) {
        if let Some(screen) = &self.screen {
            screen.tell_of_dropped();
        }
    }

    /// Ends the trace: from here on nothing is dropped.
    pub(super) fn end(&mut self, mark: &Mark) {
        if let Some(screen) = &self.screen {
            screen.keep_all();
        }
        self.emit(Frame::End(mark));
        self.flush();
    }

    /// Whether frames still go into a recording.
    pub(super) fn records(&self) -> bool {
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

    /// Is given the incidents that only an agent's recording has.
    pub(super) fn leave_unkept(&mut self, unkept: Vec<Unkept>) {
        if let Some(flight) = &mut self.flight {
            flight.leave_unkept(unkept);
        }
    }

    /// Gives the recording its name, if it is whole. Success, unless it had to be
    /// given up.
    ///
    /// # Errors
    ///
    /// The output could not be written.
    pub(super) fn finish(mut self, ending: &Ending) -> Result<Code, Failure> {
        // One limit for nearly all of it: they may lie on one file system.
        if let Some(recording) = self.recording.take() {
            self.recording_failed = !is_finished(recording, ending.recording());
        }
        if let Some(mut flight) = self.flight.take() {
            self.recording_failed |= !flight.is_finished(ending.next_file());
        }
        for report in self.reports.drain(..) {
            self.recording_failed |= !report.is_finished(ending.next_file());
        }
        if let Some(records) = self.records.take() {
            self.recording_failed |= !records.is_finished(ending.next_file());
        }
        if let Some(collected) = self.collected.take() {
            self.recording_failed |= !collected.is_finished(ending.next_file());
        }
        self.wait_for_reader(ending.screen());
        let code = match self.recording_failed {
            true => Code::Unwritable,
            false => Code::Success,
        };
        match self.output_failure {
            Some(failure) if failure.code != Code::Success => Err(failure),
            _ => Ok(code),
        }
    }

    /// The reader of the output may have paused for good.
    fn wait_for_reader(&mut self, deadline: Instant) {
        let Some(screen) = &self.screen else { return };
        if self.output_failure.is_some() {
            return;
        }
        match screen.drain(deadline) {
            Drained::All => {}
            Drained::Failed(error) => self.output_failure = Some(error.into()),
            Drained::Waiting => {
                let sentence = format!(
                    "the report was not shown in full: {}; run `zkchurn replay` if there is a \
                     recording",
                    screen.why_waiting()
                );
                self.output_failure = Some(Failure::sentence(Code::Unwritable, sentence));
            }
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
            recording.is_settled = true;
            warn(format_args!(
                "{partial} can no longer be written ({error}); the trace continues without it"
            ));
            self.recording = None;
            self.recording_failed = true;
        }
    }
}

/// Has the recording completed and named, and says where that does not succeed.
fn is_finished(mut recording: Recording, deadline: Instant) -> bool {
    recording.is_settled = true;
    let path = &recording.path;
    written::is_finished("the recording", path, &recording.recorder, deadline)
}

/// Begins a recording in a new file, which this helper writes.
///
/// # Errors
///
/// The file cannot be created.
pub(super) fn start_recording(path: &Path, helper: StartedRecorder) -> Result<Recording, Failure> {
    let recorder = written::create(path, helper)?;
    let writer = Writer::new(recorder.clone());
    Ok(Recording {
        path: path.to_owned(),
        writer: writer.map_err(|error| written::not_created(path, &error))?,
        recorder,
        is_settled: false,
    })
}
