// SPDX-License-Identifier: MIT
//! A program that is run with a limit of time, in a group of its own, for what it does and not
//! for what it prints.

use std::{
    io::{self, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use super::threads;

/// Bytes of what a program says that are kept: the last.
const LAST_WORDS: usize = 4096;
/// How long the last of them may take once it has ended.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);
/// How long the end of what is killed is waited for.
const KILLED_WITHIN: Duration = Duration::from_secs(1);
/// How often it is asked whether a process has ended.
pub(super) const ASKED_EVERY: Duration = Duration::from_millis(100);

/// Whether nobody wants what is being done any more.
pub(super) type IsOver<'a> = &'a dyn Fn() -> bool;

/// Runs a program in a group of its own with `input`, and ends all of it after `limit`, or once
/// nobody wants it any more.
///
/// # Errors
///
/// A clause: it cannot be started, it fails, and what it said last, it takes too long, or it
/// was ended.
pub(super) fn run(
    mut command: Command,
    input: &[u8],
    limit: Duration,
    is_over: IsOver<'_>,
) -> Result<(), String> {
    let (said, errors) = io::pipe().map_err(|error| error.to_string())?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|error| format!("it could not be started: {error}"))?;
    // It holds the end of the pipe that is written to.
    drop(command);
    let (say, last) = channel();
    let drained = threads::named("said").spawn(move || say.send(last_of(said)));
    drained.map_err(|error| error.to_string())?;
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // It may read nothing of it, and then its end ends this.
        let written = threads::named("input").spawn(move || drop(stdin.write_all(&input)));
        written.map_err(|error| error.to_string())?;
    }
    let status = ended(&mut child, limit, is_over)?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("{}{}", ending(status), last_words(&last))),
    }
}

/// Waits for the end of a program, or ends its group.
fn ended(child: &mut Child, limit: Duration, is_over: IsOver<'_>) -> Result<ExitStatus, String> {
    let deadline = Instant::now() + limit;
    let why = loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if is_over() => break "it was ended, as the agent has ended".to_owned(),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(ASKED_EVERY),
            Ok(None) | Err(_) => break format!("it took longer than {} s", limit.as_secs()),
        }
    };
    let group = rustix::process::Pid::from_child(child);
    let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    // One that waits in the kernel does not end; the next one need not wait, too.
    let given_up = Instant::now() + KILLED_WITHIN;
    while Instant::now() < given_up && matches!(child.try_wait(), Ok(None)) {
        std::thread::sleep(ASKED_EVERY);
    }
    Err(why)
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or(0)),
    }
}

/// Reads all that is said, however much, and keeps the last of it.
fn last_of(mut said: impl Read) -> Vec<u8> {
    let mut last = Vec::new();
    let mut block = [0; LAST_WORDS];
    // Nobody is told where it cannot be read: the exit code is.
    while let Ok(count @ 1..) = said.read(&mut block) {
        last.extend_from_slice(&block[..count]);
        last.drain(..last.len().saturating_sub(LAST_WORDS));
    }
    last
}

/// The last line; nothing where what the program has started goes on and may still speak.
fn last_words(last: &Receiver<Vec<u8>>) -> String {
    let last = last.recv_timeout(LAST_WORDS_WITHIN).unwrap_or_default();
    let text = String::from_utf8_lossy(&last);
    match text.trim().lines().last() {
        Some(line) => format!(": {}", line.trim()),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str, limit: Duration, input: &[u8]) -> Result<(), String> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).env_clear();
        run(command, input, limit, &|| false)
    }

    #[test]
    fn a_program_has_its_input_its_time_and_the_last_word() {
        let enough = Duration::from_secs(60);
        assert_eq!(
            sh("read x && [ \"$x\" = incident ]", enough, b"incident\n"),
            Ok(())
        );
        let failed = sh(
            "echo first >&2; echo 'no such queue' >&2; exit 3",
            enough,
            b"",
        );
        assert_eq!(failed.unwrap_err(), "exit code 3: no such queue");
        // 64 MiB, of which the last line is told.
        let loud = "head -c 67108864 /dev/zero | tr '\\0' '\\n' >&2; echo last >&2; exit 3";
        assert_eq!(sh(loud, enough, b"").unwrap_err(), "exit code 3: last");
        // What it leaves behind holds its standard error.
        let left = sh("sleep 20 & exit 3", enough, b"");
        assert_eq!(left.unwrap_err(), "exit code 3");
        // More than a pipe holds, of which it reads nothing.
        assert_eq!(sh("exit 0", enough, &[b'x'; 1 << 20]), Ok(()));
        let slow = sh("sleep 600 & wait", Duration::from_millis(300), b"");
        assert_eq!(slow.unwrap_err(), "it took longer than 0 s");
        let missing = run(Command::new("/no/such/program"), b"", enough, &|| false).unwrap_err();
        assert!(missing.starts_with("it could not be started"), "{missing}");
    }

    #[test]
    fn of_what_is_said_the_last_is_kept() {
        let mut said = vec![b'x'; 100_000];
        said.extend_from_slice(b"the end");
        let last = last_of(&said[..]);
        assert_eq!(last.len(), LAST_WORDS);
        assert!(last.ends_with(b"xthe end"));
    }

    #[test]
    fn what_nobody_wants_any_more_is_ended_with_all_that_it_started() {
        let (left, reads) = (
            tempfile::NamedTempFile::new().unwrap(),
            Duration::from_secs(60),
        );
        let script = format!("sleep 60 & echo $! > {}; wait", left.path().display());
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &script]).env_clear();
        let pid = || std::fs::read_to_string(left.path()).unwrap_or_default();
        let why = run(command, b"", reads, &|| pid().ends_with('\n')).unwrap_err();
        assert_eq!(why, "it was ended, as the agent has ended");
        let stat = format!("/proc/{}/stat", pid().trim());
        let gone = || match std::fs::read_to_string(&stat) {
            // Whoever adopts it may not have taken note yet.
            Ok(stat) => stat.contains(") Z "),
            Err(_) => true,
        };
        let by = Instant::now() + Duration::from_secs(20);
        while !gone() && Instant::now() < by {
            std::thread::sleep(ASKED_EVERY);
        }
        assert!(gone(), "{stat}");
    }
}
