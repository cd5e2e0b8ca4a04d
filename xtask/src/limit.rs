// SPDX-License-Identifier: MIT
//! A limit for work that waits for other programs: they are ended when it is over, and so
//! the work fails.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::guard::descendants;

/// Does the work, whose programs are ended when they have taken so long.
///
/// # Errors
///
/// Those of the work, or which programs it waited for.
pub(crate) fn within(at_most: Duration, work: impl FnOnce() -> Result<()>) -> Result<()> {
    thread::scope(|scope| {
        let (done, ended) = mpsc::channel::<()>();
        let watch = scope.spawn(move || {
            let is_over = ended.recv_timeout(at_most) == Err(RecvTimeoutError::Timeout);
            is_over.then(descendants::end_all)
        });
        let result = work();
        drop(done);
        match watch.join() {
            Ok(Some(awaited)) => {
                let awaited = descendants::named(&awaited?);
                bail!(
                    "not done after {} s; it waited for {awaited}",
                    at_most.as_secs_f64()
                )
            }
            _ => result,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::command;

    /// All that the process has started is ended: other tests must not run in it.
    #[test]
    #[ignore = "run by the next one, in a process of its own"]
    fn alone() {
        let sleep = || command::run(Command::new("sleep").arg("600"));
        let error = within(Duration::from_millis(50), sleep).expect_err("it takes longer");
        let error = format!("{error:#}");
        assert!(
            error.contains("not done after 0.05 s; it waited for"),
            "{error}"
        );
        assert!(error.contains("sleep ("), "{error}");
    }

    #[test]
    fn what_takes_too_long_is_ended_and_named() {
        let program = std::env::current_exe().expect("it has a path");
        let mut alone = Command::new(program);
        let said = command::output(alone.args(["--ignored", "--exact", "limit::tests::alone"]));
        let said = said.expect("it passes");
        assert!(said.contains("1 passed"), "{said}");
    }

    #[test]
    fn what_is_done_in_time_is_left_alone() {
        assert!(within(Duration::from_secs(600), || Ok(())).is_ok());
        let error = within(Duration::from_secs(600), || bail!("no luck"));
        assert_eq!(error.expect_err("it fails").to_string(), "no luck");
    }
}
