// SPDX-License-Identifier: MIT
//! The programs that see the packets of sockets, for their first bytes
//! (docs/adr/0008).

use std::{fs::File, path::Path};

use aya::{
    Ebpf,
    programs::{CgroupAttachMode, CgroupSkb, CgroupSkbAttachType},
};
use zkchurn_common::settings::names;

use super::{KernelError, program, verified::Verified};

/// Both programs, and what they are attached to.
pub(super) const PROGRAMS: [(&str, CgroupSkbAttachType); 2] = [
    (names::EGRESS_PROGRAM, CgroupSkbAttachType::Egress),
    (names::INGRESS_PROGRAM, CgroupSkbAttachType::Ingress),
];

/// Opens `cgroup` to attach the programs to. They are loaded and see nothing yet.
///
/// # Errors
///
/// The cgroup cannot be opened, or the kernel refused a program.
pub(super) fn loaded(verified: &mut Verified, cgroup: &Path) -> Result<File, KernelError> {
    for (name, _) in PROGRAMS {
        verified.take(name)?;
    }
    File::open(cgroup).map_err(KernelError::Cgroup)
}

/// Attaches both programs to `cgroup`, beside others that may be there. The links go with
/// this process, however it ends.
///
/// # Errors
///
/// The kernel refuses: it takes CAP_NET_ADMIN, and a cgroup takes 64 programs of a kind.
pub(super) fn attach(ebpf: &mut Ebpf, cgroup: &File) -> Result<(), KernelError> {
    for (name, way) in PROGRAMS {
        let program: &mut CgroupSkb = program(ebpf, name)?;
        // A link (5.7+) always is BPF_F_ALLOW_MULTI, and takes no flags
        // (kernel/bpf/cgroup.c, `cgroup_bpf_link_attach`).
        program.attach(cgroup, way, CgroupAttachMode::Single)?;
    }
    Ok(())
}

/// Takes out of the kernel what is there of the two.
pub(super) fn discard(ebpf: &mut Ebpf) {
    for (name, _) in PROGRAMS {
        if let Ok(program) = program::<CgroupSkb>(ebpf, name) {
            // One that is not loaded is not there.
            let _ = program.unload();
        }
    }
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
