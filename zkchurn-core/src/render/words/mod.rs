// SPDX-License-Identifier: MIT
//! What every form for people says in the same words: numbers, times, owners, losses.
//! No form's own marks, widths or colours.

pub(super) mod diff;
pub(super) mod explained;
pub(super) mod filtered;
pub(super) mod finding;
pub(super) mod handshakes;
pub(super) mod hosts;
pub(super) mod loss;
pub(super) mod moment;
pub(super) mod scope;
pub(super) mod server_log;
pub(super) mod summary;
pub(super) mod time_wait;
