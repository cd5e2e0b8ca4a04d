// SPDX-License-Identifier: MIT
//! What zkchurn prints on a terminal.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    process::{Command, Stdio},
};

use rustix::{
    io::Errno,
    pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt},
    termios::{OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize},
};

/// What it prints on a terminal of so many columns.
pub(crate) fn printed_on_terminal(columns: u16, arguments: &[&str]) -> String {
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
    let mut child = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
        .args(arguments)
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .env("COLUMNS", columns.to_string())
        .env("TERM", "xterm")
        .stdout(slave)
        .spawn()
        .unwrap();
    let text = read_to_hang_up(File::from(master));
    assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
    text
}

/// A terminal that nobody writes to any more ends with EIO (drivers/tty/tty_io.c).
fn read_to_hang_up(mut terminal: File) -> String {
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
