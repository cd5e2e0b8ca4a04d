// SPDX-License-Identifier: MIT
//! A program that runs beside other work, and says what it has to say in one piece
//! behind it.

use std::fs;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Result, anyhow};

use crate::command;

/// Runs the program and does the work at the same time; then prints what the program said.
///
/// # Errors
///
/// Those of the program, else those of the work. Both are ended by then.
pub(crate) fn beside(program: &mut Command, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let said = tempfile::NamedTempFile::new()?;
    program.stdin(Stdio::null());
    program.stdout(said.reopen()?).stderr(said.reopen()?);
    let (program, work) = thread::scope(|scope| {
        let program = scope.spawn(|| command::run(program));
        let work = work();
        (program.join(), work)
    });
    println!(
        "\nbeside it:\n{}",
        String::from_utf8_lossy(&fs::read(said.path())?)
    );
    let program = program.unwrap_or_else(|_| Err(anyhow!("the thread that waited has panicked")));
    program.and(work)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn one_that_fails_is_enough() {
        let program = |name| Command::new(name);
        assert!(beside(&mut program("true"), || Ok(())).is_ok());
        assert!(beside(&mut program("false"), || Ok(())).is_err());
        let error = beside(&mut program("true"), || bail!("no luck"));
        assert_eq!(error.expect_err("it fails").to_string(), "no luck");
    }

    #[test]
    fn both_run_at_once() {
        let both = tempfile::tempdir().expect("a directory");
        let fifo = both.path().join("fifo");
        command::run(Command::new("mkfifo").arg(&fifo)).expect("a FIFO");
        let mut reads = Command::new("cat");
        let written = beside(reads.arg(&fifo), || {
            Ok(fs::write(&fifo, "opens only when it is read")?)
        });
        assert!(written.is_ok());
    }
}
