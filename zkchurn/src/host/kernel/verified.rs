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

use super::KernelError;
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
        let others = jobs.len().saturating_sub(1);
        let waiting = Mutex::new(jobs.into_iter());
        let loaded = Mutex::new(HashMap::new());
        let work = || {
            while let Some((name, program)) = next(&waiting) {
                let result = load(program, btf);
                locked(&loaded).insert(name, result);
            }
        };
        thread::scope(|scope| {
            for _ in 0..others {
                // Where no thread is granted, the others do its work.
                let _ = threads::named("verifier").spawn_scoped(scope, work);
            }
            work();
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
