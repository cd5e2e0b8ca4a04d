// SPDX-License-Identifier: MIT
//! The helper that replaces the file with metrics: its file system may hang, or be full. It is
//! given a path, then one text after another; it says when it can no longer, and when it can
//! again.

use std::{
    io::{self, ErrorKind},
    os::unix::net::UnixStream,
};

use rustix::thread::CapabilitySet;

use super::{
    recorder::{DATA, Said, path},
    wire::{receive_bytes, send},
};
use crate::host::{
    metrics_file::MetricsFile,
    privilege::{held, needs},
};

/// Replaces the file by what it is given, until the other side ends.
pub(super) fn serve(mut socket: UnixStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    let Some(path) = path(&mut socket, &mut bytes)? else {
        return Ok(());
    };
    let mut file = match MetricsFile::open(&path) {
        Ok(file) => file,
        Err(error) => {
            let exists = error.kind() == ErrorKind::AlreadyExists;
            let error = error.to_string();
            return send(&mut socket, &Said::NotCreated { exists, error });
        }
    };
    held::keep_only(needs::KEPT_BY_RECORDER)?;
    send(&mut socket, &Said::Created { roots: false })?;
    let mut lost = 0;
    while receive_bytes(&mut socket, &mut bytes)? {
        let [DATA, text @ ..] = &bytes[..] else {
            continue;
        };
        // Its directory may be one that root alone writes to.
        let replaced = held::with(CapabilitySet::DAC_OVERRIDE, || file.replace(text));
        // One answer to each text.
        let said = match replaced.flatten() {
            Ok(()) if lost == 0 => Said::Finished,
            Ok(()) => Said::Resumed {
                lost: std::mem::take(&mut lost),
            },
            Err(error) => {
                lost += 1;
                Said::Stopped(error.to_string())
            }
        };
        send(&mut socket, &said)?;
    }
    Ok(())
}
