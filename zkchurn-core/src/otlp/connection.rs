// SPDX-License-Identifier: MIT
//! A connection that ended, as an event. Names are those of the semantic conventions where there
//! is one; what only zkchurn knows is called as in its JSON, behind `zkchurn.connection.`.

use std::net::IpAddr;

use super::{
    attributes::{Attributes, any},
    message::{LogRecord, Value},
    severity::Severity,
    unix_ns,
};
use crate::{
    connection::{Connection, FirstClose, Side},
    ending::Reset,
    errno,
    inspection::Placed,
    process::{cgroup::UnitOf, file_name},
    render::ConnectionLine,
    report::side_name,
    traffic::Traffic,
};

/// What this kind of event is called.
pub const ENDED: &str = "zkchurn.connection.ended";

/// The record of a connection that ended.
pub(super) fn record(line: &ConnectionLine<'_>) -> LogRecord {
    let connection = line.connection;
    let ended = unix_ns(line.clock.timestamp(connection.latest_ns()));
    let severity = match line.outcome.is_failure() {
        true => Severity::Warn,
        false => Severity::Info,
    };
    let mut attributes = Attributes::default();
    network(&mut attributes, connection);
    process(&mut attributes, line);
    life(&mut attributes, line);
    traffic(&mut attributes, &connection.traffic);
    LogRecord {
        time_unix_nano: ended,
        observed_time_unix_nano: ended,
        severity_number: severity.number(),
        severity_text: severity.word().to_owned(),
        body: Some(any(Value::Text(
            line.outcome.sentence_on(connection).to_owned(),
        ))),
        attributes: attributes.all(),
        event_name: ENDED.to_owned(),
    }
}

fn network(attributes: &mut Attributes, connection: &Connection) {
    let (local, remote) = (connection.local, connection.remote);
    let kind = match connection.remote_ip() {
        IpAddr::V4(_) => "ipv4",
        IpAddr::V6(_) => "ipv6",
    };
    let server = match connection.side {
        Side::Client => remote,
        Side::Server => local,
    };
    attributes.text("network.transport", "tcp");
    attributes.text("network.type", kind);
    attributes.text("network.peer.address", &*remote.ip().to_string());
    attributes.int("network.peer.port", Some(remote.port()));
    attributes.text("network.local.address", &*local.ip().to_string());
    attributes.int("network.local.port", Some(local.port()));
    attributes.text("server.address", &*server.ip().to_string());
    attributes.int("server.port", Some(server.port()));
}

/// Who opened it: of an older connection who holds it.
fn process(attributes: &mut Attributes, line: &ConnectionLine<'_>) {
    let connection = line.connection;
    let opener = connection.opener;
    let holder = connection.holder;
    let pid = opener.map(|opener| opener.thread.tgid);
    attributes.int("process.pid", pid.or(holder.map(|holder| holder.tgid)));
    let uid = opener.map(|opener| opener.uid);
    attributes.int("process.user.id", uid.or(holder.map(|holder| holder.uid)));
    let captured = opener.and_then(|opener| opener.process_comm);
    let captured = captured.or(holder.map(|holder| holder.comm));
    match line.process {
        Some(process) => {
            let executable = process.executable.as_deref();
            attributes.text("process.executable.path", executable);
            attributes.text("process.executable.name", executable.map(file_name));
            attributes.text("zkchurn.process.name", &*process.name);
            attributes.text("zkchurn.process.label", &*process.label());
        }
        None => attributes.text(
            "zkchurn.process.name",
            captured.map(|comm| comm.to_string()).as_deref(),
        ),
    }
    place(attributes, line.placed.unwrap_or_default());
    if let Some(thread) = opener.map(|opener| opener.thread) {
        // The conventions' `thread.id` is that of a runtime, such as Java's.
        attributes.int("zkchurn.thread.tid", Some(thread.tid));
        attributes.text("thread.name", &*thread.comm.to_string());
    }
    if let Some(closer) = connection.closer {
        attributes.int("zkchurn.closer.pid", Some(closer.tgid));
        attributes.int("zkchurn.closer.tid", Some(closer.tid));
        attributes.text("zkchurn.closer.thread_name", &*closer.comm.to_string());
    }
}

fn place(attributes: &mut Attributes, placed: Placed<'_>) {
    attributes.text("process.user.name", placed.user);
    attributes.text("container.id", placed.container);
    attributes.text("k8s.pod.uid", placed.pod);
    if let Some(name) = placed.pod_name {
        attributes.text("k8s.namespace.name", &*name.namespace);
        attributes.text("k8s.pod.name", &*name.pod);
        attributes.text("k8s.container.name", name.container.as_deref());
    }
    if UnitOf::is_host(&placed.unit_of) {
        attributes.text("zkchurn.process.unit", placed.unit);
    }
}

/// How it went.
fn life(attributes: &mut Attributes, line: &ConnectionLine<'_>) {
    let connection = line.connection;
    let outcome = line.outcome;
    attributes.text("zkchurn.connection.side", side_name(connection.side));
    attributes.text("zkchurn.connection.outcome", outcome.name());
    let failure = outcome.is_failure().then(|| outcome.name());
    attributes.text("error.type", failure);
    let first = connection.first_close().map(|first| match first {
        FirstClose::Us => "us",
        FirstClose::Peer => "peer",
        FirstClose::Kernel => "kernel",
    });
    attributes.text("zkchurn.connection.first_close", first);
    let reset = connection.reset().map(|reset| match reset {
        Reset::Received => "received",
        Reset::Sent => "sent",
    });
    attributes.text("zkchurn.connection.reset", reset);
    let error = connection.told_error();
    attributes.int("zkchurn.connection.errno", error);
    attributes.text("zkchurn.connection.error", error.and_then(errno::name));
    let started = line.clock.timestamp(connection.started_ns);
    attributes.int(
        "zkchurn.connection.started_unix_ns",
        Some(started.as_nanosecond()),
    );
    attributes.int(
        "zkchurn.connection.connecting_for_ns",
        connection.connecting_for_ns(),
    );
    attributes.int(
        "zkchurn.connection.established_for_ns",
        connection.established_for_ns(),
    );
    attributes.bool("zkchurn.connection.before_start", connection.before_start);
    attributes.text(
        "zkchurn.connection.socket",
        &*format!("{:x}", connection.socket),
    );
    attributes.int("zkchurn.connection.netns", connection.netns);
}

fn traffic(attributes: &mut Attributes, traffic: &Traffic) {
    attributes.int("zkchurn.connection.payload_out", traffic.payload_out);
    attributes.int("zkchurn.connection.payload_in", traffic.payload_in);
    attributes.int("zkchurn.connection.retransmits", traffic.retransmits);
    attributes.int(
        "zkchurn.connection.smoothed_rtt_us",
        traffic.smoothed_rtt_us,
    );
    attributes.int("zkchurn.connection.unread", traffic.unread);
    attributes.int("zkchurn.connection.unsent", traffic.unsent);
}
