// SPDX-License-Identifier: MIT
//! Waiting for something that other programs bring about, never for ever.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Looks again and again until `look` has found something.
pub fn until<T>(
    what: &str,
    at_most: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let deadline = Instant::now() + at_most;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() >= deadline {
            bail!("waited {} s for {what}", at_most.as_secs_f64());
        }
        thread::sleep(BETWEEN_LOOKS);
    }
}
