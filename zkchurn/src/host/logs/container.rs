// SPDX-License-Identifier: MIT
//! What a container's engine keeps of its standard output on the node. The engine's own
//! directories, which belong to root; the lines in the files are the container's.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

use super::{
    engine,
    tail::{TAIL_LIMIT, Tail},
};
use crate::host::proc::files;

/// The kubelet's links to the logs of the CRI, `POD_NAMESPACE_CONTAINER-ID.log`
/// (`logSymlink`, pkg/kubelet/kuberuntime/legacy.go).
const KUBELET: &str = "/var/log/containers";
/// Entries of it that are looked at.
const ENTRIES: usize = 16_384;

/// The ends of the logs of the container with this id, each with its path; none where this
/// node has none.
pub(super) fn read(id: &str) -> Vec<(String, io::Result<Tail>)> {
    let paths = paths(id).into_iter();
    paths
        .map(|path| (path.to_string_lossy().into_owned(), tail(&path)))
        .collect()
}

/// Where the logs of the container with this id are.
fn paths(id: &str) -> Vec<PathBuf> {
    // It becomes part of a path.
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Vec::new();
    }
    let paths = [
        format!("/var/lib/docker/containers/{id}/{id}-json.log").into(),
        format!("/var/lib/containers/storage/overlay-containers/{id}/userdata/ctr.log").into(),
    ];
    let paths = paths.into_iter().chain(of_kubelet(Path::new(KUBELET), id));
    paths.filter(|path: &PathBuf| path.exists()).collect()
}

/// Opens the log of the container with this id.
///
/// # Errors
///
/// This node has none, or it cannot be opened.
pub(in crate::host) fn open(id: &str) -> io::Result<File> {
    let paths = paths(id);
    let path = paths.first().ok_or(io::ErrorKind::NotFound)?;
    opened(path)
}

fn of_kubelet(directory: &Path, id: &str) -> Option<PathBuf> {
    let ending = format!("-{id}.log");
    let entries = fs::read_dir(directory).ok()?.take(ENTRIES);
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let name = names.find(|name| name.ends_with(&ending))?;
    // The file itself lies in /var/log/pods, by pod and container: the better name.
    let link = directory.join(name);
    fs::canonicalize(&link).ok().or(Some(link))
}

fn opened(path: &Path) -> io::Result<File> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let held: File = rustix::fs::open(path, flags, Mode::empty())?.into();
    if !held.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    files::reopened(&held)
}

fn tail(path: &Path) -> io::Result<Tail> {
    let mut file = opened(path)?;
    let metadata = file.metadata()?;
    let size = metadata.len();
    let offset = size.saturating_sub(TAIL_LIMIT);
    file.seek(SeekFrom::Start(offset))?;
    let mut text = Vec::new();
    file.take(size - offset).read_to_end(&mut text)?;
    let mut tail = Tail {
        id: (metadata.dev(), metadata.ino()),
        ..Tail::new(text, offset, size)
    };
    tail.text = engine::unframed(&tail.text);
    Ok(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4f0cbd6a31c0";

    #[test]
    fn the_kubelets_link_leads_to_the_log_of_the_container() {
        let node = tempfile::tempdir().unwrap();
        let pod = node.path().join("pods/shop_web-0_uid/web");
        fs::create_dir_all(&pod).unwrap();
        let log = pod.join("0.log");
        let line = "2026-11-27T10:00:00.1Z stderr F java.lang.OutOfMemoryError: x\n";
        fs::write(&log, line).unwrap();
        let links = node.path().join("containers");
        fs::create_dir(&links).unwrap();
        let link = links.join(format!("web-0_shop_web-{ID}.log"));
        std::os::unix::fs::symlink(&log, link).unwrap();
        let found = of_kubelet(&links, ID).unwrap();
        assert_eq!(found, fs::canonicalize(&log).unwrap());
        let tail = tail(&found).unwrap();
        assert!(tail.text.starts_with(b"java.lang.OutOfMemoryError: x "));
        assert_eq!(
            tail.text.len(),
            line.len(),
            "offsets stay those of the file"
        );
        assert_eq!(of_kubelet(&links, "0123"), None);
    }

    #[test]
    fn an_id_that_would_be_a_path_is_none() {
        assert!(read("../../etc").is_empty());
    }
}
