// SPDX-License-Identifier: MIT
//! A flight recorder: the frames of a trace into the segments of a directory. A disk that is
//! full stops it, and not the trace; it goes on once there is room.

use std::{io, path::Path, time::Duration};

use rustix::io::Errno;
use zkchurn_core::{
    clock::ClockPair,
    recording::kind,
    segments::{
        cutter::Cutter,
        frames::{Frames, NotFrames},
    },
};

use super::segment_store::{Limits, Store};

/// How long it waits until it tries again, or looks after its directory.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// What part of a segment may repeat earlier ones.
const CARRIED_PART: u64 = 4;

/// Something that its trace is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing is written from now on, and why.
    Stopped(String),
    /// Likewise, and there is no room.
    Full(String),
    /// It is written again, and how many records are missing.
    Resumed { lost: u64 },
}

impl News {
    fn stopped(error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(Errno::NOSPC | Errno::DQUOT) => Self::Full(error.to_string()),
            _ => Self::Stopped(error.to_string()),
        }
    }
}

/// The recorder.
#[derive(Debug)]
pub struct FlightRecorder {
    store: Store,
    cutter: Cutter,
    frames: Frames,
    /// What is to be written, and how many records are in it.
    pending: Vec<u8>,
    records: u64,
    /// When it stopped, nanoseconds of `CLOCK_MONOTONIC`, or tried last to go on.
    stopped_ns: Option<u64>,
    /// When it was seen last that the directory is still in place.
    seen_ns: u64,
}

impl FlightRecorder {
    /// Opens the directory.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open(directory: &Path, limits: Limits) -> io::Result<Self> {
        Ok(Self {
            store: Store::open(directory, limits)?,
            cutter: Cutter::default(),
            frames: Frames::default(),
            pending: Vec::new(),
            records: 0,
            stopped_ns: None,
            seen_ns: 0,
        })
    }

    /// As [`Store::foreign`].
    ///
    /// # Errors
    ///
    /// Likewise.
    pub fn foreign(&self) -> io::Result<Vec<String>> {
        self.store.foreign()
    }

    /// Takes bytes of a recording, and writes the frames that are whole with them; `now` is
    /// the time.
    ///
    /// # Errors
    ///
    /// They are not the bytes of a recording. What cannot be written is no error.
    pub fn take(&mut self, bytes: &[u8], now: ClockPair) -> Result<Option<News>, NotFrames> {
        self.frames.push(bytes);
        self.store.forget(now);
        let mut news = self.resume(now).or_else(|| self.look(now));
        while let Some((kind, payload)) = self.frames.next_frame()? {
            let more = (self.pending.len() + payload.len()) as u64;
            if self.cutter.has_begun()
                && self.stopped_ns.is_none()
                && self.store.is_due(more, now)
                && let Some(stopped) = write_pending(
                    &mut self.store,
                    &mut self.cutter,
                    (&mut self.pending, &mut self.records),
                )
                .and_then(|()| begin(&mut self.store, &mut self.cutter, now))
                .err()
            {
                self.stopped_ns = Some(now.monotonic_ns);
                news = Some(News::stopped(&stopped));
            }
            self.cutter.take(kind, payload, &mut self.pending);
            let is_record = kind == kind::RECORD;
            if self.stopped_ns.is_some() {
                self.pending.clear();
                if is_record {
                    self.cutter.lose(1);
                }
            } else {
                self.records += u64::from(is_record);
            }
        }
        if self.stopped_ns.is_none()
            && let Err(stopped) = self.write()
        {
            self.stopped_ns = Some(now.monotonic_ns);
            // What there is of it is whole as far as it goes.
            let _ = self.store.end();
            news = Some(News::stopped(&stopped));
        }
        Ok(news)
    }

    /// As [`Store::prove_writable`].
    ///
    /// # Errors
    ///
    /// Likewise.
    pub fn prove_writable(&self) -> io::Result<()> {
        self.store.prove_writable()
    }

    /// Stops where the directory is no longer in place: nobody would find what is written.
    fn look(&mut self, now: ClockPair) -> Option<News> {
        let since = now.monotonic_ns.saturating_sub(self.seen_ns);
        if self.stopped_ns.is_some() || u128::from(since) < RETRY_AFTER.as_nanos() {
            return None;
        }
        self.seen_ns = now.monotonic_ns;
        let gone = self.store.is_in_place().err()?;
        self.stopped_ns = Some(now.monotonic_ns);
        // What there is of it is whole as far as it goes.
        let _ = self.store.end();
        Some(News::stopped(&gone))
    }

    /// Tries to go on where it had stopped.
    fn resume(&mut self, now: ClockPair) -> Option<News> {
        let since = now.monotonic_ns.saturating_sub(self.stopped_ns?);
        if u128::from(since) < RETRY_AFTER.as_nanos() {
            return None;
        }
        let lost = self.cutter.lost();
        match begin(&mut self.store, &mut self.cutter, now) {
            Ok(()) => {
                self.stopped_ns = None;
                Some(News::Resumed { lost })
            }
            Err(_) => {
                self.stopped_ns = Some(now.monotonic_ns);
                None
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        let pending = (&mut self.pending, &mut self.records);
        write_pending(&mut self.store, &mut self.cutter, pending)
    }

    /// Ends the running segment: the trace has ended.
    ///
    /// # Errors
    ///
    /// It could not be written to its end, or not renamed, or nobody would find it.
    pub fn end(&mut self) -> io::Result<()> {
        if self.stopped_ns.is_some() {
            return Err(io::Error::other("it had stopped"));
        }
        let ended = self.store.end();
        self.store.is_in_place()?;
        ended
    }

    /// Takes on other limits, at once.
    pub fn limit(&mut self, limits: Limits, now: ClockPair) {
        // What cannot be removed now the next write tries again, and says.
        let _ = self.store.limit(limits, now);
    }
}

fn write_pending(
    store: &mut Store,
    cutter: &mut Cutter,
    (pending, records): (&mut Vec<u8>, &mut u64),
) -> io::Result<()> {
    if pending.is_empty() {
        return Ok(());
    }
    let written = match store.is_writing() {
        true => store.append(pending),
        // The start of a trace alone makes no segment.
        false => Ok(()),
    };
    if written.is_err() {
        cutter.lose(*records);
    }
    pending.clear();
    *records = 0;
    written
}

/// Ends the running segment, if there is one, and begins the next.
fn begin(store: &mut Store, cutter: &mut Cutter, now: ClockPair) -> io::Result<()> {
    if store.is_writing() {
        let mut tail = Vec::new();
        cutter.end_segment(now.monotonic_ns, &mut tail);
        let appended = store.append(&tail);
        store.end().and(appended)?;
    }
    let mut head = Vec::new();
    let most = store.limits().segment_bytes() / CARRIED_PART;
    cutter
        .begin_segment(now, usize::try_from(most).unwrap_or(usize::MAX), &mut head)
        .map_err(io::Error::other)?;
    store.begin(
        now,
        cutter.run_id().unwrap_or_default(),
        cutter.next_number(),
    )?;
    match store.append(&head) {
        Ok(()) => {
            cutter.segment_begun();
            Ok(())
        }
        Err(error) => {
            store.abandon();
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt};

    use zerocopy::IntoBytes;
    use zkchurn_common::record::{FAMILY_INET, SIDE_OPENED, STAGE_ENDED};
    use zkchurn_core::{
        decode::blank,
        frame::{Frame, Mark, TraceStart},
        pipeline::{Pipeline, View},
        recording::{reader::Reader, writer::Writer},
        render::Several,
        replay,
        report::Report,
        segments::{joined::Joined, plan::plan, window::Window},
    };

    use super::*;
    use crate::host::{segment_files::SegmentFiles, segment_store::LEAST_BYTES};

    const SECOND: u64 = 1_000_000_000;
    const LIMITS: Limits = Limits {
        bytes: LEAST_BYTES,
        age: Duration::from_secs(86_400),
    };

    fn clock(at_s: u64) -> ClockPair {
        ClockPair {
            monotonic_ns: at_s * SECOND,
            realtime_ns: 1_700_000_000_000_000_000 + (at_s * SECOND).cast_signed(),
        }
    }

    /// A trace that is being recorded.
    struct Traced {
        recorder: FlightRecorder,
        writer: Writer<Vec<u8>>,
        now_s: u64,
        records: u64,
    }

    impl Traced {
        fn begin(directory: &Path, limits: Limits, run: &str, now_s: u64) -> Self {
            let mut traced = Self {
                recorder: FlightRecorder::open(directory, limits).unwrap(),
                writer: Writer::in_memory(),
                now_s,
                records: 0,
            };
            let start = TraceStart {
                run_id: Some(run.to_owned()),
                ..TraceStart::of_port(2181, clock(now_s))
            };
            traced.writer.write(Frame::Start(&start)).unwrap();
            traced.hand_over();
            traced
        }

        fn hand_over(&mut self) -> Option<News> {
            let bytes = std::mem::take(self.writer.get_mut());
            self.recorder.take(&bytes, clock(self.now_s)).unwrap()
        }

        /// So many connections that end within the next second.
        fn churn(&mut self, count: u64) -> Option<News> {
            for _ in 0..count {
                self.records += 1;
                let record = zkchurn_common::record::ConnectionRecord {
                    socket: self.records,
                    started_ns: self.now_s * SECOND + self.records,
                    until_ns: self.now_s * SECOND + self.records,
                    stage: STAGE_ENDED,
                    side: SIDE_OPENED,
                    family: FAMILY_INET,
                    ..blank()
                };
                self.writer.write(Frame::Record(record.as_bytes())).unwrap();
            }
            self.now_s += 1;
            let mark = Mark {
                monotonic_ns: self.now_s * SECOND,
                ..Mark::default()
            };
            self.writer.write(Frame::Interval(&mark)).unwrap();
            self.hand_over()
        }
    }

    fn on_disk(directory: &Path) -> u64 {
        let files = fs::read_dir(directory).unwrap();
        let sizes = files.map(|file| file.unwrap().metadata().unwrap());
        sizes
            .map(|metadata| metadata.len().max(metadata.blocks() * 512))
            .sum()
    }

    /// Of segments that are complete.
    fn finished(directory: &Path) -> u64 {
        let files = fs::read_dir(directory).unwrap().map(Result::unwrap);
        let files = files.filter(|file| !file.path().to_string_lossy().ends_with(".partial"));
        let sizes = files.map(|file| file.metadata().unwrap());
        sizes
            .map(|metadata| metadata.len().max(metadata.blocks() * 512))
            .sum()
    }

    fn report(directory: &Path) -> Report {
        let files = SegmentFiles::of(directory).unwrap();
        assert_eq!(files.unreadable, []);
        let plan = plan(&files.starts, &Window::default(), |index| {
            files.end_of(index)
        });
        let open = |index: usize| fs::File::open(&files.paths[index]);
        let mut reader = Reader::new(Joined::new(plan.unwrap(), open)).unwrap();
        let view = View {
            top: 10,
            time_wait_rows: false,
        };
        let mut pipeline = Pipeline::new(Several(Vec::new()), view);
        assert!(replay::play(&mut reader, &mut pipeline).unwrap());
        pipeline.report().unwrap().clone()
    }

    #[test]
    fn there_is_never_more_than_was_promised_and_the_last_is_there() {
        let directory = tempfile::tempdir().unwrap();
        let mut traced = Traced::begin(directory.path(), LIMITS, "a", 1);
        for _ in 0..60 {
            traced.churn(500);
            assert!(on_disk(directory.path()) <= LIMITS.bytes);
        }
        assert!(
            traced.records * 300 > 2 * LIMITS.bytes,
            "more than it may keep"
        );
        let kept = report(directory.path());
        assert!(
            kept.total.ended * 300 > LIMITS.bytes * 3 / 4,
            "{}",
            kept.total.ended
        );
        assert!(kept.total.last_seen.as_ref().unwrap() > &kept.trace.from);
        assert_eq!(kept.degraded, [] as [String; 0], "nothing is missing of it");
        // Less is promised from now on.
        let less = Limits {
            bytes: LIMITS.bytes / 2,
            ..LIMITS
        };
        assert!(on_disk(directory.path()) > less.bytes);
        traced.recorder.limit(less, clock(traced.now_s));
        assert!(on_disk(directory.path()) <= less.bytes, "at once");
        assert!(report(directory.path()).total.ended * 300 > less.bytes / 2);
        // Less than the running segment has alone.
        let running = on_disk(directory.path()) - finished(directory.path());
        assert!(running > 4096, "{running}");
        let least = Limits {
            bytes: running - 4096,
            ..LIMITS
        };
        traced.recorder.limit(least, clock(traced.now_s));
        assert!(on_disk(directory.path()) <= least.bytes);
        traced.recorder.limit(LIMITS, clock(traced.now_s));
        traced.churn(10);
        assert_eq!(report(directory.path()).total.ended, 10, "it goes on");
    }

    #[test]
    fn what_came_is_there_though_nobody_ends_it_and_a_restart_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        for run in 0..3 {
            let mut traced = Traced::begin(
                directory.path(),
                LIMITS,
                &format!("run{run}"),
                1 + run * 100,
            );
            traced.churn(10);
            traced.churn(10);
            let other = FlightRecorder::open(directory.path(), LIMITS)
                .err()
                .unwrap();
            assert!(
                other.to_string().contains("another zkchurn agent"),
                "{other}"
            );
            // Killed.
        }
        let report = report(directory.path());
        assert_eq!(report.total.ended, 60);
        let gaps = report.degraded.iter();
        let gaps = gaps.filter(|one| one.contains("the recorder was not running"));
        assert_eq!(gaps.count(), 2, "{:?}", report.degraded);
    }

    #[test]
    fn what_is_too_old_goes() {
        let directory = tempfile::tempdir().unwrap();
        let limits = Limits {
            age: Duration::from_secs(160),
            ..LIMITS
        };
        let mut traced = Traced::begin(directory.path(), limits, "a", 1);
        for _ in 0..500 {
            traced.churn(1);
        }
        let report = report(directory.path());
        let kept_s = report.trace.length_ns / SECOND;
        assert!((140..=160).contains(&kept_s), "{kept_s}");
        // What comes with the oldest segment's first mark was over a second before it.
        assert_eq!(report.total.ended, kept_s + 1, "all of that time");
        assert_eq!(report.total.older.seen, 0);
    }

    /// As of a virtual machine that is told a wrong time, and then the right one.
    #[test]
    fn a_clock_that_jumps_ahead_or_back_has_nothing_forgotten() {
        let directory = tempfile::tempdir().unwrap();
        let mut traced = Traced::begin(directory.path(), LIMITS, "a", 1);
        traced.churn(10);
        let year_ns = 366 * 86_400 * SECOND.cast_signed();
        for jump_ns in [year_ns, -year_ns, 0] {
            let mut now = clock(traced.now_s);
            now.realtime_ns += jump_ns;
            traced.recorder.take(&[], now).unwrap();
            // Segments that are called by the wrong time.
            begin(&mut traced.recorder.store, &mut traced.recorder.cutter, now).unwrap();
            traced.churn(10);
        }
        assert_eq!(report(directory.path()).total.ended, 40);
    }

    #[test]
    fn a_directory_that_takes_nothing_stops_it_until_it_does() {
        let directory = tempfile::tempdir().unwrap();
        let (path, aside) = (directory.path().join("a"), directory.path().join("b"));
        let mut traced = Traced::begin(&path, LIMITS, "a", 1);
        assert_eq!(traced.churn(10), None);
        fs::rename(&path, &aside).unwrap();
        let mut said = Vec::new();
        for _ in 0..30 {
            said.extend(traced.churn(100));
        }
        assert!(matches!(&said[..], [News::Stopped(_)]), "{said:?}");
        fs::rename(&aside, &path).unwrap();
        for _ in 0..12 {
            said.extend(traced.churn(1));
        }
        let [News::Stopped(_), News::Resumed { lost }] = said[..] else {
            panic!("{said:?}");
        };
        let report = report(&path);
        assert_eq!(report.total.ended + lost, traced.records);
        let gap = format!("{lost} records from");
        let gap = gap.replacen(&lost.to_string(), &zkchurn_core::text::count(lost), 1);
        assert!(
            report.degraded.iter().any(|one| one.contains(&gap)),
            "{:?}",
            report.degraded
        );
    }

    #[test]
    fn a_directory_that_is_replaced_is_noticed_before_a_segment_ends() {
        let directory = tempfile::tempdir().unwrap();
        let (path, aside) = (directory.path().join("a"), directory.path().join("b"));
        let mut traced = Traced::begin(&path, LIMITS, "a", 1);
        assert_eq!(traced.churn(1), None);
        fs::rename(&path, &aside).unwrap();
        fs::create_dir(&path).unwrap();
        let said: Vec<_> = (0..30).filter_map(|_| traced.churn(1)).collect();
        let [News::Stopped(why)] = &said[..] else {
            panic!("{said:?}");
        };
        assert!(
            why.contains("another directory was put in its place"),
            "{why}"
        );
        assert_eq!(fs::read_dir(&path).unwrap().count(), 0);
        assert_eq!(
            report(&aside).total.ended,
            traced.records - traced.recorder.cutter.lost()
        );
    }

    #[test]
    fn only_a_lack_of_room_is_called_so() {
        let full = io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error());
        assert!(matches!(News::stopped(&full), News::Full(_)));
        let other = io::Error::from_raw_os_error(Errno::ROFS.raw_os_error());
        assert!(matches!(News::stopped(&other), News::Stopped(_)));
    }
}
