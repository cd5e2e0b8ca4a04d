// SPDX-License-Identifier: MIT
//! `faults`: the tests of what goes wrong around zkchurn (docs/reference/faults.md), which
//! are among the kernel tests of the suite, alone and with their figures.

use anyhow::Result;
use clap::Args;

use crate::{privileged_tests, setup};

/// Options of `faults`.
#[derive(Args)]
pub(crate) struct Options {
    /// At full size: stopped for a minute, 6,000 short clients, 1,000 network
    /// namespaces, 100,000 connections at start
    #[arg(long)]
    full: bool,
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(&[setup::Group::Ebpf, setup::Group::Tests])?;
    let variables: &[&str] = match options.full {
        true => &["ZKCHURN_FULL_FAULTS=1"],
        false => &[],
    };
    privileged_tests::run_some("kernel", &["faults::", "--nocapture"], variables)
}
