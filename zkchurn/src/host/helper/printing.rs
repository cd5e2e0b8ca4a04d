// SPDX-License-Identifier: MIT
//! Our side of the helper that writes to a file which is our standard output or standard
//! error. Whoever writes waits for the answer, but on a socket: that wait ends with this
//! process, which also has the file open no more, since closing it may hang as well.

use std::{
    fs::File,
    io::{self, ErrorKind, Read, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    process::Child,
};

use rustix::{
    fs::{FileType, fstat},
    stdio::{dup2_stderr, dup2_stdout},
};

use super::{
    process::{self, Kind},
    wire::MOST_BYTES,
};
use crate::host::patient::Patient;

/// What this process may write to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Messages,
}

/// Where it writes to.
pub struct Writer {
    /// Writing waits in the kernel for a reader, or on a socket for the helper.
    pub to: Box<dyn Write + Send>,
    /// Whether it is a file, which the helper writes.
    pub is_file: bool,
    /// The helper.
    pub helper: Option<Child>,
}

/// Whether somebody has stopped the helper.
pub fn is_stopped(helper: &Child) -> bool {
    process::is_stopped(helper.id())
}

/// What writes to a stream, once, in this process: a file is handed over to a helper.
///
/// # Errors
///
/// The stream is closed, or the system grants no process.
pub fn writer(stream: Stream) -> io::Result<Writer> {
    let ours = match stream {
        Stream::Output => io::stdout().as_fd().try_clone_to_owned()?,
        Stream::Messages => io::stderr().as_fd().try_clone_to_owned()?,
    };
    // Waiting for a pipe, a socket or a terminal ends with the process.
    let is_file = matches!(
        FileType::from_raw_mode(fstat(&ours)?.st_mode),
        FileType::RegularFile | FileType::BlockDevice
    );
    if !is_file {
        return Ok(Writer {
            to: Box::new(Patient(File::from(ours))),
            is_file,
            helper: None,
        });
    }
    let (helper, printer) = hand_over(stream, ours)?;
    Ok(Writer {
        to: Box::new(printer),
        is_file,
        helper: Some(helper),
    })
}

fn hand_over(stream: Stream, file: OwnedFd) -> io::Result<(Child, Printer)> {
    let nowhere = File::options().write(true).open("/dev/null")?;
    let (helper, socket) = process::start_writing_to(Kind::Printer, file.into())?;
    match stream {
        Stream::Output => dup2_stdout(&nowhere)?,
        Stream::Messages => dup2_stderr(&nowhere)?,
    }
    Ok((helper, Printer::over(socket)))
}

/// The helper at work.
pub struct Printer {
    socket: UnixStream,
}

impl Printer {
    /// The helper is at the other end of `socket`.
    pub fn over(socket: UnixStream) -> Self {
        Self { socket }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<i32> {
        self.socket.write_all(&(bytes.len() as u32).to_le_bytes())?;
        self.socket.write_all(bytes)?;
        let mut error = [0; 4];
        self.socket.read_exact(&mut error)?;
        Ok(i32::from_le_bytes(error))
    }
}

impl Write for Printer {
    /// Comes back when the file system has the bytes.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(MOST_BYTES)];
        match self.send(piece) {
            Ok(0) => Ok(piece.len()),
            Ok(error) => Err(io::Error::from_raw_os_error(error)),
            // As a reader that has gone away it would be no error.
            Err(error) => match error.kind() {
                ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof => {
                    Err(io::Error::other(
                        "the helper process that writes it has ended",
                    ))
                }
                _ => Err(error),
            },
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
