// SPDX-License-Identifier: MIT
//! The look at a process, on real ones: where it belongs, and logs that must
//! not be opened, or not all.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use zkchurn::host::{
    jvm::attach::{Target, thread_dump},
    logs::search,
    proc::details::read,
};
use zkchurn_core::{
    inspection::{Details, logs::LogSearch},
    process::ProcessKey,
};

use crate::tracer::wait_for;

const LIMIT: Duration = Duration::from_secs(10);

/// A process in a directory of its own, killed in the end.
struct Suspect {
    child: Child,
    directory: TempDir,
}

impl Suspect {
    /// Starts a program and waits until it has made the file `ready`.
    fn start(program: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let child = Command::new(program[0])
            .args(&program[1..])
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let suspect = Self { child, directory };
        let ready = suspect.directory.path().join("ready");
        wait_for(LIMIT, "the program", || ready.exists());
        suspect
    }

    fn shell(script: &str) -> Self {
        Self::start(&["bash", "-c", &format!("{script}; touch ready; read")])
    }

    fn details(&self) -> Details {
        let pid = self.child.id();
        read(ProcessKey { pid, start_ns: 0 }).expect("it lives")
    }

    fn search(&self) -> LogSearch {
        let details = self.details();
        search(self.child.id(), &details, &[], |_| {})
    }
}

impl Drop for Suspect {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_log_with_a_lease_neither_holds_the_search_up_nor_is_its_holder_signalled() {
    // 1024 is F_SETLEASE, 1 F_WRLCK. SIGIO, which breaks a lease, ends perl.
    let script = r#"
        open(my $log, ">", "leased.log") or die;
        fcntl($log, 1024, 1) or die "no lease: $!";
        open(my $ready, ">", "ready") or die;
        <STDIN>;
    "#;
    let mut suspect = Suspect::start(&["perl", "-e", script]);
    let begun = Instant::now();
    let search = suspect.search();
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    assert_eq!(search.files, []);
    assert!(search.notes[0].contains("a lease"), "{:?}", search.notes);
    assert_eq!(suspect.child.try_wait().unwrap(), None, "it was signalled");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_pipe_and_a_device_with_the_name_of_a_log_are_not_opened() {
    let suspect = Suspect::shell(
        "mkfifo pipe.log; exec 3<>pipe.log; mknod null.log c 1 3; exec 4>>null.log; \
         echo 'java.lang.OutOfMemoryError: x' >real.log; exec 5>>real.log",
    );
    let begun = Instant::now();
    let search = suspect.search();
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    let paths: Vec<_> = search.files.iter().map(|file| &file.path).collect();
    let real = suspect.directory.path().join("real.log");
    assert_eq!(paths, [real.to_str().unwrap()], "{search:?}");
    assert_eq!(search.findings[0].signature, "out-of-memory");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn of_many_logs_the_rest_is_said_to_be_left_out() {
    let suspect = Suspect::shell(
        "for i in {a..t}; do exec {fd}>>$i.log; echo Too many open files >&$fd; done",
    );
    let search = suspect.search();
    assert_eq!(search.files.len(), 16);
    assert_eq!(
        search.notes,
        ["4 more log files are open: 16 at most are searched, beside what they were rotated into."]
    );
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_container_that_replaces_its_log_by_a_link_shows_no_file_of_the_host() {
    // What is read is the open file, whatever stands at its path by now.
    let suspect = Suspect::shell(
        "exec 3>>app.log; echo 'java.lang.OutOfMemoryError: own' >&3; \
         echo 'java.net.SocketException: Too many open files' >secret; rm app.log; ln -s secret app.log",
    );
    let search = suspect.search();
    let found: Vec<_> = search
        .findings
        .iter()
        .map(|one| one.last.as_str())
        .collect();
    assert_eq!(found, ["java.lang.OutOfMemoryError: own"], "{search:?}");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_log_on_mounts_of_the_processs_own_is_shown_by_a_path_that_opens() {
    let script = "mount -t tmpfs none /mnt; exec 3>>/mnt/app.log; \
                  echo 'java.lang.OutOfMemoryError: own' >&3; touch ready; read";
    let suspect = Suspect::start(&["unshare", "--mount", "bash", "-c", script]);
    let details = suspect.details();
    assert!(details.namespaces.is_mount_alone(), "{details:?}");
    let search = suspect.search();
    let path = format!("/proc/{}/root/mnt/app.log", suspect.child.id());
    assert_eq!(search.findings[0].path, path, "{search:?}");
    let shown = fs::read_to_string(path).unwrap();
    assert_eq!(shown, "java.lang.OutOfMemoryError: own\n");
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn a_link_in_a_container_leads_to_no_directory_of_the_host() {
    let host = tempfile::tempdir().unwrap();
    // Absolute, so inside of the container it leads to nothing.
    let script = r#"
        symlink($ARGV[0], "tmp") or die;
        chroot(".") or die;
        open(my $ready, ">", "/ready") or die;
        <STDIN>;
    "#;
    let suspect = Suspect::start(&["perl", "-e", script, host.path().to_str().unwrap()]);
    let pid = suspect.child.id();
    let socket = host.path().join(format!(".java_pid{pid}"));
    let _listener = std::os::unix::net::UnixListener::bind(socket).unwrap();
    let target = Target {
        key: ProcessKey { pid, start_ns: 0 },
        inner_pid: pid,
        euid: 0,
        egid: 0,
    };
    let error = thread_dump(&target, || Err("not to be asked".to_owned())).unwrap_err();
    let error = error.to_string();
    assert!(
        error.starts_with("its directory /tmp cannot be opened"),
        "{error}"
    );
}

/// A cgroup of the tests, removed in the end.
pub(crate) struct Cgroup(PathBuf);

impl Cgroup {
    pub(crate) fn new(hierarchy: &Path, path: &str) -> Self {
        let path = hierarchy
            .join(format!("zkchurn-test-{}.slice", std::process::id()))
            .join(path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn take(&self, pid: u32) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // One level after another, as far as they are empty.
        let slice = |path: &Path| path.to_string_lossy().contains("zkchurn-test-");
        let mut path = self.0.as_path();
        while slice(path) {
            let _ = fs::remove_dir(path);
            path = path.parent().unwrap_or(Path::new("/"));
        }
    }
}

/// Where the hierarchy that systemd keeps its units in is mounted: version 2,
/// or the one of version 1 that is named after it.
pub(crate) fn hierarchies() -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let fields = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    let of_units = fields.filter(|fields| {
        fields[2] == "cgroup2" || fields[2] == "cgroup" && fields[3].contains("name=systemd")
    });
    let found: Vec<_> = of_units.map(|fields| PathBuf::from(fields[1])).collect();
    assert!(!found.is_empty(), "no cgroup is mounted:\n{mounts}");
    found
}

#[test]
#[ignore = "needs root; run by cargo xtask test"]
fn unit_container_and_pod_are_those_of_the_cgroup_of_every_version() {
    const ID: &str = "3f4c9f1d2a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f";
    const POD: &str = "2a4b6c8d-1234-4f6e-9abc-0123456789ab";
    for hierarchy in hierarchies() {
        let unit = r"my\x2dshop.service";
        let cgroup = Cgroup::new(&hierarchy, unit);
        let suspect = Suspect::shell("true");
        cgroup.take(suspect.child.id());
        let details = suspect.details();
        let found = (details.unit.as_deref(), details.container, details.pod);
        assert_eq!(found, (Some(unit), None, None), "{}", hierarchy.display());
        drop(suspect);
        drop(cgroup);

        let cgroup = Cgroup::new(&hierarchy, &format!("kubepods/pod{POD}/{ID}"));
        let suspect = Suspect::shell("true");
        cgroup.take(suspect.child.id());
        let details = suspect.details();
        let found = (details.container.as_deref(), details.pod.as_deref());
        assert_eq!(found, (Some(ID), Some(POD)), "{}", hierarchy.display());
        drop(suspect);
    }
}
