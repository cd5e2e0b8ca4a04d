// SPDX-License-Identifier: MIT
//! What the kernel program and its reader must agree on, and nothing else.
//!
//! | module | what is agreed on |
//! |---|---|
//! | [`wire`] | what all records begin with, and how they may change |
//! | [`record`] | the bytes of one connection as they cross the ring buffer |
//! | [`handshake`] | the first bytes of each direction, likewise |
//! | [`state`] | the kernel's TCP states and what a change of state means |
//! | [`field`] | which fields of kernel structures are read, and where they are found |
//! | [`ports`] | the set of traced ports |
//! | [`settings`] | the other globals that the loader sets before loading |
//! | [`loss`] | the counters of what could not be recorded |
//!
//! The crate is `no_std`, does no I/O and contains no `unsafe`.
#![no_std]
#![forbid(unsafe_code)]

pub mod field;
pub mod handshake;
pub mod loss;
pub mod ports;
pub mod record;
pub mod settings;
pub mod state;
pub mod wire;
