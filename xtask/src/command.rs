// SPDX-License-Identifier: MIT
//! Starting other programs and saying what failed.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace;

/// Arguments of cargo that mean all crates of the workspace but the kernel
/// program, which is built for another target.
pub const HOST_CRATES: [&str; 3] = ["--workspace", "--exclude", "zkchurn-ebpf"];

/// The cargo that runs this verb, working in the repository's root.
pub fn cargo() -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(workspace::root());
    command
}

/// Runs a command to its end, with this process's own input and output.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run `{}`", shown(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs a command to its end and returns what it printed; its complaints go
/// into the error.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run `{}`", shown(command)))?;
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{}` failed: {}\n{}",
            shown(command),
            output.status,
            complaint.trim_end()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("`{}` printed something that is not UTF-8", shown(command)))
}

/// Has cargo build something and returns the program that a target of this
/// name became. The compiler's messages are shown as usual.
pub fn built(cargo: &mut Command, target: &str) -> Result<PathBuf> {
    cargo
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit());
    let output = cargo.output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("`{}` failed: {}", shown(cargo), output.status);
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == target)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo built no {target}"))
}

/// Builds zkchurn for release and returns the program.
pub fn zkchurn() -> Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--release", "--package", "zkchurn"]);
    built(&mut build, "zkchurn")
}

/// A command that ends when this process does, even if a signal ends it and no
/// destructor runs: `setpriv` has the kernel see to that. It becomes the program
/// itself, so the child's pid is the program's.
pub fn dies_with_parent(program: impl AsRef<OsStr>) -> Command {
    if on_path("setpriv").is_none() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]).arg(program);
    command
}

/// A command as one would type it.
pub fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The program of this name, as a shell would find it. The directories of the
/// administrator's programs are looked through as well: a plain user's PATH
/// often lacks them.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("cargo");
        command.args(["test", "--", "it's one word", ""]);
        assert_eq!(shown(&command), r"cargo test -- 'it'\''s one word' ''");
    }

    #[test]
    fn a_failing_command_is_named_with_its_complaint() {
        let error = output(Command::new("sh").args(["-c", "echo no luck >&2; exit 3"]))
            .expect_err("exit status 3");
        let error = format!("{error:#}");
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(error.ends_with("no luck"), "{error}");
    }
}
