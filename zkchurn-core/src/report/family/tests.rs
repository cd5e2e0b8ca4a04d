// SPDX-License-Identifier: MIT
//! What makes a family, and which finding is about it.

use super::*;
use crate::{
    diagnose::test_case::{diagnosed, every},
    ledger::test_connection::{by, ended, name, server_side},
    outcome::Outcome,
};

#[test]
fn programs_are_of_one_name_and_one_user() {
    let connection = by(ended(1, 49, 41, Outcome::Refused), 42, 43, "zkcli");
    let programs = |comm: &str, uid| FamilyKey::Programs {
        comm: Some(name(comm)),
        uid: Some(uid),
        destination: Destination::of(&connection),
    };
    assert!(programs("zkcli", 0).has(&connection));
    assert!(!programs("zkcli", 1000).has(&connection));
    assert!(!programs("nc", 0).has(&connection));
}

/// A finding is about who it names at a peer that it names: both have to be so.
#[test]
fn a_finding_is_about_its_process_and_its_peer() {
    let refused = every(1_000, 30, (0, 0, Outcome::Refused));
    let of = |connection: &Connection| FlowKey {
        process: ProcessKey::of(connection),
        destination: Destination::of(connection),
    };
    let here = refused[0];
    let mut elsewhere = here;
    elsewhere.remote.set_port(2182);
    let another = by(here, 77, 78, "java");
    let client = server_side(here);
    let findings = diagnosed(&refused);
    assert_eq!(findings.len(), 1);
    let about = |connection: &Connection, label: &str, findings: &[Finding]| {
        let key = of(connection);
        finding(findings, &FamilyKey::Flow(key), &key, label)
    };
    assert_eq!(about(&here, "java", &findings), Some(0));
    assert_eq!(about(&here, "another label", &findings), Some(0));
    assert_eq!(about(&elsewhere, "java", &findings), None);
    assert_eq!(about(&another, "java", &findings), None, "its pid is 77");
    assert_eq!(about(&client, "java", &findings), None);
    // Of several processes, and of a remote host, the name counts.
    let mut of_programs = findings.clone();
    of_programs[0].who.processes = Some(30);
    let mut of_host = findings.clone();
    of_host[0].who.kind = "remote_host";
    for findings in [of_programs, of_host] {
        let label = findings[0].who.label.clone();
        assert_eq!(about(&another, &label, &findings), Some(0));
        assert_eq!(about(&here, "another label", &findings), None);
        assert_eq!(about(&elsewhere, &label, &findings), None);
    }
    // Of several remote hosts the peers tell.
    let mut of_hosts = findings.clone();
    of_hosts[0].who.kind = "remote_hosts";
    of_hosts[0].destinations = vec![Destination::of(&client).to_string()];
    assert_eq!(about(&client, "192.0.2.7", &of_hosts), Some(0));
    assert_eq!(about(&here, "java", &of_hosts), None);
    // The first of several.
    let twice = [
        diagnosed(&every(1_000, 30, (0, 0, Outcome::Refused))),
        findings,
    ]
    .concat();
    assert_eq!(about(&here, "java", &twice), Some(0));
}
