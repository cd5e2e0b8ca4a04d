// SPDX-License-Identifier: MIT
//! The directory of an agent is removed while it traces, and an incident is under way as it ends:
//! what is said of that incident is not that it is there.

use std::{fs, net::TcpStream, path::Path, process::Command};

use super::{Agent, names};
use crate::{
    faults::run::PATIENCE,
    namespace::in_namespace,
    peer::v4,
    tracer::{unused_port, wait_for},
};

/// Settings with which an incident is not over before the test is.
const SETTINGS: &str = "on-finding = \"off\"\non-refused = 50\nafter = \"10m\"\n";

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_incident_of_which_nothing_is_left_is_not_said_to_be_there() {
    in_namespace(|| {
        let folder = tempfile::tempdir().unwrap();
        let [long_before, at_the_end, never] =
            ["long-before", "at-the-end", "never"].map(|name| folder.path().join(name));
        let agents = [&long_before, &at_the_end, &never].map(|directory| {
            let port = unused_port();
            let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
            (port, Agent::start_with(command, port, directory, SETTINGS))
        });
        for (port, agent) in &agents {
            wait_for(2 * PATIENCE, "churn to begin", || {
                assert!(TcpStream::connect(v4(*port)).is_err());
                agent.messages().contains("churn began: ")
            });
        }
        let [(port, first), (_, second), (_, third)] = agents;
        fs::remove_dir_all(&long_before).unwrap();
        let gone = "takes nothing more: it was removed or renamed";
        wait_for(2 * PATIENCE, gone, || {
            // It looks where it writes to as it is given something.
            assert!(TcpStream::connect(v4(port)).is_err());
            first.messages().contains(gone)
        });
        assert_not_said_to_be_there(first, &long_before);
        fs::remove_dir_all(&at_the_end).unwrap();
        let messages = assert_not_said_to_be_there(second, &at_the_end);
        let missing = "what came last may be missing in";
        let why = format!("{missing} {}: it was removed", at_the_end.display());
        assert!(messages.contains(&why), "{messages}");
        let (code, messages) = third.end();
        assert_eq!(code, Some(0), "{messages}");
        let said = format!("what was recorded of it is in {}: ", never.display());
        assert_eq!(messages.matches(&said).count(), 1, "{messages}");
        assert_eq!(names(&never).len(), 1);
    });
}

fn assert_not_said_to_be_there(agent: Agent, directory: &Path) -> String {
    let (code, messages) = agent.end();
    assert_eq!(code, Some(7), "{messages}");
    assert!(
        !messages.contains("what was recorded of it is in"),
        "{messages}"
    );
    let said = format!(
        "an incident was under way as the trace ended; {} has at most what was recorded of it \
         before that failed: ",
        directory.display()
    );
    assert_eq!(messages.matches(&said).count(), 1, "{messages}");
    messages
}
