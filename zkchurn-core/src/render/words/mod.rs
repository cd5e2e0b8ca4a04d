// SPDX-License-Identifier: MIT
//! What every form for people says in the same words: numbers, times, owners, losses.
//! No form's own marks, widths or colours.

pub mod explained;
pub mod finding;
pub mod handshakes;
pub mod loss;
pub mod moment;
pub mod scope;
pub mod server_log;
pub mod summary;
pub mod time_wait;
