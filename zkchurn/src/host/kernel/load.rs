// SPDX-License-Identifier: MIT
//! Loading the object's maps, with the settings that the kernel program finds in
//! its globals.

use aya::{Ebpf, EbpfLoader};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use zkchurn_common::{
    ports::PortSet,
    settings::{
        HANDSHAKES_ALWAYS, HANDSHAKES_NEVER, HANDSHAKES_ON_WISH, MOST_PIDS, SIDE_CLIENT,
        SIDE_SERVER, names,
    },
};

use super::{Attempt, HandshakesFrom, KernelConfig, KernelError};
use crate::host::{
    kernel_layout::{SocketLayout, TracepointLayout},
    preflight::facts::Facts,
};
use zkchurn_core::frame::Sides;

/// Loads the maps that `attempt` needs; the programs themselves are loaded afterwards.
///
/// # Errors
///
/// The object is damaged, or the kernel refuses a map.
pub(super) fn load(
    object: &[u8],
    config: &KernelConfig,
    facts: &Facts,
    attempt: Attempt,
) -> Result<Ebpf, KernelError> {
    let mut ports = PortSet::EMPTY;
    for port in &config.ports {
        ports.insert(*port);
    }
    let sides = match config.side {
        Sides::Client => SIDE_CLIENT,
        Sides::Server => SIDE_SERVER,
        Sides::Both => SIDE_CLIENT | SIDE_SERVER,
    };
    let mut pids = [0; MOST_PIDS];
    for (slot, pid) in pids.iter_mut().zip(&config.pids) {
        *slot = *pid;
    }
    let has_cookie = u32::from(attempt.socket_cookie);
    let socket_layout = facts.btf.value().unwrap_or(&SocketLayout::UNKNOWN);
    let tracepoint_layout = facts
        .tracepoint
        .value()
        .unwrap_or(&TracepointLayout::UNUSED);
    let handshake = match &config.handshake_at {
        Some((_, HandshakesFrom::Start)) if attempt.socket_cookie => HANDSHAKES_ALWAYS,
        Some((_, HandshakesFrom::Wish)) if attempt.socket_cookie => HANDSHAKES_ON_WISH,
        _ => HANDSHAKES_NEVER,
    };
    let handshakes = match handshake {
        HANDSHAKES_NEVER => 1,
        _ => config.table_size,
    };
    let log_level = config.kernel_log_level;
    let ebpf = loader()?
        .override_global(aya_log::LEVEL, &log_level, true)
        .override_global(names::PORTS, ports.words().as_slice(), true)
        .override_global(names::SIDES, &sides, true)
        .override_global(names::PIDS, pids.as_slice(), true)
        .override_global(names::HAS_SOCKET_COOKIE, &has_cookie, true)
        .override_global(names::HANDSHAKE, &handshake, true)
        .override_global(names::SOCKET_LAYOUT, socket_layout.offsets.as_slice(), true)
        .override_global(
            names::TRACEPOINT_LAYOUT,
            tracepoint_layout.offsets.as_slice(),
            true,
        )
        .map_max_entries(names::TRACKED, config.table_size)
        .map_max_entries(names::HANDSHAKES, handshakes)
        .map_max_entries(names::RECORDS, config.ring_bytes)
        .load(object)?;
    Ok(ebpf)
}

/// A loader that does not know the kernel's types. Delete this at aya's next
/// release and call `EbpfLoader::new`: aya's main reads the kernel's BTF only for
/// objects that need it (commit 49a5aa8c, "avoid redundant kernel BTF loads").
///
/// `EbpfLoader::new` (aya 0.14) reads and parses all of the kernel's BTF, for
/// relocations that the object does not have: 30 to 50 ms and 20 MB, of which
/// `EbpfLoader::btf(None)` saves nothing, because it comes later. It does without
/// where it cannot open the file, so it is given no file descriptor. No other
/// thread runs yet that could want one: the one beside this makes BTF in memory.
fn loader<'a>() -> Result<EbpfLoader<'a>, KernelError> {
    let limit = getrlimit(Resource::Nofile);
    let none = Rlimit {
        current: Some(0),
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, none).map_err(KernelError::limit)?;
    let loader = EbpfLoader::new();
    setrlimit(Resource::Nofile, limit).map_err(KernelError::limit)?;
    Ok(loader)
}
