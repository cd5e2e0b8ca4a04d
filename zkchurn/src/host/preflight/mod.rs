// SPDX-License-Identifier: MIT
//! What this host offers, and what follows from it.
//!
//! `facts` looks and does not judge; `verdict` judges and does not look.

mod btf_file;
pub mod cgroup2;
pub mod facts;
pub mod handshake;
pub mod limits;
pub mod namespaces;
mod null_device;
mod proc_mounted;
pub(crate) mod seccomp;
pub mod verdict;
