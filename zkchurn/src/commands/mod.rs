// SPDX-License-Identifier: MIT
//! One file a command: what may be typed, the settings that it means, and running it.
//! Nothing below here knows of clap.

pub(crate) mod agent;
pub(crate) mod completions;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod expect;
pub(crate) mod headings;
pub(crate) mod live;
pub(crate) mod man;
pub(crate) mod output;
mod outputs;
pub(crate) mod quoted;
pub(crate) mod redact;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod selection;
pub(crate) mod serverlog;
pub(crate) mod source;
pub(crate) mod timewait;
pub(crate) mod trace;
pub(crate) mod values;
