// SPDX-License-Identifier: MIT
//! The binary: all of it is in the library, where tests reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    zkchurn::run()
}
