// SPDX-License-Identifier: MIT
//! The directory of a flight recorder: segments, the oldest of which make room before
//! anything is written, so that there is never more than was promised.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rustix::{
    fs::{AtFlags, FlockOperation, flock, fstat, stat, unlinkat},
    io::Errno,
};
use zkchurn_core::clock::ClockPair;

use super::{
    blocks::blocks,
    clock::clock_pair,
    own_directory, own_names,
    recording_file::{self, Unfinished},
};

/// What is promised of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes on the disk at most, in whole blocks.
    pub bytes: u64,
    /// How long ago the oldest record was made at most.
    pub age: Duration,
}

/// Fewer bytes would not hold a closer look at a process, which has up to 1 MiB.
pub const LEAST_BYTES: u64 = 4 << 20;
/// So many segments are there at most, by size and by age: one of them is lost when it is full.
const PARTS: u32 = 16;
/// How long another recorder may take to end, or whoever looks for one.
const TAKEN_WITHIN: Duration = Duration::from_secs(1);

impl Limits {
    /// How large a segment may grow.
    pub fn segment_bytes(&self) -> u64 {
        self.bytes / u64::from(PARTS)
    }

    /// How old it may grow.
    pub fn segment_age(&self) -> Duration {
        self.age / PARTS
    }
}

/// The directory.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    /// Held open, and locked.
    opened: File,
    limits: Limits,
    /// Those that are complete, oldest first.
    segments: VecDeque<Segment>,
    current: Option<Current>,
    /// Bytes of all files, in whole blocks.
    bytes: u64,
    /// The clock as it was first seen. Ages go by it, and not by one that somebody sets: a clock
    /// that jumps ahead must not have all forgotten.
    first: Option<ClockPair>,
}

#[derive(Debug)]
struct Segment {
    path: PathBuf,
    bytes: u64,
    /// When it began, nanoseconds since 1970 by the clock as it was first seen.
    begun_ns: i64,
}

struct Current {
    file: File,
    unfinished: Unfinished,
    segment: Segment,
    begun: ClockPair,
}

impl std::fmt::Debug for Current {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.segment.fmt(formatter)
    }
}

impl Store {
    /// Opens the directory, which only its owner may read, or creates it. What earlier runs
    /// have left counts; what somebody else has put there does not, and is never removed.
    ///
    /// # Errors
    ///
    /// It cannot be created or read, others may write to it, or another recorder does.
    pub fn open(directory: &Path, limits: Limits) -> io::Result<Self> {
        let opened = own_directory::open(directory)?;
        take(&opened)?;
        let mut store = Self {
            directory: directory.to_owned(),
            opened,
            limits,
            segments: VecDeque::new(),
            current: None,
            bytes: 0,
            first: None,
        };
        store.find_segments(clock_pair().realtime_ns)?;
        Ok(store)
    }

    /// Names of what is in the directory, or among its incidents, and not the agent's.
    ///
    /// # Errors
    ///
    /// A directory cannot be read, or that of the incidents is none, or others may write to it.
    pub fn foreign(&self) -> io::Result<Vec<String>> {
        let incidents = own_directory::incidents_if_any(&self.opened, &self.directory)?;
        own_directory::foreign(&self.opened, incidents.as_ref())
    }

    /// Sees whether files can be made in it.
    ///
    /// # Errors
    ///
    /// They cannot, with the fix.
    pub fn prove_writable(&self) -> io::Result<()> {
        own_directory::prove_writable(&self.opened, &self.directory)
    }

    /// Whether the path still is that of the directory that was opened.
    ///
    /// # Errors
    ///
    /// It is not, and what to do.
    pub fn is_in_place(&self) -> io::Result<()> {
        let opened = fstat(&self.opened)?;
        match stat(&self.directory) {
            Ok(there) if (there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino) => Ok(()),
            Ok(_) => Err(io::Error::other(
                "another directory was put in its place; restart the agent",
            )),
            Err(Errno::NOENT) => Err(io::Error::other(
                "it was removed or renamed; restart the agent",
            )),
            Err(error) => Err(error.into()),
        }
    }

    fn find_segments(&mut self, now_ns: i64) -> io::Result<()> {
        let mut found = Vec::new();
        // By their names, which begin with their time.
        for (name, stat) in own_directory::entries(&self.opened)? {
            if let Some(begun_ns) = own_names::segment_begun(&name)
                && own_directory::is_file(&stat)
            {
                found.push(Segment {
                    path: self.directory.join(name),
                    bytes: blocks(stat.st_size.cast_unsigned()),
                    begun_ns,
                });
            }
        }
        // Stable: of one second they are in the order of their names.
        found.sort_by_key(|segment| own_names::oldest_first(segment.begun_ns, now_ns));
        self.bytes = found.iter().map(|segment| segment.bytes).sum();
        self.segments = found.into();
        Ok(())
    }

    /// Takes on other limits, and removes at once what is beyond them. A running segment that
    /// alone is too large is ended, and goes as well.
    ///
    /// # Errors
    ///
    /// There is more than they allow, and it cannot be removed.
    pub fn limit(&mut self, limits: Limits, now: ClockPair) -> io::Result<()> {
        self.limits = limits;
        self.forget(now);
        let running = self.current.as_ref().map_or(0, |one| one.segment.bytes);
        if blocks(running) > limits.bytes {
            // Under whatever name.
            let _ = self.end();
        }
        self.make_room(0)
    }

    /// What is promised at present.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether the running segment has no room for so many bytes more, is old enough, or is
    /// not there.
    pub fn is_due(&self, more: u64, now: ClockPair) -> bool {
        let Some(current) = &self.current else {
            return true;
        };
        let age = now.monotonic_ns.saturating_sub(current.begun.monotonic_ns);
        current.segment.bytes + more > self.limits.segment_bytes()
            || u128::from(age) >= self.limits.segment_age().as_nanos()
    }

    /// Whether a segment is being written.
    pub fn is_writing(&self) -> bool {
        self.current.is_some()
    }

    /// Ends the running segment, and gives it its name.
    ///
    /// # Errors
    ///
    /// It cannot be renamed, and stays as it is.
    pub fn end(&mut self) -> io::Result<()> {
        let Some(Current {
            unfinished,
            mut segment,
            ..
        }) = self.current.take()
        else {
            return Ok(());
        };
        let finished = unfinished.finish();
        if finished.is_err() {
            segment.path = recording_file::partial_path(&segment.path);
        }
        segment.bytes = blocks(segment.bytes);
        self.segments.push_back(segment);
        finished
    }

    /// Begins a segment called by its time, its run and its number.
    ///
    /// # Errors
    ///
    /// It cannot be created, or would be in another directory.
    pub fn begin(&mut self, now: ClockPair, run: &str, number: u64) -> io::Result<()> {
        self.is_in_place()?;
        let at = now.timestamp(now.monotonic_ns);
        let name = own_names::of_segment(at, run, number);
        let path = self.directory.join(name);
        let (file, unfinished) = recording_file::create(&path)?;
        let begun_ns = self.steady_ns(now);
        self.current = Some(Current {
            file,
            unfinished,
            segment: Segment {
                path,
                bytes: 0,
                begun_ns,
            },
            begun: now,
        });
        Ok(())
    }

    /// Removes the running segment, of which nothing useful was written.
    pub fn abandon(&mut self) {
        if let Some(current) = self.current.take() {
            self.bytes -= blocks(current.segment.bytes);
            let _ = current.unfinished.discard();
        }
    }

    /// Appends bytes to the running segment, all or none of them, once there is room.
    ///
    /// # Errors
    ///
    /// They are more than all of the directory may hold, or cannot be written.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let more = bytes.len() as u64;
        self.make_room(more)?;
        let Some(current) = &mut self.current else {
            return Err(ErrorKind::NotFound.into());
        };
        if let Err(error) = current.file.write_all(bytes) {
            // What was written of them is no whole frame.
            let _ = current.file.set_len(current.segment.bytes);
            return Err(error);
        }
        let before = blocks(current.segment.bytes);
        current.segment.bytes += more;
        self.bytes += blocks(current.segment.bytes) - before;
        Ok(())
    }

    fn make_room(&mut self, more: u64) -> io::Result<()> {
        let current = self.current.as_ref();
        let written = current.map_or(0, |current| current.segment.bytes);
        let growth = blocks(written + more) - blocks(written);
        while self.bytes + growth > self.limits.bytes {
            if !self.remove_oldest() {
                return Err(ErrorKind::FileTooLarge.into());
            }
        }
        Ok(())
    }

    /// Nanoseconds since 1970 by the clock as it was first seen.
    fn steady_ns(&mut self, now: ClockPair) -> i64 {
        let first = *self.first.get_or_insert(now);
        let since = now.monotonic_ns.saturating_sub(first.monotonic_ns);
        let since = i64::try_from(since).unwrap_or(i64::MAX);
        first.realtime_ns.saturating_add(since)
    }

    /// Removes what is older than was promised.
    pub fn forget(&mut self, now: ClockPair) {
        let age = i64::try_from(self.limits.age.as_nanos()).unwrap_or(i64::MAX);
        let before_ns = self.steady_ns(now).saturating_sub(age);
        // One that is called by a time to come keeps none behind it.
        let is_old = |segment: &Segment| segment.begun_ns < before_ns;
        if self.segments.iter().any(is_old) {
            let all = std::mem::take(&mut self.segments).into_iter();
            let (old, kept): (VecDeque<_>, VecDeque<_>) = all.partition(is_old);
            self.segments = kept;
            // One that cannot be removed costs none of those that are kept.
            for segment in old {
                self.remove(&segment);
            }
        }
    }

    /// Removes the oldest segment that can be removed; whether there was one.
    fn remove_oldest(&mut self) -> bool {
        while let Some(oldest) = self.segments.pop_front() {
            if self.remove(&oldest) {
                return true;
            }
        }
        false
    }

    /// Removes the file of a segment that is no longer listed; whether its room is free. One that
    /// somebody else has removed takes none either.
    fn remove(&mut self, segment: &Segment) -> bool {
        let name = segment.path.file_name().unwrap_or_default();
        match unlinkat(&self.opened, name, AtFlags::empty()) {
            Err(error) if error != Errno::NOENT => false,
            _ => {
                self.bytes -= segment.bytes;
                true
            }
        }
    }
}

/// Locks the directory for as long as it is held. Who only looks whether there is a recorder
/// holds it for a moment.
fn take(lock: &File) -> io::Result<()> {
    let deadline = Instant::now() + TAKEN_WITHIN;
    loop {
        match flock(lock, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(Errno::WOULDBLOCK) => {
                let why = "another zkchurn agent records to it";
                return Err(io::Error::new(ErrorKind::ResourceBusy, why));
            }
            taken => return Ok(taken?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_somebody_else_has_put_there_is_left_alone_and_does_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let limits = Limits {
            bytes: LEAST_BYTES,
            age: Duration::from_secs(60),
        };
        let foreign = [
            "copy-20200101T000000Z-a-000001.zkchurn",
            "notes.txt",
            "other.zkchurn",
        ];
        for name in foreign {
            fs::write(path.join(name), [0; 8192]).unwrap();
        }
        let own = path.join("20200101T000000Z-a-000001.zkchurn");
        fs::write(&own, [0; 8192]).unwrap();
        let incidents = path.join("incidents");
        for name in ["home", "20200101T000000Z-refused"] {
            fs::create_dir_all(incidents.join(name)).unwrap();
        }
        let mut store = Store::open(path, limits).unwrap();
        assert_eq!(store.bytes, 8192);
        let named = [&foreign[..], &["incidents/home"]].concat();
        assert_eq!(store.foreign().unwrap(), named);
        assert_eq!(store.segments.len(), 1);
        store.forget(ClockPair {
            monotonic_ns: 1,
            realtime_ns: 1_700_000_000_000_000_000,
        });
        assert!(!own.exists());
        while store.remove_oldest() {}
        assert!(foreign.iter().all(|name| path.join(name).is_file()));
    }

    #[test]
    fn an_old_segment_that_cannot_be_removed_costs_none_that_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let limits = Limits {
            bytes: LEAST_BYTES,
            age: Duration::from_secs(60),
        };
        let names = [
            "20200101T000000Z-a-000001.zkchurn",
            "20200101T000100Z-a-000002.zkchurn",
            "20200101T000900Z-a-000003.zkchurn",
        ];
        for name in names {
            fs::write(path.join(name), [0; 8192]).unwrap();
        }
        let mut store = Store::open(path, limits).unwrap();
        // unlink(2) removes no directory, not even for root.
        fs::remove_file(path.join(names[0])).unwrap();
        fs::create_dir(path.join(names[0])).unwrap();
        let now: jiff::Timestamp = "2020-01-01T00:09:30Z".parse().unwrap();
        store.forget(ClockPair {
            monotonic_ns: 1,
            realtime_ns: i64::try_from(now.as_nanosecond()).unwrap(),
        });
        let left = names.map(|name| path.join(name).exists());
        assert_eq!(left, [true, false, true]);
        assert_eq!(store.segments.len(), 1);
        assert_eq!(
            store.bytes,
            2 * 8192,
            "what cannot be removed takes its room"
        );
        // Room is made by the next one that goes.
        assert!(store.remove_oldest());
        assert!(!path.join(names[2]).exists());
        assert!(!store.remove_oldest());
    }

    #[test]
    fn what_a_wrong_clock_has_named_goes_first_and_keeps_nothing_that_is_old() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let limits = Limits {
            bytes: LEAST_BYTES,
            age: Duration::from_secs(60),
        };
        let names = [
            "20200101T000000Z-a-000001.zkchurn",
            "20200101T000100Z-a-000002.zkchurn",
            "21990101T000000Z-b-000001.zkchurn",
        ];
        for name in names {
            fs::write(path.join(name), [0; 8192]).unwrap();
        }
        let left = || names.map(|name| path.join(name).exists());
        let mut store = Store::open(path, limits).unwrap();
        assert!(store.remove_oldest());
        assert_eq!(left(), [true, true, false]);
        drop(store);
        fs::write(path.join(names[2]), [0; 8192]).unwrap();
        let mut store = Store::open(path, limits).unwrap();
        let first: jiff::Timestamp = "2020-01-01T00:01:30Z".parse().unwrap();
        let mut now = ClockPair {
            monotonic_ns: 1,
            realtime_ns: i64::try_from(first.as_nanosecond()).unwrap(),
        };
        store.forget(now);
        assert_eq!(left(), [false, true, true]);
        now.monotonic_ns += 60_000_000_000;
        store.forget(now);
        // How old the last one is nobody knows: it goes where its room is needed.
        assert_eq!(left(), [false, false, true]);
    }
}
