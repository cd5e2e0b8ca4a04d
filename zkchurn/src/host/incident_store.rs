// SPDX-License-Identifier: MIT
//! Incidents on the disk: a directory each, with the part of the recording, reports on it and
//! what fired. All of it is made by processes of their own, with a limit of time, since the
//! file system may hang; whoever calls this is a thread that may wait.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt},
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    own_directory,
    own_names::{self, INCIDENTS},
    threads,
};

/// How long a report may take.
const REPORT_WITHIN: Duration = Duration::from_secs(120);
/// How long the command may take.
const COMMAND_WITHIN: Duration = Duration::from_secs(60);
/// Bytes of what a program says that are kept: the last.
const LAST_WORDS: usize = 4096;
/// How long the last of them may take once it has ended.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);
/// How long the end of what is killed is waited for.
const KILLED_WITHIN: Duration = Duration::from_secs(1);
/// How often it is asked whether a process has ended.
const ASKED_EVERY: Duration = Duration::from_millis(100);
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Debug)]
pub struct Kept {
    /// Where it is; `None` where it could not be kept.
    pub path: Option<PathBuf>,
    /// What is wrong, sentences without their full stop.
    pub wrong: Vec<String>,
}

/// Keeps an incident, and runs the command.
pub fn keep(order: &Order) -> Kept {
    match kept(order) {
        Ok((path, wrong)) => Kept {
            path: Some(path),
            wrong,
        },
        Err(error) => {
            let mut wrong = vec![format!(
                "an incident could not be kept below {}: {error}; it was: {}",
                order.directory.display(),
                order.fired.join("; ")
            )];
            // Whoever is called has to come all the same.
            let incident = described(order, None);
            wrong.extend(run_command(&order.rules.command, &incident));
            Kept { path: None, wrong }
        }
    }
}

fn kept(order: &Order) -> io::Result<(PathBuf, Vec<String>)> {
    let directory = own_directory::open(&order.directory)?;
    let all = own_directory::open_incidents(&directory, &order.directory)?;
    make_room(&all, order.rules.count.saturating_sub(1), order.rules.bytes)?;
    let name = own_names::of_incident(order.began, &order.key);
    let path = order.directory.join(INCIDENTS).join(name);
    let partial = with_ending(&path);
    DirBuilder::new().mode(0o700).create(&partial)?;
    let (incident, mut sentences) = written(order, &partial, &path)?;
    fs::rename(&partial, &path)?;
    let room = make_room(&all, order.rules.count, order.rules.bytes);
    sentences.extend(room.err().map(|error| format!("older ones stay: {error}")));
    if !path.exists() {
        sentences.push(format!(
            "it was removed again: alone it is larger than {} MiB",
            order.rules.bytes >> 20
        ));
    }
    sentences.extend(ends_early(order.until, &incident));
    sentences.extend(run_command(&order.rules.command, &incident));
    Ok((path, sentences))
}

/// Writes the incident, and what is wrong with it, sentences.
fn written(order: &Order, to: &Path, path: &Path) -> io::Result<(Value, Vec<String>)> {
    let mut sentences = Vec::new();
    if let Err(why) = fill(order, to) {
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
fn fill(order: &Order, to: &Path) -> Result<(), String> {
    let recording = to.join("incident.zkchurn");
    let mut cut = zkchurn();
    cut.arg("report").arg(&order.directory);
    cut.args(["--since", &order.since.to_string()]);
    cut.args(["--until", &order.until.to_string()]);
    cut.arg("-o").arg(&recording);
    run(cut, &[], REPORT_WITHIN)?;
    let mut report = zkchurn();
    report.arg("report").arg(&recording);
    let endings = order.rules.reports.iter().map(String::as_str);
    for ending in endings.filter(|ending| *ending != "json").chain(["json"]) {
        report.arg("-o").arg(to.join(format!("report.{ending}")));
    }
    run(report, &[], REPORT_WITHIN)
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
fn run_command(command: &[String], incident: &Value) -> Option<String> {
    let [program, arguments @ ..] = command else {
        return None;
    };
    let mut run_it = Command::new(program);
    run_it.args(arguments).env_clear().envs(ENVIRONMENT);
    run_it.current_dir("/");
    let input = incident.to_string() + "\n";
    let ran = run(run_it, input.as_bytes(), COMMAND_WITHIN);
    ran.err().map(|why| format!("{program} failed: {why}"))
}

/// Runs a program in a group of its own with `input`, and ends all of it after `limit`.
///
/// # Errors
///
/// A clause: it cannot be started, it fails, and what it said last, or it takes too long.
fn run(mut command: Command, input: &[u8], limit: Duration) -> Result<(), String> {
    let (said, errors) = io::pipe().map_err(|error| error.to_string())?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|error| format!("it could not be started: {error}"))?;
    // It holds the end of the pipe that is written to.
    drop(command);
    let (say, last) = channel();
    let drained = threads::named("said").spawn(move || say.send(last_of(said)));
    drained.map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // It may read nothing of it, and then its end ends this.
        let written = threads::named("input").spawn(move || drop(stdin.write_all(&input)));
        written.map_err(|error| error.to_string())?;
    }
    let deadline = Instant::now() + limit;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(ASKED_EVERY),
            Ok(None) | Err(_) => {
                let group = rustix::process::Pid::from_child(&child);
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
                // One that waits in the kernel does not end; the next incident need not wait, too.
                let given_up = Instant::now() + KILLED_WITHIN;
                while Instant::now() < given_up && matches!(child.try_wait(), Ok(None)) {
                    std::thread::sleep(ASKED_EVERY);
                }
                return Err(format!("it took longer than {} s", limit.as_secs()));
            }
        }
    };
    match status.success() {
        true => Ok(()),
        false => Err(format!("{}{}", ending(status), last_words(&last))),
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or(0)),
    }
}

/// Reads all that is said, however much, and keeps the last of it.
fn last_of(mut said: impl Read) -> Vec<u8> {
    let mut last = Vec::new();
    let mut block = [0; LAST_WORDS];
    // Nobody is told where it cannot be read: the exit code is.
    while let Ok(count @ 1..) = said.read(&mut block) {
        last.extend_from_slice(&block[..count]);
        last.drain(..last.len().saturating_sub(LAST_WORDS));
    }
    last
}

/// The last line; nothing where what the program has started goes on and may still speak.
fn last_words(last: &Receiver<Vec<u8>>) -> String {
    let last = last.recv_timeout(LAST_WORDS_WITHIN).unwrap_or_default();
    let text = String::from_utf8_lossy(&last);
    match text.trim().lines().last() {
        Some(line) => format!(": {}", line.trim()),
        None => String::new(),
    }
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

    fn sh(script: &str, limit: Duration, input: &[u8]) -> Result<(), String> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).env_clear();
        run(command, input, limit)
    }

    #[test]
    fn a_program_has_its_input_its_time_and_the_last_word() {
        let enough = Duration::from_secs(60);
        assert_eq!(
            sh("read x && [ \"$x\" = incident ]", enough, b"incident\n"),
            Ok(())
        );
        let failed = sh(
            "echo first >&2; echo 'no such queue' >&2; exit 3",
            enough,
            b"",
        );
        assert_eq!(failed.unwrap_err(), "exit code 3: no such queue");
        // 64 MiB, of which the last line is told.
        let loud = "head -c 67108864 /dev/zero | tr '\\0' '\\n' >&2; echo last >&2; exit 3";
        assert_eq!(sh(loud, enough, b"").unwrap_err(), "exit code 3: last");
        // What it leaves behind holds its standard error.
        let left = sh("sleep 20 & exit 3", enough, b"");
        assert_eq!(left.unwrap_err(), "exit code 3");
        // More than a pipe holds, of which it reads nothing.
        assert_eq!(sh("exit 0", enough, &[b'x'; 1 << 20]), Ok(()));
        let slow = sh("sleep 600 & wait", Duration::from_millis(300), b"");
        assert_eq!(slow.unwrap_err(), "it took longer than 0 s");
        let missing = run(Command::new("/no/such/program"), b"", enough).unwrap_err();
        assert!(missing.starts_with("it could not be started"), "{missing}");
    }

    fn names(all: &Path) -> Vec<String> {
        let entries = fs::read_dir(all).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn of_what_is_said_the_last_is_kept() {
        let mut said = vec![b'x'; 100_000];
        said.extend_from_slice(b"the end");
        let last = last_of(&said[..]);
        assert_eq!(last.len(), LAST_WORDS);
        assert!(last.ends_with(b"xthe end"));
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
        let kept = keep(&order);
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
