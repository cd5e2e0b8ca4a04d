// SPDX-License-Identifier: MIT
//! What options are grouped under in `--help`, by what a person wants.

pub(crate) const TRACED: &str = "What is traced, and for how long";
pub(crate) const LOOKED_AT: &str = "How closely it looks";
pub(crate) const KEPT: &str = "What is kept, beside what is printed";
pub(crate) const PRINTED: &str = "What is printed";
pub(crate) const ATTACHED: &str = "How it attaches to the kernel";
