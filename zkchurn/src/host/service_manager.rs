// SPDX-License-Identifier: MIT
//! What the service manager is told of a service's state, a datagram each (sd_notify(3)).
//! Nothing here waits: what finds no room is the caller's to say again.
//!
//! The crate `sd-notify` takes no name in the abstract namespace, waits where the manager does
//! not read, and looks up the socket for each message (0.5).

use std::{
    ffi::{OsStr, OsString},
    io::{self, ErrorKind},
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    process,
    time::Duration,
};

/// What the manager says in our environment, which is for nobody that we start.
pub const VARIABLES: [&str; 3] = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/// Who has started this process and wants to be told of its state.
#[derive(Debug)]
pub struct ServiceManager {
    address: SocketAddr,
    socket: UnixDatagram,
    /// Without a message for so long it takes this process for frozen.
    pub watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that this process's environment names, if there is one.
    ///
    /// # Errors
    ///
    /// Nobody is at the socket that it names, or the name is none.
    pub fn of_environment() -> io::Result<Option<Self>> {
        Self::of(|name| std::env::var_os(name), process::id())
    }

    fn of(variable: impl Fn(&str) -> Option<OsString>, pid: u32) -> io::Result<Option<Self>> {
        let Some(name) = variable(VARIABLES[0]) else {
            return Ok(None);
        };
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        // It is a child's, if another process's.
        let is_ours = variable(VARIABLES[2]).is_none() || number(VARIABLES[2]) == Some(pid.into());
        let watchdog = number(VARIABLES[1]).filter(|usec| is_ours && *usec > 0);
        let address = address(&name)?;
        Ok(Some(Self {
            socket: connected(&address)?,
            address,
            watchdog: watchdog.map(Duration::from_micros),
        }))
    }

    /// Says something: lines of `NAME=value`.
    ///
    /// # Errors
    ///
    /// It does not take it now ([`ErrorKind::WouldBlock`]), or is gone.
    pub fn say(&mut self, lines: &str) -> io::Result<()> {
        match self.socket.send(lines.as_bytes()) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(error),
            // There may be another one by the same name.
            Err(_) => {
                self.socket = connected(&self.address)?;
                self.socket.send(lines.as_bytes()).map(drop)
            }
        }
    }
}

/// A path, or `@` and a name in the abstract namespace.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'@', abstract_name @ ..] => SocketAddr::from_abstract_name(abstract_name),
        [b'/', ..] => SocketAddr::from_pathname(name),
        _ => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "neither a path nor a name that begins with @",
        )),
    }
}

fn connected(to: &SocketAddr) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect_addr(to)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> io::Result<Option<ServiceManager>> {
        let value = |name: &str| {
            let mut all = variables.iter();
            all.find(|(known, _)| *known == name)
                .map(|(_, value)| value.into())
        };
        ServiceManager::of(value, 7)
    }

    fn heard(by: &UnixDatagram) -> String {
        let mut bytes = [0; 256];
        let length = by.recv(&mut bytes).unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    #[test]
    fn it_is_at_a_path_or_has_an_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = format!("zkchurn-test-manager-{}", process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let listening = [
            (path.to_str().unwrap().to_owned(), UnixDatagram::bind(&path)),
            (format!("@{name}"), UnixDatagram::bind_addr(&address)),
        ];
        for (name, socket) in listening {
            let mut manager = of(&[("NOTIFY_SOCKET", &name)]).unwrap().unwrap();
            manager.say("READY=1\n").unwrap();
            assert_eq!(heard(&socket.unwrap()), "READY=1\n");
        }
        assert!(of(&[]).unwrap().is_none());
        assert!(of(&[("NOTIFY_SOCKET", "vsock:2:1")]).is_err());
        assert!(of(&[("NOTIFY_SOCKET", "/no/such/socket")]).is_err());
    }

    #[test]
    fn nobody_waits_for_one_that_does_not_read_and_another_one_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = path.to_str().unwrap();
        let silent = UnixDatagram::bind(&path).unwrap();
        let mut manager = of(&[("NOTIFY_SOCKET", name)]).unwrap().unwrap();
        let full = (0..100_000).find_map(|_| manager.say("WATCHDOG=1\n").err());
        assert_eq!(full.unwrap().kind(), ErrorKind::WouldBlock);
        drop(silent);
        assert_ne!(
            manager.say("WATCHDOG=1\n").unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        std::fs::remove_file(&path).unwrap();
        let next = UnixDatagram::bind(&path).unwrap();
        manager.say("READY=1\n").unwrap();
        assert_eq!(heard(&next), "READY=1\n");
    }

    #[test]
    fn the_watchdog_is_this_process_s() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let _listening = UnixDatagram::bind(&path).unwrap();
        let watchdog = |usec: &str, pid: Option<&str>| {
            let mut variables = vec![
                ("NOTIFY_SOCKET", path.to_str().unwrap()),
                ("WATCHDOG_USEC", usec),
            ];
            variables.extend(pid.map(|pid| ("WATCHDOG_PID", pid)));
            of(&variables).unwrap().unwrap().watchdog
        };
        let two_s = Some(Duration::from_secs(2));
        assert_eq!(watchdog("2000000", None), two_s);
        assert_eq!(watchdog("2000000", Some("7")), two_s);
        for (usec, pid) in [("2000000", "8"), ("2000000", ""), ("0", "7"), ("x", "7")] {
            assert_eq!(watchdog(usec, Some(pid)), None, "{usec} {pid}");
        }
    }
}
