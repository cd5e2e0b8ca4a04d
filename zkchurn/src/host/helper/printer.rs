// SPDX-License-Identifier: MIT
//! The helper that writes to a file which is our standard output or standard error: its
//! file system may hang. It says of each message what became of it.

use std::{
    fs::File,
    io::{self, Write},
    os::{fd::AsFd, unix::net::UnixStream},
};

use super::wire::receive_bytes;

/// Writes what it is given to its standard output, until the other side ends or writing
/// fails. Each answer is an error's number, of four bytes, little-endian; 0: written.
pub(super) fn serve(mut socket: UnixStream) -> io::Result<()> {
    let mut file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    copy(&mut socket, &mut file)
}

fn copy(socket: &mut UnixStream, to: &mut impl Write) -> io::Result<()> {
    let mut bytes = Vec::new();
    while receive_bytes(socket, &mut bytes)? {
        let written = to.write_all(&bytes);
        let error = match &written {
            Ok(()) => 0,
            Err(error) => error.raw_os_error().unwrap_or(OTHER),
        };
        socket.write_all(&error.to_le_bytes())?;
        written?;
    }
    Ok(())
}

/// An error without a number of its own (EIO, asm-generic/errno-base.h).
const OTHER: i32 = 5;

#[cfg(test)]
mod tests {
    use std::{io::ErrorKind, thread};

    use super::{super::printing::Printer, *};

    /// Takes so many bytes.
    struct Disk {
        room: usize,
        taken: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.room < bytes.len() {
                return Err(io::Error::from_raw_os_error(28));
            }
            self.room -= bytes.len();
            self.taken.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_written_is_in_the_file_and_what_fails_says_why() {
        const ROOM: usize = 2 << 20;
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let helper = thread::spawn(move || {
            let mut disk = Disk {
                room: ROOM,
                taken: Vec::new(),
            };
            copy(&mut theirs, &mut disk).unwrap_err();
            disk.taken
        });
        let mut printer = Printer::over(ours);
        // More than one message holds.
        let bytes: Vec<u8> = (0..ROOM).map(|at| at as u8).collect();
        printer.write_all(&bytes).unwrap();
        let full = printer.write_all(b"more").unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        assert_eq!(helper.join().unwrap(), bytes);
        let ended = printer.write_all(b"more").unwrap_err();
        assert!(ended.to_string().contains("has ended"), "{ended}");
    }
}
