// SPDX-License-Identifier: MIT
//! Reports that leave the house: nothing of it is in them, in no form, and they find the same.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod shared_bytes;

use std::{
    collections::BTreeSet,
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use serde_json::Value;
use shared_bytes::Shared;
use zkchurn_core::{
    frame::Frame,
    pipeline::{Pipeline, View},
    recording::reader::Reader,
    redact::Redactor,
    render::{FORMS, Form, Options},
    replay::play,
    report::Report,
};

const VIEW: View = View {
    top: 50,
    time_wait_rows: true,
};

fn recordings() -> Vec<PathBuf> {
    let folders = [
        "tests/recordings",
        "tests/recordings/kinds",
        "tests/recordings/messy",
    ];
    let files = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "zkchurn"));
    assert!(paths.len() >= 70, "{}", paths.len());
    paths
}

/// What a form makes of a recording, and the report.
fn printed(form: &dyn Form, path: &Path, is_redacted: bool) -> (String, Report) {
    let to = Shared::default();
    let options = Options::plain(jiff::tz::TimeZone::UTC);
    let renderer = form.renderer(Box::new(to.clone()), options);
    let mut pipeline = Pipeline::new(renderer, VIEW).redacted(is_redacted.then(Redactor::default));
    let bytes = fs::read(path).unwrap();
    play(&mut Reader::new(bytes.as_slice()).unwrap(), &mut pipeline).unwrap();
    let report = pipeline.report().unwrap().clone();
    drop(pipeline);
    (to.text(), report)
}

/// What a recording has of the house, as far as its fields say so.
fn secrets(path: &Path) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    let bytes = fs::read(path).unwrap();
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    let mut text = |text: &str| {
        // What is as short is part of other words, and /usr is the same everywhere.
        if text.len() > 4 && !text.contains("/usr/") {
            secrets.insert(text.to_owned());
        }
    };
    while let Some(()) = reader
        .next_frame(|frame| match frame {
            Frame::Start(start) => text(&start.host),
            Frame::Process(process) => {
                let arguments = process.command.iter().skip(1);
                arguments
                    .filter(|one| one.contains('/'))
                    .for_each(|one| text(one));
                let folder = process
                    .executable
                    .as_deref()
                    .and_then(|path| path.rsplit_once('/'));
                text(folder.map_or("", |(folder, _)| folder));
            }
            Frame::Inspection(inspection) => {
                let details = inspection.details.iter();
                for details in details {
                    text(details.cwd.as_deref().unwrap_or_default());
                    details.log_files.iter().for_each(|file| text(&file.path));
                    text(details.unit.as_deref().unwrap_or_default());
                    text(details.container.as_deref().unwrap_or_default());
                }
                let logs = inspection.logs.iter().flat_map(|logs| &logs.files);
                logs.for_each(|file| text(&file.path));
            }
            Frame::TimeWait(snapshot) => {
                let addresses = snapshot
                    .sockets
                    .iter()
                    .flat_map(|one| [one.local, one.remote]);
                addresses
                    .map(|address| address.ip())
                    .filter(|ip| !ip.is_loopback())
                    .for_each(|ip: IpAddr| text(&ip.to_string()));
            }
            _ => {}
        })
        .unwrap()
    {}
    secrets
}

#[test]
fn nothing_of_the_house_is_in_any_form() {
    let mut looked_for = 0;
    for path in recordings() {
        let secrets = secrets(&path);
        for form in FORMS {
            let (text, _) = printed(form, &path, true);
            for secret in &secrets {
                let at = text.find(secret.as_str());
                let around = at.map(|at| {
                    let from = text.floor_char_boundary(at.saturating_sub(80));
                    let to = text.floor_char_boundary((at + 120).min(text.len()));
                    &text[from..to]
                });
                assert!(
                    at.is_none(),
                    "{}, {}: {secret} in {around:?}",
                    path.display(),
                    form.name()
                );
                looked_for += 1;
            }
        }
    }
    assert!(looked_for > 500, "{looked_for}");
}

#[test]
fn a_redacted_report_finds_the_same() {
    let found = |report: &Report| {
        let findings = report.findings.iter();
        findings
            .map(|one| (one.name, one.confidence, one.explains))
            .collect::<Vec<_>>()
    };
    for path in recordings() {
        let (_, plain) = printed(FORMS[0], &path, false);
        let (_, redacted) = printed(FORMS[0], &path, true);
        assert_eq!(found(&plain), found(&redacted), "{}", path.display());
        assert_eq!(plain.total.ended, redacted.total.ended);
        assert_eq!(
            plain.flows.len(),
            redacted.flows.len(),
            "{}",
            path.display()
        );
        let says = |one: &String| one.starts_with("redacted: hosts, addresses");
        assert!(redacted.degraded.iter().any(says));
    }
}

/// Each text that a frame holds, by its key.
fn texts(key: &str, value: &Value, keys: &mut BTreeSet<(String, bool)>) {
    match value {
        Value::String(text) => {
            keys.insert((key.to_owned(), text.contains('/')));
        }
        Value::Array(values) => values.iter().for_each(|value| texts(key, value, keys)),
        Value::Object(fields) => {
            for (key, value) in fields {
                texts(key, value, keys);
            }
        }
        _ => {}
    }
}

/// A field that is new has to be thought of: here, and in `redact`, where what it does not know is
/// replaced whole.
#[test]
fn each_field_that_holds_a_path_is_known() {
    let mut keys = BTreeSet::new();
    for path in recordings() {
        let bytes = fs::read(path).unwrap();
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        let mut take = |frame: Frame<'_>| {
            let value = match frame {
                Frame::Start(start) => serde_json::to_value(start),
                Frame::Process(process) => serde_json::to_value(process),
                Frame::Inspection(inspection) => serde_json::to_value(inspection),
                Frame::TimeWait(snapshot) => serde_json::to_value(snapshot),
                Frame::Limitation(limitation) => serde_json::to_value(limitation),
                Frame::Elsewhere(elsewhere) => serde_json::to_value(elsewhere),
                _ => return,
            };
            texts("", &value.unwrap(), &mut keys);
        };
        while let Some(()) = reader.next_frame(&mut take).unwrap() {}
    }
    let with_slash: Vec<_> = keys.iter().filter(|(_, slash)| *slash).collect();
    let with_slash: Vec<_> = with_slash.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(with_slash, KNOWN);
}

/// Keys of texts with a slash in the recordings that are kept.
const KNOWN: [&str; 9] = [
    "catalina_base",
    "command",
    "cwd",
    "executable",
    "flags",
    "last",
    "path",
    "record",
    "stack",
];
