// SPDX-License-Identifier: MIT
//! The committed eBPF object (docs/adr/0002).

/// The kernel program, built by `cargo xtask build-ebpf`.
pub static BUILT_IN: &[u8] = aya::include_bytes_aligned!("../../../bpf/zkchurn.bpf.o");
