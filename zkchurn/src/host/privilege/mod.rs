// SPDX-License-Identifier: MIT
//! Which capabilities zkchurn needs for what, and giving up the rest
//! (docs/adr/0014).
//!
//! | file | what it does |
//! |---|---|
//! | `needs` | the table: capability, purpose, option, until when. Pure |
//! | `held` | changes what this thread holds |
//! | `remedy` | what to do where one is missing |
//!
//! In Linux capabilities belong to a thread, and a new thread has those of the
//! one that starts it. So they are given up while there is one thread only.

pub mod held;
pub mod needs;
pub mod remedy;
