// SPDX-License-Identifier: MIT
//! The hash maps that every record passes.
//!
//! SipHash, the standard library's choice, cost a seventh of a replay. foldhash is
//! seeded anew in each process as well, which is enough here: the maps are bounded,
//! and who chooses keys (addresses, ports, sessions) never sees how long they took.

/// A map by foldhash; made by `default`.
pub type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// A set by foldhash; made by `default`.
pub type HashSet<T> = std::collections::HashSet<T, foldhash::fast::RandomState>;
