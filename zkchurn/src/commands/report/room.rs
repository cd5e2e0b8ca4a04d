// SPDX-License-Identifier: MIT
//! What the files of a report would take, before the first of them is written.

use std::{
    io::{self, BufReader},
    path::Path,
};

use super::{ReportArgs, pipeline, unreadable};
use crate::{
    commands::{replay, source},
    exit::{Code, Failure},
    host::blocks::blocks,
};

/// Sees whether the files take no more than `room` bytes of disk together.
///
/// # Errors
///
/// They take more, with the size of each in bytes in the end; or nothing can be read.
pub(super) fn check(args: &ReportArgs, path: &Path, room: u64) -> Result<(), Failure> {
    let sizes = sizes(args, path)?;
    let needed: u64 = sizes.iter().map(|size| blocks(*size)).sum();
    if needed <= room {
        return Ok(());
    }
    let each: Vec<_> = sizes.iter().map(u64::to_string).collect();
    let sentence = format!(
        "{needed} bytes of disk are needed, and {room} may be taken: {}",
        each.join(" ")
    );
    Err(Failure::sentence(Code::Unwritable, sentence))
}

/// Those of the recordings, and then of the reports, in bytes.
fn sizes(args: &ReportArgs, path: &Path) -> Result<Vec<u64>, Failure> {
    let (recordings, reports) = args.parted();
    let mut sizes = Vec::new();
    for _ in recordings {
        let (bytes, _) = source::join_bytes(path, args.window)?;
        let mut bytes = BufReader::with_capacity(1 << 16, bytes);
        let size = io::copy(&mut bytes, &mut io::sink());
        sizes.push(size.map_err(|error| unreadable(path, error))?);
    }
    if !reports.output.is_empty() {
        let (mut pipeline, memories) = pipeline(&reports, reports.redact.redactor());
        replay::play_path(path, args.window, false, &mut pipeline)?;
        let reports = memories.iter().map(|memory| memory.0.borrow().len() as u64);
        sizes.extend(reports);
    }
    Ok(sizes)
}
