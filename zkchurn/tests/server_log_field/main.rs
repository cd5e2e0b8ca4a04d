// SPDX-License-Identifier: MIT
//! `zkchurn serverlog` on what people have: logs in every layout, of whatever is not a
//! server, with what clients can write into them, and with causes that are the server's own.
#![expect(
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its purpose"
)]

mod causes;
mod forged;
mod layouts;
mod reading;
mod run;

use run::server_log;
use serde_json::Value;

/// The report on a log, and the exit code.
fn report_and_code(log: &[u8]) -> (Value, i32) {
    let output = server_log(&["-", "--format", "json"], log);
    let report = serde_json::from_slice(&output.stdout).unwrap();
    (report, output.status.code().unwrap())
}

/// The report on a server's log that is understood.
fn report(log: &str) -> Value {
    let (report, code) = report_and_code(log.as_bytes());
    assert_eq!(code, 0, "{}", report["answer"]);
    report
}

/// The counts of an address, `null` where it is not in the report.
fn counts<'r>(report: &'r Value, address: &str) -> &'r Value {
    let rows = report["addresses"].as_array().unwrap();
    let row = rows.iter().find(|row| row["address"] == address);
    row.map_or(&Value::Null, |row| &row["counts"])
}
