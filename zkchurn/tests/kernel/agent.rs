// SPDX-License-Identifier: MIT
//! `zkchurn agent`: what it keeps however it ends, what a full disk costs, its settings, and
//! how quiet it is.

mod removed;
mod triggers;

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use zkchurn_lab::harness::proc;

use crate::{
    faults::{
        hanging_fs::HangingFs,
        run::{PATIENCE, after, assert_gone, in_mount_namespace, replay},
    },
    helper,
    in_time::CommandInTime,
    namespace::in_namespace,
    peer::{connect, drain_one, listen, v4},
    service::Manager,
    tracer::{Trace, object, unused_port, wait_for},
};

/// An agent with settings of its own.
pub(crate) struct Agent {
    child: Child,
    files: TempDir,
}

impl Agent {
    fn start(port: u16, directory: &Path) -> Self {
        Self::start_command(Command::new(env!("CARGO_BIN_EXE_zkchurn")), port, directory)
    }

    pub(crate) fn start_command(command: Command, port: u16, directory: &Path) -> Self {
        Self::start_with(command, port, directory, "")
    }

    pub(crate) fn start_with(
        command: Command,
        port: u16,
        directory: &Path,
        settings: &str,
    ) -> Self {
        let agent = Self::spawn(command, port, directory, settings, |_, _| {});
        agent.await_message("zkchurn: tracing");
        agent
    }

    /// Starts one with what `change` does to its command, which is given where messages go.
    pub(crate) fn spawn(
        mut command: Command,
        port: u16,
        directory: &Path,
        settings: &str,
        change: impl FnOnce(&mut Command, &File),
    ) -> Self {
        let files = tempfile::tempdir().unwrap();
        let config = files.path().join("agent.toml");
        let settings = format!("port = {port}\nsize = \"4MiB\"\n{settings}");
        fs::write(&config, settings).unwrap();
        command.arg("agent").arg("--config").arg(&config);
        command.arg("--directory").arg(directory);
        if let Some(object) = object() {
            command.arg("--bpf-object").arg(object);
        }
        let messages = File::create(files.path().join("messages")).unwrap();
        change(&mut command, &messages);
        let child = command.stderr(messages).spawn().unwrap();
        Self { child, files }
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.files.path().join("agent.toml")
    }

    pub(crate) fn messages(&self) -> String {
        fs::read_to_string(self.files.path().join("messages")).unwrap()
    }

    pub(crate) fn await_message(&self, words: &str) {
        // What follows a full disk takes up to two of its intervals.
        wait_for(2 * PATIENCE, words, || self.messages().contains(words));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// It, and its helpers.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let mut pids = proc::children(self.child.id()).unwrap();
        pids.push(self.child.id());
        pids
    }

    /// Ends all of it at once, as a service manager does at last.
    fn kill(mut self) {
        let helpers = proc::children(self.child.id()).unwrap();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        for pid in helpers {
            // It may have ended with its parent.
            let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    pub(crate) fn end(self) -> (Option<i32>, String) {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Waits for an end that it comes to by itself.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let mut status = None;
        wait_for(PATIENCE, "the end of the agent", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        (status.unwrap().code(), self.messages())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Fails when it has ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn report(replayed: &Output) -> serde_json::Value {
    let text = std::str::from_utf8(&replayed.stdout).unwrap();
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_default()
}

fn ended(directory: &Path) -> u64 {
    report(&replay(directory))["total"]["ended"]
        .as_u64()
        .unwrap_or(0)
}

fn names(directory: &Path) -> Vec<String> {
    let files = fs::read_dir(directory).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_was_traced_is_there_after_sigkill_and_a_restart_goes_on() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("kept");
        let port = unused_port();
        let listener = listen(port);
        let churn = |count: usize| {
            for _ in 0..count {
                drop(connect(v4(port)));
                drain_one(&listener);
            }
        };
        let agent = Agent::start(port, &directory);
        // It stays open over the restart.
        let stays = connect(v4(port));
        let accepted = listener.accept().unwrap();
        churn(20);
        wait_for(PATIENCE, "what was traced", || ended(&directory) == 20);
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&directory).unwrap());
        assert_eq!(mode & 0o777, 0o700);
        agent.kill();
        let left = names(&directory);
        assert!(
            left.len() == 1 && left[0].ends_with("-000000.zkchurn.partial"),
            "{left:?}"
        );
        assert_eq!(ended(&directory), 20);

        let agent = Agent::start(port, &directory);
        churn(10);
        drop((stays, accepted));
        wait_for(PATIENCE, "what was traced later", || {
            ended(&directory) >= 31
        });
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
        let replayed = replay(&directory);
        assert_eq!(replayed.status.code(), Some(0));
        let report = report(&replayed);
        assert_eq!(report["total"]["ended"], 31, "each once");
        assert_eq!(report["total"]["opened"], 31);
        assert_eq!(
            report["total"]["older"]["seen"], 0,
            "the first run saw it begin"
        );
        let degraded = report["degraded"].to_string();
        assert_eq!(
            degraded.matches("the recorder was not running").count(),
            1,
            "{degraded}"
        );
        let trace = Trace::parse(std::str::from_utf8(&replayed.stdout).unwrap()).unwrap();
        assert_eq!(trace.connections.len(), 31);
    });
}

/// Else they were open, and never closed, until the agent ends.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn what_is_held_half_closed_is_found_in_the_directory_of_an_agent_that_runs() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().join("kept");
        let port = unused_port();
        let listener = listen(port);
        let agent = Agent::start(port, &directory);
        let held: Vec<_> = (0..4).map(|_| connect(v4(port))).collect();
        for _ in &held {
            drop(listener.accept().unwrap());
        }
        wait_for(2 * PATIENCE, "those that are held", || {
            let report = report(&replay(&directory));
            let finding = &report["findings"][0];
            finding["name"] == "held_in_close_wait" && finding["connections"] == 4
        });
        drop(held);
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
        let total = &report(&replay(&directory))["total"];
        assert_eq!((&total["opened"], &total["ended"]), (&4.into(), &4.into()));
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_agent_whose_helper_is_killed_ends_to_be_started_again() {
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("kept");
    in_namespace(move || {
        let port = unused_port();
        let listener = listen(port);
        for (helper, said) in [
            (
                "zkchurn-keep",
                "the helper process that writes it has ended",
            ),
            (
                "zkchurn-archive",
                "incidents are no longer kept: the helper process that does it (zkchurn-archive) \
                 has ended",
            ),
        ] {
            let mut agent = Agent::start(port, &kept);
            let helper = helper_of(&agent, helper).cast_signed();
            kill_process(Pid::from_raw(helper).unwrap(), Signal::KILL).unwrap();
            let mut status = None;
            wait_for(PATIENCE, "the agent to end", || {
                drop(connect(v4(port)));
                drain_one(&listener);
                status = agent.child.try_wait().unwrap();
                status.is_some()
            });
            assert_eq!(status.unwrap().code(), Some(7), "{}", agent.messages());
            let messages = agent.messages();
            assert!(messages.contains(said), "{messages}");
        }
    });
}

/// Nobody would continue them, and what writes the segments holds the directory.
#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn an_agent_leaves_no_stopped_helper_that_would_keep_the_next_one_out() {
    let directory = tempfile::tempdir().unwrap();
    let kept = directory.path().join("kept");
    in_namespace(move || {
        let port = unused_port();
        let agent = Agent::start(port, &kept);
        let names = [
            "zkchurn-keep",
            "zkchurn-archive",
            "zkchurn-look",
            "zkchurn-print",
        ];
        // Two print where standard output is no pipe.
        let of_name = |name| {
            helper::of(agent.pid(), name);
            helper::all_of(agent.pid(), name)
        };
        let helpers: Vec<_> = names.into_iter().flat_map(of_name).collect();
        for helper in &helpers {
            let helper = Pid::from_raw(helper.cast_signed()).unwrap();
            kill_process(helper, Signal::STOP).unwrap();
        }
        let (code, messages) = agent.end();
        assert_eq!(code, Some(7), "{messages}");
        for helper in helpers {
            assert_gone(helper);
        }

        let agent = Agent::start(port, &kept);
        let keeper = Pid::from_raw(helper_of(&agent, "zkchurn-keep").cast_signed()).unwrap();
        kill_process(keeper, Signal::STOP).unwrap();
        let (code, messages) = agent.end();
        let said = format!("(zkchurn-keep, pid {keeper}) is stopped");
        assert!(code == Some(7) && messages.contains(&said), "{messages}");
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_full_disk_stops_the_recorder_and_not_the_trace() {
    in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        let mount = tempfile::tempdir().unwrap();
        let path = mount.path().display();
        let prepare = format!(
            "mount -t tmpfs -o size=512K none {path} && head -c 400000 /dev/zero > {path}/filler"
        );
        let mut command = in_mount_namespace(&prepare);
        command.arg(env!("CARGO_BIN_EXE_zkchurn"));
        let agent = Agent::start_command(command, port, &mount.path().join("kept"));
        let churn = |count: usize| {
            for _ in 0..count {
                drop(connect(v4(port)));
                drain_one(&listener);
            }
        };
        churn(600);
        agent.await_message("takes nothing more (No space left on device");
        // The mount is the namespace's own.
        let inside = format!("/proc/{}/root{path}", agent.child.id());
        fs::remove_file(Path::new(&inside).join("filler")).unwrap();
        agent.await_message("is recorded to again");
        churn(50);
        let copy = tempfile::tempdir().unwrap();
        let mut last = serde_json::Value::Null;
        wait_for(PATIENCE, "what came afterwards", || {
            for name in names(copy.path()) {
                fs::remove_file(copy.path().join(name)).unwrap();
            }
            let kept = Path::new(&inside).join("kept");
            for name in names(&kept) {
                fs::copy(kept.join(&name), copy.path().join(&name)).unwrap();
            }
            last = report(&replay(copy.path()));
            let degraded = last["degraded"].as_array().unwrap();
            let said = degraded.iter().find_map(|one| {
                let one = one.as_str()?;
                let lost = one.split_once(" records from ")?.0;
                lost.replace(',', "").parse::<u64>().ok()
            });
            // Of the first connection, and of one behind a pause, there are two records.
            let ended = last["total"]["ended"].as_u64().unwrap_or(0);
            said.is_some_and(|lost| lost > 0 && (650..=655).contains(&(ended + lost)))
        });
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn sighup_reads_the_settings_again_and_says_what_stays() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let port = unused_port();
        let agent = Agent::start(port, directory.path());
        let set = |text: &str| {
            fs::write(agent.config(), text).unwrap();
            agent.signal(Signal::HUP);
        };
        set("port = 1\nno-such = 2\n");
        agent.await_message("line 2: unknown field `no-such`");
        agent.await_message("the settings stay as they were");
        set(&format!("port = {port}\nsize = \"8MiB\"\nage = \"2h\"\n"));
        agent.await_message("settings read again: at most 8 MiB and 2 h of what");
        assert!(
            !agent.messages().contains("cannot change"),
            "{}",
            agent.messages()
        );
        set("port = 1\nhandshake = true\n");
        agent.await_message("port, handshake cannot change while it traces");
        let other = Command::new(env!("CARGO_BIN_EXE_zkchurn"))
            .args(["agent", "--port", &port.to_string(), "--directory"])
            .arg(directory.path())
            .output_in_time()
            .unwrap();
        let why = String::from_utf8(other.stderr).unwrap();
        assert_eq!(other.status.code(), Some(7), "{why}");
        assert!(why.contains("another zkchurn agent records to it"), "{why}");
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
        let kept = names(directory.path());
        assert!(
            kept.iter().all(|name| name.ends_with(".zkchurn")),
            "{kept:?}"
        );
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn churn_is_kept_and_a_command_is_run_and_where_that_hangs_the_trace_goes_on() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let kept = directory.path().join("kept");
        let program = directory.path().join("page");
        let got = directory.path().join("got");
        let script = format!(
            "#!/bin/sh\ncat > {got}.json\ngrep -E '^(Cap(Eff|Prm)|NoNewPrivs)' /proc/self/status > \
             {got}\nenv >> {got}\nls -l /proc/self/fd >> {got}\nexit 4\n",
            got = got.display()
        );
        fs::write(&program, script).unwrap();
        fs::set_permissions(
            &program,
            std::os::unix::fs::PermissionsExt::from_mode(0o700),
        )
        .unwrap();
        let port = unused_port();
        let settings = format!(
            "after = \"1m\"\ncommand = [{:?}]\n",
            program.to_str().unwrap()
        );
        // What whoever starts the agent has open.
        let mut command = after("exec 7</etc/passwd");
        command.env("SECRET", "of the agent");
        let agent = Agent::start_with(command, port, &kept, &settings);
        // Beside it, as an incident takes a minute.
        let hanging = Hanging::start(port, &directory.path().join("hanging"));
        // Nobody listens.
        let refuse = |count: usize| {
            for _ in 0..count {
                assert!(std::net::TcpStream::connect(v4(port)).is_err());
            }
        };
        refuse(40);
        agent.await_message("churn began: The connection is refused (certain)");
        hanging.hang();
        wait_for(4 * PATIENCE, "the incident", || {
            agent.messages().contains("incident kept in")
        });
        agent.await_message("page failed: exit code 4");
        let incidents = kept.join("incidents");
        let [incident] = &names(&incidents)[..] else {
            panic!("{:?}", names(&incidents));
        };
        assert!(incident.contains("Z-refused-"), "{incident}");
        let incident = incidents.join(incident);
        let files = [
            "incident.json",
            "incident.zkchurn",
            "report.html",
            "report.json",
        ];
        assert_eq!(names(&incident), files);
        let mode = |path: &Path| {
            std::os::unix::fs::MetadataExt::mode(&fs::metadata(path).unwrap()) & 0o777
        };
        assert_eq!((mode(&incidents), mode(&incident)), (0o700, 0o700));
        assert!(files.iter().all(|name| mode(&incident.join(name)) == 0o600));
        assert_eq!(ended(&incident.join("incident.zkchurn")), 40);
        let given = fs::read_to_string(got.with_extension("json")).unwrap();
        let given: serde_json::Value = serde_json::from_str(&given).unwrap();
        assert_eq!(given["directory"], incident.to_str().unwrap());
        assert_eq!(given["report"]["findings"][0]["name"], "refused");
        assert!(given["fired"][0].as_str().unwrap().contains("refused"));
        let got = fs::read_to_string(&got).unwrap();
        assert!(got.contains("CapPrm:\t0000000000000000"), "{got}");
        assert!(
            got.contains("NoNewPrivs:\t1") && !got.contains("SECRET"),
            "{got}"
        );
        assert!(
            got.contains(" 0 -> ") && !got.contains("/etc/passwd"),
            "{got}"
        );
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
        hanging.end(40, refuse);
    });
}

/// An agent whose incidents lie on a file system that hangs.
struct Hanging {
    agent: Agent,
    fs: HangingFs,
    kept: PathBuf,
}

impl Hanging {
    fn start(port: u16, kept: &Path) -> Self {
        let incidents = kept.join("incidents");
        let mut directories = fs::DirBuilder::new();
        std::os::unix::fs::DirBuilderExt::mode(&mut directories, 0o700);
        directories.recursive(true).create(&incidents).unwrap();
        let fs = HangingFs::new();
        let command = fs.zkchurn(incidents.to_str().unwrap(), "");
        let agent = Agent::start_with(command, port, kept, "after = \"1m\"\n");
        let kept = kept.to_owned();
        Self { agent, fs, kept }
    }

    fn hang(&self) {
        self.agent.await_message("churn began");
        self.fs.hang();
    }

    /// Traces on while the incident is not kept, and ends in time.
    fn end(self, before: u64, refuse: impl Fn(usize)) {
        let archiver = helper_of(&self.agent, "zkchurn-archive");
        wait_for(2 * PATIENCE, "the incident to hang", || {
            let threads = proc::threads(archiver).unwrap();
            let mut names = threads.iter().map(|tid| proc::comm(archiver, *tid));
            names.any(|name| name.is_ok_and(|name| name == "incident"))
        });
        refuse(10);
        wait_for(PATIENCE, "what came meanwhile", || {
            ended(&self.kept) == before + 10
        });
        let (code, messages) = self.agent.end();
        assert_eq!(code, Some(0), "{messages}");
        let said = "1 incident not kept before the trace ended";
        assert_eq!(messages.matches(said).count(), 1, "{messages}");
        assert_eq!(ended(&self.kept), before + 10);
        drop(self.fs);
        assert_gone(archiver);
    }
}

/// The one helper of this name.
fn helper_of(agent: &Agent, name: &str) -> u32 {
    let found = helper::of(agent.pid(), name);
    assert_eq!(helper::all_of(agent.pid(), name), [found], "{name}");
    found
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_server_whose_log_is_on_the_agent_s_device_is_named() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        fs::create_dir(&data).unwrap();
        let config = directory.path().join("zoo.cfg");
        fs::write(
            &config,
            format!("clientPort=2181\ndataDir={}\n", data.display()),
        )
        .unwrap();
        // It waits, under a server's command line.
        let mut server = Command::new("perl")
            .args([
                "-e",
                "sleep 600",
                "org.apache.zookeeper.server.quorum.QuorumPeerMain",
            ])
            .arg(&config)
            .spawn()
            .unwrap();
        let ndjson = directory.path().join("ndjson");
        let settings = format!("ndjson-dir = {ndjson:?}\n");
        let kept = directory.path().join("kept");
        let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        let agent = Agent::start_with(command, unused_port(), &kept, &settings);
        for written_to in [kept, ndjson] {
            agent.await_message(&format!(
                "{} is on the device of {}, dataDir of the ZooKeeper server with pid {}",
                written_to.display(),
                data.display(),
                server.id()
            ));
        }
        assert_eq!(agent.end().0, Some(0));

        // On a device of its own nothing is said; it was, had it been looked.
        let mut command = in_mount_namespace("mount -t tmpfs none /var/lib");
        command.arg(env!("CARGO_BIN_EXE_zkchurn"));
        let log = directory.path().join("none.log");
        let settings = format!("on-line = \"x\"\nwatch-log = {log:?}\n");
        let kept = Path::new("/var/lib/zkchurn");
        let agent = Agent::start_with(command, unused_port(), kept, &settings);
        agent.await_message("of `watch-log` is not read");
        std::thread::sleep(Duration::from_secs(3));
        let (code, messages) = agent.end();
        server.kill().unwrap();
        server.wait().unwrap();
        assert_eq!(code, Some(0), "{messages}");
        assert!(!messages.contains("is on the device of"), "{messages}");
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_line_of_a_log_makes_an_incident_and_what_cannot_be_read_is_said() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("app.log");
        fs::write(&log, "NoClassDefFoundError long ago\n").unwrap();
        let later = directory.path().join("later.log");
        let settings = format!(
            "after = \"1m\"\non-line = [\"NoClassDefFoundError\"]\nwatch-log = [{log:?}, {later:?}]\n"
        );
        let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        let kept = directory.path().join("kept");
        let agent = Agent::start_with(command, unused_port(), &kept, &settings);
        agent.await_message("later.log of `watch-log` is not read: No such file");
        assert!(
            !agent.messages().contains("looked for"),
            "{}",
            agent.messages()
        );
        let mut writer = File::options().append(true).open(&log).unwrap();
        writeln!(
            writer,
            "java.lang.NoClassDefFoundError: org/apache/zookeeper/proto/SetWatches"
        )
        .unwrap();
        agent.await_message("looked for and found: 1 line with \"NoClassDefFoundError\" in /");
        wait_for(5 * PATIENCE, "the incident", || {
            agent.messages().contains("incident kept in")
        });
        let incidents = names(&kept.join("incidents"));
        assert!(
            incidents.len() == 1 && incidents[0].contains("-line-NoClassDefFoundError"),
            "{incidents:?}"
        );
        let incident = kept
            .join("incidents")
            .join(&incidents[0])
            .join("incident.json");
        let incident = fs::read_to_string(incident).unwrap();
        assert!(
            incident.contains("org/apache/zookeeper/proto/SetWatches"),
            "{incident}"
        );
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_line_in_the_log_of_a_process_that_churns_makes_an_incident_though_nobody_named_the_log() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("app.log");
        fs::write(&log, "NoClassDefFoundError long ago\n").unwrap();
        // This process churns, and has it open.
        let mut writer = File::options().append(true).open(&log).unwrap();
        let settings =
            "on-finding = \"off\"\nafter = \"1m\"\non-line = [\"NoClassDefFoundError\"]\n";
        let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        let kept = directory.path().join("kept");
        let port = unused_port();
        let agent = Agent::start_with(command, port, &kept, settings);
        for _ in 0..5 {
            assert!(std::net::TcpStream::connect(v4(port)).is_err());
        }
        let expected = format!(
            "with \"NoClassDefFoundError\" in {} of pid {}: java.lang.NoClassDefFoundError",
            log.display(),
            std::process::id()
        );
        // Once it was looked at, and its log for the first time.
        wait_for(4 * PATIENCE, "the line to be found", || {
            writeln!(writer, "java.lang.NoClassDefFoundError: org/apache/x").unwrap();
            agent.messages().contains(&expected)
        });
        let messages = agent.messages();
        assert_eq!(
            messages.matches("looked for and found").count(),
            1,
            "{messages}"
        );
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn who_makes_an_incident_is_looked_at_though_none_of_its_connections_has_ended() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("leaks.log");
        fs::write(&log, "java.lang.NoClassDefFoundError: org/apache/x\n").unwrap();
        // This process has it open.
        let writer = File::options().append(true).open(&log).unwrap();
        let settings = "on-finding = \"off\"\non-growth = 2\nafter = \"1m\"\n";
        let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        let kept = directory.path().join("kept");
        let port = unused_port();
        let listener = listen(port);
        let agent = Agent::start_with(command, port, &kept, settings);
        // More at each look, and none of them ends.
        let mut open = Vec::new();
        wait_for(2 * PATIENCE, "the growth to be seen", || {
            open.push((connect(v4(port)), listener.accept().unwrap()));
            // A login may have 1,024 descriptors, and a look comes each 10 s.
            std::thread::sleep(Duration::from_millis(250));
            agent.messages().contains("churn began: ")
        });
        wait_for(5 * PATIENCE, "the incident", || {
            agent.messages().contains("incident kept in")
        });
        drop(writer);
        let incidents = kept.join("incidents");
        let incident = incidents.join(&names(&incidents)[0]).join("incident.json");
        let incident: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(incident).unwrap()).unwrap();
        assert_eq!(incident["report"]["total"]["ended"], 0, "nobody else looks");
        let suspects = incident["report"]["suspects"].as_array().unwrap();
        let own = std::process::id();
        let looked_at = suspects.iter().find(|one| one["pid"] == own).unwrap();
        let said = looked_at["logs"]["findings"].to_string();
        assert!(said.contains("leaks.log"), "{looked_at}");
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
        drop(open);
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_trace_beside_an_agent_begins_with_its_last_minutes() {
    in_namespace(|| {
        let port = unused_port();
        let listener = listen(port);
        // Where an agent keeps what it traces unless told otherwise, for this test alone.
        let mut command = in_mount_namespace("mount -t tmpfs none /var/lib");
        command.arg(env!("CARGO_BIN_EXE_zkchurn"));
        let agent = Agent::start_command(command, port, Path::new("/var/lib/zkchurn"));
        for _ in 0..30 {
            drop(connect(v4(port)));
            drain_one(&listener);
        }
        let inside = format!("/proc/{}/root/var/lib/zkchurn", agent.child.id());
        wait_for(PATIENCE, "what was traced", || {
            ended(Path::new(&inside)) == 30
        });
        let trace = |arguments: &[&str]| {
            let mut command = Command::new("nsenter");
            command.arg(format!("--mount=/proc/{}/ns/mnt", agent.child.id()));
            command.arg(env!("CARGO_BIN_EXE_zkchurn"));
            command.args(["--port", &port.to_string(), "--duration", "1s"]);
            if let Some(object) = object() {
                command.arg("--bpf-object").arg(object);
            }
            let output = command.args(arguments).output_in_time().unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", text(output.stderr));
            (text(output.stdout), text(output.stderr))
        };
        let (printed, said) = trace(&[]);
        let first = "an agent runs on this host: first what it has of the last minutes";
        assert!(said.contains(first), "{said}");
        let its_report = printed
            .find("30 connections in all")
            .expect("that of the agent");
        let own_report = printed
            .find("0 connections in all")
            .expect("that of the trace");
        assert!(its_report < own_report, "{printed}");
        // What reads JSON gets the trace alone.
        let (printed, said) = trace(&["--format", "json"]);
        assert!(
            said.contains("`zkchurn replay /var/lib/zkchurn --since 10m`"),
            "{said}"
        );
        assert_eq!(printed.matches(r#""type":"report""#).count(), 1);
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_trace_finds_an_agent_that_was_started_with_other_options() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let kept = directory.path().join("kept here");
        let port = unused_port();
        let agent = Agent::start(port, &kept);
        let traced = |port: u16| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
            command.args(["--port", &port.to_string(), "--duration", "1s"]);
            if let Some(object) = object() {
                command.arg("--bpf-object").arg(object);
            }
            let output = command.output_in_time().unwrap();
            String::from_utf8(output.stderr).unwrap()
        };
        // Once there is a segment.
        assert!(std::net::TcpStream::connect(v4(port)).is_err());
        wait_for(PATIENCE, "what was traced", || ended(&kept) == 1);
        let said = traced(port);
        let expected = format!(
            "first what it has of the last minutes, as `zkchurn replay '{}' --since 10m` says",
            kept.display()
        );
        assert!(said.contains(&expected), "{said}");
        let said = traced(unused_port());
        assert!(
            !said.contains("kept here"),
            "it traces something else: {said}"
        );
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
        let said = traced(port);
        assert!(!said.contains("kept here"), "it has ended: {said}");
    });
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_trace_of_one_side_begins_with_what_an_agent_of_both_has() {
    in_namespace(|| {
        let directory = tempfile::tempdir().unwrap();
        let kept = directory.path().join("kept");
        let port = unused_port();
        let listener = listen(port);
        let command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
        let agent = Agent::start_with(command, port, &kept, "side = \"both\"\n");
        for _ in 0..30 {
            drop(connect(v4(port)));
            drain_one(&listener);
        }
        wait_for(PATIENCE, "what was traced", || ended(&kept) == 30);
        for (side, expected) in [
            ("client", "--since 10m --filter side:client` says\n"),
            (
                "server",
                "--since 10m` says; the agent traces both sides, so connections that this host \
                 opens are in it\n",
            ),
            ("both", "--since 10m` says\n"),
        ] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_zkchurn"));
            command.args(["--port", &port.to_string(), "--duration", "1s"]);
            command.args(["--side", side]);
            if let Some(object) = object() {
                command.arg("--bpf-object").arg(object);
            }
            let output = command.output_in_time().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            let printed = String::from_utf8(output.stdout).unwrap();
            assert!(said.contains(expected), "{side}: {said}");
            assert!(
                printed.contains("30 connections in all"),
                "{side}: {printed}"
            );
        }
        let (code, messages) = agent.end();
        assert_eq!(code, Some(0), "{messages}");
    });
}

/// How often the threads of some processes were woken.
fn wake_ups(pids: &[u32]) -> u64 {
    let threads = pids.iter().flat_map(|pid| {
        let tids = proc::threads(*pid).unwrap();
        tids.into_iter().map(|tid| (*pid, tid))
    });
    threads
        .filter_map(|(pid, tid)| {
            let status = proc::thread_status(pid, tid).ok()?;
            status.number("voluntary_ctxt_switches")
        })
        .sum()
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn where_nothing_happens_it_sleeps() {
    in_namespace(|| {
        const WATCHED: Duration = Duration::from_secs(12);
        let directory = tempfile::tempdir().unwrap();
        let port = unused_port();
        // As a service, which gives signs of life as often as the unit asks for.
        let manager = Manager::listen(port);
        let service = manager.service(60_000_000);
        let agent = Agent::start_command(service, port, directory.path());
        let pids = agent.pids();
        // At first it looks around once, and waits for records with short pauses. Of what
        // comes then the time itself is measured.
        wait_for(4 * PATIENCE, "a while in which it sleeps", || {
            let before = wake_ups(&pids);
            std::thread::sleep(WATCHED);
            let woken = wake_ups(&pids) - before;
            println!("figure: {woken} wake-ups in {} s", WATCHED.as_secs());
            woken < 2 * WATCHED.as_secs()
        });
    });
}
