// SPDX-License-Identifier: MIT
//! Variations of logs, of servers and of clients.

use std::path::Path;

use zkchurn::host::logs as of_processes;

use crate::{
    dice::Dice,
    line::{Line, check},
    of_recordings::files,
    samples, server_logs,
};

/// Variations of each log of a server.
const OF_EACH_LOG: u64 = 32;

#[test]
fn of_server_logs() {
    let mut logs = files(Path::new("tests/serverlog"), ".log");
    logs.extend(files(Path::new("tests/serverlog/layouts"), ".log"));
    let lines = logs.into_iter().enumerate().map(|(number, (name, log))| {
        let log = String::from_utf8_lossy(&log);
        let mut line = Line::new(name, OF_EACH_LOG);
        for turn in 0..OF_EACH_LOG {
            let mut dice = Dice::new(5_000_000 + number as u64 * OF_EACH_LOG + turn);
            let varied = server_logs::variation(&log, &mut dice);
            line.add(&server_logs::reported(&varied, &mut dice));
        }
        line
    });
    check("server_logs", &lines.collect::<Vec<_>>());
}

#[test]
fn of_logs_of_clients() {
    let log = samples::CLIENT_LINES.join("\n");
    let mut line = Line::new("log", 64);
    for turn in 0..64 {
        let mut dice = Dice::new(7_000_000 + turn);
        let varied = server_logs::variation(&log, &mut dice);
        line.add_words(&of_processes::in_text(varied.as_bytes(), dice.one_in(4)).unwrap());
    }
    check("logs_of_clients", &[line]);
}
