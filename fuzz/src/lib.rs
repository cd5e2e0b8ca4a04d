// SPDX-License-Identifier: MIT
//! What several targets share.

pub mod mended;
pub mod output;
pub mod stream;
