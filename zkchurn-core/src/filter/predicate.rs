// SPDX-License-Identifier: MIT
//! What a term says of a connection.

use std::ops::RangeInclusive;

use super::{
    address::Address, decision::Decision, grammar::Operator, pattern::Pattern, subject::Subject,
};
use crate::{
    connection::{Comm, FirstClose, Side, Stage},
    inspection::Placed,
    outcome::Outcome,
    process::COMM,
};

/// A test of one connection.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Predicate {
    /// Name or application of the opening process.
    Process(Pattern),
    /// Name of the opening thread.
    Thread(Pattern),
    Unit(Pattern),
    Container(Pattern),
    Pod(Pattern),
    User(Pattern),
    Pid(RangeInclusive<u64>),
    Tid(RangeInclusive<u64>),
    Uid(RangeInclusive<u64>),
    /// The server's port: the one that is traced.
    Port(RangeInclusive<u64>),
    Peer(Address),
    Local(Address),
    Side(Side),
    Outcome(Vec<Outcome>),
    FirstClose(FirstClose),
    /// An errno.
    Error(u32),
    /// Nanoseconds ESTABLISHED.
    Lived(Operator, u64),
    /// Nanoseconds from connect to ESTABLISHED or to the failure.
    Connecting(Operator, u64),
    /// Payload bytes.
    Sent(Operator, u64),
    Received(Operator, u64),
}

impl Predicate {
    /// Whether the connection is so.
    pub(super) fn decide(&self, subject: &Subject<'_>) -> Decision {
        let connection = subject.connection;
        let opener = connection.opener;
        match self {
            Self::Process(pattern) => process(pattern, subject),
            Self::Thread(pattern) => thread(pattern, subject),
            Self::Unit(pattern) => seen(subject, pattern, |one| vec![one.unit.map(str::to_owned)]),
            Self::Container(pattern) => seen(subject, pattern, containers),
            Self::Pod(pattern) => seen(subject, pattern, pods),
            Self::User(pattern) => seen(subject, pattern, |one| vec![one.user.map(str::to_owned)]),
            Self::Pid(pids) => {
                let holder = connection.holder.map(|holder| holder.tgid);
                let pid = opener.map(|opener| opener.thread.tgid).or(holder);
                within(pid.map(u64::from), pids)
            }
            Self::Tid(_) if connection.holder.is_some() && opener.is_none() => Decision::Unknown,
            Self::Tid(tids) => within(opener.map(|opener| u64::from(opener.thread.tid)), tids),
            Self::Uid(uids) => {
                let holder = connection.holder.map(|holder| holder.uid);
                within(
                    opener.map(|opener| opener.uid).or(holder).map(u64::from),
                    uids,
                )
            }
            Self::Port(ports) => {
                let server = match connection.side {
                    Side::Client => connection.remote,
                    Side::Server => connection.local,
                };
                ports.contains(&u64::from(server.port())).into()
            }
            Self::Peer(address) => address.matches(connection.remote).into(),
            // A connecting socket may still get its port.
            Self::Local(_) if subject.goes_on() && connection.local.port() == 0 => {
                Decision::Unknown
            }
            Self::Local(address) => address.matches(connection.local).into(),
            Self::Side(side) => (connection.side == *side).into(),
            Self::Outcome(_) if subject.goes_on() => Decision::Unknown,
            Self::Outcome(outcomes) => outcomes.contains(&subject.outcome).into(),
            Self::FirstClose(who) => first_close(*who, subject),
            Self::Error(_) if subject.goes_on() => Decision::Unknown,
            Self::Error(errno) => (connection.told_error() == Some(*errno)).into(),
            Self::Lived(operator, bound) => lived(*operator, *bound, subject),
            Self::Connecting(operator, bound) => connecting(*operator, *bound, subject),
            Self::Sent(operator, bound) => {
                bytes(*operator, *bound, subject, connection.traffic.payload_out)
            }
            Self::Received(operator, bound) => {
                bytes(*operator, *bound, subject, connection.traffic.payload_in)
            }
        }
    }

    /// Whether it may take a closer look at the process to decide it: always for a thread's whole
    /// name, and else where the first look did not answer in time.
    pub(super) fn depends_on_a_look(&self) -> bool {
        matches!(
            self,
            Self::Thread(_) | Self::Unit(_) | Self::Container(_) | Self::Pod(_) | Self::User(_)
        )
    }
}

fn within(value: Option<u64>, range: &RangeInclusive<u64>) -> Decision {
    value.is_some_and(|value| range.contains(&value)).into()
}

/// By what the kernel captured where nothing else is known.
fn process(pattern: &Pattern, subject: &Subject<'_>) -> Decision {
    let connection = subject.connection;
    let opener = connection.opener.and_then(|opener| opener.process_comm);
    let comm = opener.or(connection.holder.map(|holder| holder.comm));
    let is_comm = |comm: Comm| pattern.matches(&comm.to_string());
    let is_identity = subject.process.is_some_and(|process| {
        let application = process.application.as_deref();
        pattern.matches(&process.name)
            || application.is_some_and(|application| pattern.matches(application))
            || pattern.matches(&process.label())
    });
    (is_identity || comm.is_some_and(is_comm)).into()
}

/// The kernel keeps 15 bytes of a name: of a longer one the rest may fit.
fn thread(pattern: &Pattern, subject: &Subject<'_>) -> Decision {
    let Some(opener) = subject.connection.opener else {
        return match subject.connection.holder {
            Some(_) => Decision::Unknown,
            None => Decision::No,
        };
    };
    let comm = opener.thread.comm;
    if pattern.matches(&comm.to_string()) {
        return Decision::Yes;
    }
    match &subject.thread_name {
        Some(name) => pattern.matches(name).into(),
        None if comm.as_bytes().len() < COMM => Decision::No,
        None => Decision::Unknown,
    }
}

/// Whether one of the names of where the process runs is like that, once that was seen. An
/// accepted connection has no process to look at.
fn seen(
    subject: &Subject<'_>,
    pattern: &Pattern,
    names: impl FnOnce(Placed<'_>) -> Vec<Option<String>>,
) -> Decision {
    let connection = subject.connection;
    if connection.opener.is_none() && connection.holder.is_none() {
        return Decision::No;
    }
    Decision::of(subject.placed.map(names), |names| {
        names.iter().flatten().any(|name| pattern.matches(name))
    })
}

/// The digits of a container's id that people type; `docker ps` prints as many.
const SHORT_ID: usize = 12;

/// What a container is called: its id, whole and short, and its name in its pod.
fn containers(placed: Placed<'_>) -> Vec<Option<String>> {
    let id = placed.container;
    let short = id.and_then(|id| id.get(..SHORT_ID)).map(str::to_owned);
    let name = placed.pod_name.and_then(|name| name.container.clone());
    vec![id.map(str::to_owned), short, name]
}

/// What a pod is called: its UID, its name, and both with the namespace as kubectl has it.
fn pods(placed: Placed<'_>) -> Vec<Option<String>> {
    let name = placed.pod_name;
    vec![
        placed.pod.map(str::to_owned),
        name.map(|name| name.pod.clone()),
        name.map(|name| format!("{}/{}", name.namespace, name.pod)),
    ]
}

fn first_close(who: FirstClose, subject: &Subject<'_>) -> Decision {
    let connection = subject.connection;
    match connection.first_close() {
        Some(first) => (first == who).into(),
        None if subject.goes_on() => Decision::Unknown,
        None if connection.stage == Stage::Open || !connection.was_established() => Decision::No,
        None => Decision::Unknown,
    }
}

/// What was never established has not lived. What is older than the trace has lived longer
/// than is known.
fn lived(operator: Operator, bound: u64, subject: &Subject<'_>) -> Decision {
    let connection = subject.connection;
    match connection.established_for_ns() {
        Some(known) if connection.before_start => at_least(operator, known, bound),
        Some(known) => operator.holds(known, bound).into(),
        None if subject.goes_on() || connection.was_established() => Decision::Unknown,
        None => Decision::No,
    }
}

fn connecting(operator: Operator, bound: u64, subject: &Subject<'_>) -> Decision {
    let connection = subject.connection;
    if connection.before_start || connection.side == Side::Server {
        return Decision::No;
    }
    if subject.goes_on() && connection.established_ns.is_none() {
        return Decision::Unknown;
    }
    Decision::of(connection.connecting_for_ns(), |known| {
        operator.holds(known, bound)
    })
}

/// Of a value that is only known to be `known` or more.
fn at_least(operator: Operator, known: u64, bound: u64) -> Decision {
    match operator {
        Operator::Above if known > bound => Decision::Yes,
        Operator::AtLeast if known >= bound => Decision::Yes,
        Operator::Below if known >= bound => Decision::No,
        Operator::AtMost | Operator::Is if known > bound => Decision::No,
        Operator::IsNot if known > bound => Decision::Yes,
        _ => Decision::Unknown,
    }
}

fn bytes(operator: Operator, bound: u64, subject: &Subject<'_>, known: Option<u64>) -> Decision {
    match subject.goes_on() {
        true => Decision::Unknown,
        false => Decision::of(known, |known| operator.holds(known, bound)),
    }
}

impl Operator {
    /// Whether `value` stands so to `bound`.
    pub(super) fn holds<T: PartialOrd>(self, value: T, bound: T) -> bool {
        match self {
            Self::Is => value == bound,
            Self::IsNot => value != bound,
            Self::Below => value < bound,
            Self::AtMost => value <= bound,
            Self::Above => value > bound,
            Self::AtLeast => value >= bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_at_least_ten_decides_what_no_greater_one_could_undo() {
        let of = |operator| [9, 10, 11].map(|bound| at_least(operator, 10, bound));
        let (yes, no, open) = (Decision::Yes, Decision::No, Decision::Unknown);
        assert_eq!(of(Operator::Above), [yes, open, open]);
        assert_eq!(of(Operator::AtLeast), [yes, yes, open]);
        assert_eq!(of(Operator::Below), [no, no, open]);
        assert_eq!(of(Operator::AtMost), [no, open, open]);
        assert_eq!(of(Operator::Is), [no, open, open]);
        assert_eq!(of(Operator::IsNot), [yes, open, open]);
    }
}
