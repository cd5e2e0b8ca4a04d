// SPDX-License-Identifier: MIT
//! Recordings of several hosts in one report. They are those of the tree under other names, at
//! other times and with a server that is not on loopback.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

use std::{
    fs,
    mem::offset_of,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use zkchurn_common::record::ConnectionRecord;
use zkchurn_core::{
    frame::Frame,
    recording::{reader::Reader, writer::Writer},
};
use zkchurn_lab::harness::in_time::CommandInTime;

/// 2026-11-27T10:00:00Z.
const TEN: i64 = 1_795_773_600;
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 5);

/// A recording of the tree as that of another host.
#[derive(Clone, Copy)]
struct As<'a> {
    recording: &'a str,
    host: &'a str,
    boot_id: Option<&'a str>,
    /// Seconds after ten.
    begins: i64,
    server: Ipv4Addr,
}

const INCIDENT: As<'_> = As {
    recording: "incident",
    host: "app-1",
    boot_id: None,
    begins: 0,
    server: SERVER,
};
const QUIET: As<'_> = As {
    recording: "quiet",
    host: "app-3",
    boot_id: None,
    begins: 3,
    server: SERVER,
};

impl As<'_> {
    fn bytes(&self) -> Vec<u8> {
        let path = format!("tests/recordings/{}.zkchurn", self.recording);
        let bytes = fs::read(path).unwrap();
        let mut reader = Reader::new(bytes.as_slice()).unwrap();
        let mut writer = Writer::in_memory();
        while reader
            .next_frame(|frame| self.write(frame, &mut writer))
            .unwrap()
            .is_some()
        {}
        writer.get_ref().clone()
    }

    fn write(&self, frame: Frame<'_>, to: &mut Writer<Vec<u8>>) {
        match frame {
            Frame::Start(start) => {
                let mut start = start.clone();
                start.host = self.host.to_owned();
                start.boot_id = self.boot_id.map(str::to_owned);
                start.clock.realtime_ns = (TEN + self.begins) * 1_000_000_000;
                to.write(Frame::Start(&start)).unwrap();
            }
            Frame::Record(bytes) => {
                let mut bytes = bytes.to_vec();
                let at = offset_of!(ConnectionRecord, remote_address);
                if let Some(address) = bytes.get_mut(at..at + 16)
                    && *address == mapped(Ipv4Addr::LOCALHOST)
                {
                    address.copy_from_slice(&mapped(self.server));
                }
                to.write(Frame::Record(&bytes)).unwrap();
            }
            frame => to.write(frame).unwrap(),
        }
    }

    fn file(&self, directory: &Path) -> PathBuf {
        let path = directory.join(format!("{}-{}.zkchurn", self.host, self.begins));
        fs::write(&path, self.bytes()).unwrap();
        path
    }
}

fn mapped(address: Ipv4Addr) -> [u8; 16] {
    address.to_ipv6_mapped().octets()
}

/// Makes a report of these files, and more arguments.
fn report(files: &[&Path], to: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .arg("report")
        .args(files)
        .arg("-o")
        .arg(to)
        .args(more)
        .env("TZ", "UTC")
        .output_in_time()
        .unwrap()
}

/// The report of these hosts, with this ending, and more arguments.
fn of(hosts: &[As<'_>], ending: &str, more: &[&str]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let files: Vec<_> = hosts
        .iter()
        .map(|host| host.file(directory.path()))
        .collect();
    let files: Vec<_> = files.iter().map(PathBuf::as_path).collect();
    let to = directory.path().join(format!("all.{ending}"));
    let output = report(&files, &to, more);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    fs::read_to_string(to).unwrap()
}

/// The first sentence, without what a form adds to it and how it is wrapped.
fn answer(hosts: &[As<'_>]) -> String {
    let text = of(hosts, "txt", &[]);
    let (heading, _) = text.split_once("\n\n").unwrap();
    heading.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What refuses these files is one sentence.
fn refused(files: &[&Path], code: i32) -> String {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("all.txt");
    let output = report(files, &to, &[]);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(!to.exists());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(message.lines().count(), 1, "{message}");
    message
}

#[test]
fn hosts_that_churn_at_one_server_at_once_are_one_sentence() {
    let second = As {
        host: "app-2",
        begins: 5,
        ..INCIDENT
    };
    let answer = answer(&[INCIDENT, second, QUIET]);
    assert_eq!(
        answer,
        "2 of 3 hosts churn at the same time against 10.0.1.5:11035: app-1: The client fails \
         before it speaks (certain), 2026-11-27 10:00:01 UTC to 10:00:23; app-2: The client fails \
         before it speaks (certain), 2026-11-27 10:00:06 UTC to 10:00:28; app-3 does not churn."
    );
}

#[test]
fn a_server_on_loopback_is_another_one_on_each_host() {
    let first = As {
        server: Ipv4Addr::LOCALHOST,
        ..INCIDENT
    };
    let second = As {
        host: "app-2",
        ..first
    };
    let answer = answer(&[first, second]);
    assert!(
        answer.starts_with("2 of 2 hosts churn at the same time: app-1 against 127.0.0.1:11035: "),
        "{answer}"
    );
}

#[test]
fn churn_that_ended_before_the_other_began_is_not_at_the_same_time() {
    // A recording goes on after its last connection.
    let first = INCIDENT;
    let second = As {
        recording: "incident",
        host: "app-2",
        begins: 23,
        ..INCIDENT
    };
    let answer = answer(&[first, second]);
    assert!(
        answer.starts_with("2 of 2 hosts churn, but not all at the same time, against "),
        "{answer}"
    );
}

#[test]
fn one_host_alone_is_said_and_so_is_none() {
    let other = As {
        host: "app-4",
        ..QUIET
    };
    let one = answer(&[QUIET, INCIDENT]);
    assert!(
        one.starts_with("1 of 2 hosts churns: app-1 against 10.0.1.5:11035: The client fails "),
        "{one}"
    );
    let none = answer(&[QUIET, other]);
    assert_eq!(
        none,
        "None of 2 hosts is known to churn: app-3, app-4 do not churn."
    );
}

#[test]
fn of_what_was_filtered_out_it_is_not_said_that_it_does_not_churn() {
    let says = |filter: &str| of(&[INCIDENT, QUIET], "txt", &["--filter", filter]);
    let none = says("process:nobody");
    let none = none.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        none.contains("of app-1 it cannot be told: connections were filtered out"),
        "{none}"
    );
    let finding = says("not finding:client_fails_before_it_speaks");
    let finding = finding.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        finding.contains("of app-1 it cannot be told: findings were filtered out"),
        "{finding}"
    );
    assert!(finding.contains("app-3 does not churn"), "{finding}");
}

#[test]
fn every_form_has_the_heading_and_the_report_of_each_host() {
    let hosts = [QUIET, INCIDENT];
    for (ending, says) in [
        ("txt", "==== host app-1 ===="),
        ("md", "## Host app-1"),
        ("json", "\"type\":\"hosts\""),
        ("html", "Host app-1"),
    ] {
        let made = of(&hosts, ending, &[]);
        assert!(made.contains(says), "{ending}");
        for each in [
            "1 of 2 hosts churns",
            "app-3 does not churn",
            "NoClassDefFoundError",
        ] {
            assert!(made.contains(each), "{ending}: {each}");
        }
        assert!(made == of(&hosts, ending, &[]), "{ending}: other bytes");
    }
}

#[test]
fn the_json_begins_with_the_hosts_and_has_a_report_of_each() {
    let json = of(&[INCIDENT, QUIET], "json", &[]);
    let lines = json.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<serde_json::Value> = lines.collect();
    assert_eq!(lines[0]["type"], "hosts");
    assert_eq!(lines[0]["hosts"][0]["standing"], "churns");
    assert_eq!(
        lines[0]["hosts"][0]["name"],
        "client_fails_before_it_speaks"
    );
    assert_eq!(lines[0]["hosts"][1]["standing"], "does_not_churn");
    let reports = lines.iter().filter(|line| line["type"] == "report");
    let hosts: Vec<_> = reports.map(|line| line["host"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["app-1", "app-3"]);
}

#[test]
fn the_page_is_one_document_and_can_be_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let files = [INCIDENT, QUIET].map(|host| host.file(directory.path()));
    let files: Vec<_> = files.iter().map(PathBuf::as_path).collect();
    let first = directory.path().join("first.html");
    assert!(report(&files, &first, &[]).status.success());
    let page = fs::read_to_string(&first).unwrap();
    assert_eq!(page.matches("<script").count(), 2);
    assert_eq!(page.matches("<main").count(), 1);
    let ids = page.match_indices(" id=\"").map(|(at, name)| {
        let value = &page[at + name.len()..];
        value.split('"').next().unwrap()
    });
    let ids: Vec<_> = ids.collect();
    for (at, id) in ids.iter().enumerate() {
        assert!(!ids[..at].contains(id), "{id} is there twice");
    }
    for (at, name) in page.match_indices("aria-labelledby=\"") {
        let value = page[at + name.len()..].split('"').next().unwrap();
        for id in value.split(' ') {
            assert!(ids.contains(&id), "{id} is nowhere");
        }
    }
    let second = directory.path().join("second.html");
    assert!(report(&[&first], &second, &[]).status.success());
    assert!(fs::read_to_string(second).unwrap() == page);
}

#[test]
fn many_hosts_still_make_a_page_below_two_megabytes() {
    let names: Vec<_> = (0..32).map(|number| format!("app-{number}")).collect();
    let hosts: Vec<_> = names.iter().map(|host| As { host, ..INCIDENT }).collect();
    let page = of(&hosts, "html", &[]);
    assert!(page.len() < 2 << 20, "{} bytes", page.len());
    assert!(page.contains("32 of 32 hosts churn at the same time"));
}

#[test]
fn other_names_are_the_same_in_all_reports() {
    let second = As {
        host: "app-2",
        ..INCIDENT
    };
    let text = of(&[INCIDENT, second], "txt", &["--redact"]);
    for name in ["app-1", "app-2", "10.0.1.5"] {
        assert!(!text.contains(name), "{name}");
    }
    assert!(text.starts_with("2 of 2 hosts churn at the same time against "));
}

#[test]
fn one_host_twice_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let later = As {
        begins: 1,
        ..INCIDENT
    };
    let [first, second] = [INCIDENT, later].map(|host| host.file(directory.path()));
    let message = refused(&[&first, &second], 2);
    assert!(message.contains("are both of host app-1: "), "{message}");
    // Under two names, as from two containers of one machine.
    let booted = |host, begins| {
        let boot_id = Some("d7ba35a9-ada9-460d-bdfd-fcca30fb7488");
        let host = As {
            host,
            boot_id,
            begins,
            ..INCIDENT
        };
        host.file(directory.path())
    };
    let (first, second) = (booted("box-1", 0), booted("box-2", 0));
    let message = refused(&[&first, &second], 2);
    assert!(message.contains("are both of host box-2: "), "{message}");
    assert!(message.contains("(which calls it box-1) and "), "{message}");
    // Under other names it is one boot still, and the true ones are not told.
    let message = refused(&[&first, &second, Path::new("--redact")], 2);
    assert!(message.contains("are both of host host-"), "{message}");
    assert!(
        message.contains("(which calls it host-1) and "),
        "{message}"
    );
}

#[test]
fn recordings_without_a_common_time_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let later = As {
        host: "app-2",
        begins: 3600,
        ..INCIDENT
    };
    let [first, second] = [INCIDENT, later].map(|host| host.file(directory.path()));
    let message = refused(&[&second, &first], 2);
    assert!(
        message.contains("app-1-0.zkchurn ends (2026-11-27T10:00:2") && message.contains("begins"),
        "{message}"
    );
}

#[test]
fn a_damaged_recording_is_named_and_cannot_be_told_quiet() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second] = [INCIDENT, QUIET].map(|host| host.file(directory.path()));
    let mut bytes = fs::read(&second).unwrap();
    let length = bytes.len();
    bytes.truncate(length - 20);
    fs::write(&second, bytes).unwrap();
    let to = directory.path().join("all.txt");
    let output = report(&[&first, &second], &to, &[]);
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let text = fs::read_to_string(to).unwrap();
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("of app-3 it cannot be told: a part of its recording cannot be read"),
        "{words}"
    );
}

#[test]
fn what_is_no_recording_of_one_host_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second] = [INCIDENT, QUIET].map(|host| host.file(directory.path()));
    let page = directory.path().join("page.html");
    assert!(report(&[&first], &page, &[]).status.success());
    let message = refused(&[&second, &page], 2);
    assert!(message.contains("page.html is a page: "), "{message}");
    let part = directory.path().join("part.zkchurn");
    let output = report(&[&first, &second], &part, &[]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let noise = directory.path().join("noise.zkchurn");
    fs::write(&noise, "no recording").unwrap();
    let message = refused(&[&first, &noise], 5);
    assert!(message.contains("noise.zkchurn"), "{message}");
}

#[test]
fn an_expectation_may_be_met_by_any_host() {
    let met = [
        "--expect",
        "finding=client_fails_before_it_speaks,confidence=certain",
    ];
    of(&[QUIET, INCIDENT], "txt", &met);
    let directory = tempfile::tempdir().unwrap();
    let [first, second] = [INCIDENT, QUIET].map(|host| host.file(directory.path()));
    let to = directory.path().join("all.txt");
    let unmet = ["--expect", "finding=refused"];
    let output = report(&[&first, &second], &to, &unmet);
    assert_eq!(output.status.code(), Some(9), "{output:?}");
}

#[test]
fn the_address_of_the_server_is_one() {
    // What the other tests replace is in the recording.
    let bytes = INCIDENT.bytes();
    let address = mapped(SERVER);
    assert!(bytes.windows(16).any(|window| window == address));
    assert_eq!(
        IpAddr::V6(Ipv6Addr::from(address)).to_canonical(),
        IpAddr::V4(SERVER)
    );
}
