// SPDX-License-Identifier: MIT
//! What all kinds share: programs that are built once.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use xtask::setup::{clients, kazoo};
use xtask::{command, workspace};

use crate::incident::jars;

/// Where our own programs are, and the directory that the incident's client
/// is in.
const SOURCES: [&str; 2] = ["lab/kinds", "lab/incident"];

/// Programs for the kinds.
pub(crate) struct Tools {
    /// zkchurn itself.
    pub zkchurn: PathBuf,
    /// A Python whose path is the same on all Debian systems: a recording
    /// names the executable.
    pub python: PathBuf,
    /// Where Python finds kazoo and other modules.
    pub python_path: String,
    /// Where Node finds its client.
    pub node_path: PathBuf,
    /// The client that is written in Go, once it is built.
    go_client: Mutex<Option<PathBuf>>,
    /// Holds what was built; it goes with this.
    dir: tempfile::TempDir,
    stripped: String,
}

impl Tools {
    /// Builds them.
    pub(crate) fn prepare(zkchurn: &Path) -> Result<Self> {
        let dir = workspace::scratch_elsewhere("kinds")?;
        compile(&dir.path().join("classes"))?;
        let stripped = jars::stripped(dir.path())?;
        let system = Path::new("/usr/bin/python3");
        let found = || command::on_path("python3");
        let python = system.exists().then(|| system.to_owned()).or_else(found);
        Ok(Self {
            zkchurn: zkchurn.to_owned(),
            python: python.context("there is no python3")?,
            python_path: format!(
                "{}:{}",
                kazoo::library()?.display(),
                clients::python()?.display()
            ),
            node_path: clients::node()?,
            go_client: Mutex::new(None),
            dir,
            stripped,
        })
    }

    /// Copies the Java classes below `dir` and returns the class path with all
    /// of ZooKeeper.
    pub(crate) fn class_path(&self, dir: &Path) -> Result<String> {
        Ok(format!("{}:{}", self.classes(dir)?, jars::complete()))
    }

    /// The same, with what the Netty transport takes.
    pub(crate) fn class_path_with_netty(&self, dir: &Path) -> Result<String> {
        Ok(format!("{}:{}", self.classes(dir)?, jars::with_netty()))
    }

    fn classes(&self, dir: &Path) -> Result<String> {
        let classes = dir.join("classes");
        copy_all(&self.dir.path().join("classes"), &classes)?;
        Ok(classes.display().to_string())
    }

    /// The same, with jars that lack the lost class.
    pub(crate) fn stripped_class_path(&self, dir: &Path) -> Result<String> {
        let classes = dir.join("classes");
        copy_all(&self.dir.path().join("classes"), &classes)?;
        copy_all(self.dir.path(), dir)?;
        let from = self.dir.path().display().to_string();
        let jars = self.stripped.replace(&from, &dir.display().to_string());
        Ok(format!("{}:{jars}", classes.display()))
    }

    /// Our client that is written in Go, copied to `dir`. Built with what Debian has.
    pub(crate) fn go_client(&self, dir: &Path) -> Result<PathBuf> {
        let mut built = self
            .go_client
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let program = match &*built {
            Some(program) => program.clone(),
            None => self.build_go_client()?,
        };
        *built = Some(program.clone());
        let copy = dir.join("go-client");
        std::fs::copy(&program, &copy).context("cannot copy the Go client")?;
        Ok(copy)
    }

    fn build_go_client(&self) -> Result<PathBuf> {
        let program = self.dir.path().join("go-client");
        let mut build = Command::new("go");
        build
            .current_dir(workspace::root().join(SOURCES[0]).join("go"))
            .env("GO111MODULE", "off")
            .env("GOPATH", clients::GO_LIBRARIES)
            .env("GOCACHE", self.dir.path().join("go-cache"));
        command::run(build.args(["build", "-o"]).arg(&program).arg("."))?;
        Ok(program)
    }

    /// Copies one of our scripts to `dir`: a recording holds the
    /// command line, and it should not tell where the repository is.
    pub(crate) fn script(dir: &Path, name: &str) -> Result<()> {
        let from = workspace::root().join(SOURCES[0]).join(name);
        std::fs::copy(&from, dir.join(name))
            .with_context(|| format!("cannot copy {}", from.display()))?;
        Ok(())
    }
}

fn compile(into: &Path) -> Result<()> {
    let mut javac = Command::new("javac");
    javac.args(["-cp", &jars::complete(), "-d"]).arg(into);
    for directory in SOURCES {
        for file in std::fs::read_dir(workspace::root().join(directory))? {
            let file = file?.path();
            if file
                .extension()
                .is_some_and(|extension| extension == "java")
            {
                javac.arg(file);
            }
        }
    }
    command::run(&mut javac)
}

/// Copies the files of a directory, not its directories.
fn copy_all(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
