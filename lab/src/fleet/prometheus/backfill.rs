// SPDX-License-Identifier: MIT
//! Counts of many hosts into blocks of a Prometheus, by promtool. It maps its input into memory
//! and reads it several times, so a pipe will not do; it gets a piece of the text at a time, which is
//! memory without a file. No text is ever on the disk.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use rustix::fs::{MemfdFlags, memfd_create};
use serde_json::Value;
use xtask::setup;

use crate::fleet::host::Host;

/// Bytes of a piece, about.
const PIECE: u64 = 64 << 20;
/// Where node_exporter finds the counts, and what it says itself of that file.
const TEXT_FILE: &str = "/var/lib/node_exporter/textfile_collector/zkchurn.prom";

/// What became of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blocks {
    pub series: u64,
    pub samples: u64,
    /// All files of the blocks.
    pub bytes: u64,
    /// Text that promtool read, and in how many pieces.
    pub text_bytes: u64,
    pub pieces: u64,
}

/// A filling that goes on.
pub(super) struct Backfill {
    database: PathBuf,
    piece: BufWriter<File>,
    piece_bytes: u64,
    blocks: Blocks,
}

impl Backfill {
    /// Into a database that need not be there.
    pub(super) fn new(database: PathBuf) -> Result<Self> {
        Ok(Self {
            database,
            piece: piece()?,
            piece_bytes: 0,
            blocks: Blocks::default(),
        })
    }

    /// Takes the text of a host as node_exporter would hand it to a Prometheus that asks at
    /// `unix_ms`.
    pub(super) fn scraped(&mut self, host: &Host, unix_ms: u64, text: &str) -> Result<()> {
        let at = format!("{}.{:03}", unix_ms / 1_000, unix_ms % 1_000);
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').context("a line without a value")?;
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let comma = if labels == "}" { "" } else { "," };
            self.line(format_args!(
                "{name}{{instance=\"{}\"{comma}{labels} {value} {at}\n",
                host.name
            ))?;
        }
        let written_ms = unix_ms + host.ahead_ms();
        self.line(format_args!(
            "node_textfile_mtime_seconds{{instance=\"{}\",file=\"{TEXT_FILE}\"}} {} {at}\n",
            host.name,
            written_ms / 1_000
        ))
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) -> Result<()> {
        let line = line.to_string();
        self.piece_bytes += line.len() as u64;
        Ok(self.piece.write_all(line.as_bytes())?)
    }

    /// All of a host is in one piece, so that each series is in one block.
    pub(super) fn host_is_over(&mut self) -> Result<()> {
        match self.piece_bytes >= PIECE {
            true => self.hand_over(),
            false => Ok(()),
        }
    }

    fn hand_over(&mut self) -> Result<()> {
        let full = std::mem::replace(&mut self.piece, piece()?);
        let mut full = full.into_inner().context("the memory is full")?;
        full.write_all(b"# EOF\n")?;
        let filled = Command::new(setup::prometheus::promtool()?)
            .args(["tsdb", "create-blocks-from", "openmetrics", "/dev/stdin"])
            .arg(&self.database)
            .stdin(full)
            .stdout(Stdio::null())
            .output()
            .context("cannot run promtool")?;
        let complaint = String::from_utf8_lossy(&filled.stderr);
        ensure!(
            filled.status.success(),
            "promtool takes no counts: {complaint}"
        );
        self.blocks.text_bytes += self.piece_bytes;
        self.blocks.pieces += 1;
        self.piece_bytes = 0;
        Ok(())
    }

    /// Hands the rest over; what there is then.
    pub(super) fn end(mut self) -> Result<Blocks> {
        if self.piece_bytes > 0 {
            self.hand_over()?;
        }
        for entry in fs::read_dir(&self.database)? {
            let block = entry?.path();
            let about = fs::read_to_string(block.join("meta.json"))?;
            let about: Value = serde_json::from_str(&about)?;
            let number = |name: &str| about["stats"][name].as_u64().unwrap_or_default();
            self.blocks.series += number("numSeries");
            self.blocks.samples += number("numSamples");
            self.blocks.bytes += bytes_below(&block)?;
        }
        Ok(self.blocks)
    }
}

fn piece() -> Result<BufWriter<File>> {
    let memory = memfd_create("counts", MemfdFlags::CLOEXEC).context("no memory for a piece")?;
    Ok(BufWriter::new(File::from(memory)))
}

fn bytes_below(directory: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += match about.is_dir() {
            true => bytes_below(&entry.path())?,
            false => about.len(),
        };
    }
    Ok(bytes)
}
