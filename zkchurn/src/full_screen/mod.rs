// SPDX-License-Identifier: MIT
//! The terminal of the full-screen view: keys in, cells out, and the terminal as it was
//! before, however this process ends (docs/adr/0029).

mod input;
mod keyboard;
mod recorded_page;
pub(crate) mod recording;
mod run;
pub(crate) mod saved;
mod signals;
mod terminal;
#[cfg(test)]
mod tests;
pub(crate) mod trace;
pub(crate) mod wake;

pub(crate) use run::{Feed, run};
pub(crate) use terminal::{Terminal, give_back, why_not};
