// SPDX-License-Identifier: MIT
//! Messages on standard error, which may be gone.

use std::{
    fmt,
    io::{self, Write},
};

/// Writes a line with our name in front. Where standard error is gone, as after
/// the end of a terminal, nobody can be told, and that must not end anything:
/// `eprintln!` would panic.
pub fn complain(message: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "zkchurn: {message}");
}
