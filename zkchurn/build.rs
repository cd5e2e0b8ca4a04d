// SPDX-License-Identifier: MIT
//! Tells the program what it was built from and for: `zkchurn --version` says so.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

/// Commit and its date. Set by `cargo xtask dist`, which also builds where there is no git.
const COMMIT: &str = "ZKCHURN_COMMIT";
const DATE: &str = "ZKCHURN_DATE";
const UNKNOWN: &str = "unknown";

fn main() {
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"])
        && Path::new(&log).exists()
    {
        println!("cargo::rerun-if-changed={log}");
    }
    // Changes beside the commit are not looked for: cargo would have to ask at every build.
    pass_on(COMMIT, &["rev-parse", "--short=12", "HEAD"]);
    pass_on(DATE, &["log", "-1", "--format=%cs"]);
    let target = env::var("TARGET").unwrap_or_else(|_| UNKNOWN.to_owned());
    println!("cargo::rustc-env=ZKCHURN_TARGET={target}");
}

/// A variable as it is set, or what git says.
fn pass_on(variable: &str, question: &[&str]) {
    println!("cargo::rerun-if-env-changed={variable}");
    let value = env::var(variable).ok().or_else(|| git(question));
    let value = value.unwrap_or_else(|| UNKNOWN.to_owned());
    println!("cargo::rustc-env={variable}={value}");
}

fn git(arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    let output = git.args(arguments).stderr(Stdio::null()).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| said.trim().to_owned())
}
