// SPDX-License-Identifier: MIT
//! A terminal without anybody at it.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    os::fd::OwnedFd,
};

use rustix::{
    io::Errno,
    pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize},
};

/// A terminal of so many columns: the side that reads, and the one that is written to.
pub(crate) fn open(columns: u16) -> (File, OwnedFd) {
    let size = Winsize {
        ws_row: 50,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    unlockpt(&master).unwrap();
    let slave = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    tcsetwinsize(&slave, size).unwrap();
    let mut modes = tcgetattr(&slave).unwrap();
    // Else each end of a line is made two characters.
    modes.output_modes.remove(OutputModes::OPOST);
    tcsetattr(&slave, OptionalActions::Now, &modes).unwrap();
    (File::from(master), slave)
}

/// A terminal that nobody writes to any more ends with EIO (drivers/tty/tty_io.c).
pub(crate) fn read_to_hang_up(mut terminal: File) -> String {
    let mut said = Vec::new();
    let mut part = [0; 4096];
    loop {
        match terminal.read(&mut part) {
            Ok(0) => break,
            Ok(length) => said.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(Errno::IO.raw_os_error()) => break,
            Err(error) => panic!("{error}"),
        }
    }
    String::from_utf8(said).unwrap()
}
