// SPDX-License-Identifier: MIT
//! Output that goes into a pipe: `java … | tee app.log`, `| rotatelogs`, `| multilog`. Who
//! has the pipe as its standard input writes the log.

use std::{collections::HashSet, io, os::fd::OwnedFd, time::Instant};

use zkchurn_core::inspection::LogFile;

use crate::host::{
    past_hung,
    proc::{files, identity::parse_stat, log_files},
    sock_diag::proc_links,
};

/// Readers that are looked at.
const MOST_READERS: usize = 4;

/// A process that reads the pipe.
pub(super) struct Reader {
    pub pid: u32,
    pub comm: String,
    /// The log files that it writes.
    pub files: Vec<LogFile>,
}

/// Who reads what process `pid` writes to a pipe, found by `deadline`.
pub(super) fn readers(pid: u32, deadline: Instant) -> Vec<Reader> {
    let Ok(proc) = proc_links::open_proc() else {
        return Vec::new();
    };
    let pipes: HashSet<u32> = [1, 2]
        .into_iter()
        .filter_map(|fd| pipe_at(&proc, pid, fd).ok()?)
        .collect();
    let pids = proc_links::numbers(&proc).into_iter().flatten();
    let pids = pids.filter(|other| *other != pid).collect();
    let reads = move |other| match pipe_at(&proc, other, 0) {
        Ok(Some(pipe)) => pipes.contains(&pipe),
        Ok(None) | Err(_) => false,
    };
    let looked = past_hung::each(pids, deadline, reads);
    let reading = looked.into_iter().flat_map(|looked| looked.done);
    let reading = reading.filter_map(|(pid, reads)| reads.then_some(pid));
    reading.take(MOST_READERS).filter_map(reader).collect()
}

/// The inode of the pipe at a descriptor.
fn pipe_at(proc: &OwnedFd, pid: u32, fd: u32) -> io::Result<Option<u32>> {
    proc_links::linked(proc, format!("{pid}/fd/{fd}"), "pipe")
}

fn reader(pid: u32) -> Option<Reader> {
    let directory = files::directory(pid);
    let stat = files::read_bounded(&directory.join("stat"), 4096).ok()?;
    let (_, comm) = parse_stat(pid, &stat)?;
    let files = log_files::read(&directory).files;
    Some(Reader { pid, comm, files })
}

/// Why nothing could be searched.
pub(super) fn note(readers: &[Reader]) -> String {
    match readers {
        [] => "Its output goes into a pipe, and who reads that was not found: its log was not \
               searched."
            .to_owned(),
        [Reader { pid, comm, .. }, ..] => {
            // What stood in the way of reading a file is told for itself.
            let why = match readers.iter().any(|reader| !reader.files.is_empty()) {
                true => "whose log could not be read: it was not searched",
                false => "of which no open log file was found: its log was not searched",
            };
            format!("Its output goes into a pipe that pid {pid} ({comm}) reads, {why}.")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        process::{Command, Stdio},
        time::Duration,
    };

    use super::*;

    #[test]
    fn the_log_of_who_reads_the_pipe_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("app.log");
        // Its output goes into the pipe, and it ends when its input does.
        let mut tee = Command::new("tee")
            .arg(&log)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let into = tee.stdin.take().unwrap();
        let mut writer = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(into)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = || Instant::now() + Duration::from_secs(20);
        let found = || readers(writer.id(), deadline());
        // Until both have started their programs.
        let until = deadline();
        let mut seen = found();
        while seen.iter().all(|reader| reader.files.is_empty()) && Instant::now() < until {
            std::thread::yield_now();
            seen = found();
        }
        drop(writer.stdin.take());
        writer.wait().unwrap();
        tee.wait().unwrap();
        let [reader] = &seen[..] else {
            panic!("{} readers", seen.len());
        };
        assert_eq!((reader.pid, reader.comm.as_str()), (tee.id(), "tee"));
        assert_eq!(reader.files[0].path, log.to_string_lossy());
    }

    #[test]
    fn a_pipe_that_nobody_logs_is_said() {
        assert!(note(&[]).contains("who reads that was not found"));
        let reader = Reader {
            pid: 7,
            comm: "cat".to_owned(),
            files: Vec::new(),
        };
        let told = note(&[reader]);
        assert!(
            told.contains("pid 7 (cat) reads, of which no open log file"),
            "{told}"
        );
        let reader = Reader {
            pid: 7,
            comm: "tee".to_owned(),
            files: vec![LogFile {
                fd: 3,
                path: "/var/log/app.log".to_owned(),
                deleted: false,
                size: 0,
                modified: None,
            }],
        };
        let told = note(&[reader]);
        assert!(told.contains("whose log could not be read"), "{told}");
    }
}
