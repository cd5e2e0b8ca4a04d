// SPDX-License-Identifier: MIT
//! Where one kind takes place: a network namespace, a directory and a port of
//! its own, and the tracer that looks at this port.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use xtask::command::{self, dies_with_parent};
use zkchurn_lab::harness::namespace::Namespace;
use zkchurn_lab::harness::program::Program;
use zkchurn_lab::harness::tracer::Tracer;

use super::tools::Tools;
use crate::incident::java::Launch;
use crate::incident::log::{self, Log};
use crate::incident::server::{Config, Server};

/// How long a program of a kind may take to its end.
pub(crate) const AT_MOST: Duration = Duration::from_secs(120);
/// All that zkchurn can find out.
const EVERYTHING: [&str; 3] = ["--handshake", "--jvm", "dump"];
/// After this an attempt that fails at once is over.
const ATTEMPT_IS_OVER: Duration = Duration::from_millis(300);
const TRIES: usize = 5;

/// The place of one kind. The thread that makes it moves into its namespace.
pub(crate) struct Scene<'a> {
    /// What all kinds share.
    pub tools: &'a Tools,
    /// The directory: all programs of the kind work here.
    pub dir: &'a Path,
    /// The port that is traced, and nobody else's.
    pub port: u16,
    /// Its name goes with the scene.
    _namespace: Namespace,
    /// Another port that is traced, too.
    beside: Option<u16>,
    started: Instant,
    traced: Cell<Option<Duration>>,
}

impl<'a> Scene<'a> {
    /// Makes the namespace and enters it.
    pub(crate) fn enter(tools: &'a Tools, dir: &'a Path, port: u16) -> Result<Self> {
        let namespace = Namespace::new(&port.to_string())?;
        namespace.enter()?;
        Ok(Self {
            tools,
            dir,
            port,
            _namespace: namespace,
            beside: None,
            started: Instant::now(),
            traced: Cell::new(None),
        })
    }

    /// With another scene's port traced as well.
    pub(crate) fn beside(self, port: u16) -> Self {
        Self {
            beside: Some(port),
            ..self
        }
    }

    /// The port on the loopback address.
    pub(crate) fn local(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How long it took until the tracer was attached.
    pub(crate) fn preparation(&self) -> Option<Duration> {
        self.traced.get()
    }

    /// A second host. It goes when it is dropped.
    pub(crate) fn far_host(&self) -> Result<Namespace> {
        Namespace::new(&format!("{}-far", self.port))
    }

    /// Where the recording goes.
    pub(crate) fn recording(&self) -> PathBuf {
        self.dir.join("trace.zkchurn")
    }

    /// Starts zkchurn.
    pub(crate) fn trace(&self) -> Result<Tracer> {
        let ports = match self.beside {
            Some(other) => format!("{},{other}", self.port),
            None => self.port.to_string(),
        };
        let arguments = [&["--port", &ports], &EVERYTHING[..]].concat();
        let output = self.dir.join("zkchurn.out");
        let recording = self.recording();
        let tracer = Tracer::start_quietly(&self.tools.zkchurn, &arguments, &recording, &output)?;
        self.traced.set(Some(self.started.elapsed()));
        Ok(tracer)
    }

    /// Starts zkchurn between two attempts of a Java client that logs this text
    /// at each. Returns how far the log had come.
    pub(crate) fn trace_between(&self, log: &mut Log, text: &str) -> Result<(Tracer, usize)> {
        for _ in 0..TRIES {
            log.skip()?;
            log.wait_for(text)?;
            thread::sleep(ATTEMPT_IS_OVER);
            log.skip()?;
            let position = log.position();
            let tracer = self.trace()?;
            if log.next_with(text).is_none() {
                return Ok((tracer, position));
            }
            // Whether that one was seen whole, nobody knows.
            tracer.stop()?;
            std::fs::remove_file(self.recording()).context("cannot remove the recording")?;
        }
        bail!("zkchurn was never attached between two attempts")
    }

    /// Waits for some more attempts, and until the last is over.
    pub(crate) fn attempts(&self, log: &mut Log, text: &str, count: usize) -> Result<()> {
        for _ in 0..count {
            log.wait_for(text)?;
        }
        thread::sleep(ATTEMPT_IS_OVER);
        Ok(())
    }

    /// A server's configuration in this place.
    pub(crate) fn config(&self) -> Config<'a> {
        Config::new(self.dir, self.port)
    }

    /// An ordinary server.
    pub(crate) fn server(&self) -> Result<Server> {
        Server::start(&self.config())
    }

    /// One of our Java programs with all of ZooKeeper.
    pub(crate) fn java(&self, name: &str, main: &[&str]) -> Result<Program> {
        self.java_with(name, &self.tools.class_path(self.dir)?, &[], main)
    }

    /// One of our Java programs with another class path and further flags.
    pub(crate) fn java_with(
        &self,
        name: &str,
        class_path: &str,
        properties: &[&str],
        main: &[&str],
    ) -> Result<Program> {
        Launch {
            dir: self.dir,
            name,
            class_path,
            properties,
            main,
        }
        .start()
    }

    /// One of our Python programs.
    pub(crate) fn python(&self, script: &str, arguments: &[&str]) -> Result<Program> {
        Tools::script(self.dir, script)?;
        let mut command = dies_with_parent(&self.tools.python);
        command
            .arg(script)
            .args(arguments)
            .env("PYTHONPATH", &self.tools.python_path);
        self.start(&mut command, script)
    }

    /// Our program for Node.
    pub(crate) fn node(&self, arguments: &[&str]) -> Result<Program> {
        const SCRIPT: &str = "node_client.js";
        Tools::script(self.dir, SCRIPT)?;
        let node = command::on_path("node").context("there is no node")?;
        let mut command = dies_with_parent(&node);
        command
            .arg(SCRIPT)
            .args(arguments)
            .env("NODE_PATH", &self.tools.node_path);
        self.start(&mut command, SCRIPT)
    }

    /// Our program in Go.
    pub(crate) fn go(&self, arguments: &[&str]) -> Result<Program> {
        let mut command = dies_with_parent(self.tools.go_client(self.dir)?);
        self.start(command.args(arguments), "go-client")
    }

    /// Sets a rule of the namespace's packet filter.
    pub(crate) fn iptables(&self, arguments: &[&str]) -> Result<()> {
        let program = command::on_path("iptables").context("there is no iptables")?;
        command::run(Command::new(program).arg("-w").args(arguments))
    }

    /// Any program; what it prints goes to `NAME.out`.
    pub(crate) fn start(&self, command: &mut Command, name: &str) -> Result<Program> {
        let out = self.file(&format!("{name}.out"));
        let out = File::options()
            .append(true)
            .create(true)
            .open(&out)
            .with_context(|| format!("cannot make {}", out.display()))?;
        command
            .current_dir(self.dir)
            .stdout(out.try_clone()?)
            .stderr(out);
        Program::start(command)
    }

    /// Runs a program again and again, at a constant pace, and returns the
    /// process of each.
    pub(crate) fn repeat(
        &self,
        count: u32,
        period: Duration,
        program: &[&str],
        input: &[u8],
    ) -> Result<Vec<u32>> {
        let [name, arguments @ ..] = program else {
            bail!("no program");
        };
        let path = command::on_path(name).with_context(|| format!("there is no {name}"))?;
        let begun = Instant::now();
        let mut processes = Vec::new();
        for number in 0..count {
            thread::sleep((period * number).saturating_sub(begun.elapsed()));
            let running = self.start(Command::new(&path).args(arguments), name)?;
            processes.push(running.pid());
            running.feed(input, AT_MOST)?;
        }
        Ok(processes)
    }

    /// The log of a Java program.
    pub(crate) fn log(&self, name: &str) -> Log {
        Log::of(&self.file(&format!("{name}.log")))
    }

    /// A file in the directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// What a program printed.
    pub(crate) fn printed(&self, name: &str) -> Result<String> {
        let path = self.file(&format!("{name}.out"));
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// Waits until a program has printed this.
    pub(crate) fn wait_for_printed(&self, name: &str, text: &str) -> Result<()> {
        log::wait_for_text(&self.file(&format!("{name}.out")), text)
    }
}
