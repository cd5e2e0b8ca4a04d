// SPDX-License-Identifier: MIT
//! A tool at work: started, known to be attached, ended by the signal of
//! Ctrl-C. All that it prints goes to files, which are read afterwards.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use aya::Ebpf;
use rustix::process::Signal;
use zkchurn_lab::harness::namespace::Namespace;
use zkchurn_lab::harness::proc;
use zkchurn_lab::harness::program::Program;
use zkchurn_lab::harness::wait;

use super::process::{self, Usage};
use super::terminal::Terminal;
use super::tool::{Tool, report};
use super::{floor, output};

const ATTACHES_WITHIN: Duration = Duration::from_secs(20);
const ENDS_WITHIN: Duration = Duration::from_secs(30);

/// What every start of a tool needs.
pub(super) struct Bench {
    /// zkchurn, built for release.
    pub zkchurn: PathBuf,
    /// The empty program's object.
    pub floor: Vec<u8>,
    /// Where the files go.
    pub scratch: tempfile::TempDir,
}

/// A tool at work. It is ended when this is dropped.
pub(super) struct Running {
    pub tool: Tool,
    program: Option<Program>,
    /// Attached as long as it is kept.
    floor: Option<Ebpf>,
    /// What it draws on, if it does.
    terminal: Option<Terminal>,
    pub files: Files,
}

/// What a tool leaves.
pub(super) struct Files {
    /// Its standard output.
    pub out: PathBuf,
    /// Its complaints.
    pub err: PathBuf,
    /// A recording or capture.
    pub capture: PathBuf,
}

impl Running {
    /// Starts a tool and waits until it is attached.
    pub(super) fn start(tool: Tool, bench: &Bench, load: &Namespace) -> Result<Self> {
        let running = Self::launch(tool, bench, load, false)?;
        wait::until(&format!("{tool} to attach"), ATTACHES_WITHIN, || {
            Ok(running.is_attached()?.then_some(()))
        })
        .with_context(|| fs::read_to_string(&running.files.err).unwrap_or_default())?;
        Ok(running)
    }

    /// Starts a tool and waits for nothing. With `at_once` it prints each line
    /// when it has it, as into a terminal.
    pub(super) fn launch(
        tool: Tool,
        bench: &Bench,
        load: &Namespace,
        at_once: bool,
    ) -> Result<Self> {
        let files = Files::new(bench.scratch.path());
        let floor = (tool == Tool::Empty)
            .then(|| floor::attach(&bench.floor))
            .transpose()?;
        let mut terminal = None;
        let program = match tool.command(&bench.zkchurn, &files.capture) {
            None => None,
            Some(mut command) => {
                if at_once {
                    tool.unbuffered(&mut command);
                }
                command
                    .stdout(File::create(&files.out)?)
                    .stderr(File::create(&files.err)?);
                if tool == Tool::Live {
                    terminal = Some(Terminal::of(&mut command)?);
                }
                Some(if tool == Tool::Live {
                    Program::start_as_it_is(&mut command)?
                } else if tool.is_tcpdump() {
                    load.during(|| Program::start(&mut command))?
                } else {
                    Program::start(&mut command)?
                })
            }
        };
        Ok(Self {
            tool,
            program,
            floor,
            terminal,
            files,
        })
    }

    fn is_attached(&self) -> Result<bool> {
        let says = |words| fs::read_to_string(&self.files.err).map(|said| said.contains(words));
        Ok(match &self.program {
            None => true,
            Some(_) if self.tool.is_zkchurn() => says("zkchurn: tracing")?,
            Some(_) if self.tool.is_tcpdump() => says("listening on")?,
            // What it attaches to has no link. It attaches each when it has loaded it.
            Some(program) if self.tool == Tool::Bpftrace => {
                process::Programs::of(program.pid())?.is_loaded()
            }
            // It says nothing, and buffers its output.
            Some(program) => process::has_link(program.pid())?,
        })
    }

    /// What it has used so far; `None` for what uses nothing.
    pub(super) fn usage(&self) -> Result<Option<Usage>> {
        match (&self.program, &self.floor) {
            (Some(program), _) => Usage::of(program.pid()).map(Some),
            (None, Some(_)) => Ok(Some(Usage {
                programs: process::Programs::of(std::process::id())?,
                ..Usage::default()
            })),
            (None, None) => Ok(None),
        }
    }

    /// The CPU time of it and its helper processes; everything else is its own.
    pub(super) fn usage_of_all(&self) -> Result<Usage> {
        let program = self.program.as_ref().context("it has a process")?;
        let mut all = Usage::of(program.pid())?;
        for helper in proc::children(program.pid())? {
            // It may end at any moment.
            all.cpu_ns += Usage::of(helper).map_or(0, |usage| usage.cpu_ns);
        }
        Ok(all)
    }

    /// How often it has drawn on its terminal so far.
    pub(super) fn drawings(&self) -> u64 {
        self.terminal.as_ref().map_or(0, Terminal::drawings)
    }

    /// Gives it the time to take what is on its way.
    pub(super) fn settle(&self) {
        let time = match self.tool {
            Tool::None | Tool::Empty => return,
            // The kernel hands out a block of packets after at most a second.
            Tool::Tcpdump | Tool::TcpdumpFlags => 1200,
            _ => 300,
        };
        thread::sleep(Duration::from_millis(time));
    }

    /// Ends it and reads what it has seen.
    pub(super) fn stop(mut self, zkchurn: &Path) -> Result<output::Seen> {
        self.end()?;
        output::seen(self.tool, zkchurn, &self.files)
            .with_context(|| format!("what {} has seen", self.tool))
    }

    /// Ends it. Its files stay until the next tool starts.
    pub(super) fn end(&mut self) -> Result<()> {
        if let Some(mut program) = self.program.take() {
            program.signal(Signal::INT)?;
            program
                .wait(ENDS_WITHIN)
                .with_context(|| fs::read_to_string(&self.files.err).unwrap_or_default())?;
        }
        self.floor = None;
        Ok(())
    }
}

impl Files {
    /// Those of the tool before are removed: zkchurn replaces nothing.
    fn new(directory: &Path) -> Self {
        let files = Self {
            out: directory.join("out"),
            err: directory.join("err"),
            capture: directory.join("capture"),
        };
        for file in [
            &files.out,
            &files.err,
            &files.capture,
            &report(&files.capture),
        ] {
            // Often there is none.
            let _ = fs::remove_file(file);
        }
        files
    }
}
