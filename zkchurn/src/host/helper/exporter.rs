// SPDX-License-Identifier: MIT
//! The helper that sends events and counts to a collector of OpenTelemetry, which may be slow, dead
//! or lying. It is given an address, then one request after another; it says how it goes when it
//! is asked, and at the end. It holds no capability.

use std::{
    io::{self, ErrorKind},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use bytes::Bytes;
use zkchurn_core::otlp::Signal;

use super::{
    recorder::{CREATE, DATA, FINISH, Said},
    wire::{receive_bytes, send},
};
use crate::host::{
    otlp::{Endpoint, Request, Sender},
    privilege::{held, needs::Kept},
};

/// First byte of a message to this helper: how does it go?
pub(super) const ASK: u8 = b'?';
/// Second byte of [`DATA`]: what the request is about. Eight bytes follow, little-endian, with
/// the number of its records, and then its body.
pub(super) const LOGS: u8 = b'L';
/// Likewise.
pub(super) const METRICS: u8 = b'M';

/// How long it goes on when the trace was killed.
const AFTER_A_KILL: Duration = Duration::from_secs(2);

/// Sends what it is given, until the other side ends.
pub(super) fn serve(mut socket: UnixStream) -> io::Result<()> {
    let mut bytes = Vec::new();
    if !receive_bytes(&mut socket, &mut bytes)? {
        return Ok(());
    }
    let [CREATE, endpoint @ ..] = &bytes[..] else {
        return Err(ErrorKind::InvalidData.into());
    };
    let endpoint: Endpoint = serde_json::from_slice(endpoint)?;
    held::keep_only(Kept::NOTHING)?;
    let sender = Sender::start(endpoint)?;
    send(&mut socket, &Said::Created { roots: false })?;
    while receive_bytes(&mut socket, &mut bytes)? {
        match &bytes[..] {
            [DATA, request @ ..] => sender.put(request_of(request)?),
            [ASK] => send(&mut socket, &Said::Exported(Box::new(sender.progress())))?,
            [FINISH, within @ ..] => {
                let progress = sender.finish(Instant::now() + within_of(within));
                return send(&mut socket, &Said::Exported(Box::new(progress)));
            }
            _ => {}
        }
    }
    sender.finish(Instant::now() + AFTER_A_KILL);
    Ok(())
}

/// The bytes of a request, behind the first.
pub(super) fn data_of(signal: Signal, records: u64, body: &[u8]) -> Vec<u8> {
    let signal = match signal {
        Signal::Logs => LOGS,
        Signal::Metrics => METRICS,
    };
    let mut data = Vec::with_capacity(9 + body.len());
    data.push(signal);
    data.extend(records.to_le_bytes());
    data.extend(body);
    data
}

fn request_of(data: &[u8]) -> io::Result<Request> {
    let read = || {
        let (signal, rest) = data.split_first()?;
        let (records, body) = rest.split_first_chunk::<8>()?;
        let signal = match *signal {
            LOGS => Signal::Logs,
            METRICS => Signal::Metrics,
            _ => return None,
        };
        Some(Request {
            signal,
            records: u64::from_le_bytes(*records),
            body: Bytes::copy_from_slice(body),
        })
    };
    read().ok_or_else(|| ErrorKind::InvalidData.into())
}

/// Milliseconds in four bytes, little-endian.
fn within_of(bytes: &[u8]) -> Duration {
    let milliseconds = bytes
        .first_chunk()
        .map_or(0, |four| u32::from_le_bytes(*four));
    Duration::from_millis(milliseconds.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_as_it_was_given_and_what_is_none_is_refused() {
        for signal in [Signal::Logs, Signal::Metrics] {
            let data = data_of(signal, 7, b"body");
            let request = request_of(&data).unwrap();
            assert_eq!((request.signal, request.records), (signal, 7));
            assert_eq!(&request.body[..], b"body");
            assert!(request_of(&data[..8]).is_err());
        }
        assert!(request_of(b"").is_err());
        assert!(request_of(b"X12345678body").is_err());
    }
}
