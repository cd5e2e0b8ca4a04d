// SPDX-License-Identifier: MIT
//! The kernels of the matrix, as data.

use anyhow::{Result, bail};

use super::architecture::Architecture;

/// Which build of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// For virtual machines: the smallest package.
    Cloud,
    /// `PREEMPT_RT`; its classic tracepoint has other offsets.
    Rt,
    /// Pages of 16 KiB. (Debian builds none with 64 KiB.)
    Pages16K,
}

/// One row of the matrix.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// What the verb calls it.
    pub name: &'static str,
    /// The version it begins with; the newest such is booted.
    pub series: &'static str,
    /// Which build.
    pub flavour: Flavour,
    /// The guest's processor.
    pub architecture: Architecture,
    /// Whether an empty directory hides `/sys/kernel/btf`.
    pub hide_btf: bool,
}

pub(crate) const KERNELS: [Kernel; 12] = [
    Kernel::new("5.10", "5.10", Flavour::Cloud),
    Kernel::new("6.1", "6.1", Flavour::Cloud),
    Kernel::new("6.1-rt", "6.1", Flavour::Rt),
    Kernel::new("6.1-rt-without-btf", "6.1", Flavour::Rt).without_btf(),
    Kernel::new("6.12", "6.12", Flavour::Cloud),
    Kernel::new("6.12-rt", "6.12", Flavour::Rt),
    Kernel::new("6.18", "6.18", Flavour::Cloud),
    Kernel::new("7", "7", Flavour::Cloud),
    Kernel::new("arm64-6.1", "6.1", Flavour::Cloud).on_arm64(),
    Kernel::new("arm64-6.12", "6.12", Flavour::Cloud).on_arm64(),
    Kernel::new("arm64-7", "7", Flavour::Cloud).on_arm64(),
    Kernel::new("arm64-7-16k", "7", Flavour::Pages16K).on_arm64(),
];

impl Kernel {
    const fn new(name: &'static str, series: &'static str, flavour: Flavour) -> Self {
        Self {
            name,
            series,
            flavour,
            architecture: Architecture::Amd64,
            hide_btf: false,
        }
    }

    const fn on_arm64(self) -> Self {
        Self {
            architecture: Architecture::Arm64,
            ..self
        }
    }

    const fn without_btf(self) -> Self {
        Self {
            hide_btf: true,
            ..self
        }
    }
}

/// Whether all kernels of a processor are among these.
pub(crate) fn all_of(architecture: Architecture, kernels: &[&Kernel]) -> bool {
    let of_it = KERNELS
        .iter()
        .filter(|kernel| kernel.architecture == architecture);
    let chosen = |kernel: &Kernel| kernels.iter().any(|one| one.name == kernel.name);
    of_it.into_iter().all(chosen)
}

/// The kernels of these names; all if there are none.
pub(crate) fn named(names: &[String]) -> Result<Vec<&'static Kernel>> {
    if names.is_empty() {
        return Ok(KERNELS.iter().collect());
    }
    names.iter().map(|name| find(name)).collect()
}

fn find(name: &str) -> Result<&'static Kernel> {
    let found = KERNELS.iter().find(|kernel| kernel.name == name);
    if let Some(kernel) = found {
        return Ok(kernel);
    }
    let known: Vec<_> = KERNELS.iter().map(|kernel| kernel.name).collect();
    bail!("no kernel is called {name}; there are {}", known.join(", "));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kernel_is_refused_with_the_known_ones() {
        let error = named(&["2.4".to_owned()]).expect_err("no such kernel");
        assert!(error.to_string().contains("6.1-rt, 6.1-rt-without-btf"));
    }
}
