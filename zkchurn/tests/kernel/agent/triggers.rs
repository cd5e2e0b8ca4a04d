// SPDX-License-Identifier: MIT
//! What has an agent keep an incident by numbers alone: how fast connections are opened, how
//! many of them are refused, and how many more are open.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use super::{Agent, names};
use crate::{
    faults::run::PATIENCE,
    namespace::in_namespace,
    peer::{connect, drain_one, listen, v4},
    tracer::{unused_port, wait_for},
};

/// An agent that looks for one of them only.
struct One {
    agent: Agent,
    kept: PathBuf,
    counts: PathBuf,
}

impl One {
    fn start(port: u16, directory: &Path, trigger: &str) -> Self {
        let kept = directory.join(format!("kept-{port}"));
        let counts = directory.join(format!("{port}.prom"));
        let settings =
            format!("on-finding = \"off\"\n{trigger}\nafter = \"1m\"\nprom-file = {counts:?}\n");
        let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        let agent = Agent::start_with(command, port, &kept, &settings);
        Self {
            agent,
            kept,
            counts,
        }
    }

    /// Does something again and again until churn is said to have begun.
    fn fires(&self, mut act: impl FnMut()) {
        wait_for(2 * PATIENCE, "churn to begin", || {
            act();
            self.agent.messages().contains("churn began: ")
        });
    }

    /// Connections that are open, as it exports them.
    fn open(&self) -> Option<u64> {
        let counts = fs::read_to_string(&self.counts).unwrap_or_default();
        let mut values = counts
            .lines()
            .filter_map(|line| line.strip_prefix("zkchurn_connections_open "));
        values.next().and_then(|value| value.parse().ok())
    }

    /// The sentence of the only incident that it keeps, behind the word by which it is named.
    fn keeps(&self, name: &str) -> String {
        wait_for(4 * PATIENCE, "the incident", || {
            self.agent.messages().contains("incident kept in")
        });
        let incidents = self.kept.join("incidents");
        let [incident] = &names(&incidents)[..] else {
            panic!("{:?}", names(&incidents));
        };
        assert!(incident.ends_with(name), "{incident}");
        let incident = fs::read_to_string(incidents.join(incident).join("incident.json")).unwrap();
        let incident: serde_json::Value = serde_json::from_str(&incident).unwrap();
        let [fired] = &incident["fired"].as_array().unwrap()[..] else {
            panic!("{incident}");
        };
        fired.as_str().unwrap().to_owned()
    }

    fn end(self) {
        let (code, messages) = self.agent.end();
        assert_eq!(code, Some(0), "{messages}");
        assert_eq!(messages.matches("churn began: ").count(), 1, "{messages}");
    }
}

/// Connections that stay open at both ends.
struct Held<'a> {
    listener: &'a TcpListener,
    port: u16,
    streams: Vec<(TcpStream, TcpStream)>,
}

impl Held<'_> {
    fn open(&mut self, count: usize) {
        for _ in 0..count {
            let ours = connect(v4(self.port));
            let (theirs, _) = self.listener.accept().unwrap();
            self.streams.push((ours, theirs));
        }
    }
}

/// The first number of a sentence.
fn number(sentence: &str) -> u64 {
    let words = sentence.split_whitespace();
    words.filter_map(|word| word.parse().ok()).next().unwrap()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_rate_a_share_of_refused_and_growth_each_make_an_incident() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let listeners = [unused_port(), unused_port()].map(|port| (port, listen(port)));
        let [(fast_port, fast), (growing_port, growing)] = &listeners;
        let refusing_port = unused_port();
        let mut held = Held {
            listener: growing,
            port: *growing_port,
            streams: Vec::new(),
        };
        // They are there before anybody traces.
        held.open(3);
        let rate = One::start(*fast_port, directory.path(), "on-rate = 2");
        let refused = One::start(refusing_port, directory.path(), "on-refused = 50");
        let growth = One::start(*growing_port, directory.path(), "on-growth = 5");
        wait_for(2 * PATIENCE, "the older connections in the counts", || {
            growth.open() == Some(3)
        });

        rate.fires(|| {
            for _ in 0..30 {
                drop(connect(v4(*fast_port)));
                drain_one(fast);
            }
            std::thread::sleep(Duration::from_secs(1));
        });
        refused.fires(|| {
            for _ in 0..20 {
                assert!(TcpStream::connect(v4(refusing_port)).is_err());
            }
            std::thread::sleep(Duration::from_secs(1));
        });
        // Nothing of it ends, so nothing else would tell of it.
        growth.fires(|| {
            held.open(1);
            std::thread::sleep(Duration::from_millis(500));
        });
        let open = held.streams.len() as u64;
        wait_for(2 * PATIENCE, "all that is open", || {
            growth.open() == Some(open)
        });
        held.streams.truncate(3);
        wait_for(2 * PATIENCE, "what is open still", || {
            growth.open() == Some(3)
        });

        let fired = rate.keeps("-rate");
        assert!(
            fired.contains(" connections opened in ") && number(&fired) >= 20,
            "{fired}"
        );
        let fired = refused.keeps("-refused");
        assert!(fired.ends_with(" connections refused"), "{fired}");
        let fired = growth.keeps("-growth");
        assert!(
            fired.contains(" connections open, ") && fired.contains(" more than "),
            "{fired}"
        );
        assert!((8..=open).contains(&number(&fired)), "{fired}, {open} held");
        for one in [rate, refused, growth] {
            one.end();
        }
    });
}
