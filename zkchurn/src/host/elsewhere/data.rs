// SPDX-License-Identifier: MIT
//! Servers of this host that write to the device which one of some directories is on: whatever else is written
//! there delays their fsync.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{config, processes};

/// How long looking through all processes may take.
const WITHIN: Duration = Duration::from_secs(3);

/// A server that writes to the same device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedDevice {
    /// That of the directories.
    pub directory: PathBuf,
    pub pid: u32,
    /// `dataLogDir`, or `dataDir` where the log is there.
    pub setting: String,
    /// As the server's configuration has it.
    pub path: String,
}

/// Those that write their log to the device of one of the directories, in the order of those. One
/// below another on the same device is the same to them, and is left out.
pub fn on_the_device_of(directories: &[PathBuf]) -> Vec<SharedDevice> {
    let places = places(directories);
    if places.is_empty() {
        return Vec::new();
    }
    let (found, _) = processes::zookeepers(Instant::now() + WITHIN);
    let servers = found.into_iter().filter(|(_, found)| found.is_server);
    let logs = servers.filter_map(|(pid, server)| {
        let (setting, path) = config::log_directory(pid, &server.command)?;
        Some((config::device(pid, &path)?, pid, setting, path))
    });
    let mut logs: Vec<_> = logs.collect();
    logs.sort_by_key(|(_, pid, ..)| *pid);
    let shared = |(directory, device): (&PathBuf, u64)| {
        let logs = logs.iter().filter(move |(of_log, ..)| *of_log == device);
        let directory = directory.clone();
        logs.map(move |(_, pid, setting, path)| SharedDevice {
            directory: directory.clone(),
            pid: *pid,
            setting: setting.clone(),
            path: path.clone(),
        })
    };
    places.into_iter().flat_map(shared).collect()
}

/// Those that are there, each with its device.
fn places(directories: &[PathBuf]) -> Vec<(&PathBuf, u64)> {
    let mut places: Vec<(&PathBuf, u64)> = Vec::new();
    for directory in directories {
        let Ok(metadata) = fs::metadata(directory) else {
            continue;
        };
        let device = metadata.dev();
        let is_same =
            |(above, other): &(&PathBuf, u64)| *other == device && directory.starts_with(above);
        if !places.iter().any(is_same) {
            places.push((directory, device));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_another_on_the_same_device_is_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        let incidents = path.join("incidents");
        fs::create_dir(&incidents).unwrap();
        let elsewhere = PathBuf::from("/proc/self");
        let given = [
            path.clone(),
            incidents,
            elsewhere.clone(),
            path.join("none"),
        ];
        let places = places(&given);
        let found: Vec<_> = places.iter().map(|(place, _)| *place).collect();
        assert_eq!(found, [&path, &elsewhere]);
        // A file system of its own that is mounted there.
        let mounted = [PathBuf::from("/"), elsewhere];
        assert_eq!(super::places(&mounted).len(), 2);
    }
}
