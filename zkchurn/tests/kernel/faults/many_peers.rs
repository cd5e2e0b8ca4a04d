// SPDX-License-Identifier: MIT
//! One process that connects to more peers than there are rows, within a second: whoever
//! churns beside it has a row and a finding all the same.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::Command,
};

use crate::{
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{drain, listen},
    tracer::{Tracer, unused_port},
};

/// More than the flows that are told apart (docs/adr/0013).
const PEERS: u32 = 4_500;
const CHURN: usize = 30;

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_scanner_of_thousands_of_addresses_hides_nobody() {
    let (trace, churning) = in_namespace(|| {
        let port = unused_port();
        let tracer = Tracer::start(&["--port", &port.to_string()]);
        for number in 0..PEERS {
            let peer = Ipv4Addr::from_bits(0x7f01_0000 + number);
            // Nobody listens.
            assert!(TcpStream::connect(SocketAddr::from((peer, port))).is_err());
        }
        let drained = drain(listen(port), CHURN);
        let script = format!(
            "for i in $(seq {CHURN}); do exec 3<>/dev/tcp/127.0.0.1/{port}; exec 3>&-; done; \
             echo $$"
        );
        let shell = Command::new("bash").args(["-c", &script]).output_in_time();
        drained.join().unwrap();
        let said = String::from_utf8(shell.unwrap().stdout).unwrap();
        (tracer.finish(), said.trim().parse::<u64>().unwrap())
    });
    trace.assert_nothing_lost();
    assert_eq!(trace.connections.len(), PEERS as usize + CHURN);
    let rows = trace.report["flows"].as_array().unwrap();
    let own = rows.iter().find(|row| row["process"]["pid"] == churning);
    assert_eq!(own.unwrap()["opened"], CHURN, "{}", trace.report["answer"]);
    let findings = trace.report["findings"].as_array().unwrap();
    let connections = |pid: u64| -> u64 {
        let own = findings.iter().filter(|one| one["who"]["pid"] == pid);
        own.map(|one| one["connections"].as_u64().unwrap()).sum()
    };
    assert_eq!(connections(churning), CHURN as u64, "{findings:?}");
    let scanner = findings
        .iter()
        .find(|one| one["who"]["pid"] == u64::from(std::process::id()));
    assert_eq!(scanner.unwrap()["at_least"], true);
}
