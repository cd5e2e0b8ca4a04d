// SPDX-License-Identifier: MIT
//! `squeezed`: the kernel tests where there is one processor and hardly any memory, as on a
//! small container host in trouble. A control group of its own holds the tests and the zkchurn
//! that they start.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use clap::Args;

use crate::{privilege, privileged_tests, setup};

/// Options of `squeezed`.
#[derive(Args)]
pub(crate) struct Options {
    /// Memory that the tests and zkchurn share, in MiB
    #[arg(long, default_value_t = MEMORY_MIB, value_name = "MIB")]
    memory: u64,
    /// Only tests whose name holds one of these words
    #[arg(long, value_name = "WORD")]
    only: Vec<String>,
}

/// One of them holds 190 MiB of what zkchurn prints.
const MEMORY_MIB: u64 = 384;

/// Runs `env` with the rest in the group, and takes the group away, which fails where a process
/// is left in it. The kernel counts how often the limit was met. This shell stays outside: in
/// the group it might be who is killed when all memory is gone.
const SCRIPT: &str = r#"
group=$1 limit=$2 bytes=$3 struck=$4
shift 4
mkdir "$group" && echo "$bytes" >"$group/$limit" || exit 1
sh -c 'echo $$ >"$0/cgroup.procs" && exec taskset --cpu-list 0 env "$@"' "$group" "$@"
code=$?
grep -H . "$group/$struck"
rmdir "$group" || code=1
exit $code
"#;

/// Where a version of control groups has what is needed.
struct Version {
    /// The group that all others are in.
    root: &'static str,
    /// Its file that sets the limit.
    limit: &'static str,
    /// Its file that says how often the limit was met.
    struck: &'static str,
}

const VERSIONS: [Version; 3] = [
    Version {
        root: "/sys/fs/cgroup/memory",
        limit: "memory.limit_in_bytes",
        struck: "memory.failcnt",
    },
    Version {
        root: "/sys/fs/cgroup",
        limit: "memory.max",
        struck: "memory.events",
    },
    Version {
        root: "/sys/fs/cgroup/unified",
        limit: "memory.max",
        struck: "memory.events",
    },
];

impl Version {
    /// Whether the controller of memory is there, for groups in the root.
    fn is_there(&self) -> bool {
        let root = Path::new(self.root);
        let controllers = fs::read_to_string(root.join("cgroup.subtree_control"));
        let is_v2 =
            controllers.is_ok_and(|names| names.split_whitespace().any(|one| one == "memory"));
        is_v2 || root.join(self.limit).exists()
    }
}

/// Runs the verb.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::ensure(&[setup::Group::Ebpf, setup::Group::Tests])?;
    let only: Vec<_> = options.only.iter().map(String::as_str).collect();
    run_within(options.memory, &only)
}

fn run_within(memory_mib: u64, only: &[&str]) -> Result<()> {
    let version = VERSIONS.iter().find(|version| version.is_there());
    let version = version.context(
        "no control group can limit memory here: /sys/fs/cgroup has no memory controller for \
         groups in its root",
    )?;
    let group = format!("{}/zkchurn-squeezed-{}", version.root, std::process::id());
    let bytes = (memory_mib << 20).to_string();
    let in_group = || {
        let mut command = privilege::as_root("sh");
        command.args(["-c", SCRIPT, "squeezed", &group, version.limit]);
        command.args([&bytes, version.struck]);
        command
    };
    privileged_tests::run_in(in_group, "kernel", only)
}
