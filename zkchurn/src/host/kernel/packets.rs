// SPDX-License-Identifier: MIT
//! The programs that see the packets of sockets, for their first bytes
//! (docs/adr/0008).

use std::{fs::File, path::Path};

use aya::{
    Ebpf,
    programs::{CgroupAttachMode, CgroupSkb, CgroupSkbAttachType},
};
use zkchurn_common::settings::names;

use super::{KernelError, program};

const PROGRAMS: [(&str, CgroupSkbAttachType); 2] = [
    (names::EGRESS_PROGRAM, CgroupSkbAttachType::Egress),
    (names::INGRESS_PROGRAM, CgroupSkbAttachType::Ingress),
];

/// Loads both programs and attaches them to `cgroup`, beside others that may be
/// there. The links go with this process, however it ends.
///
/// # Errors
///
/// The cgroup cannot be opened, or the kernel refuses the programs.
pub(super) fn attach(ebpf: &mut Ebpf, cgroup: &Path) -> Result<(), KernelError> {
    let cgroup = File::open(cgroup).map_err(KernelError::Cgroup)?;
    for (name, way) in PROGRAMS {
        let program: &mut CgroupSkb = program(ebpf, name)?;
        program.load()?;
        // A link (5.7+) always is BPF_F_ALLOW_MULTI, and takes no flags
        // (kernel/bpf/cgroup.c, `cgroup_bpf_link_attach`).
        program.attach(&cgroup, way, CgroupAttachMode::Single)?;
    }
    Ok(())
}

/// Takes both programs out of the kernel.
///
/// # Errors
///
/// One of them is not loaded.
pub(super) fn detach(ebpf: &mut Ebpf) -> Result<(), KernelError> {
    for (name, _) in PROGRAMS {
        let program: &mut CgroupSkb = program(ebpf, name)?;
        program.unload()?;
    }
    Ok(())
}
