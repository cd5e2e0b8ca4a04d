// SPDX-License-Identifier: MIT
//! A file system that stops answering when a test says so, in zkchurn's own mount namespace:
//! FUSE by its raw protocol (include/uapi/linux/fuse.h). Whoever waits for it then waits in
//! the kernel and cannot be ended, until the file system is taken away.
//!
//! Nothing may stay behind that hangs, whatever becomes of the test. Three things see to it:
//! the end of the thread that serves, in time, since nothing else holds the device open; the
//! end of this process; and a guard, which aborts the connection when the test is over, when
//! this process is gone, and in any case after a time.

use std::{
    fs::File,
    io::{Read, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::OFlags,
};
use tempfile::NamedTempFile;

const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const SETATTR: u32 = 4;
const OPEN: u32 = 14;
const READ: u32 = 15;
const WRITE: u32 = 16;
const RELEASE: u32 = 18;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const OPENDIR: u32 = 27;
const READDIR: u32 = 28;
const RELEASEDIR: u32 = 29;
const CREATE: u32 = 35;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;

const ENOENT: i32 = 2;
const ENOSYS: i32 = 38;

/// The root directory, the one file that is there, and one that may be created.
const ROOT: u64 = 1;
const THERE: u64 = 2;
const CREATED: u64 = 3;
/// Name of the file that is there, and its bytes: nothing but ends of lines.
pub(crate) const FILE: &str = "there.log";
const SIZE: u64 = 4_096;

/// Whoever looks whether this is there makes the file system hang.
pub(crate) const HANG: &str = "hang";

/// How long it may last.
const LASTS: Duration = Duration::from_secs(180);
/// After how many fifths of a second the guard takes it away: some time later.
const GUARD_TICKS: u32 = 1_000;

/// The file system. It is taken away when this is dropped.
pub(crate) struct HangingFs {
    hangs: Arc<AtomicBool>,
    hangs_at_creation: Arc<AtomicBool>,
    /// The errno that writes fail with; 0 where they do not.
    fails: Arc<AtomicI32>,
    is_over: Arc<AtomicBool>,
    server: Option<thread::JoinHandle<()>>,
    /// For whoever mounts it.
    device: Mutex<Option<File>>,
    /// It is there until the test is over.
    flag: NamedTempFile,
}

impl HangingFs {
    pub(crate) fn new() -> Self {
        // A request may be gone between poll and read.
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        let mut options = File::options();
        options.read(true).write(true).custom_flags(nonblocking);
        let device = options.open("/dev/fuse");
        let device = device.expect("/dev/fuse is there (modprobe fuse)");
        let (hangs, is_over) = (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let hangs_at_creation = Arc::<AtomicBool>::default();
        let fails = Arc::<AtomicI32>::default();
        let server = Server {
            device: device.try_clone().unwrap(),
            hangs: Arc::clone(&hangs),
            hangs_at_creation: Arc::clone(&hangs_at_creation),
            fails: Arc::clone(&fails),
            is_over: Arc::clone(&is_over),
        };
        Self {
            hangs,
            hangs_at_creation,
            fails,
            is_over,
            server: Some(thread::spawn(move || server.serve())),
            device: Mutex::new(Some(device)),
            flag: NamedTempFile::new().unwrap(),
        }
    }

    /// zkchurn where this file system is mounted on `directory`, after a further line of
    /// shell. It can be mounted once.
    pub(crate) fn zkchurn(&self, directory: &str, prepare: &str) -> Command {
        let options = "fd=0,rootmode=40000,user_id=0,group_id=0,allow_other";
        let guard = self.guard(directory);
        // The kernel takes the device as a descriptor of who mounts; nobody keeps it.
        let script = format!(
            "mount -t fusectl none /sys/fs/fuse/connections && \
             (setsid sh -c '{guard}' </dev/null >/dev/null 2>&1 &) && \
             mount -i -t fuse -o {options} hang {directory} && exec </dev/null && {prepare} \
             exec \"$0\" \"$@\""
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", &script]);
        command.arg(env!("CARGO_BIN_EXE_zkchurn"));
        let device = self.device.lock().unwrap().take();
        command.stdin(Stdio::from(device.expect("it is mounted once")));
        command
    }

    /// Shell that aborts the connection. mountinfo is read without a question to the file
    /// system; a connection is called by its minor device number (fs/fuse/control.c).
    fn guard(&self, directory: &str) -> String {
        let (flag, process) = (self.flag.path().display(), std::process::id());
        format!(
            "ticks=0; \
             while [ -e {flag} ] && [ -d /proc/{process}/fd ] && [ $ticks -lt {GUARD_TICKS} ]; \
             do sleep 0.2; ticks=$((ticks + 1)); done; \
             while read -r _ _ device _ at _; do \
             [ \"$at\" != {directory} ] || \
             echo 1 >/sys/fs/fuse/connections/${{device#*:}}/abort; \
             done </proc/self/mountinfo"
        )
    }

    /// From here on it answers nothing.
    pub(crate) fn hang(&self) {
        self.hangs.store(true, Ordering::SeqCst);
    }

    /// It answers until a file is to be created.
    pub(crate) fn hang_at_creation(&self) {
        self.hangs_at_creation.store(true, Ordering::SeqCst);
    }

    /// Whether it answers nothing by now.
    pub(crate) fn hangs(&self) -> bool {
        self.hangs.load(Ordering::SeqCst)
    }

    /// From here on writes fail with this errno, or succeed again with 0.
    pub(crate) fn fail_writes(&self, errno: i32) {
        self.fails.store(errno, Ordering::SeqCst);
    }
}

impl Drop for HangingFs {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        if let Some(server) = self.server.take() {
            let _ = server.join();
        }
        // With the last descriptor of the device the connection is gone, and so is who
        // waits for it.
    }
}

struct Server {
    device: File,
    hangs: Arc<AtomicBool>,
    hangs_at_creation: Arc<AtomicBool>,
    fails: Arc<AtomicI32>,
    is_over: Arc<AtomicBool>,
}

impl Server {
    fn serve(mut self) {
        let mut request = vec![0; 1 << 18];
        let tenth = Timespec {
            tv_sec: 0,
            tv_nsec: 100_000_000,
        };
        let ends = Instant::now() + LASTS;
        while !self.is_over.load(Ordering::SeqCst) && Instant::now() < ends {
            let device = self.device.as_fd();
            let mut ready = [PollFd::from_borrowed_fd(device, PollFlags::IN)];
            // Before it is mounted it is in error; nothing is to be done then.
            if poll(&mut ready, Some(&tenth)).unwrap_or(0) == 0
                || !ready[0].revents().contains(PollFlags::IN)
            {
                thread::sleep(Duration::from_millis(1));
                continue;
            }
            let Ok(length) = self.device.read(&mut request) else {
                thread::sleep(Duration::from_millis(1));
                continue;
            };
            self.answer(&request[..length]);
        }
    }

    fn answer(&mut self, request: &[u8]) {
        let operation = u32_at(request, 4);
        let (unique, node) = (u64_at(request, 8), u64_at(request, 16));
        let body = &request[40..];
        if operation == CREATE && self.hangs_at_creation.load(Ordering::SeqCst) {
            self.hangs.store(true, Ordering::SeqCst);
        }
        if self.hangs.load(Ordering::SeqCst) {
            return;
        }
        let answer = match operation {
            FORGET | BATCH_FORGET | INTERRUPT => return,
            INIT => Ok(init()),
            LOOKUP if body.strip_suffix(b"\0") == Some(FILE.as_bytes()) => Ok(entry(THERE)),
            LOOKUP => {
                if body.strip_suffix(b"\0") == Some(HANG.as_bytes()) {
                    self.hangs.store(true, Ordering::SeqCst);
                }
                Err(ENOENT)
            }
            GETATTR | SETATTR => Ok([vec![0; 16], attributes(node)].concat()),
            OPEN | OPENDIR => Ok(open()),
            CREATE => Ok([entry(CREATED), open()].concat()),
            READ if u64_at(body, 8) >= SIZE => Ok(Vec::new()),
            READ => Ok(vec![b'\n'; u64::from(u32_at(body, 16)).min(SIZE) as usize]),
            WRITE if self.fails.load(Ordering::SeqCst) != 0 => {
                Err(self.fails.load(Ordering::SeqCst))
            }
            WRITE => Ok([&body[16..20], &[0; 4]].concat()),
            // Nothing is in a directory but what is asked for by name.
            RELEASE | FLUSH | READDIR | RELEASEDIR => Ok(Vec::new()),
            _ => Err(ENOSYS),
        };
        let (error, data) = match answer {
            Ok(data) => (0, data),
            Err(error) => (-error, Vec::new()),
        };
        let mut reply = Vec::new();
        reply.extend((16 + data.len() as u32).to_ne_bytes());
        reply.extend(error.to_ne_bytes());
        reply.extend(unique.to_ne_bytes());
        reply.extend(data);
        // Who asked may have gone.
        let _ = self.device.write_all(&reply);
    }
}

/// `struct fuse_init_out`
fn init() -> Vec<u8> {
    let mut out = vec![0; 64];
    out[..4].copy_from_slice(&7_u32.to_ne_bytes());
    out[4..8].copy_from_slice(&31_u32.to_ne_bytes());
    out[16..18].copy_from_slice(&12_u16.to_ne_bytes());
    out[18..20].copy_from_slice(&9_u16.to_ne_bytes());
    out[20..24].copy_from_slice(&65_536_u32.to_ne_bytes());
    out
}

/// `struct fuse_entry_out`: valid for no time, so that each use asks again.
fn entry(node: u64) -> Vec<u8> {
    let mut out = vec![0; 40];
    out[..8].copy_from_slice(&node.to_ne_bytes());
    out.extend(attributes(node));
    out
}

/// `struct fuse_attr`
fn attributes(node: u64) -> Vec<u8> {
    let mode: u32 = if node == ROOT { 0o40_755 } else { 0o100_644 };
    let mut out = vec![0; 88];
    out[..8].copy_from_slice(&node.to_ne_bytes());
    out[8..16].copy_from_slice(&SIZE.to_ne_bytes());
    out[60..64].copy_from_slice(&mode.to_ne_bytes());
    out[64..68].copy_from_slice(&1_u32.to_ne_bytes());
    out
}

/// `struct fuse_open_out`, with `FOPEN_DIRECT_IO`: each write is a request.
fn open() -> Vec<u8> {
    [1_u64.to_ne_bytes(), 1_u64.to_ne_bytes()].concat()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
}
