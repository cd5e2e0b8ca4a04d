// SPDX-License-Identifier: MIT
//! What goes wrong around zkchurn, one file a fault. docs/reference/faults.md lists all of
//! them, with those that are tested elsewhere, and the figures of the full size.

mod container;
mod disk_full;
mod failing_fs;
mod fork_bomb;
pub(crate) mod hanging_fs;
mod hangs;
mod hidepid;
mod killed;
mod limits;
mod many_namespaces;
mod many_peers;
mod many_sockets;
mod output_gone;
mod places;
pub(crate) mod run;
mod settings_hang;
mod stopped;
mod stopped_helper;
mod tracefs;
mod two_instances;

/// One of two sizes: the full one where `cargo xtask faults --full` asks for it,
/// else one that fits into a suite.
fn size<T>(full: T, short: T) -> T {
    match std::env::var_os("ZKCHURN_FULL_FAULTS") {
        Some(_) => full,
        None => short,
    }
}

/// Tells a figure of a run; shown with `--nocapture`.
fn figure(what: &str) {
    println!("figure: {what}");
}
