// SPDX-License-Identifier: MIT
//! `zkchurn agent` as a service: what the manager hears, in which order, and that what it
//! hears comes from the loop that traces.

use std::{
    fs,
    io::ErrorKind,
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            fs::MetadataExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    path::Path,
    process::Command,
    time::Duration,
};

use rustix::process::Signal;

use crate::{
    agent::Agent,
    faults::run::{PATIENCE, in_mount_namespace},
    namespace::in_namespace,
    peer::{connect, drain_one, listen, v4},
    tracer::{unused_port, wait_for},
};

/// A service manager that only listens.
pub(crate) struct Manager {
    socket: UnixDatagram,
    name: String,
}

impl Manager {
    /// At a name in the abstract namespace, which ends with this process.
    pub(crate) fn listen(port: u16) -> Self {
        let name = format!("zkchurn-test-manager-{port}");
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let socket = UnixDatagram::bind_addr(&address).unwrap();
        Self { socket, name }
    }

    /// zkchurn as its service, which is to give a sign of life in so many microseconds.
    pub(crate) fn service(&self, watchdog_usec: u64) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        command.env("NOTIFY_SOCKET", format!("@{}", self.name));
        command.env("WATCHDOG_USEC", watchdog_usec.to_string());
        command
    }

    /// The next message within `limit`.
    fn within(&self, limit: Duration) -> Option<String> {
        self.socket.set_read_timeout(Some(limit)).unwrap();
        let mut bytes = [0; 4096];
        match self.socket.recv(&mut bytes) {
            Ok(length) => Some(String::from_utf8(bytes[..length].to_vec()).unwrap()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                None
            }
        }
    }

    fn next(&self) -> String {
        self.within(PATIENCE).expect("a message")
    }

    /// The next one that is no sign of life.
    fn next_state(&self) -> String {
        let mut states = std::iter::repeat_with(|| self.next());
        states.find(|message| !is_sign_of_life(message)).unwrap()
    }

    /// Takes all that has come.
    fn forget(&self) {
        while self.within(Duration::from_millis(1)).is_some() {}
    }
}

fn is_sign_of_life(message: &str) -> bool {
    message == "WATCHDOG=1\n"
}

/// A sign of life each second.
const WATCHDOG_USEC: u64 = 2_000_000;

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_manager_hears_of_each_state_in_order() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let port = unused_port();
        let manager = Manager::listen(port);
        let agent = Agent::start_command(manager.service(WATCHDOG_USEC), port, directory.path());
        let name = directory.path().display();
        let status = format!(
            "STATUS=tracing connections opened to port {port}; {name} keeps what came last\n"
        );
        assert_eq!(manager.next(), format!("READY=1\n{status}"));
        for pid in agent.pids() {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap();
            let environment = String::from_utf8_lossy(&environment);
            let is_told = environment.contains("NOTIFY_SOCKET") || environment.contains("WATCHDOG");
            assert_eq!(is_told, pid == agent.pid(), "{environment}");
        }

        agent.signal(Signal::HUP);
        let reloading = manager.next_state();
        let usec = reloading
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .and_then(|rest| rest.strip_suffix("\nSTATUS=reading the settings again\n"));
        let usec: u64 = usec.expect(&reloading).parse().unwrap();
        assert!(usec > 0);
        assert_eq!(manager.next_state(), format!("READY=1\n{status}"));
        // What is wrong with them is no reason to say nothing.
        fs::write(agent.config(), "no-such = 1\n").unwrap();
        agent.signal(Signal::HUP);
        assert!(manager.next_state().starts_with("RELOADING=1\n"));
        assert_eq!(manager.next_state(), format!("READY=1\n{status}"));

        // Nobody listens: churn, which the status says.
        for _ in 0..40 {
            assert!(std::net::TcpStream::connect(v4(port)).is_err());
        }
        let churns = manager.next_state();
        assert!(
            churns.contains("; churn in the last 2 minutes: The connection is refused (certain)"),
            "{churns}"
        );
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
        assert_eq!(
            manager.next_state(),
            "STOPPING=1\nSTATUS=writing what came last\n"
        );
        assert_eq!(manager.within(Duration::from_millis(1)), None);
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn signs_of_life_come_while_it_is_quiet_and_at_churn_but_not_while_it_stands_still() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let port = unused_port();
        let listener = listen(port);
        let manager = Manager::listen(port);
        let agent = Agent::start_command(manager.service(WATCHDOG_USEC), port, directory.path());
        assert!(manager.next().starts_with("READY=1\n"));
        let lives = || (0..3).all(|_| is_sign_of_life(&manager.next()));
        // Five seconds after a record nothing follows on it any more.
        std::thread::sleep(Duration::from_secs(7));
        manager.forget();
        assert!(lives());

        agent.signal(Signal::STOP);
        manager.forget();
        // As long as the manager would wait, and half as long again.
        let wait = Duration::from_micros(WATCHDOG_USEC + WATCHDOG_USEC / 2);
        // One may have been under way.
        let last = manager.within(Duration::from_millis(100));
        assert!(last.is_none_or(|message| is_sign_of_life(&message)));
        assert_eq!(manager.within(wait), None);
        agent.signal(Signal::CONT);
        assert!(lives());

        let mut heard = 0;
        wait_for(PATIENCE, "signs of life at churn", || {
            for _ in 0..200 {
                drop(connect(v4(port)));
                drain_one(&listener);
            }
            while let Some(message) = manager.within(Duration::from_millis(1)) {
                heard += usize::from(is_sign_of_life(&message));
            }
            heard >= 4
        });
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
    });
}

/// What the journal gets: the fields of a message.
pub(crate) struct Journal(UnixDatagram);

impl Journal {
    /// In the mount namespace of a process that waits for it there.
    pub(crate) fn of(pid: u32) -> Self {
        let run = format!("/proc/{pid}/root/run");
        let is_ours = Path::new(&run).join("ours");
        wait_for(PATIENCE, "a /run of its own", || is_ours.is_dir());
        let socket = UnixDatagram::bind(format!("{run}/systemd/journal/socket")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(socket)
    }

    /// All that comes up to a message with these words in it, and that.
    pub(crate) fn until(&self, words: &str) -> String {
        let mut all = String::new();
        // An incident takes a minute.
        self.0.set_read_timeout(Some(4 * PATIENCE)).unwrap();
        while !all.contains(words) {
            all += &self.next().expect(words);
        }
        all
    }

    /// All that has come since.
    pub(crate) fn rest(&self) -> String {
        self.0
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        std::iter::from_fn(|| self.next()).collect()
    }

    fn next(&self) -> Option<String> {
        let mut bytes = [0; 65_536];
        let length = self.0.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    /// The next message with these words in it.
    fn message(&self, words: &str) -> Vec<String> {
        loop {
            let entry = self.next().expect(words);
            assert!(entry.ends_with('\n'), "{entry}");
            let fields: Vec<_> = entry.lines().map(str::to_owned).collect();
            if fields.iter().any(|field| field.contains(words)) {
                return fields;
            }
        }
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn the_journal_has_priorities_and_what_a_message_is_about() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let port = unused_port();
        let mut command = in_mount_namespace(
            "mount -t tmpfs none /run && mkdir -p /run/ours /run/systemd/journal && \
             until test -S /run/systemd/journal/socket; do sleep 0.1; done",
        );
        command.arg(env!("CARGO_BIN_EXE_zkchurn"));
        let kept = directory.path().join("kept");
        let agent = Agent::spawn(command, port, &kept, "", |command, messages| {
            // As systemd says which file the journal reads.
            let about = messages.metadata().unwrap();
            command.env("JOURNAL_STREAM", format!("{}:{}", about.dev(), about.ino()));
        });
        let journal = Journal::of(agent.pid());
        let tracing = journal.message("MESSAGE=tracing connections opened to port");
        assert_eq!(tracing[..2], ["PRIORITY=6", "SYSLOG_IDENTIFIER=zkchurn"]);

        // Nobody listens.
        for _ in 0..40 {
            assert!(std::net::TcpStream::connect(v4(port)).is_err());
        }
        let churn = journal.message("MESSAGE=churn began: The connection is refused (certain)");
        let expected = [
            "PRIORITY=4",
            "ZKCHURN_FINDING=refused",
            "ZKCHURN_CONFIDENCE=certain",
            &format!("ZKCHURN_PEER={}", v4(port)),
            &format!("ZKCHURN_PID={}", std::process::id()),
        ];
        for field in expected {
            assert!(churn.iter().any(|one| one == field), "{field}: {churn:#?}");
        }

        // Where journald is gone there is the stream, with the priority in front.
        let socket = format!("/proc/{}/root/run/systemd/journal/socket", agent.pid());
        fs::remove_file(socket).unwrap();
        agent.signal(Signal::HUP);
        agent.await_message("<6>settings read again: at most 4 MiB");
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
        assert!(!messages.contains("churn began"), "{messages}");
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_manager_that_is_gone_or_does_not_read_costs_nothing() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let port = unused_port();
        let mut command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        command.env("NOTIFY_SOCKET", "/no/such/socket");
        let agent = Agent::start_command(command, port, &directory.path().join("a"));
        agent.await_message("NOTIFY_SOCKET names no service manager that answers");
        assert_eq!(agent.end().0, Some(0));

        let manager = Manager::listen(port);
        let filler = UnixDatagram::unbound().unwrap();
        filler.set_nonblocking(true).unwrap();
        filler
            .connect_addr(&SocketAddr::from_abstract_name(&manager.name).unwrap())
            .unwrap();
        while filler.send(b"X=1\n").is_ok() {}
        let agent = Agent::start_command(
            manager.service(WATCHDOG_USEC),
            port,
            &directory.path().join("b"),
        );
        // It traces all the same, and says it once there is room.
        agent.signal(Signal::HUP);
        agent.await_message("settings read again");
        let mut states = std::iter::repeat_with(|| manager.next_state());
        let state = states.find(|state| state != "X=1\n").unwrap();
        assert!(state.starts_with("READY=1\n"), "{state}");
        assert_eq!(agent.end().0, Some(0));
        assert!(Path::new(&directory.path().join("b")).is_dir());
    });
}
