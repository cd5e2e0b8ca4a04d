// SPDX-License-Identifier: MIT
//! Why the kernel cannot be used as a source.

use std::io;

use aya::programs::ProgramError;

/// Why the kernel cannot be used as a source.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The object cannot be loaded.
    #[error("the kernel program cannot be loaded: {0}")]
    Load(#[from] aya::EbpfError),
    /// The kernel refuses the program or its attachment.
    #[error("the kernel refuses the program: {0}")]
    Program(#[from] ProgramError),
    /// A map cannot be used.
    #[error("a map of the kernel program cannot be used: {0}")]
    Map(#[from] aya::maps::MapError),
    /// The kernel's BTF cannot be read.
    #[error("the kernel's BTF cannot be read: {0}")]
    Btf(#[from] aya::BtfError),
    /// The limit of open files cannot be changed.
    #[error("the limit of open files cannot be changed: {0}")]
    Limit(#[source] io::Error),
    /// The cgroup to attach to cannot be opened.
    #[error("the cgroup cannot be opened: {0}")]
    Cgroup(#[source] io::Error),
    /// The ring buffer cannot be waited for.
    #[error("the ring buffer cannot be waited for: {0}")]
    Wait(#[source] io::Error),
    /// Whether a socket is closed cannot be read.
    #[error("a socket's state cannot be read without BTF")]
    NoSocketState,
    /// The object lacks a program or a map.
    #[error("the eBPF object has no `{0}`; rebuild it with `cargo xtask build-ebpf`")]
    ObjectLacks(&'static str),
    /// Packets and connections cannot be joined.
    #[error("this kernel gives tracing programs no socket cookies")]
    NoCookies,
    /// The host has nothing to attach to.
    #[error("{0}")]
    NoHook(String),
}

impl KernelError {
    pub(super) fn limit(error: rustix::io::Errno) -> Self {
        Self::Limit(error.into())
    }
}

/// The error with its causes, on one line.
pub(super) fn error_chain(error: &KernelError) -> String {
    let mut sentence = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let next = error.to_string();
        if !sentence.ends_with(&next) {
            sentence.push_str(": ");
            sentence.push_str(&next);
        }
        cause = error.source();
    }
    sentence.lines().next().unwrap_or_default().to_owned()
}

/// Whether an error means that the caller lacks a privilege.
pub fn is_permission(error: &KernelError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io.kind() == io::ErrorKind::PermissionDenied;
        }
        cause = error.source();
    }
    false
}
