// SPDX-License-Identifier: MIT
//! A terminal without anybody at it.

use std::{
    fs::File,
    io::{ErrorKind, Read, Write as _},
    os::fd::OwnedFd,
    process::{Child, ExitStatus},
    thread,
};

use rustix::{
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

/// Ends what is read of a terminal: in no output.
const END: &[u8] = b"\x04\x04";

/// All that a program writes to a terminal until it has ended. Its side is held open meanwhile: of a
/// terminal whose writer has gone away the kernel may leave the last bytes behind, where they were
/// more than 4,096.
pub(crate) fn read_to_the_end(
    mut terminal: File,
    written_to: OwnedFd,
    child: &mut Child,
) -> (String, ExitStatus) {
    let reading = thread::spawn(move || {
        let mut said = Vec::new();
        let mut part = [0; 4096];
        while !said.ends_with(END) {
            match terminal.read(&mut part) {
                Ok(length) => said.extend_from_slice(&part[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("{error}"),
            }
        }
        said
    });
    let status = child.wait().unwrap();
    File::from(written_to).write_all(END).unwrap();
    let mut said = reading.join().unwrap();
    said.truncate(said.len() - END.len());
    (String::from_utf8(said).unwrap(), status)
}
