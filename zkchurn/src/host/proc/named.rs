// SPDX-License-Identifier: MIT
//! The processes that have a name.

use std::time::{Duration, Instant};

use rustix::process::{getpid, getppid};
use serde::{Deserialize, Serialize};
use zkchurn_core::process::{ProcessIdentity, ProcessKey, file_name};

use super::{
    files::{directory, read_bounded},
    hidden, identity,
};
use crate::host::{past_hung, sock_diag::proc_links};

/// How long all processes of the host may take.
const WITHIN: Duration = Duration::from_secs(3);

/// Those with a name, as far as they answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Their pids.
    pub pids: Vec<u32>,
    /// Pids of processes whose command line could not be read in time: they may have it.
    pub unanswered: Vec<u32>,
    /// Whether `/proc` shows no processes of other users: one of them may have it.
    pub others_are_hidden: bool,
}

/// Those with this name, without this helper and the zkchurn that asks.
pub fn processes(name: &str) -> Named {
    let Ok(proc) = proc_links::open_proc() else {
        return Named::default();
    };
    let own = [Some(getpid()), getppid()].map(|pid| pid.map(|pid| pid.as_raw_pid() as u32));
    let pids = proc_links::numbers(&proc).into_iter().flatten();
    let pids = pids.filter(|pid| !own.contains(&Some(*pid))).collect();
    let name = name.to_owned();
    let looked = past_hung::each(pids, Instant::now() + WITHIN, move |pid| {
        // That name waits for no lock of the process, as its command line may.
        comm(pid).is_some_and(|comm| comm == name) || {
            let identity = identity::read(ProcessKey::new(pid, 0));
            identity.is_some_and(|identity| has_name(&identity, &name))
        }
    });
    let Ok(looked) = looked else {
        return Named::default();
    };
    let named = looked.done.into_iter();
    Named {
        pids: named.filter_map(|(pid, is)| is.then_some(pid)).collect(),
        unanswered: looked.hung,
        others_are_hidden: hidden::hides_others(),
    }
}

/// The name of `ps`.
fn comm(pid: u32) -> Option<String> {
    let stat = read_bounded(&directory(pid).join("stat"), 4096).ok()?;
    Some(identity::parse_stat(pid, &stat)?.1)
}

/// Whether it is the name of `ps`, of the executable, or of what an interpreter runs.
fn has_name(process: &ProcessIdentity, name: &str) -> bool {
    let executable = process.executable.as_deref().unwrap_or_default();
    let executable = executable.strip_suffix(" (deleted)").unwrap_or(executable);
    let called = process.command.first().map(|called| file_name(called));
    let application = process.application.as_deref().unwrap_or_default();
    let mut words = application.split(' ');
    if name.is_empty() {
        return false;
    }
    process.name == name
        || file_name(executable) == name
        || called == Some(name)
        || application == name
        || words.any(|word| word == name || file_name(word) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_the_names_of_ps_of_its_program_and_of_what_it_runs() {
        let process = |comm: &str, command: &str| {
            let command = command.split(' ').map(str::to_owned).collect();
            let executable = Some("/usr/bin/python3.11 (deleted)".to_owned());
            ProcessIdentity::new(ProcessKey::new(1, 0), comm.to_owned(), executable, command)
        };
        let worker = process("worker", "python3 /srv/app/worker.py --shop");
        for name in [
            "worker",
            "python3.11",
            "python3",
            "worker.py",
            "app/worker.py",
        ] {
            assert!(has_name(&worker, name), "{name}");
        }
        for name in ["--shop", "app", "", "work", "srv", "(deleted)"] {
            assert!(!has_name(&worker, name), "{name}");
        }
        let java = process("java", "java -cp lib org.example.ShopMain");
        assert!(has_name(&java, "ShopMain"));
        let gunicorn = process("gunicorn", "python3 /usr/bin/gunicorn kz_app:app");
        assert!(has_name(&gunicorn, "kz_app:app"));
    }
}
