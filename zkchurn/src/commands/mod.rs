// SPDX-License-Identifier: MIT
//! One file a command: what may be typed, the settings that it means, and running it.
//! Nothing below here knows of clap.

pub mod doctor;
pub mod output;
pub mod replay;
pub mod serverlog;
pub mod timewait;
pub mod trace;
pub mod values;
