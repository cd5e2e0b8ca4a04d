// SPDX-License-Identifier: MIT
//! The part of the laboratory that zkchurn's own tests use as well: zkchurn at
//! work, network namespaces, ZooKeeper's bytes, `/proc`.

pub mod harness;
