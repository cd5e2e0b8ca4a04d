// SPDX-License-Identifier: MIT
//! Other programs, waited for with a limit: a test that would hang fails instead.

pub(crate) use zkchurn_lab::harness::in_time::*;
