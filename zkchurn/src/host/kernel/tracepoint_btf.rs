// SPDX-License-Identifier: MIT
//! The kernel's BTF, as far as aya needs it to load a `tp_btf` program.
//!
//! `BtfTracePoint::load` looks for one typedef and passes its id on to the kernel.
//! The id is known already (`kernel_layout`), so aya gets BTF in which that typedef
//! has that id and every type before it is a nameless pointer to nothing.

use aya::{Btf, Endianness};

use super::KernelError;
use crate::host::{kernel_layout::TRACEPOINT_TYPEDEF, preflight::facts::Facts};

const HEADER_SIZE: u32 = 24;
const TYPE_SIZE: u32 = 12;
/// `info` of a pointer and of a typedef (Documentation/bpf/btf.rst).
const POINTER: u32 = 2 << 24;
const TYPEDEF: u32 = 8 << 24;

/// BTF that holds the tracepoint's typedef.
///
/// # Errors
///
/// The kernel's BTF does not hold it.
pub(super) fn of(facts: &Facts) -> Result<Btf, KernelError> {
    let id = facts.btf.value().and_then(|layout| layout.tracepoint_type);
    let id = id.ok_or_else(|| {
        KernelError::NoHook(format!("the kernel's BTF has no type {TRACEPOINT_TYPEDEF}"))
    })?;
    Ok(Btf::parse(&bytes(id), Endianness::default())?)
}

/// Type ids begin with 1.
fn bytes(id: u32) -> Vec<u8> {
    let strings = [b"\0", TRACEPOINT_TYPEDEF.as_bytes(), b"\0"].concat();
    let types_length = id * TYPE_SIZE;
    let mut bytes = Vec::with_capacity((HEADER_SIZE + types_length) as usize + strings.len());
    // Magic number 0xeb9f, version 1, no flags.
    bytes.extend([0x9f, 0xeb, 1, 0]);
    let header = [
        HEADER_SIZE,
        0,
        types_length,
        types_length,
        strings.len() as u32,
    ];
    bytes.extend(header.iter().flat_map(|word| word.to_le_bytes()));
    let pointer = [0, POINTER, 0];
    let typedef = [1, TYPEDEF, 0];
    for one in 1..=id {
        let words = if one == id { typedef } else { pointer };
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }
    bytes.extend(strings);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_typedef_has_the_id_that_the_kernel_gave_it() {
        for id in [1, 2, 38_233] {
            let bytes = bytes(id);
            let btf = crate::host::kernel_layout::btf::Btf::index(&bytes, &[TRACEPOINT_TYPEDEF])
                .expect("it is BTF");
            assert_eq!(btf.typedef_id(TRACEPOINT_TYPEDEF), Some(id));
            Btf::parse(&bytes, Endianness::default()).expect("aya takes it");
        }
    }
}
