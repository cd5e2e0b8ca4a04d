// SPDX-License-Identifier: MIT
//! zkchurn with few capabilities and without root.

mod dropped;
mod granted;
pub(crate) mod user;
mod writes;
