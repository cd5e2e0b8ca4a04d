// SPDX-License-Identifier: MIT
//! Starting a JVM that cannot outlive this process.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Signal, kill_process};

use crate::{command, privilege, wait};

const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// A JVM. It is ended when this is dropped.
pub struct Jvm {
    child: Child,
}

impl Jvm {
    /// Starts a main class. What it prints goes to `NAME.out`, what it logs
    /// to `NAME.log`; both are in `dir`.
    pub fn start(dir: &Path, name: &str, class_path: &str, main: &[&str]) -> Result<Self> {
        let out = dir.join(format!("{name}.out"));
        let out = std::fs::File::create(&out)
            .with_context(|| format!("cannot make {}", out.display()))?;
        logging(dir, name)?;
        // Relative to `dir`: a recording holds the command line, and it should
        // not tell where this machine keeps things.
        let class_path = class_path.replace(&format!("{}/", dir.display()), "");
        let mut command = dies_with_parent("java");
        command
            .current_dir(dir)
            .arg("-Xmx256m")
            .arg(format!("-Dlog4j.configuration=file:{}", properties(name)))
            .args(["-cp", &class_path])
            .args(main)
            .stdin(Stdio::piped())
            .stdout(out.try_clone()?)
            .stderr(out);
        let child = command
            .spawn()
            .with_context(|| format!("cannot run `{}`", command::shown(&command)))?;
        Ok(Self { child })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it and waits until it has ended.
    pub fn stop(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            kill_process(privilege::pid_of(&self.child)?, Signal::TERM)?;
        }
        wait::until("a JVM to end", ENDS_WITHIN, || Ok(self.child.try_wait()?))?;
        Ok(())
    }
}

impl Drop for Jvm {
    fn drop(&mut self) {
        if self.stop().is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// `setpriv` has the kernel end the program when this process is gone, be it
/// by a signal that no destructor runs after. It becomes the program itself,
/// so the child's pid is the JVM's.
fn dies_with_parent(program: &str) -> Command {
    if command::on_path("setpriv").is_none() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM", program]);
    command
}

fn properties(name: &str) -> String {
    format!("{name}.log4j.properties")
}

/// ZooKeeper's own log format, into a file.
fn logging(dir: &Path, name: &str) -> Result<()> {
    let log = dir.join(format!("{name}.log"));
    let properties = format!(
        "log4j.rootLogger=INFO, FILE\n\
         log4j.appender.FILE=org.apache.log4j.FileAppender\n\
         log4j.appender.FILE.File={}\n\
         log4j.appender.FILE.layout=org.apache.log4j.PatternLayout\n\
         log4j.appender.FILE.layout.ConversionPattern=%d{{ISO8601}} [myid:] - %-5p [%t:%C{{1}}@%L] - %m%n\n",
        log.display()
    );
    let path = dir.join(self::properties(name));
    std::fs::write(&path, properties).with_context(|| format!("cannot write {}", path.display()))
}
