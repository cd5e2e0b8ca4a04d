// SPDX-License-Identifier: MIT
//! A client that fails before it speaks, and a probe that only looks whether the
//! port is open: both connect and close without a byte. States, bytes and
//! lifetimes are the same, so what speaks for one or the other is who does it,
//! in which rhythm, and what the program itself says.

use super::{
    case::{Case, ClientThread, Runtime},
    evidence, failing,
    protocol::Protocol,
};
use crate::{
    ledger::shape::{Ending, Spoken},
    text,
};

/// Fewer such connections are no churn.
const FEWEST: u64 = 3;

/// Programs that are made for looking whether a port is open.
const PROBES: [&str; 15] = [
    "nc",
    "nc.openbsd",
    "nc.traditional",
    "ncat",
    "netcat",
    "nmap",
    "tcping",
    "haproxy",
    "keepalived",
    "kubelet",
    "monit",
    "check_tcp",
    "telnet",
    "envoy",
    // A shell opens /dev/tcp itself.
    "bash",
];

/// The program, where it is one of those.
pub(super) fn tool_for_checks<'a>(case: &'a Case<'_>) -> Option<&'a str> {
    let program = case.label().split(' ').next()?;
    PROBES.contains(&program).then_some(program)
}

/// Evidence for both.
pub(super) struct Lookalikes {
    /// Connections that ended without a byte by the client's doing.
    pub silent: u64,
    /// Of those, ended by a RST: a program that sets SO_LINGER to 0.
    pub reset: u64,
    /// What speaks for a client that fails, and how much.
    for_client: Vec<(u32, String)>,
    /// Likewise for a probe.
    for_probe: Vec<(u32, String)>,
    /// Whether the program itself says that it is a client that fails.
    pub client_says_so: bool,
    /// Whether a program that ends as soon as it has connected, and is started again, looks the
    /// same: the kernel closes the socket of one that dies as that itself would.
    pub may_be_crash: bool,
    client: u32,
    probe: u32,
}

impl Lookalikes {
    /// Weighs the evidence; `None` where most connections are of another kind.
    pub(super) fn of(case: &Case<'_>) -> Option<Self> {
        let closed = case
            .shapes()
            .count(|ending, spoken| ending == Ending::ClosedByClient && spoken == Spoken::Nobody);
        let reset = case
            .shapes()
            .count(|ending, spoken| ending == Ending::ResetByClient && spoken == Spoken::Nobody);
        let silent = closed + reset;
        if silent < FEWEST || !case.most(silent) {
            return None;
        }
        let mut lookalikes = Self {
            silent,
            reset,
            for_client: Vec::new(),
            for_probe: Vec::new(),
            client_says_so: false,
            // A RST before any byte is nobody's that dies.
            may_be_crash: reset == 0
                && case.is_started_for_each()
                && tool_for_checks(case).is_none(),
            client: 0,
            probe: 0,
        };
        lookalikes.ask_the_program(case);
        lookalikes.look_at_the_rhythm(case);
        lookalikes.look_at_the_process(case);
        Some(lookalikes)
    }

    fn client(&mut self, weight: u32, reason: impl Into<String>) {
        self.client += weight;
        self.for_client.push((weight, reason.into()));
    }

    fn probe(&mut self, weight: u32, reason: impl Into<String>) {
        self.probe += weight;
        self.for_probe.push((weight, reason.into()));
    }

    fn ask_the_program(&mut self, case: &Case<'_>) {
        if let Some(line) = failing::line(case) {
            // Against a timer's rhythm, or beside a thread of another kind, the line may be of
            // another client of the process, unless it is shown to be of this one; and what was
            // written before the trace must be known to be of this thread's client.
            let is_shown = line.is_of_this_client(case);
            let is_timed = case.rhythm.is_constant() && case.rhythm.is_well_founded();
            let is_against = is_timed || evidence::thread_of_another_kind(case).is_some();
            self.client_says_so =
                line.is_of_client() && (is_shown || !(is_against || line.is_earlier()));
            let weight = match (self.client_says_so, line.is_of_client()) {
                (true, _) => 4,
                // No probe beside a client that fails is told by its rhythm alone.
                (false, true) if line.is_earlier() => 1,
                (false, true) => 2,
                (false, false) if line.is_of_elsewhere() => 1,
                _ => 0,
            };
            let quoted = match !self.client_says_so && line.is_of_client() {
                true => line.quoted_of_any_client(),
                false => line.quoted(),
            };
            self.client(weight, quoted);
        } else if evidence::has_client_at_work(case) {
            self.client(
                2,
                "its log has lines of ZooKeeper's client from the time of the trace",
            );
        }
        match case.client_thread {
            ClientThread::ByStack => {
                self.client_says_so = true;
                self.client(
                    4,
                    "a thread dump shows the connecting thread in ZooKeeper's ClientCnxn, \
                     which always sends first on a connection that works",
                );
            }
            ClientThread::ByName => self.client(
                2,
                "the thread is named like the connection thread of ZooKeeper's Java client",
            ),
            ClientThread::NotSeen => {}
        }
    }

    fn look_at_the_rhythm(&mut self, case: &Case<'_>) {
        if let Some(two) = &case.two_rhythms {
            // Both are there.
            self.probe(
                0,
                format!(
                    "{} of them come every {}, as from a timer",
                    text::count(two.timed),
                    text::duration(two.period_ns)
                ),
            );
            if two.has_java_back_off() {
                self.client(
                    0,
                    format!(
                        "the pauses between the other {} match the back-off of ZooKeeper's Java \
                         client",
                        text::count(two.others)
                    ),
                );
            }
            return;
        }
        let weight = if case.rhythm.is_well_founded() { 2 } else { 1 };
        if case.rhythm.is_java_back_off() {
            self.client(
                weight,
                "the pauses match the back-off of ZooKeeper's Java client",
            );
        } else if case.rhythm.is_constant() {
            self.probe(weight, "the interval is constant, as from a timer");
        }
    }

    fn look_at_the_process(&mut self, case: &Case<'_>) {
        match case.runtime {
            Runtime::Jvm => self.client(1, "the process is a JVM"),
            Runtime::Other => self.probe(
                1,
                match case.protocol {
                    Protocol::Another(_) => {
                        "the process is not a JVM, and others are answered here"
                    }
                    _ => {
                        "the process is not a JVM, and ZooKeeper's other clients send their \
                         request at once"
                    }
                },
            ),
            Runtime::Unknown => {}
        }
        if case.runtime == Runtime::Jvm
            && let Some(thread) = evidence::thread_of_another_kind(case)
        {
            self.probe(
                3,
                format!(
                    "the thread is \"{}\", and ZooKeeper's Java client connects by one that is \
                     named SendThread",
                    text::printable(thread.as_bytes())
                ),
            );
        }
        if case.is_one_thread() && case.runtime == Runtime::Jvm {
            self.client(
                1,
                match case.threads {
                    0 | 1 => "the same thread makes every attempt",
                    _ => "the same thread makes nearly every attempt",
                },
            );
        }
        if self.may_be_crash {
            self.client(
                0,
                "each was made by a process of its own: a program that crashes, or is killed, as \
                 soon as it has connected, and is started again, looks the same",
            );
        } else if case.is_new_one_each_time() {
            self.probe(
                1,
                match case.threads < case.tally.opened() {
                    true => "most attempts come from a new thread or process each",
                    false => "each attempt comes from a new thread or process",
                },
            );
        }
        if let Some(program) = tool_for_checks(case) {
            let reason = match program {
                "bash" => "bash connects by /dev/tcp, as such checks do".to_owned(),
                _ => format!("{program} is a tool for such checks"),
            };
            self.probe(1, reason);
        }
        if self.reset > 0 {
            self.probe(
                2,
                format!(
                    "{} of {} ended with a RST before any byte, as with SO_LINGER 0: \
                     load balancers' health checks do that, ZooKeeper's clients do not",
                    text::count(self.reset),
                    text::count(self.silent)
                ),
            );
        }
    }

    /// What speaks for a client that fails, the weightiest first.
    pub(super) fn for_client(&self) -> impl Iterator<Item = String> {
        by_weight(&self.for_client)
    }

    /// Likewise for a probe.
    pub(super) fn for_probe(&self) -> impl Iterator<Item = String> {
        by_weight(&self.for_probe)
    }

    /// Whether it is a client that fails.
    pub(super) fn is_client(&self) -> bool {
        self.client_says_so || (self.client >= 3 && self.probe + 2 <= self.client)
    }

    /// Whether it is a probe.
    pub(super) fn is_probe(&self) -> bool {
        !(self.client_says_so || self.may_be_crash)
            && self.probe >= 3
            && self.client + 2 <= self.probe
    }
}
/// Reasons of equal weight stay in their order.
fn by_weight(reasons: &[(u32, String)]) -> impl Iterator<Item = String> {
    let mut reasons = reasons.to_vec();
    reasons.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    reasons.into_iter().map(|(_, reason)| reason)
}
