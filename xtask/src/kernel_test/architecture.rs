// SPDX-License-Identifier: MIT
//! The processors that guests have: what Debian, rustc and QEMU call each, and which of
//! its serial ports are which.

use crate::setup;

/// A processor that a guest can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Architecture {
    /// 64-bit x86; guests run this machine's own programs.
    Amd64,
    /// 64-bit Arm; guests run programs from Debian's packages.
    Arm64,
}

/// All of them.
pub(crate) const ALL: [Architecture; 2] = [Architecture::Amd64, Architecture::Arm64];

impl Architecture {
    /// As Debian's archive calls it, and the table of kernels.
    pub(crate) const fn debian(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// The target to build for, if it is not this machine's own.
    pub(crate) const fn foreign_target(self) -> Option<&'static str> {
        match self {
            Self::Amd64 => None,
            Self::Arm64 => Some(setup::dist::TARGETS[1]),
        }
    }

    /// The emulator.
    pub(crate) const fn qemu(self) -> &'static str {
        match self {
            Self::Amd64 => "qemu-system-x86_64",
            Self::Arm64 => "qemu-system-aarch64",
        }
    }

    /// The machine and its processor, as QEMU's options. The Arm core is the one of the
    /// first servers that people rented; it has pages of 4, 16 and 64 KiB.
    pub(crate) const fn machine(self) -> &'static [&'static str] {
        match self {
            Self::Amd64 => &["-cpu", "max"],
            Self::Arm64 => &["-machine", "virt,gic-version=3", "-cpu", "neoverse-n1"],
        }
    }

    /// The device of the kernel's console, on the first serial port.
    pub(crate) const fn console(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS0",
            Self::Arm64 => "ttyAMA0",
        }
    }

    /// The device that results go to.
    pub(crate) const fn results(self) -> &'static str {
        match self {
            Self::Amd64 => "ttyS1",
            Self::Arm64 => "ttyS0",
        }
    }

    /// The port behind that device, fed from the character device of this name: QEMU's Arm
    /// board has one serial port, a second one comes on a card.
    pub(crate) fn results_port(self, chardev: &str) -> [String; 2] {
        match self {
            Self::Amd64 => ["-serial".to_owned(), format!("chardev:{chardev}")],
            Self::Arm64 => [
                "-device".to_owned(),
                format!("pci-serial,chardev={chardev}"),
            ],
        }
    }
}
