// SPDX-License-Identifier: MIT
//! Why the kernel cannot be used as a source.

use std::io;

use aya::programs::ProgramError;
use rustix::io::Errno;

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
    /// A capability that was kept cannot be put into effect.
    #[error("a capability cannot be put into effect: {0}")]
    Privilege(#[source] io::Error),
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
    pub(super) fn limit(error: Errno) -> Self {
        Self::Limit(error.into())
    }
}

/// The error with its causes, on one line.
pub fn error_chain(error: &KernelError) -> String {
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
    if let KernelError::Program(ProgramError::LoadError {
        io_error,
        verifier_log,
    }) = error
    {
        return is_not_permitted(io_error, &verifier_log.to_string());
    }
    of_the_system(error).is_some_and(|io| io.kind() == io::ErrorKind::PermissionDenied)
}

/// Whether there is no memory for a map or a program: they are charged to the cgroup of who
/// loads them.
pub fn is_out_of_memory(error: &KernelError) -> bool {
    let no_memory = Some(Errno::NOMEM.raw_os_error());
    of_the_system(error).is_some_and(|io| io.raw_os_error() == no_memory)
}

/// Whether a signal broke off what the kernel was about to do.
pub(super) fn is_interrupted(error: &KernelError) -> bool {
    let interrupted = [Errno::AGAIN, Errno::INTR].map(|errno| Some(errno.raw_os_error()));
    of_the_system(error).is_some_and(|io| interrupted.contains(&io.raw_os_error()))
}

/// What a system call said, if that is the cause.
fn of_the_system(error: &KernelError) -> Option<&io::Error> {
    if let KernelError::Program(ProgramError::LoadError { io_error, .. }) = error {
        return Some(io_error);
    }
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}

/// The verifier refuses what a program does with EACCES, too, and says why
/// (kernel/bpf/verifier.c); what the caller may not do is EPERM, whatever is said.
fn is_not_permitted(error: &io::Error, verifier: &str) -> bool {
    let is_of_the_verifier =
        error.raw_os_error() == Some(Errno::ACCESS.raw_os_error()) && !verifier.is_empty();
    error.kind() == io::ErrorKind::PermissionDenied && !is_of_the_verifier
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_verifier_refuses_is_not_a_missing_privilege() {
        for (errno, verifier, expected) in [
            (
                Errno::ACCESS,
                "R2 pointer arithmetic with >>= operator prohibited",
                false,
            ),
            (Errno::TOOBIG, "BPF program is too large", false),
            (Errno::INVAL, "unknown func bpf_get_socket_cookie#46", false),
            (Errno::ACCESS, "", true),
            (Errno::PERM, "", true),
            (Errno::PERM, "function calls are allowed for CAP_BPF", true),
        ] {
            assert_eq!(
                is_not_permitted(&errno.into(), verifier),
                expected,
                "{errno}: {verifier}"
            );
        }
    }
}
