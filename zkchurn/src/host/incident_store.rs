// SPDX-License-Identifier: MIT
//! Incidents on the disk: a directory each, with the part of the recording, reports on it and
//! what fired, and the command that is run for each. The file system may hang: whoever calls
//! this may wait (`helper/archiver.rs`).

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    limited_program::{IsOver, run},
    own_directory,
    own_names::{self, INCIDENTS},
};

/// How long cutting the recording may take, and reporting on it.
pub(super) const REPORT_WITHIN: Duration = Duration::from_secs(120);
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
    /// What fired, a sentence each; the first one's key.
    pub fired: Vec<String>,
    pub key: String,
    pub rules: Rules,
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

/// Writes an incident, and removes older ones.
///
/// # Errors
///
/// It cannot be kept, or nobody wants it any more.
pub(super) fn store(order: &Order, is_over: IsOver<'_>) -> io::Result<Stored> {
    let directory = own_directory::open(&order.directory)?;
    let all = own_directory::open_incidents(&directory, &order.directory)?;
    make_room(&all, order.rules.count.saturating_sub(1), order.rules.bytes)?;
    let name = own_names::of_incident(order.began, &order.key);
    let path = order.directory.join(INCIDENTS).join(name);
    let partial = with_ending(&path);
    DirBuilder::new().mode(0o700).create(&partial)?;
    let (incident, mut wrong) = written(order, (&partial, &path), is_over)?;
    if is_over() {
        // It stays `.partial`, and goes as any other once its turn comes.
        return Err(io::Error::other("the agent has ended"));
    }
    fs::rename(&partial, &path)?;
    let room = make_room(&all, order.rules.count, order.rules.bytes);
    wrong.extend(room.err().map(|error| format!("older ones stay: {error}")));
    if !path.exists() {
        wrong.push(format!(
            "it was removed again: alone it is larger than {} MiB",
            order.rules.bytes >> 20
        ));
    }
    wrong.extend(ends_early(order.until, &incident));
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
    order: &Order,
    (to, path): (&Path, &Path),
    is_over: IsOver<'_>,
) -> io::Result<(Value, Vec<String>)> {
    let mut sentences = Vec::new();
    if let Err(why) = fill(order, to, is_over) {
        sentences.push(format!("it is incomplete: {why}"));
    }
    let incident = described(order, Some((path, to)));
    write(&to.join("incident.json"), &(incident.to_string() + "\n"))?;
    Ok((incident, sentences))
}

fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(PARTIAL);
    name.into()
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

/// The part of the recording, and reports on it.
fn fill(order: &Order, to: &Path, is_over: IsOver<'_>) -> Result<(), String> {
    let recording = to.join("incident.zkchurn");
    let mut cut = zkchurn();
    cut.arg("report").arg(&order.directory);
    cut.args(["--since", &order.since.to_string()]);
    cut.args(["--until", &order.until.to_string()]);
    cut.arg("-o").arg(&recording);
    run(cut, &[], REPORT_WITHIN, is_over)?;
    let mut report = zkchurn();
    report.arg("report").arg(&recording);
    let endings = order.rules.reports.iter().map(String::as_str);
    for ending in endings.filter(|ending| *ending != "json").chain(["json"]) {
        report.arg("-o").arg(to.join(format!("report.{ending}")));
    }
    run(report, &[], REPORT_WITHIN, is_over)
}

/// This program once more.
fn zkchurn() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("zkchurn").env_clear();
    if let Some(zone) = std::env::var_os("TZ") {
        command.env("TZ", zone);
    }
    command
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
fn ends_early(until: Timestamp, incident: &Value) -> Option<String> {
    let end = incident.pointer("/report/trace/to")?.as_str()?;
    let at: Timestamp = end.parse().ok()?;
    let is_early = until.duration_since(at) > ENDS_BEFORE.try_into().ok()?;
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

/// Removes the oldest incidents until no more than so many are there, and no more bytes. What
/// the agent did not make is neither counted nor removed.
fn make_room(all: &File, count: usize, bytes: u64) -> io::Result<()> {
    let mut found = Vec::new();
    // By their names, which begin with their time.
    for (name, _) in own_directory::entries(all)? {
        if let Some(incident) = own_directory::incident(all, &name)? {
            let sizes = incident.files.iter().map(|(_, stat)| stat.st_size);
            let size: u64 = sizes
                .map(|size| size.cast_unsigned().next_multiple_of(4096))
                .sum();
            found.push((name, incident, size));
        }
    }
    let mut total: u64 = found.iter().map(|(.., size)| size).sum();
    let mut left = found.len();
    for (name, incident, size) in found {
        if left <= count && total <= bytes {
            break;
        }
        own_directory::remove_incident(all, &name, &incident)?;
        total -= size;
        left -= 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &Path) -> Vec<String> {
        let entries = fs::read_dir(all).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
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
        make_room(&all, 5, u64::MAX).unwrap();
        assert_eq!(names(path).len(), 6);
        make_room(&all, 3, u64::MAX).unwrap();
        let left = ["20261103T000000Z-refused", "20261104T000000Z-refused"];
        assert_eq!(names(path)[..2], left);
        make_room(&all, 3, 3 * 12_288 - 1).unwrap();
        assert_eq!(names(path)[0], "20261104T000000Z-refused");
        make_room(&all, 3, 0).unwrap();
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
        make_room(&File::open(path).unwrap(), 0, 0).unwrap();
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

    #[test]
    fn a_recording_that_ends_before_what_was_to_be_kept_is_told() {
        let until: Timestamp = "2026-11-28T02:13:31Z".parse().unwrap();
        let incident = |to: &str| json!({"report": {"trace": {"to": to}}});
        let said = ends_early(until, &incident("2026-11-28T02:12:27Z")).unwrap();
        assert!(said.contains("ends at 2026-11-28T02:12:27Z"), "{said}");
        assert_eq!(ends_early(until, &incident("2026-11-28T02:13:22Z")), None);
        assert_eq!(ends_early(until, &json!({"report": null})), None);
    }
}
