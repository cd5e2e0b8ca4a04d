// SPDX-License-Identifier: MIT
//! Where this host has ZooKeeper connections, when none ends at the traced ports: a wrong
//! `--port` looks like a quiet host otherwise. The shell looks (`host/elsewhere`), once.

use serde::{Deserialize, Serialize};

use crate::{sides::Sides, text};

/// Most ports that are named: one command takes them all.
pub const MOST_PORTS: usize = 4;

/// What was found, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// Ports that are not traced, those that most likely are ZooKeeper's first.
    pub ports: Vec<PortSeen>,
    /// A process with a ZooKeeper client, where no port shows that it connects to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Who>,
    /// What could not be looked at, each a sentence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Sockets at a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSeen {
    pub port: u16,
    /// Whether they were accepted here.
    pub accepted: bool,
    /// Why it is taken for ZooKeeper's.
    pub why: Why,
    /// Connections that are open.
    pub open: u64,
    /// Sockets in TIME_WAIT.
    pub time_wait: u64,
    /// A process that holds one, or that is behind it by `why`.
    pub who: Option<Who>,
}

/// A process by pid and by what is printed of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    pub pid: u32,
    /// As [`ProcessIdentity::label`](crate::process::ProcessIdentity::label).
    pub label: String,
}

/// Why a port is taken for ZooKeeper's, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// A ZooKeeper server of this host listens there.
    Server,
    /// The command line of a process with a ZooKeeper client names it.
    Named,
    /// It is a number that ZooKeeper is often given.
    Number,
    /// A process with a ZooKeeper client connects to it, to what is unknown.
    Client,
    /// There is a ZooKeeper client on this host, and this is where connections end.
    Ends,
}

/// That no connection has ended which is traced: at these ports, of this side, and of these
/// processes only, where not of all.
pub fn none_ended(ports: &[u16], sides: Sides, only: Option<&str>) -> String {
    let ports = text::ports(ports);
    let traced = match (sides, only) {
        (Sides::Client, None) => format!("from this host to {ports}"),
        (Sides::Server, None) => format!("accepted at {ports}"),
        (Sides::Both, None) => format!("at {ports}"),
        (Sides::Client, Some(only)) => format!("of {only} to {ports}"),
        (Sides::Server | Sides::Both, Some(only)) => format!("of {only} at {ports}"),
    };
    format!("no connection {traced} has ended")
}

impl Elsewhere {
    /// What it means, where these sides were looked at; goes on behind [`none_ended`].
    pub fn sentence(&self, sides: Sides) -> String {
        let Some(first) = self.ports.first() else {
            let none = match &self.client {
                Some(who) => format!(
                    "{} has a ZooKeeper client, but none of its connections to other ports looks \
                     like ZooKeeper's",
                    named(who)
                ),
                None => match sides {
                    Sides::Client => "no connection to another port looks like ZooKeeper's",
                    Sides::Server => {
                        "no ZooKeeper server of this host listens for clients at another port"
                    }
                    Sides::Both => "no connection to or from another port looks like ZooKeeper's",
                }
                .to_owned(),
            };
            return none + &self.unseen();
        };
        let mut sentence = format!("port {} has {}", first.port, sockets(first));
        sentence.push_str(&reason(first));
        let rest = &self.ports[1..];
        if !rest.is_empty() {
            let rest: Vec<_> = rest
                .iter()
                .map(|port| format!("{} ({})", port.port, sockets(port)))
                .collect();
            sentence.push_str(&format!("; also port {}", rest.join(", ")));
        }
        sentence
    }

    /// What could not be looked at, where nothing was found in the rest.
    fn unseen(&self) -> String {
        let Some(note) = self.notes.first() else {
            return String::new();
        };
        let mut letters = note.trim_end_matches('.').chars();
        let first = letters.next().map(|first| first.to_lowercase().to_string());
        let note = first.unwrap_or_default() + letters.as_str();
        let more = match self.notes.len() {
            1 => String::new(),
            many => format!(", and {} more", many - 1),
        };
        let note = text::printable(note.as_bytes());
        format!(", as far as could be seen ({note}{more})")
    }

    /// The command that traces them; `None` where there is none.
    pub fn command(&self) -> Option<String> {
        let accepted = self.ports.first()?.accepted;
        let mut ports: Vec<_> = self
            .ports
            .iter()
            .filter(|port| port.accepted == accepted)
            .map(|port| port.port)
            .collect();
        ports.sort_unstable();
        let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
        let side = match accepted {
            true => " --side server",
            false => "",
        };
        Some(format!("sudo zkchurn --port {}{side}", ports.join(",")))
    }
}

fn named(who: &Who) -> String {
    format!("pid {} {}", who.pid, text::printable(who.label.as_bytes()))
}

fn sockets(port: &PortSeen) -> String {
    let open = text::counted(port.open, "open connection");
    match (port.open, port.time_wait) {
        (0, 0) => "no connection now".to_owned(),
        (_, 0) => open,
        (0, gone) => format!("{} in TIME_WAIT", text::counted(gone, "socket")),
        (_, gone) => format!("{open} and {} in TIME_WAIT", text::count(gone)),
    }
}

fn reason(port: &PortSeen) -> String {
    let who = port.who.as_ref().map(named);
    match (port.why, who) {
        (Why::Server, Some(who)) => format!(", and the ZooKeeper server {who} listens there"),
        (Why::Named, Some(who)) => {
            format!(", and {who}, which has a ZooKeeper client, names it on its command line")
        }
        (Why::Client, Some(who)) => format!(", of {who}, which has a ZooKeeper client"),
        (Why::Ends, Some(who)) => format!(", and {who} has a ZooKeeper client"),
        (Why::Number, Some(who)) => format!("; {who} connects there"),
        (_, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_not_all_could_be_looked_at_nothing_is_nothing_that_could_be_seen() {
        let notes = |count| {
            let note = "The command line of process 7 did not answer.".to_owned();
            let notes = vec![note; count];
            let client = None;
            let ports = Vec::new();
            let elsewhere = Elsewhere {
                ports,
                client,
                notes,
            };
            elsewhere.sentence(Sides::Client)
        };
        let none = "no connection to another port looks like ZooKeeper's";
        assert_eq!(notes(0), none);
        let unseen = "the command line of process 7 did not answer";
        assert_eq!(
            notes(1),
            format!("{none}, as far as could be seen ({unseen})")
        );
        let two = format!("{none}, as far as could be seen ({unseen}, and 1 more)");
        assert_eq!(notes(2), two);
    }

    #[test]
    fn what_has_not_ended_is_what_is_traced_and_no_more() {
        let said = |sides, only| none_ended(&[2181], sides, only);
        for (sides, only, words) in [
            (Sides::Client, None, "from this host to port 2181"),
            (Sides::Client, Some("pid 7"), "of pid 7 to port 2181"),
            (Sides::Server, None, "accepted at port 2181"),
            (Sides::Both, None, "at port 2181"),
            (Sides::Both, Some("pid 7"), "of pid 7 at port 2181"),
        ] {
            assert_eq!(
                said(sides, only),
                format!("no connection {words} has ended")
            );
        }
    }

    fn port(port: u16, why: Why, open: u64, time_wait: u64) -> PortSeen {
        let who = Who {
            pid: 7,
            label: "java (Shop)".to_owned(),
        };
        PortSeen {
            port,
            accepted: false,
            why,
            open,
            time_wait,
            who: Some(who),
        }
    }

    #[test]
    fn ports_are_told_with_why_and_with_one_command_for_all() {
        let found = Elsewhere {
            ports: vec![port(11035, Why::Ends, 0, 19), port(2182, Why::Number, 2, 1)],
            ..Elsewhere::default()
        };
        assert_eq!(
            found.sentence(Sides::Client),
            "port 11035 has 19 sockets in TIME_WAIT, and pid 7 java (Shop) has a ZooKeeper \
             client; also port 2182 (2 open connections and 1 in TIME_WAIT)"
        );
        let command = found.command();
        assert_eq!(command.as_deref(), Some("sudo zkchurn --port 2182,11035"));
    }

    #[test]
    fn nothing_found_is_said_and_no_command_is_made_up() {
        let nothing = Elsewhere::default();
        let said = |sides| nothing.sentence(sides);
        assert!(said(Sides::Client).starts_with("no connection to another port"));
        assert!(said(Sides::Server).starts_with("no ZooKeeper server of this host listens"));
        assert!(said(Sides::Both).starts_with("no connection to or from another"));
        assert_eq!(nothing.command(), None);
        let idle = Elsewhere {
            client: Some(Who {
                pid: 7,
                label: "java\u{1b}[2J".to_owned(),
            }),
            ..Elsewhere::default()
        };
        let said = idle.sentence(Sides::Client);
        assert!(!said.contains('\u{1b}'), "{said}");
    }
}
