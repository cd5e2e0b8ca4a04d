// SPDX-License-Identifier: MIT
//! May `SIGQUIT` be sent to start a JVM's attach mechanism?
//!
//! Where the JVM has no handler for it, the signal ends the process; where the
//! attach mechanism is switched off, it writes a thread dump to standard output.
//! So it is sent only when everything that could forbid it was seen.

use rustix::process::Signal;

use super::options::Options;
use crate::host::proc::status::Status;

/// What was seen of a process that a signal may be sent to.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// File name of its executable.
    pub executable: Option<&'a str>,
    /// Its options; `None` when they could not be read whole.
    pub options: Option<&'a Options>,
    /// Its state and the signals that it catches.
    pub status: &'a Status,
    /// Whether the start of the process is known, so that the pid of another
    /// one can be told.
    pub start_known: bool,
}

/// Programs that start a JVM with the options of their own command line. Others
/// that load one choose options that cannot be seen, and may use the signal.
const LAUNCHERS: [&str; 2] = ["java", "jsvc"];

/// `Ok` when the signal may be sent; else the sentence that says why not.
pub fn may_send_quit(seen: &Seen<'_>) -> Result<(), String> {
    seen.status.runs().map_err(|why| {
        format!("{why}, so it cannot answer: its attach mechanism was not started")
    })?;
    if !seen.start_known {
        return refuse(
            "the kernel does not report its start time, so the pid may have been reused",
        );
    }
    let launcher = seen.executable.unwrap_or("an unknown program");
    if !LAUNCHERS.contains(&launcher) {
        return refuse(&format!(
            "{launcher} started its JVM, with options that cannot be seen"
        ));
    }
    let Some(options) = seen.options else {
        return refuse("its options could not be read completely");
    };
    options_allow(options)?;
    if !seen.status.catches(Signal::QUIT) {
        return refuse("it does not catch SIGQUIT, which would end it");
    }
    Ok(())
}

fn options_allow(options: &Options) -> Result<(), String> {
    for fatal in ["-Xrs", "-XX:+ReduceSignalUsage"] {
        if options.seen.iter().any(|option| option == fatal) {
            return refuse(&format!("it runs with {fatal}: SIGQUIT would end it"));
        }
    }
    if options.is_set("DisableAttachMechanism") {
        return refuse(
            "it runs with -XX:+DisableAttachMechanism: SIGQUIT would only write to its output",
        );
    }
    match &options.file {
        Some(file) => refuse(&format!("{file} may hold options that cannot be seen")),
        None => Ok(()),
    }
}

fn refuse(why: &str) -> Result<(), String> {
    Err(format!("its attach mechanism was not started: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        Status {
            state: b'S',
            uid: 1000,
            euid: 1000,
            egid: 1000,
            inner_id: 1,
            in_pid_namespace: false,
            caught: 0x0000_0001_0100_5ccf,
            ignored: 0,
        }
    }

    fn decide(line: &str, environ: &[u8], status: &Status) -> Result<(), String> {
        let command: Vec<_> = line.split(' ').map(str::to_owned).collect();
        may_send_quit(&Seen {
            executable: Some("java"),
            options: Some(&Options::gather(&command, environ)),
            status,
            start_known: true,
        })
    }

    #[test]
    fn an_ordinary_jvm_may_be_asked() {
        assert_eq!(
            decide("java -Xmx1g Main -Xrs", b"PATH=/x\0", &status()),
            Ok(())
        );
        let last = "java -XX:+DisableAttachMechanism -XX:-DisableAttachMechanism Main";
        assert_eq!(decide(last, b"", &status()), Ok(()));
    }

    #[test]
    fn options_that_forbid_it_are_named_wherever_they_stand() {
        for (line, environ, name) in [
            ("java -Xrs Main", &b""[..], "-Xrs"),
            ("java -XX:+ReduceSignalUsage Main", b"", "ReduceSignalUsage"),
            ("java Main", b"JAVA_TOOL_OPTIONS=-X\"rs\"\0", "-Xrs"),
            ("java Main", b"JDK_JAVA_OPTIONS=-Xrs\0", "-Xrs"),
            ("java Main", b"A=b\0_JAVA_OPTIONS=-Da=b -Xrs", "-Xrs"),
            // Switched off again, but where the JVM dies we take no chances.
            ("java -Xrs -XX:-ReduceSignalUsage Main", b"", "-Xrs"),
            (
                "java -XX:+DisableAttachMechanism Main",
                b"",
                "DisableAttach",
            ),
            ("java @args Main", b"", "@args"),
            ("java -XX:Flags=.hotspotrc Main", b"", "-XX:Flags="),
        ] {
            let why = decide(line, environ, &status()).expect_err(line);
            assert!(why.contains(name), "{line}: {why}");
        }
    }

    #[test]
    fn who_has_no_handler_is_not_signalled() {
        let deaf = Status {
            caught: 0xcc8,
            ..status()
        };
        let why = decide("java Main", b"", &deaf).expect_err("no handler");
        assert!(why.contains("SIGQUIT"), "{why}");
        for state in *b"TtZX" {
            let still = Status { state, ..status() };
            assert!(decide("java Main", b"", &still).is_err());
        }
    }

    #[test]
    fn what_was_not_seen_forbids_it() {
        let options = Options::default();
        let status = status();
        let seen = Seen {
            executable: Some("java"),
            options: Some(&options),
            status: &status,
            start_known: true,
        };
        assert_eq!(may_send_quit(&seen), Ok(()));
        for less in [
            Seen {
                executable: None,
                ..seen
            },
            Seen {
                executable: Some("clion"),
                ..seen
            },
            Seen {
                options: None,
                ..seen
            },
            Seen {
                start_known: false,
                ..seen
            },
        ] {
            assert!(may_send_quit(&less).is_err(), "{less:?}");
        }
    }
}
