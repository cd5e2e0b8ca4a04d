// SPDX-License-Identifier: MIT
//! In whose network namespace a command is run that asks for sockets, ports, routes or a
//! firewall: a container has its own of each, and on the host it shows the host's.

use crate::inspection::{Inspection, namespaces::Namespace};

/// How an advice names a process that the reader has to choose.
const CHOSEN: &str = "-t PID ";

/// The network namespace that the connections of a case are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// Nobody looked, or the process was gone.
    #[default]
    NotKnown,
    /// That of zkchurn, of the shell that it was started from.
    Here,
    /// Another one.
    Elsewhere {
        /// The process by which it is entered; none where they are several.
        pid: Option<u32>,
    },
}

impl Network {
    /// Of `all` processes, so far as they were looked at.
    pub fn of<'a>(inspections: impl Iterator<Item = &'a Inspection>, all: usize) -> Self {
        let mut known = 0;
        let mut elsewhere = None;
        for inspection in inspections {
            let Some(details) = &inspection.details else {
                continue;
            };
            known += 1;
            if details.namespaces.kinds.contains(&Namespace::Network) {
                elsewhere = Some(inspection.key.pid);
            }
        }
        match elsewhere {
            Some(pid) => Self::Elsewhere {
                pid: (all == 1).then_some(pid),
            },
            None if known > 0 && known == all => Self::Here,
            None => Self::NotKnown,
        }
    }

    /// The command in backticks, run where the connections are.
    pub fn command(self, command: &str) -> String {
        match self.enter() {
            // It is root already.
            Some(enter) => format!("`{enter} {}`", command.trim_start_matches("sudo ")),
            None => format!("`{command}`"),
        }
    }

    /// How to see what a firewall of this host drops: the host's own forwards what a container
    /// sends, and a container may have one as well.
    pub fn firewall(self) -> String {
        const OF_HOST: &str = "`sudo nft list ruleset` and `sudo iptables -S`";
        match self.enter() {
            Some(enter) => format!(
                "{OF_HOST} on the host, and the same in the client's network namespace (`{enter} \
                 nft list ruleset`)"
            ),
            None => OF_HOST.to_owned(),
        }
    }

    /// What `PID` in an advice stands for.
    pub fn explain(self, advice: &[String]) -> Option<&'static str> {
        let is_open = matches!(self, Self::Elsewhere { pid: None });
        let is_used = || advice.iter().any(|one| one.contains(CHOSEN));
        (is_open && is_used()).then_some(
            "PID in these commands: any process that runs in the client's container, or in its \
             network namespace (`lsns -t net` lists one of each)",
        )
    }

    fn enter(self) -> Option<String> {
        match self {
            Self::Elsewhere { pid: Some(pid) } => Some(format!("sudo nsenter -t {pid} -n")),
            Self::Elsewhere { pid: None } => Some(format!("sudo nsenter {CHOSEN}-n")),
            Self::Here | Self::NotKnown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        diagnose::test_case::{diagnosed_with, every, looked_at},
        inspection::{Details, namespaces::OtherNamespaces},
        outcome::Outcome,
        process::ProcessKey,
        registry::Registry,
    };

    fn inspection(pid: u32, kinds: &[Namespace]) -> Inspection {
        Inspection {
            key: ProcessKey { pid, start_ns: 1 },
            at_ns: 0,
            details: Some(Details {
                namespaces: OtherNamespaces {
                    kinds: kinds.to_vec(),
                    inner_pid: None,
                },
                ..Details::default()
            }),
            jvm: None,
            logs: None,
        }
    }

    fn of(all: &[Inspection], count: usize) -> Network {
        Network::of(all.iter(), count)
    }

    #[test]
    fn a_command_is_run_where_the_sockets_are() {
        let inside = of(&[inspection(7, &Namespace::ALL)], 1);
        assert_eq!(inside.command("ss -tan"), "`sudo nsenter -t 7 -n ss -tan`");
        assert_eq!(
            inside.command("sudo tcpdump -n"),
            "`sudo nsenter -t 7 -n tcpdump -n`"
        );
        assert!(inside.firewall().contains("on the host, and"));
        let here = of(&[inspection(7, &[Namespace::Mount])], 1);
        assert_eq!(
            (here, here.command("ss -tan").as_str()),
            (Network::Here, "`ss -tan`")
        );
    }

    /// Whatever is advised against what happens on this host.
    #[test]
    fn no_advice_asks_the_host_about_a_container() {
        const ASK: [&str; 9] = [
            "`ss ", "`sysctl ", "`ip ", "`nstat ", "`tc ", "`tcpdump", "sudo ss", "sudo tc",
            "sudo ip ",
        ];
        for outcome in [
            Outcome::NoLocalPort,
            Outcome::LocalAddressInUse,
            Outcome::Unreachable,
            Outcome::TimedOut,
            Outcome::Refused,
        ] {
            let mut connections = every(7_400, 8, (0, 0, outcome));
            for one in &mut connections {
                one.ended_ns = Some(one.started_ns + 7_100_000_000);
            }
            let advice = |others| {
                let findings = diagnosed_with(&connections, &looked_at(&connections, others));
                findings[0].next.clone()
            };
            let inside = advice(&[Namespace::Network]);
            for one in inside
                .iter()
                .filter(|one| !one.starts_with("on the server"))
            {
                assert!(
                    !ASK.iter().any(|ask| one.contains(ask)),
                    "{outcome:?}: {one}"
                );
            }
            let inside = inside.join("\n");
            assert!(
                inside.contains("`sudo nsenter -t "),
                "{outcome:?}: {inside}"
            );
            let here = advice(&[Namespace::Mount]).join("\n");
            assert!(!here.contains("nsenter"), "{outcome:?}: {here}");
        }
    }

    #[test]
    fn the_host_s_range_is_no_container_s() {
        let connections = every(50, 40, (0, 0, Outcome::NoLocalPort));
        let inside = looked_at(&connections, &[Namespace::Network]);
        let advice = diagnosed_with(&connections, &inside)[0].next.join("\n");
        assert!(
            advice.contains("-n sysctl net.ipv4.ip_local_port_range` has, the program limits"),
            "{advice}"
        );
        assert!(!advice.contains("the host's range"), "{advice}");
        let unknown = diagnosed_with(&connections, &Registry::default())[0]
            .next
            .join("\n");
        assert!(
            unknown.contains("has in the client's network namespace"),
            "{unknown}"
        );
    }

    #[test]
    fn of_several_the_reader_chooses_one_that_runs() {
        let inside = of(
            &[inspection(7, &[Namespace::Network]), inspection(8, &[])],
            2,
        );
        assert_eq!(inside, Network::Elsewhere { pid: None });
        let advice = [inside.command("ip neigh")];
        assert!(inside.explain(&advice).is_some());
        assert_eq!(inside.explain(&[]), None);
    }

    #[test]
    fn of_one_that_was_gone_it_is_not_known() {
        assert_eq!(of(&[], 1), Network::NotKnown);
        assert_eq!(of(&[inspection(7, &[])], 2), Network::NotKnown);
    }
}
