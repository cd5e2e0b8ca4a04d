// SPDX-License-Identifier: MIT
//! Lines of a service that stand in the journal only. Everything runs in a mount namespace
//! with a `/run`, a journald and a journal of its own.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::{
    in_time::{ChildInTime, CommandInTime},
    look::{Cgroup, hierarchies},
    namespace::in_namespace,
    peer::{drain, listen},
    tracer::{Trace, Tracer, unused_port},
};

/// The unit whose lines are searched; its name is one that a shell would change.
const UNIT: &str = r"my\x2dshop.service";

/// What the client of the incident writes.
const LINE: &str = "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches";

/// Attempts of the client; a look takes place while it goes on.
const ATTEMPTS: usize = 40;

/// A mount namespace with a new `/run` and an empty `/var/log/journal`, as long as this lives.
struct Host {
    shell: Child,
}

impl Host {
    /// Prepares it by a line of shell, whose processes in the background are ended with it.
    fn prepared_by(line: &str) -> Self {
        let script = format!(
            "mount -t tmpfs none /run && mkdir -p /run/systemd/journal /run/log/journal && \
             {{ test ! -d /var/log/journal || mount -t tmpfs none /var/log/journal; }} && \
             {line} && echo ready; read; kill $(jobs -p); wait"
        );
        let mut shell = Command::new("unshare")
            .args(["--mount", "bash", "-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        let stdout = shell.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n");
        Self { shell }
    }

    /// With a journald.
    fn new() -> Self {
        Self::prepared_by(
            "cp /bin/bash /run/java && { /usr/lib/systemd/systemd-journald & } && \
             until test -S /run/systemd/journal/stdout; do kill -0 $! || exit; sleep 0.1; done",
        )
    }

    /// The same with a script in the place of `journalctl`, the file being changed by `then`.
    fn with_program(script: &str, then: &str) -> Self {
        let host = Self::new();
        let put = format!(
            "printf '%s\\n' '#!/bin/sh' '{script}' >/run/journalctl && {then} /run/journalctl && \
             mount --bind /run/journalctl /usr/bin/journalctl"
        );
        let status = host.command("bash").args(["-c", &put]).status_in_time();
        assert!(status.unwrap().success());
        host
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let pid = self.shell.id().to_string();
        command.args(["--mount", "--target", &pid, program]);
        command
    }

    /// Traces a service that connects and closes, whose output goes to the journal.
    fn traced(self) -> Trace {
        let cgroups: Vec<_> = hierarchies()
            .iter()
            .map(|hierarchy| Cgroup::new(hierarchy, UNIT))
            .collect();
        in_namespace(move || {
            let port = unused_port();
            let accepting = drain(listen(port), ATTEMPTS);
            let tracer = Tracer::start_command(
                self.command(env!("CARGO_BIN_EXE_zkchurn")),
                &["--port", &port.to_string()],
            );
            let script = format!(
                "for i in $(seq {ATTEMPTS}); do echo '{LINE}'; \
                 exec 3<>/dev/tcp/127.0.0.1/{port}; exec 3>&-; sleep 0.$((RANDOM % 3 + 1)); done"
            );
            let mut service = self.service(&script);
            for cgroup in &cgroups {
                cgroup.take(service.id());
            }
            drop(service.stdin.take());
            service.wait_in_time().unwrap();
            accepting.join().unwrap();
            tracer.finish()
        })
    }

    /// A shell that waits for the end of its input, and then runs the script with its output
    /// in the journal, as systemd connects it. The program is named `java`: nobody else writes
    /// such lines.
    fn service(&self, script: &str) -> Child {
        let connect = r#"
            socket(my $journal, 1, 1, 0) or die;
            connect($journal, "\x01\x00/run/systemd/journal/stdout") or die "no journal: $!";
            syswrite($journal, "shop\n\n6\n0\n0\n0\n0\n");
            $ENV{JOURNAL_STREAM} = join(":", (stat($journal))[0, 1]);
            open(STDOUT, ">&", $journal) or die;
            open(STDERR, ">&", $journal) or die;
            exec("/run/java", "-c", @ARGV);
        "#;
        let mut command = self.command("bash");
        command.args([
            "-c",
            "read; exec perl -e \"$@\"",
            "service",
            connect,
            script,
        ]);
        command.stdin(Stdio::piped()).spawn().unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

fn logs(trace: &Trace) -> &Value {
    &trace.report["suspects"][0]["logs"]
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_a_service_writes_to_the_journal_is_searched() {
    let trace = Host::new().traced();
    let logs = logs(&trace);
    let found = &logs["findings"][0];
    assert_eq!(found["signature"], "zookeeper-class-missing", "{logs:#}");
    let command = r"journalctl _SYSTEMD_UNIT='my\x2dshop.service'";
    assert_eq!(found["path"], command);
    assert_eq!(found["last"], LINE);
    assert_eq!(found["during_trace"], true);
    let finding = &trace.report["findings"][0];
    assert_eq!(
        finding["name"], "client_fails_before_it_speaks",
        "{finding:#}"
    );
    assert_eq!(finding["confidence"], "certain");
    let proof = finding["for"].to_string();
    assert!(
        proof.contains("its log says so (journalctl _SYSTEMD_UNIT="),
        "{proof}"
    );
}

/// What is said where the journal was not searched.
fn note(trace: &Trace) -> String {
    let notes = logs(trace)["notes"].as_array().unwrap();
    let mut notes = notes.iter().filter_map(Value::as_str);
    let note = notes.find(|note| note.starts_with("The journal was not searched: "));
    note.unwrap_or_else(|| panic!("{trace:#?}")).to_owned()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn journalctl_has_no_capability_no_environment_and_may_write_to_no_file() {
    // What it complains of is in the report.
    let script = r#"trap "" XFSZ; { echo file >/run/file; } 2>/dev/null; \
        echo $(grep -E "Cap(Inh|Prm|Eff|Amb)|NoNewPrivs" /proc/self/status) \
        $(tr "\0" " " </proc/$$/environ) limit $(ulimit -f) file $(wc -c </run/file) >&2; exit 1"#;
    let note = note(&Host::with_program(script, "chmod 755").traced());
    let none = "0".repeat(16);
    let expected = format!(
        "journalctl says \"CapInh: {none} CapPrm: {none} CapEff: {none} CapAmb: {none} \
         NoNewPrivs: 1 limit 0 file 0\""
    );
    assert!(note.contains(&expected), "{note}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_journalctl_that_others_can_change_is_not_run() {
    let trace = Host::with_program("echo it ran >&2", "chmod 775").traced();
    let expected = "/usr/bin/journalctl is not run, since /usr/bin/journalctl can be changed by \
                    others than root";
    assert!(note(&trace).contains(expected), "{}", note(&trace));
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_journalctl_that_hangs_is_ended_and_what_it_printed_counts() {
    let entry = format!(r#"{{"MESSAGE":"{LINE}"}}"#);
    let script = format!("echo \"$$\" >&2; echo {entry:?}; echo cut; exec sleep 1000");
    let trace = Host::with_program(&script, "chmod 755").traced();
    let logs = logs(&trace);
    assert_eq!(
        logs["findings"][0]["signature"], "zookeeper-class-missing",
        "{logs:#}"
    );
    let notes = logs["notes"].to_string();
    assert!(
        notes.contains("did not print all that the journal has"),
        "{notes}"
    );
}
