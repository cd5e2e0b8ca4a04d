// SPDX-License-Identifier: MIT
//! Starting a JVM that cannot outlive this process.

use std::path::Path;

use anyhow::{Context, Result};
use xtask::command::dies_with_parent;
use zkchurn_lab::harness::program::Program;

/// Flags of every JVM: it starts fast, and several find room at once.
const FLAGS: [&str; 3] = ["-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

/// What to start.
#[derive(Clone, Copy)]
pub(crate) struct Launch<'a> {
    /// Where it works. What it prints goes to `NAME.out` there, what it logs
    /// to `NAME.log`.
    pub dir: &'a Path,
    /// Its name in this run.
    pub name: &'a str,
    /// The class path; paths below `dir` are made relative to it.
    pub class_path: &'a str,
    /// Further flags of the JVM.
    pub properties: &'a [&'a str],
    /// Main class and arguments.
    pub main: &'a [&'a str],
}

impl Launch<'_> {
    pub(crate) fn start(self) -> Result<Program> {
        let out = self.dir.join(format!("{}.out", self.name));
        let out = std::fs::File::create(&out)
            .with_context(|| format!("cannot make {}", out.display()))?;
        logging(self.dir, self.name)?;
        // A recording holds the command line, and it should not tell where
        // this machine keeps things.
        let class_path = self
            .class_path
            .replace(&format!("{}/", self.dir.display()), "");
        let mut command = dies_with_parent("java");
        command
            .current_dir(self.dir)
            // Cargo sets it; ZooKeeper logs it, with this machine's paths.
            .env_remove("LD_LIBRARY_PATH")
            .args(FLAGS)
            .args(self.properties)
            .arg(format!(
                "-Dlog4j.configuration=file:{}",
                properties(self.name)
            ))
            .args(["-cp", &class_path])
            .args(self.main)
            .stdout(out.try_clone()?)
            .stderr(out);
        Program::start(&mut command)
    }
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
