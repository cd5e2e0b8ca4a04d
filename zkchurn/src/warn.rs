// SPDX-License-Identifier: MIT
//! Messages on standard error, which may be gone.

use std::{
    fmt,
    io::{self, Write},
};

use zkchurn_core::text::printable;

/// Writes a line with our name in front. Where standard error is gone, as after
/// the end of a terminal, nobody can be told, and that must not end anything:
/// `eprintln!` would panic.
///
/// A message may name a file, and whoever named the file may have meant the terminal.
pub fn warn(message: fmt::Arguments<'_>) {
    let line = printable(message.to_string().as_bytes());
    let _ = writeln!(io::stderr().lock(), "zkchurn: {line}");
}
