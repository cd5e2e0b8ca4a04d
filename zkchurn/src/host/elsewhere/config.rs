// SPDX-License-Identifier: MIT
//! Ports at which a ZooKeeper server meets the other servers, by its configuration:
//! `server.N=HOST:QUORUM:ELECTION…` (ZooKeeper's Administrator's Guide, cluster options).

use std::{fs::File, io::Read, os::unix::fs::MetadataExt as _};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};

use crate::host::proc::files;

/// Bytes of a configuration that are read.
const LIMIT: u64 = 64 * 1024;

/// Those of a server with this command line, as far as its files can be read.
pub(super) fn peer_ports(pid: u32, command: &[String]) -> Vec<u16> {
    let Some(config) = command.last().and_then(|path| read(pid, path)) else {
        return Vec::new();
    };
    let dynamic = value(&config, "dynamicConfigFile").and_then(|path| read(pid, path));
    let mut ports = ports(&config);
    ports.extend(dynamic.iter().flat_map(|dynamic| self::ports(dynamic)));
    ports
}

/// Where a server with this command line writes its log: the setting, and its value.
pub(super) fn log_directory(pid: u32, command: &[String]) -> Option<(String, String)> {
    let config = read(pid, command.last()?)?;
    let settings = ["dataLogDir", "dataDir"];
    settings.iter().find_map(|name| {
        let path = value(&config, name)?;
        Some(((*name).to_owned(), path.to_owned()))
    })
}

/// The device of what the process has by this name.
pub(super) fn device(pid: u32, path: &str) -> Option<u64> {
    Some(found(pid, path)?.metadata().ok()?.dev())
}

/// A regular file, by a path that the process sees. It is of the process's root, whatever
/// links are in its way, and opening it waits for nobody.
fn read(pid: u32, path: &str) -> Option<String> {
    let found = found(pid, path)?;
    // A process chooses the path: opening a device may do something.
    if !found.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    let file = files::reopened(&found).ok()?;
    file.take(LIMIT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a path that the process sees leads to, not opened for reading.
fn found(pid: u32, path: &str) -> Option<File> {
    let start = match path.starts_with('/') {
        true => "root",
        false => "cwd",
    };
    let of_process = files::directory(pid).join(start);
    let start = openat(
        CWD,
        of_process,
        OFlags::PATH | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .ok()?;
    let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    Some(File::from(
        openat2(start, path, flags, Mode::empty(), within).ok()?,
    ))
}

fn value<'a>(config: &'a str, name: &str) -> Option<&'a str> {
    config.lines().find_map(|line| {
        let (found, value) = line.split_once('=')?;
        (found.trim() == name).then_some(value.trim())
    })
}

/// The two numbers behind each host; several hosts of a server are put apart by `|`, and
/// behind `;` stands what clients use.
fn ports(config: &str) -> Vec<u16> {
    let servers = config
        .lines()
        .filter_map(|line| line.trim().split_once('='))
        .filter(|(name, _)| name.trim().starts_with("server."));
    let addresses = servers.flat_map(|(_, value)| {
        let peers = value.split(';').next().unwrap_or_default();
        peers.split('|')
    });
    addresses
        .flat_map(|address| {
            // An IPv6 host is in brackets.
            let behind_host = address.rsplit(']').next().unwrap_or_default();
            behind_host.split(':').skip(1).take(2)
        })
        .filter_map(|port| port.trim().parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ports_of_servers_are_none_of_clients() {
        let config = "tickTime=2000\nclientPort=2182\n\
            server.1=zk1:12888:13888\n server.2 = zk2:12889:13889:observer;2183\n\
            server.3=[2001:db8::1]:12890:13890|zk3b:12891:13891;[::]:2184\n\
            # server.4=zk4:1:2\nserver.5=\n";
        assert_eq!(
            ports(config),
            [12888, 13888, 12889, 13889, 12890, 13890, 12891, 13891]
        );
    }

    #[test]
    fn a_configuration_is_read_by_the_path_that_its_process_sees() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("zoo.cfg");
        std::fs::write(&path, "server.1=zk1:12888:13888\n").unwrap();
        let pid = std::process::id();
        let of = |path: &str| peer_ports(pid, &["QuorumPeerMain".to_owned(), path.to_owned()]);
        assert_eq!(of(path.to_str().unwrap()), [12888, 13888]);
        assert_eq!(of("/dev/zero"), [0; 0]);
        assert_eq!(of("/no/such/file"), [0; 0]);
    }
}
