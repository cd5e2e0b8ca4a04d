// SPDX-License-Identifier: MIT
//! Servers of this host that write to the device which a directory is on: whatever else is written
//! there delays their fsync.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::Path,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{config, processes};

/// How long looking through all processes may take.
const WITHIN: Duration = Duration::from_secs(3);

/// A server that writes to the same device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedDevice {
    pub pid: u32,
    /// `dataLogDir`, or `dataDir` where the log is there.
    pub setting: String,
    /// As the server's configuration has it.
    pub path: String,
}

/// Those that write their log to the device of `directory`.
pub fn on_the_device_of(directory: &Path) -> Vec<SharedDevice> {
    let Ok(directory) = fs::metadata(directory) else {
        return Vec::new();
    };
    let (found, _) = processes::zookeepers(Instant::now() + WITHIN);
    let servers = found.into_iter().filter(|(_, found)| found.is_server);
    let logs = servers.filter_map(|(pid, server)| {
        let (setting, path) = config::log_directory(pid, &server.command)?;
        let is_shared = config::device(pid, &path)? == directory.dev();
        is_shared.then_some(SharedDevice { pid, setting, path })
    });
    let mut logs: Vec<_> = logs.collect();
    logs.sort_by_key(|shared| shared.pid);
    logs
}
