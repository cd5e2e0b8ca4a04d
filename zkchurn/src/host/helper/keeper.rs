// SPDX-License-Identifier: MIT
//! The helper that writes a flight recorder's segments: its file system may hang, or be
//! full. It is given the directory and its limits, then bytes, and at last the order to
//! finish. Without that order, as after a trace that was killed, the last segment stays
//! `.partial`, with all that came.

use std::{
    io::{self, ErrorKind},
    os::unix::net::UnixStream,
    path::PathBuf,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::{
    recorder::{DATA, FINISH, Said},
    wire::{receive_bytes, send},
};
use crate::host::{
    clock::clock_pair,
    flight_recorder::{FlightRecorder, News},
    privilege::{held, needs},
    segment_store::Limits,
};

/// First byte of a message to this helper: a [`Keep`] follows. The first one opens the
/// directory, further ones change its limits.
pub(super) const KEEP: u8 = b'K';

/// What is to be kept where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keep {
    pub directory: PathBuf,
    /// Bytes at most.
    pub bytes: u64,
    /// Seconds.
    pub age_s: u64,
}

impl Keep {
    /// What is promised of the directory.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            bytes: self.bytes,
            age: Duration::from_secs(self.age_s),
        }
    }
}

/// Writes what it is given, until the other side ends.
pub(super) fn serve(mut socket: UnixStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    if !receive_bytes(&mut socket, &mut bytes)? {
        return Ok(());
    }
    let keep = keep(&bytes)?;
    let (mut recorder, foreign) = match opened(&keep) {
        Ok(opened) => opened,
        Err(error) => {
            let exists = false;
            let error = error.to_string();
            return send(&mut socket, &Said::NotCreated { exists, error });
        }
    };
    send(&mut socket, &Said::Created { roots: false })?;
    if !foreign.is_empty() {
        send(&mut socket, &Said::Foreign(foreign))?;
    }
    while receive_bytes(&mut socket, &mut bytes)? {
        match &bytes[..] {
            [DATA, data @ ..] => match recorder.take(data, clock_pair()) {
                Ok(None) => {}
                Ok(Some(News::Stopped(error))) => send(&mut socket, &Said::Stopped(error))?,
                Ok(Some(News::Full(error))) => send(&mut socket, &Said::Full(error))?,
                Ok(Some(News::Resumed { lost })) => send(&mut socket, &Said::Resumed { lost })?,
                Err(error) => return send(&mut socket, &Said::Failed(error.to_string())),
            },
            [KEEP, ..] => recorder.limit(keep_again(&bytes)?, clock_pair()),
            [FINISH] => {
                let said = match recorder.end() {
                    Ok(()) => Said::Finished,
                    Err(error) => Said::Failed(error.to_string()),
                };
                return send(&mut socket, &said);
            }
            _ => {}
        }
    }
    Ok(())
}

/// Opens the directory, and gives up what was needed for that; what is in it that is not its
/// own.
fn opened(keep: &Keep) -> io::Result<(FlightRecorder, Vec<String>)> {
    let recorder = FlightRecorder::open(&keep.directory, keep.limits())?;
    let foreign = recorder.foreign()?;
    held::keep_only(needs::KEPT_BY_RECORDER)?;
    recorder.prove_writable()?;
    Ok((recorder, foreign))
}

fn keep(bytes: &[u8]) -> io::Result<Keep> {
    match bytes {
        [KEEP, keep @ ..] => Ok(serde_json::from_slice(keep)?),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

fn keep_again(bytes: &[u8]) -> io::Result<Limits> {
    Ok(keep(bytes)?.limits())
}
