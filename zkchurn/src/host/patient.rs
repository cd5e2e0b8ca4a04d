// SPDX-License-Identifier: MIT
//! Writing to somebody who may have set the descriptor not to wait (`O_NONBLOCK`). That
//! belongs to the open file, which standard output shares with whoever started us: Node.js,
//! ssh and others leave it so. A full pipe is no failure then, and setting it back would
//! take it from them.

use std::{
    io::{self, ErrorKind, Write},
    os::fd::AsFd,
};

use rustix::event::{PollFd, PollFlags, poll};

/// Waits for room, whatever the descriptor says.
pub struct Patient<W>(pub W);

impl<W: Write + AsFd> Patient<W> {
    fn try_until_there_is_room<T>(
        &mut self,
        mut attempt: impl FnMut(&mut W) -> io::Result<T>,
    ) -> io::Result<T> {
        loop {
            match attempt(&mut self.0) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    await_room(&self.0)?;
                }
                done => return done,
            }
        }
    }
}

impl<W: Write + AsFd> Write for Patient<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.try_until_there_is_room(|to| to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.try_until_there_is_room(Write::flush)
    }
}

/// Waits until something can be written, or the reader is gone: then writing says so.
pub fn await_room(to: &impl AsFd) -> io::Result<()> {
    match poll(&mut [PollFd::new(to, PollFlags::OUT)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read, os::unix::net::UnixStream, thread};

    use super::*;

    #[test]
    fn all_comes_through_a_descriptor_that_does_not_wait() {
        const BYTES: usize = 4 << 20;
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let writing = thread::spawn(move || {
            let mut to = Patient(ours);
            to.write_all(&vec![7; BYTES])?;
            to.flush()
        });
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).unwrap();
        writing.join().unwrap().unwrap();
        assert_eq!(read.len(), BYTES);
    }

    #[test]
    fn a_reader_that_is_gone_is_not_waited_for() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        drop(theirs);
        let error = Patient(ours).write_all(&[0; 1 << 20]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
}
