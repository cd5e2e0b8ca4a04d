// SPDX-License-Identifier: MIT
//! Recordings of several hosts in one report: which of them churn at the same time, and against
//! whom. Times are the wall clocks of the hosts; whether those agree is in no recording.

mod merge;
mod standing;

use serde::Serialize;

use crate::{
    diagnose::{Churn, Confidence, Severity},
    report::{Report, TraceSummary},
};

pub use merge::{CannotMerge, merge};

/// Most hosts in one report.
pub const MOST: usize = 32;

/// What is known of one host.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    /// What its recording is called, for messages.
    pub file: &'a str,
    /// Which boot of it, where the recording says.
    pub boot_id: Option<&'a str>,
    /// The ordinary report.
    pub report: &'a Report,
    /// Whether a part of the recording could not be read.
    pub is_damaged: bool,
}

/// All hosts, in the order in which they were given.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hosts {
    pub hosts: Vec<HostRow>,
    /// The time that all recordings have in common: RFC 3339, by the hosts' own clocks.
    pub common_from: String,
    pub common_to: String,
    /// What makes it uncertain, a sentence each.
    pub notes: Vec<String>,
}

/// One host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostRow {
    pub host: String,
    /// Begin and end of its recording, RFC 3339.
    pub from: String,
    pub to: String,
    /// The only process that was traced, in words, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    #[serde(flatten)]
    pub standing: Standing,
}

/// Whether a host churns.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// The worst finding is at least likely, and not harmless.
    Churns(ChurnRow),
    /// It is only possible.
    MayChurn(ChurnRow),
    /// None, or harmless ones.
    DoesNotChurn,
    /// None, in a recording that lacks something.
    CannotTell { why: &'static str },
}

/// What a host's worst finding says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChurnRow {
    pub name: Churn,
    pub title: &'static str,
    pub confidence: Confidence,
    pub severity: Severity,
    pub who: String,
    pub destinations: Vec<String>,
    /// Its first and its last connection, RFC 3339; `None` where not all of them are told apart.
    pub first: Option<String>,
    pub last: Option<String>,
    /// How many other findings there are about this host that are no more harmless.
    pub other_findings: u64,
}

impl Standing {
    /// What churns, or may.
    pub const fn churn(&self) -> Option<&ChurnRow> {
        match self {
            Self::Churns(churn) | Self::MayChurn(churn) => Some(churn),
            Self::DoesNotChurn | Self::CannotTell { .. } => None,
        }
    }
}

impl HostRow {
    fn of(host: &Host<'_>) -> Self {
        let trace: &TraceSummary = &host.report.trace;
        Self {
            host: trace.host.clone(),
            from: trace.from.clone(),
            to: trace.to.clone(),
            only: trace.only(),
            standing: standing::of(host.report, host.is_damaged),
        }
    }
}
