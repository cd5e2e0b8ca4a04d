// SPDX-License-Identifier: MIT
//! Incidents on the disk: a directory each, with the part of the recording, reports on it and
//! what fired, and the command that is run for each. The file system may hang: whoever calls
//! this may wait (`helper/archiver.rs`).

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File},
    io::{self, BufReader, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zkchurn_core::{clock::ClockPair, segments};

use super::{
    blocks::{BLOCK, blocks},
    clock::clock_pair,
    incident_files::{ByReport, Files},
    incident_size::{self, Fitting},
    limited_program::{IsOver, run},
    own_directory,
    own_names::{self, INCIDENTS},
};

/// The name of the part of the recording.
const RECORDING: &str = "incident.zkchurn";
/// How a moment of this boot begins where `zkchurn report` is given it: nanoseconds of
/// `CLOCK_MONOTONIC` follow.
pub(crate) const OF_BOOT: &str = "boot:";
/// How long the command may take.
const COMMAND_WITHIN: Duration = Duration::from_secs(60);
/// How long before its end there may be nothing new: a trace tells of itself every 10 s.
const ENDS_BEFORE: Duration = Duration::from_secs(20);
/// What the names of directories end with that are not complete.
const PARTIAL: &str = ".partial";
/// What a command finds in its environment.
const ENVIRONMENT: [(&str, &str); 2] = [
    ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
    ("LC_ALL", "C.UTF-8"),
];

/// What is to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The directory of the segments; incidents are below it.
    pub directory: PathBuf,
    /// When it began, and from when to when it is kept.
    pub began: Timestamp,
    pub since: Timestamp,
    pub until: Timestamp,
    /// By which clock: that of the wall may have been set since the recording was begun, or
    /// meanwhile.
    pub clock: ClockPair,
    /// What fired, a sentence each; the first one's key.
    pub fired: Vec<String>,
    pub key: String,
    pub rules: Rules,
}

impl Order {
    /// A moment of it in nanoseconds of `CLOCK_MONOTONIC`.
    pub(super) fn monotonic_ns(&self, at: Timestamp) -> u64 {
        let passed = at.as_nanosecond() - i128::from(self.clock.realtime_ns);
        let ns = (i128::from(self.clock.monotonic_ns) + passed).max(0);
        u64::try_from(ns).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
impl Order {
    /// One to keep nothing of note, for tests.
    pub(super) fn of_a_test(directory: &Path, bytes: u64) -> Self {
        Self {
            directory: directory.to_owned(),
            began: Timestamp::UNIX_EPOCH,
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            clock: ClockPair {
                monotonic_ns: 0,
                realtime_ns: 0,
            },
            fired: vec!["The connection is refused (certain)".to_owned()],
            key: "refused-java".to_owned(),
            rules: Rules {
                count: 20,
                bytes,
                reports: Vec::new(),
                command: Vec::new(),
            },
        }
    }
}

/// How incidents are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Incidents at most.
    pub count: usize,
    /// Bytes of all of them at most.
    pub bytes: u64,
    /// Endings of the reports, besides that of the JSON.
    pub reports: Vec<String>,
    /// A program and its arguments; nothing is run where it is empty.
    pub command: Vec<String>,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    /// Where it is; `None` where it could not be kept.
    pub path: Option<PathBuf>,
    /// What is wrong, sentences without their full stop.
    pub wrong: Vec<String>,
}

/// An incident that is on the disk.
#[derive(Debug)]
pub(super) struct Stored {
    pub path: PathBuf,
    /// What is wrong, as in [`Kept::wrong`].
    pub wrong: Vec<String>,
    /// What the command is given.
    incident: Value,
}

/// Writes an incident, and removes older ones before, so that there is never more than was
/// promised.
///
/// # Errors
///
/// It cannot be kept, or nobody wants it any more.
pub(super) fn store(order: &Order, is_over: IsOver<'_>) -> io::Result<Stored> {
    store_with(order, &ByReport::new(is_over), is_over)
}

fn store_with(order: &Order, files: &impl Files, is_over: IsOver<'_>) -> io::Result<Stored> {
    let directory = own_directory::open(&order.directory)?;
    let all = own_directory::open_incidents(&directory, &order.directory)?;
    let fitting = incident_size::fitting(order, |part| files.measure(part));
    let fitting = fitting.map_err(io::Error::other)?;
    let Rules { count, bytes, .. } = order.rules;
    let needed = fitting.files.as_ref().copied().unwrap_or_default();
    let left = bytes.saturating_sub(BLOCK + needed);
    make_room(&all, count.saturating_sub(1), left, None)?;
    let name = own_names::of_incident(order.began, &order.key);
    let path = order.directory.join(INCIDENTS).join(name);
    let partial = with_ending(&path);
    DirBuilder::new().mode(0o700).create(&partial)?;
    let (incident, mut wrong) = written(&fitting, &all, (&partial, &path), files)?;
    if is_over() {
        // It stays `.partial`, and goes as any other once its turn comes.
        return Err(io::Error::other("the agent has ended"));
    }
    if let Err(error) = write_back(&partial) {
        wrong.push(lost_by_power(&error));
    }
    wrong.extend(named(&all, &partial, &path)?);
    wrong.extend(fitting.cut);
    let until_ns = fitting.part.monotonic_ns(fitting.part.until);
    wrong.extend(ends_early(until_ns, &path.join(RECORDING), &incident));
    Ok(Stored {
        path,
        wrong,
        incident,
    })
}

/// Runs the command for an incident, which may not be kept: whoever is called has to come all
/// the same.
pub(super) fn call(order: &Order, stored: io::Result<Stored>, is_over: IsOver<'_>) -> Kept {
    let (path, mut wrong, incident) = match stored {
        Ok(stored) => (Some(stored.path), stored.wrong, stored.incident),
        Err(error) => {
            let wrong = format!(
                "an incident could not be kept below {}: {error}; it was: {}",
                order.directory.display(),
                order.fired.join("; ")
            );
            (None, vec![wrong], described(order, None))
        }
    };
    if !is_over() {
        wrong.extend(run_command(&order.rules.command, &incident, is_over));
    }
    Kept { path, wrong }
}

/// Writes the incident, and what is wrong with it, sentences.
fn written(
    fitting: &Fitting,
    all: &File,
    (to, path): (&Path, &Path),
    files: &impl Files,
) -> io::Result<(Value, Vec<String>)> {
    let Fitting {
        part, files: room, ..
    } = fitting;
    let mut sentences = Vec::new();
    let made = match room {
        Ok(room) => files.make(part, to, *room),
        // In no room they would only be refused, and that is not why.
        Err(why) => Err(why.clone()),
    };
    if let Err(why) = made {
        sentences.push(format!("it is incomplete: {why}"));
    }
    let incident = described(part, Some((path, to)));
    let text = incident.to_string() + "\n";
    // Now it is known how much this takes.
    let Rules { count, bytes, .. } = part.rules;
    let left = bytes.saturating_sub(blocks(text.len() as u64));
    make_room(all, count, left, to.file_name())?;
    write(&to.join("incident.json"), &text)?;
    Ok((incident, sentences))
}

fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PARTIAL);
    name.into()
}

/// Has the files of a directory outlive a power failure once they are complete, and their names.
fn write_back(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        File::open(entry?.path())?.sync_data()?;
    }
    File::open(directory)?.sync_all()
}

/// Gives a complete incident its name, which outlives a power failure, or says why not.
fn named(all: &File, partial: &Path, path: &Path) -> io::Result<Option<String>> {
    fs::rename(partial, path)?;
    Ok(all.sync_all().err().as_ref().map(lost_by_power))
}

fn lost_by_power(error: &io::Error) -> String {
    format!("a power failure may cost some of it: {error}")
}

/// Writes a file that its owner alone may read.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// What fired, and the report; where it is kept, and where its files are so far, if it is.
fn described(order: &Order, kept: Option<(&Path, &Path)>) -> Value {
    let report = kept.and_then(|(_, files)| fs::read_to_string(files.join("report.json")).ok());
    let report = report.unwrap_or_default();
    let report = report.lines().last().unwrap_or_default();
    json!({
        "type": "incident",
        "schema": 1,
        "directory": kept.map(|(path, _)| path.display().to_string()),
        "began": order.began.to_string(),
        "since": order.since.to_string(),
        "until": order.until.to_string(),
        "fired": order.fired,
        "report": serde_json::from_str::<Value>(report).unwrap_or(Value::Null),
    })
}

/// Says where the recording ends before what was to be kept: nothing was recorded any more.
fn ends_early(until_ns: u64, recording: &Path, incident: &Value) -> Option<String> {
    let file = File::open(recording).ok()?;
    let end_ns = segments::end_of(BufReader::with_capacity(1 << 16, file));
    let is_early = u128::from(until_ns.saturating_sub(end_ns)) > ENDS_BEFORE.as_nanos();
    let end = incident.pointer("/report/trace/to")?.as_str()?;
    is_early.then(|| format!("its recording ends at {end}: nothing was recorded after that"))
}

/// Runs the configured command, without a shell: this process holds no capability and can
/// gain none (`no_new_privs`), and neither can what it starts.
fn run_command(command: &[String], incident: &Value, is_over: IsOver<'_>) -> Option<String> {
    let [program, arguments @ ..] = command else {
        return None;
    };
    let mut run_it = Command::new(program);
    run_it.args(arguments).env_clear().envs(ENVIRONMENT);
    run_it.current_dir("/");
    let input = incident.to_string() + "\n";
    let ran = run(run_it, input.as_bytes(), COMMAND_WITHIN, is_over);
    ran.err().map(|why| format!("{program} failed: {why}"))
}

/// Removes the oldest incidents until no more than so many are there, and no more bytes, but for
/// the one called `spared`. What the agent did not make is neither counted nor removed.
fn make_room(all: &File, count: usize, bytes: u64, spared: Option<&OsStr>) -> io::Result<()> {
    let now_ns = clock_pair().realtime_ns;
    let mut found = Vec::new();
    for (name, _) in own_directory::entries(all)? {
        if let Some(incident) = own_directory::incident(all, &name)? {
            let sizes = incident.files.iter().map(|(_, stat)| stat.st_size);
            let size: u64 = sizes.map(|size| blocks(size.cast_unsigned())).sum();
            found.push((name, incident, BLOCK + size));
        }
    }
    // Stable: of one second they are in the order of their names.
    found
        .sort_by_key(|(name, ..)| own_names::oldest_first(own_names::incident_began(name), now_ns));
    let mut total: u64 = found.iter().map(|(.., size)| size).sum();
    let mut left = found.len();
    for (name, incident, size) in found {
        if left <= count && total <= bytes {
            break;
        }
        if spared != Some(OsStr::new(&name)) {
            own_directory::remove_incident(all, &name, &incident)?;
            total -= size;
            left -= 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use zkchurn_core::{
        frame::{Frame, Mark, TraceStart},
        recording::writer::Writer,
    };

    use super::*;

    const CLOCK: ClockPair = ClockPair {
        monotonic_ns: 5_000_000_000,
        realtime_ns: 9_000_000_000,
    };

    #[test]
    fn moments_are_those_of_the_boot() {
        let order = Order {
            clock: CLOCK,
            ..Order::of_a_test(Path::new("/kept"), 0)
        };
        let at = |second| order.monotonic_ns(Timestamp::from_second(second).unwrap());
        assert_eq!(
            [at(0), at(4), at(9), at(10)],
            [0, 0, 5_000_000_000, 6_000_000_000]
        );
    }

    fn names(all: &Path) -> Vec<String> {
        let entries = fs::read_dir(all).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn the_name_of_an_incident_is_written_back_too() {
        let directory = tempfile::tempdir().unwrap();
        let (partial, path) = (
            directory.path().join("x.partial"),
            directory.path().join("x"),
        );
        fs::create_dir(&partial).unwrap();
        let all = File::open(directory.path()).unwrap();
        assert_eq!(named(&all, &partial, &path).unwrap(), None);
        fs::rename(&path, &partial).unwrap();
        // What cannot be synced: a descriptor for nothing but paths (open(2), O_PATH).
        let flags = rustix::fs::OFlags::PATH | rustix::fs::OFlags::DIRECTORY;
        let all = rustix::fs::open(directory.path(), flags, rustix::fs::Mode::empty()).unwrap();
        let said = named(&all.into(), &partial, &path).unwrap().unwrap();
        assert!(said.starts_with("a power failure may cost"), "{said}");
        assert!(path.is_dir());
    }

    #[test]
    fn the_oldest_incidents_make_room() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let all = File::open(path).unwrap();
        for day in 1..=5 {
            let path = path.join(format!("2026110{day}T000000Z-refused"));
            fs::create_dir(&path).unwrap();
            fs::write(path.join("incident.zkchurn"), [0; 10_000]).unwrap();
        }
        fs::write(path.join("notes.txt"), "of somebody").unwrap();
        make_room(&all, 5, u64::MAX, None).unwrap();
        assert_eq!(names(path).len(), 6);
        make_room(&all, 3, u64::MAX, None).unwrap();
        let left = ["20261103T000000Z-refused", "20261104T000000Z-refused"];
        assert_eq!(names(path)[..2], left);
        make_room(&all, 3, 3 * 16_384 - 1, None).unwrap();
        assert_eq!(names(path)[0], "20261104T000000Z-refused");
        make_room(&all, 3, 0, None).unwrap();
        assert_eq!(names(path), ["notes.txt"]);
    }

    #[test]
    fn what_the_agent_did_not_make_is_never_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let precious = path.join("precious");
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("incident.json"), "precious").unwrap();
        // Its name, but with something in it that is somebody's.
        let with_notes = path.join("20261101T000000Z-refused");
        fs::create_dir(&with_notes).unwrap();
        fs::write(with_notes.join("notes.txt"), "of somebody").unwrap();
        let nested = path.join("20261102T000000Z-refused");
        fs::create_dir_all(nested.join("incident.json/deep")).unwrap();
        std::os::unix::fs::symlink(&precious, path.join("20261103T000000Z-refused")).unwrap();
        let before = names(path);
        make_room(&File::open(path).unwrap(), 0, 0, None).unwrap();
        assert_eq!(names(path), before);
        assert!(with_notes.join("notes.txt").is_file());
        assert!(nested.join("incident.json/deep").is_dir());
        assert!(precious.join("incident.json").is_file());
    }

    #[test]
    fn incidents_behind_a_link_are_not_kept_and_nothing_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let precious = directory.path().join("precious");
        fs::create_dir_all(precious.join("20261101T000000Z-refused")).unwrap();
        fs::create_dir(precious.join("home")).unwrap();
        let kept = directory.path().join("kept");
        fs::create_dir(&kept).unwrap();
        std::os::unix::fs::symlink(&precious, kept.join("incidents")).unwrap();
        let called = directory.path().join("called");
        let order = Order {
            directory: kept,
            began: Timestamp::UNIX_EPOCH,
            since: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH,
            clock: CLOCK,
            fired: vec!["The connection is refused (certain)".to_owned()],
            key: "refused-java".to_owned(),
            rules: Rules {
                count: 1,
                bytes: 0,
                reports: Vec::new(),
                command: ["tee".to_owned(), called.display().to_string()].into(),
            },
        };
        let kept = call(&order, store(&order, &|| false), &|| false);
        assert_eq!(kept.path, None);
        let said = kept.wrong.join("; ");
        assert!(said.contains("/incidents is a link"), "{said}");
        assert!(
            said.ends_with("it was: The connection is refused (certain)"),
            "{said}"
        );
        // Whoever is called knows it all the same.
        let given: Value = serde_json::from_slice(&fs::read(&called).unwrap()).unwrap();
        assert_eq!(given["directory"], Value::Null);
        assert_eq!(given["fired"][0], "The connection is refused (certain)");
        assert_eq!(names(&precious), ["20261101T000000Z-refused", "home"]);
    }

    /// Files of these sizes, and what the directory of all incidents takes at any moment.
    struct Made<'a> {
        all: &'a Path,
        sizes: [usize; 2],
        most_on_disk: std::cell::Cell<u64>,
    }

    impl Made<'_> {
        fn look(&self) {
            let all = fs::read_dir(self.all).unwrap().map(Result::unwrap);
            let files = all.flat_map(|one| fs::read_dir(one.path()).unwrap().map(Result::unwrap));
            let files = files.map(|file| file.metadata().unwrap().len());
            let on_disk: u64 = files.map(|size| size.next_multiple_of(4096)).sum();
            self.most_on_disk.set(self.most_on_disk.get().max(on_disk));
        }
    }

    impl Files for Made<'_> {
        fn measure(&self, _: &Order) -> Result<Vec<u64>, String> {
            Ok(self.sizes.map(|size| size as u64).to_vec())
        }

        fn make(&self, _: &Order, to: &Path, room: u64) -> Result<(), String> {
            let needed: usize = self
                .sizes
                .iter()
                .map(|size| size.next_multiple_of(4096))
                .sum();
            assert!(needed as u64 <= room, "{needed} of {room}");
            let [recording, report] = self.sizes;
            fs::write(to.join("incident.zkchurn"), vec![0; recording]).unwrap();
            self.look();
            // As large in `incident.json` once more.
            let text = format!("\"{}\"", "x".repeat(report - 2));
            fs::write(to.join("report.json"), text).unwrap();
            self.look();
            Ok(())
        }
    }

    const MIB: usize = 1 << 20;

    /// Keeps incidents of these sizes one after another; what came of the last one, and how much
    /// there was at most.
    fn kept(directory: &Path, bytes: u64, sizes: &[[usize; 2]]) -> (io::Result<Stored>, u64) {
        let all = directory.join("incidents");
        let mut last = Err(io::Error::other("none"));
        let mut most = 0;
        for (index, sizes) in sizes.iter().enumerate() {
            let began = Timestamp::from_second(1_800_000_000 + index as i64).unwrap();
            let order = Order {
                began,
                since: began - jiff::SignedDuration::from_mins(5),
                until: began + jiff::SignedDuration::from_mins(2),
                clock: CLOCK,
                ..Order::of_a_test(directory, bytes)
            };
            let made = Made {
                all: &all,
                sizes: *sizes,
                most_on_disk: std::cell::Cell::new(0),
            };
            last = store_with(&order, &made, &|| false);
            made.look();
            most = most.max(made.most_on_disk.get());
        }
        (last, most)
    }

    #[test]
    fn there_is_never_more_than_was_promised_while_an_incident_is_written() {
        let directory = tempfile::tempdir().unwrap();
        let bytes = 10 * MIB as u64;
        let (last, most) = kept(directory.path(), bytes, &[[2 * MIB, MIB]; 8]);
        assert!(
            last.unwrap().wrong[..]
                .iter()
                .all(|why| why.contains("ends at"))
        );
        assert!(most <= bytes, "{most}");
        // Two of four MiB each, and what was kept before is there as long as there is room.
        assert!(most > bytes - 4 * MIB as u64, "{most}");
        assert_eq!(names(&directory.path().join("incidents")).len(), 2);
    }

    /// Files that cannot be measured.
    struct Unmeasured;

    impl Files for Unmeasured {
        fn measure(&self, _: &Order) -> Result<Vec<u64>, String> {
            Err("exit code 3: no memory".to_owned())
        }

        fn make(&self, _: &Order, _: &Path, _: u64) -> Result<(), String> {
            Err("0 bytes may be taken".to_owned())
        }
    }

    #[test]
    fn why_it_could_not_be_measured_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let order = Order::of_a_test(directory.path(), MIB as u64);
        let stored = store_with(&order, &Unmeasured, &|| false).unwrap();
        assert_eq!(stored.wrong, ["it is incomplete: exit code 3: no memory"]);
        assert_eq!(names(&stored.path), ["incident.json"]);
    }

    #[test]
    fn one_that_alone_is_too_large_costs_none_of_the_older_ones() {
        let directory = tempfile::tempdir().unwrap();
        let bytes = 10 * MIB as u64;
        let sizes = [[MIB, MIB], [MIB, MIB], [9 * MIB, MIB]];
        let (last, most) = kept(directory.path(), bytes, &sizes);
        let why = last.unwrap_err().to_string();
        assert!(why.starts_with("alone it takes 12 MiB, and"), "{why}");
        assert!(most <= bytes, "{most}");
        let left = names(&directory.path().join("incidents"));
        assert_eq!(left.len(), 2, "{left:?}");
        assert!(left.iter().all(|name| !name.ends_with(PARTIAL)), "{left:?}");
    }

    #[test]
    fn an_incident_of_a_time_to_come_makes_room_for_those_of_today() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let all = File::open(path).unwrap();
        let found = [
            "20200101T000000Z-a",
            "20200102T000000Z-a",
            "21990101T000000Z-a",
        ];
        for name in found {
            fs::create_dir(path.join(name)).unwrap();
        }
        make_room(&all, 2, u64::MAX, None).unwrap();
        assert_eq!(names(path), found[..2]);
    }

    #[test]
    fn a_recording_that_ends_before_what_was_to_be_kept_is_told() {
        let mut recording = Writer::in_memory();
        let clock = ClockPair {
            monotonic_ns: 1,
            realtime_ns: 0,
        };
        let end = Mark {
            monotonic_ns: 100_000_000_000,
            ..Mark::default()
        };
        let start = TraceStart::of_port(2181, clock);
        recording.write(Frame::Start(&start)).unwrap();
        recording.write(Frame::End(&end)).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), recording.get_ref()).unwrap();
        // The clock was set meanwhile: what it says tells nothing of how long that is.
        let incident = json!({"report": {"trace": {"to": "2026-11-28T02:12:27Z"}}});
        let said = ends_early(121_000_000_000, file.path(), &incident).unwrap();
        assert!(said.contains("ends at 2026-11-28T02:12:27Z"), "{said}");
        assert_eq!(ends_early(119_000_000_000, file.path(), &incident), None);
        assert_eq!(ends_early(u64::MAX, Path::new("/none"), &incident), None);
    }
}
