// SPDX-License-Identifier: MIT
//! What zkchurn prints, locked to the letter: every recording and server log here.
//!
//! A snapshot changes only on purpose, see CONTRIBUTING.md. Keys of JSON are sorted, so
//! that a diff shows facts and not their order. `serverlog/made.log` holds a line for
//! each finding that the real logs lack, made from the texts of ZooKeeper's sources.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod terminal;

use std::{
    collections::BTreeSet,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use insta::{Settings, assert_snapshot};
use serde_json::Value;
use terminal::printed_on_terminal;
use zkchurn_lab::harness::in_time::CommandInTime;

const RECORDINGS: &str = "tests/recordings";
const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots");

/// Those that differ most: all closed by the client with a dump and its log; two programs
/// at once; one session taken from each other; three refused servers; nothing answered; a
/// new process each time; several findings of one program; nothing wrong; the server's
/// side of a host with a client per request, a client that fails before it speaks, a
/// probe and a monitor, all behind one address.
const AS_TEXT: [&str; 9] = [
    "incident",
    "kinds/incident_and_probe",
    "kinds/one_session_two_clients",
    "kinds/refused_3_hosts",
    "kinds/blackhole",
    "kinds/tls_openssl",
    "kinds/stale_address",
    "kinds/healthy",
    "server_side",
];
/// Those whose pictures differ most.
const AS_PAGES: [&str; 4] = [
    "incident",
    "kinds/healthy",
    "kinds/one_session_two_clients",
    "server_side",
];
/// Those whose connections differ most, and are few.
const AS_LINES: [&str; 5] = [
    "kinds/healthy",
    "kinds/one_session_two_clients",
    "kinds/refused_3_hosts",
    "kinds/tls_openssl",
    "kinds/linger_0",
];
const WIDTHS: [u16; 3] = [80, 120, 200];

const INFO: &str = "tests/serverlog/zookeeper-3.8.0-info.log";
const DEBUG: &str = "tests/serverlog/zookeeper-3.8.0-debug.log";
const MADE: &str = "tests/serverlog/made.log";

/// A snapshot's name, and the arguments of what it shows.
const SERVER_LOGS: [(&str, &[&str]); 5] = [
    ("info", &[INFO]),
    ("debug", &[DEBUG]),
    ("made", &["--top", "100", MADE]),
    ("all_top_3", &["--top", "3", INFO, DEBUG, MADE]),
    (
        "part_of_info",
        &[
            "--since",
            "2026-11-25 04:45:46",
            "--until",
            "2026-11-25 04:45:50",
            INFO,
        ],
    ),
];

fn zkchurn(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
    command.args(arguments).env("TZ", "UTC");
    command.stdin(Stdio::null());
    command
}

/// What it prints into a pipe.
fn printed(arguments: &[&str]) -> String {
    let output = zkchurn(arguments).output_in_time().unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    let ended = (output.status.code(), complaint.as_str());
    assert_eq!(ended, (Some(0), ""), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn pretty(line: &str) -> String {
    let value: Value = serde_json::from_str(line).unwrap();
    serde_json::to_string_pretty(&value).unwrap()
}

/// The last line of a replay, which must be the report.
fn report(recording: &str) -> String {
    let file = file_of(recording);
    let printed = printed(&["replay", "--format", "json", file.to_str().unwrap()]);
    let line = printed.lines().last().unwrap();
    assert!(line.starts_with(r#"{"type":"report","#), "{recording}");
    pretty(line)
}

fn file_of(recording: &str) -> PathBuf {
    Path::new(RECORDINGS).join(format!("{recording}.zkchurn"))
}

/// `incident`, `kinds/blackhole`, …
fn recordings() -> Vec<String> {
    let mut found = Vec::new();
    for under in ["", "kinds/"] {
        let names = stems(&Path::new(RECORDINGS).join(under), ".zkchurn");
        found.extend(names.iter().map(|name| format!("{under}{name}")));
    }
    assert!(found.len() >= 40, "{} recordings", found.len());
    found
}

/// The names of a directory's files that end so, without that end.
fn stems(directory: &Path, end: &str) -> BTreeSet<String> {
    let files = fs::read_dir(directory).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let stem = |name: String| name.strip_suffix(end).map(str::to_owned);
    names.filter_map(stem).collect()
}

/// Compares all with the snapshots in a directory, whether one differs or not, and
/// fails where a snapshot is left over.
fn check_all(directory: &str, all: impl IntoIterator<Item = (String, String)>) {
    let path = Path::new(SNAPSHOTS).join(directory);
    let mut settings = Settings::new();
    settings.set_snapshot_path(&path);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let mut names = BTreeSet::new();
    let mut differ = Vec::new();
    for (name, content) in all {
        let compare = || settings.bind(|| assert_snapshot!(name.clone(), content));
        if catch_unwind(AssertUnwindSafe(compare)).is_err() {
            differ.push(name.clone());
        }
        names.insert(name);
    }
    assert!(differ.is_empty(), "these differ, see above: {differ:?}");
    assert_eq!(stems(&path, ".snap"), names, "in {}", path.display());
}

/// Does the work in as many threads as there are processors, and keeps the order.
fn in_parallel<T: Sync>(
    of: &[T],
    work: impl Fn(&T) -> (String, String) + Sync,
) -> Vec<(String, String)> {
    let threads = thread::available_parallelism().unwrap().get();
    thread::scope(|scope| {
        let parts = of.chunks(of.len().div_ceil(threads));
        let work = &work;
        let working: Vec<_> = parts
            .map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<_>>()))
            .collect();
        working
            .into_iter()
            .flat_map(|one| one.join().unwrap())
            .collect()
    })
}

/// insta makes `__` of a `/`; one `_` reads better.
fn snapshot_name(recording: &str) -> String {
    recording.replace('/', "_")
}

/// Before and after, and what is compared of them: what differs in all, other ports, the same
/// trace, the incident's halves, and the other way round.
const SIDE_BY_SIDE: [(&str, &str, &str, &[&str]); 9] = [
    ("incident_and_healthy", "incident", "kinds/healthy", &[]),
    (
        "healthy_and_refused",
        "kinds/healthy",
        "kinds/refused_3_hosts",
        &[],
    ),
    (
        "the_same",
        "kinds/refused_3_hosts",
        "kinds/refused_3_hosts",
        &[],
    ),
    (
        "refused_java_and_go",
        "kinds/refused_java",
        "kinds/refused_go",
        &[],
    ),
    ("server_side_and_incident", "server_side", "incident", &[]),
    ("quiet_and_incident", "quiet", "incident", &[]),
    (
        "throttled_and_itself_later",
        "kinds/throttled",
        "kinds/throttled",
        &["--since", "5s"],
    ),
    (
        "filtered",
        "incident",
        "kinds/incident_and_probe",
        &["--filter", "process:java"],
    ),
    (
        "node_and_restart",
        "kinds/no_quorum_node",
        "kinds/rolling_restart",
        &[],
    ),
];

/// Two traces side by side, as text, as JSON and for a ticket.
#[test]
fn recordings_side_by_side() {
    let compared = in_parallel(&SIDE_BY_SIDE, |(name, before, after, options)| {
        let (before, after) = (file_of(before), file_of(after));
        let files = [before.to_str().unwrap(), after.to_str().unwrap()];
        let as_form = |form| printed(&[&["diff", "--format", form], *options, &files].concat());
        let json: Vec<_> = as_form("json").lines().map(pretty).collect();
        let all = [as_form("text"), as_form("markdown"), json.join("\n")];
        ((*name).to_owned(), all.join("\n----\n"))
    });
    check_all("diff", compared);
}

/// What the page of a report holds from its title on, besides its style, its script and its
/// data: one element a line.
fn page_of(recording: &str) -> String {
    let file = file_of(recording);
    let page = printed(&["replay", "--format", "html", file.to_str().unwrap()]);
    let mut rest = &page[page.find("<title>").unwrap()..];
    let mut kept = String::new();
    while let Some(begin) = rest
        .find("<script")
        .into_iter()
        .chain(rest.find("<style"))
        .min()
    {
        let end = rest[begin..].find("</s").unwrap();
        kept.push_str(&rest[..begin]);
        rest = &rest[begin + end..];
    }
    kept.push_str(rest);
    kept.replace("><", ">\n<")
}

#[test]
fn pages_of_recordings() {
    let pages = in_parallel(&AS_PAGES, |recording| {
        (snapshot_name(recording), page_of(recording))
    });
    check_all("page", pages);
}

/// Each connection and interval as JSON, as they come.
#[test]
fn lines_of_json() {
    let lines = in_parallel(&AS_LINES, |recording| {
        let file = file_of(recording);
        let printed = printed(&["replay", "--format", "json", file.to_str().unwrap()]);
        let lines: Vec<_> = printed.lines().collect();
        let (_, before) = lines.split_last().unwrap();
        (snapshot_name(recording), before.join("\n"))
    });
    check_all("lines", lines);
}

#[test]
fn reports_of_all_recordings() {
    let reports = in_parallel(&recordings(), |recording| {
        (snapshot_name(recording), report(recording))
    });
    check_all("report", reports);
}

#[test]
fn texts_at_three_widths() {
    let views: Vec<_> = AS_TEXT
        .iter()
        .flat_map(|recording| WIDTHS.map(|columns| (*recording, columns)))
        .collect();
    let texts = in_parallel(&views, |(recording, columns)| {
        let file = file_of(recording);
        let arguments = ["replay", "--no-color", file.to_str().unwrap()];
        let text = printed_on_terminal(*columns, &arguments);
        (format!("{}_{columns}", snapshot_name(recording)), text)
    });
    check_all("text", texts);
}

/// Below `--details`: evidence, tables and processes, as they go into a pipe.
#[test]
fn details_in_a_pipe() {
    let texts = in_parallel(&AS_TEXT, |recording| {
        let file = file_of(recording);
        let arguments = ["replay", "--details", file.to_str().unwrap()];
        (snapshot_name(recording), printed(&arguments))
    });
    check_all("details", texts);
}

/// When the prompt is back, the answer is on a terminal of 24 lines of 80 columns: it is
/// what stands behind the last empty line, and no line wraps.
#[test]
fn the_answer_fits_the_screen() {
    let messy = stems(&Path::new(RECORDINGS).join("messy"), ".zkchurn");
    let messy = messy.iter().map(|name| format!("messy/{name}"));
    let all: Vec<_> = recordings().into_iter().chain(messy).collect();
    let too_long: Vec<_> = in_parallel(&all, |recording| {
        let file = file_of(recording);
        let arguments = ["replay", "--no-color", file.to_str().unwrap()];
        (recording.clone(), printed_on_terminal(80, &arguments))
    })
    .into_iter()
    .filter(|(_, text)| {
        let screen = text.rsplit("\n\n").next().unwrap();
        screen.lines().count() > 23 || text.lines().any(|line| line.chars().count() > 80)
    })
    .collect();
    assert!(too_long.is_empty(), "{too_long:#?}");
}

#[test]
fn server_logs_as_text_and_json() {
    let views = SERVER_LOGS.map(|(name, arguments)| {
        let text = printed(&[&["serverlog"], arguments].concat());
        let json = printed(&[&["serverlog", "--format", "json"], arguments].concat());
        let json = json.lines().map(pretty).collect::<Vec<_>>().join("\n");
        [
            (format!("{name}_text"), text),
            (format!("{name}_json"), json),
        ]
    });
    check_all("serverlog", views.into_iter().flatten());
}

/// What goes into a ticket.
#[test]
fn markdown_of_reports_and_server_logs() {
    let reports = in_parallel(&AS_TEXT, |recording| {
        let file = file_of(recording);
        let arguments = ["replay", "--format", "markdown", file.to_str().unwrap()];
        (snapshot_name(recording), printed(&arguments))
    });
    let logs = SERVER_LOGS.map(|(name, arguments)| {
        let arguments = [&["serverlog", "--format", "markdown"], arguments].concat();
        (format!("serverlog_{name}"), printed(&arguments))
    });
    check_all("markdown", reports.into_iter().chain(logs));
}
