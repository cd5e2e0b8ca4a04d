// SPDX-License-Identifier: MIT
//! Where frames come from: the running kernel.
//!
//! The other source, a recording, is [`crate::recording::reader`].

pub mod kernel;
mod kernel_object;

pub use kernel_object::BUILT_IN;
