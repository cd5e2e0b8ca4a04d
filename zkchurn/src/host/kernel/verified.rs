// SPDX-License-Identifier: MIT
//! Loading programs at the same time. The verifier takes some 10 ms for each of the large ones,
//! and holds no lock meanwhile for who has CAP_BPF (kernel/bpf/verifier.c, `bpf_check`).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
};

use aya::{
    Btf, Ebpf,
    programs::{Program, ProgramError},
};
use zkchurn_common::settings::names;

use super::{KernelError, error::is_interrupted};
use crate::host::threads;

/// What became of each program.
pub(super) struct Verified(HashMap<&'static str, Result<(), KernelError>>);

impl Verified {
    /// Loads the programs of these names, each in a thread of its own. The one that takes longest
    /// belongs in front. `btf` is for those of the kind `tp_btf`.
    pub(super) fn load(ebpf: &mut Ebpf, btf: Option<&Btf>, names: &[&'static str]) -> Self {
        let mut programs: HashMap<&str, &mut Program> = ebpf.programs_mut().collect();
        let found = names
            .iter()
            .filter_map(|name| Some((*name, programs.remove(name)?)));
        let jobs: Vec<_> = found.collect();
        let wanted = jobs.len();
        let waiting = Mutex::new(jobs.into_iter());
        let loaded = Mutex::new(HashMap::new());
        let work = || {
            while let Some((name, program)) = next(&waiting) {
                let result = unless_interrupted(|| load(program, btf));
                locked(&loaded).insert(name, result);
            }
        };
        thread::scope(|scope| {
            // This thread is the first one, which takes the signals, and a signal breaks a load off.
            let spawned = (0..wanted)
                .filter(|_| threads::named("verifier").spawn_scoped(scope, work).is_ok())
                .count();
            if spawned == 0 {
                work();
            }
        });
        Self(loaded.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether it is loaded; can be asked once.
    ///
    /// # Errors
    ///
    /// The object lacks it, or the kernel refuses it.
    pub(super) fn take(&mut self, name: &'static str) -> Result<(), KernelError> {
        let result = self.0.remove(name);
        result.unwrap_or(Err(KernelError::ObjectLacks(name)))
    }
}

/// The guard is gone when this returns: others are to work meanwhile.
fn next<T>(waiting: &Mutex<impl Iterator<Item = T>>) -> Option<T> {
    locked(waiting).next()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often a load that was broken off is tried again.
const MOST_TRIES: u32 = 300;

/// Tries again what a signal has broken off, such as a stop by Ctrl-Z: the verifier says EAGAIN then
/// (kernel/bpf/verifier.c, `do_check`), and refuses nothing.
fn unless_interrupted(
    mut load: impl FnMut() -> Result<(), KernelError>,
) -> Result<(), KernelError> {
    for _ in 1..MOST_TRIES {
        match load() {
            Err(error) if is_interrupted(&error) => {}
            result => return result,
        }
    }
    load()
}

fn load(program: &mut Program, btf: Option<&Btf>) -> Result<(), KernelError> {
    match (program, btf) {
        (Program::BtfTracePoint(program), Some(btf)) => program.load(names::TRACEPOINT, btf)?,
        (Program::TracePoint(program), _) => program.load()?,
        (Program::RawTracePoint(program), _) => program.load()?,
        (Program::CgroupSkb(program), _) => program.load()?,
        _ => return Err(ProgramError::UnexpectedProgramType.into()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aya::sys::SyscallError;
    use rustix::io::Errno;

    use super::*;

    fn refused(errno: Errno) -> KernelError {
        let io_error = errno.into();
        let call = "bpf";
        ProgramError::SyscallError(SyscallError { call, io_error }).into()
    }

    #[test]
    fn what_a_signal_breaks_off_is_tried_again_and_what_is_refused_is_not() {
        let mut tries = 0;
        let loaded = unless_interrupted(|| {
            tries += 1;
            match tries {
                ..5 => Err(refused(Errno::AGAIN)),
                _ => Ok(()),
            }
        });
        assert!(loaded.is_ok(), "{loaded:?}");
        assert_eq!(tries, 5);
        for (errno, expected) in [(Errno::AGAIN, MOST_TRIES), (Errno::ACCESS, 1)] {
            let mut tries = 0;
            let loaded = unless_interrupted(|| {
                tries += 1;
                Err(refused(errno))
            });
            assert!(loaded.is_err(), "{errno}");
            assert_eq!(tries, expected, "{errno}");
        }
    }
}
