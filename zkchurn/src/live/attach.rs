// SPDX-License-Identifier: MIT
//! Before the first record: whether tracing is possible, and attaching.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

use anyhow::Context;
use rustix::process::{Resource, Rlimit, setrlimit};

use zkchurn_core::{
    doctor::{Check, State},
    frame::{Hook, Sides},
};

use super::settings::{Process, TraceSettings};
use crate::{
    exit::{Code, Failure},
    host::{
        kernel::{
            BUILT_IN, HandshakesFrom, KernelConfig, KernelError, KernelSource, error_chain,
            is_out_of_memory, is_permission,
        },
        preflight::{
            facts::{BtfBytes, Facts},
            handshake, namespaces,
            verdict::{MORE_LOCKED_MEMORY, locked_memory_is_short, locks_memory},
        },
        privilege::needs,
        proc::{
            files::{directory, field, read_bounded},
            hidden::{self, Unseen},
        },
    },
};

/// Refuses options that do not go together.
pub(super) fn check_arguments(settings: &TraceSettings, facts: &Facts) -> Result<(), Failure> {
    if settings.process.is_some() && facts.own_pid_namespace {
        return Err(Failure::sentence(
            Code::Usage,
            "--pid does not work in a container with its own pid namespace: run it on the host, \
             or in a container that shares its pids (--pid=host)",
        ));
    }
    if settings.process.is_some() && settings.sides != Sides::Client {
        return Err(Failure::sentence(
            Code::Usage,
            "--pid works with --side client only: no process opens an accepted connection",
        ));
    }
    if let Some(Process::Pid(pid)) = settings.process
        && fs::metadata(format!("/proc/{pid}")).is_err()
    {
        check_unseen(pid, hidden::unseen(pid))?;
    }
    if let Some(Process::Pid(pid)) = settings.process
        && let Some(process) = process_of_thread(pid)
    {
        return Err(Failure::sentence(
            Code::Usage,
            format!("{pid} is a thread of process {process}: use --pid {process}"),
        ));
    }
    Ok(())
}

/// Refuses a pid that `/proc` does not show, unless a process is only hidden there: the kernel
/// program goes by the pid.
fn check_unseen(pid: u32, unseen: Unseen) -> Result<(), Failure> {
    let wrong = match unseen {
        Unseen::Process => return Ok(()),
        Unseen::Thread => format!(
            "{pid} is a thread of a process that /proc hides (mount option hidepid): use the pid \
             of the process; to see it, {}",
            hidden::remedy()
        ),
        Unseen::Nobody => format!("no process {pid} on this host: check with `ps`"),
    };
    Err(Failure::sentence(Code::Usage, wrong))
}

/// The process of a thread that is not its leader: `/proc/TID` is there for each, though
/// not listed (proc(5)).
fn process_of_thread(tid: u32) -> Option<u32> {
    let status = read_bounded(&directory(tid).join("status"), 1 << 20).ok()?;
    let tgid = field(&String::from_utf8_lossy(&status), "Tgid")?
        .parse()
        .ok()?;
    (tgid != tid).then_some(tgid)
}

/// Refuses to go on where the host lacks what tracing needs.
pub(super) fn refuse_if_impossible(checks: &[Check], facts: &Facts) -> Result<(), Failure> {
    let sentences: Vec<_> = checks
        .iter()
        .filter(|check| check.state.blocks())
        .map(Check::sentence)
        .collect();
    if sentences.is_empty() {
        return Ok(());
    }
    let code = match facts.short_of_memory {
        // Of this process, not of the kernel.
        true => Code::Failure,
        false => Code::of_checks(checks),
    };
    Err(Failure::sentence(code, sentences.join("; ")))
}

/// Attaches the kernel program.
pub(super) fn attach(
    settings: &TraceSettings,
    (facts, btf): (&Facts, BtfBytes),
    pids: &[u32],
) -> Result<KernelSource, Failure> {
    let config = KernelConfig {
        ports: settings.ports.clone(),
        side: settings.sides,
        pids: pids.to_vec(),
        table_size: settings.table_size,
        ring_bytes: settings.buffer_kib * 1024,
        hook: settings.hook,
        handshake_at: handshake_at(settings, facts),
        kernel_log_level: if settings.verbose >= 2 { 5 } else { 0 },
    };
    if locks_memory(facts) {
        lift_memory_limit();
    }
    let attached = match &settings.bpf_object {
        Some(path) => {
            let object = read_object(path)
                .with_context(|| format!("{} cannot be read", path.display()))
                .map_err(|error| Failure::new(Code::Unreadable, error))?;
            KernelSource::attach(&object, &config, facts, btf)
        }
        None => KernelSource::attach(BUILT_IN, &config, facts, btf),
    };
    attached.map_err(|error| {
        let code = if is_permission(&error) {
            Code::NotPermitted
        } else if is_out_of_memory(&error) {
            Code::Failure
        } else {
            Code::Unsupported
        };
        let hint = match code {
            Code::NotPermitted if locked_memory_is_short(facts) => format!(
                "before Linux 5.11 BPF maps count as locked memory, and the limit is too low: \
                 {MORE_LOCKED_MEMORY}; `zkchurn doctor` shows what else is missing"
            ),
            // What is missing was said before.
            Code::NotPermitted => "the kernel refuses although the capabilities are held: \
                                   lockdown, a seccomp filter or another security module may \
                                   forbid it; `zkchurn doctor` shows which of them it can see"
                .to_owned(),
            Code::Failure => {
                "the kernel has too little memory for the table of connections: raise \
                              the memory limit of this container or cgroup (memory.max), or \
                              choose a smaller --table-size"
                    .to_owned()
            }
            _ if let Some(path) = &settings.bpf_object => format!(
                "{} is no eBPF object of zkchurn's, or of another version: leave out --bpf-object",
                path.display()
            ),
            _ => "`zkchurn doctor` shows what this host offers".to_owned(),
        };
        let error: anyhow::Error = shorten(&error);
        Failure::new(code, error.context(hint))
    })
}

/// Bytes of the largest object that is read: several hundred times the built-in one.
const OBJECT_LIMIT: u64 = 16 << 20;

/// Reads an object: not from a pipe, which may keep us waiting, nor without end.
fn read_object(path: &Path) -> io::Result<Vec<u8>> {
    let unfit = |why: &str| Err(io::Error::other(why.to_owned()));
    let about = fs::metadata(path)?;
    if !about.is_file() {
        return unfit("not a regular file");
    }
    if about.len() > OBJECT_LIMIT {
        return unfit("it is larger than 16 MiB");
    }
    let mut object = Vec::new();
    File::open(path)?
        .take(OBJECT_LIMIT)
        .read_to_end(&mut object)?;
    Ok(object)
}

/// Lifts the limit of locked memory, which takes CAP_SYS_RESOURCE. Where that is
/// not held, what the limit allows may be enough; else loading fails and says so.
fn lift_memory_limit() {
    let unlimited = Rlimit {
        current: None,
        maximum: None,
    };
    if let Err(error) = setrlimit(Resource::Memlock, unlimited) {
        log::debug!("the locked-memory limit cannot be raised: {error}");
    }
}

/// Where first bytes are captured, if they are wanted and can be.
fn handshake_at(settings: &TraceSettings, facts: &Facts) -> Option<(PathBuf, HandshakesFrom)> {
    let from = settings.handshake?;
    let cgroup = facts.cgroup2.value()?;
    // Loading takes less than attaching, which would fail only when it is wished for.
    let may_attach = facts.capabilities.contains(needs::TURNING_ON_HANDSHAKES);
    (from == HandshakesFrom::Start || may_attach).then(|| (cgroup.path.clone(), from))
}

/// Keeps the verifier's log, which may have thousands of lines, out of the sentence, and what
/// causes say twice.
fn shorten(error: &KernelError) -> anyhow::Error {
    log::debug!("{error:?}");
    let mut line = error_chain(error);
    if error.to_string().contains('\n') {
        line.push_str(" (-v shows the verifier's log)");
    }
    anyhow::Error::msg(line)
}

/// That handshakes are wanted and not captured.
pub(super) fn without_handshakes(why: &str) -> String {
    format!(
        "{}: not captured, everything else is traced: {why}",
        handshake::NAME
    )
}

/// What this host cannot offer, each a sentence.
pub(super) fn degraded(
    settings: &TraceSettings,
    checks: &[Check],
    source: &KernelSource,
) -> Vec<String> {
    let mut sentences: Vec<_> = checks
        .iter()
        .filter(|check| check.state == State::Degraded)
        .filter(|check| settings.handshake.is_some() || check.name != handshake::NAME)
        .filter(|check| check.name != namespaces::NAME)
        .map(Check::sentence)
        .collect();
    let has_btf = checks
        .iter()
        .any(|check| check.name == "BTF" && check.state == State::Ok);
    if source.hook() == Hook::Tracepoint && has_btf {
        sentences.push(
            "hook: the classic tracepoint; sockets are followed by their kernel address and cannot be matched with `ss -e`"
                .to_owned(),
        );
    }
    if let Some(why) = source.skipped_for_good() {
        sentences.push(format!(
            "skipped runs: this kernel refused the second program that compensates; connections \
             may be missing, see recursion misses: {why}"
        ));
    }
    if let Some(why) = source.unchecked() {
        sentences.push(format!(
            "missed ends: a connection whose end the kernel program misses stays open in this \
             report, see recursion misses: {why}"
        ));
    }
    if let Err(why) = source.captures_handshakes() {
        sentences.push(without_handshakes(&why));
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hidden_process_is_traced_and_only_nobody_is_said_not_to_exist() {
        assert!(check_unseen(7, Unseen::Process).is_ok());
        let refused = |unseen| format!("{:?}", check_unseen(7, unseen).unwrap_err());
        let thread = refused(Unseen::Thread);
        assert!(thread.contains("hidepid") && !thread.contains("no process"));
        assert!(refused(Unseen::Nobody).contains("no process 7 on this host"));
    }
}
