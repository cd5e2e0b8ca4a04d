// SPDX-License-Identifier: MIT
//! Where the running kernel keeps the fields that the program reads.
//!
//! Nothing here opens a file: the caller brings the bytes of
//! `/sys/kernel/btf/vmlinux` and of the tracepoint's `format`.

pub mod btf;
pub mod tracepoint_format;

use zkchurn_common::field::{ABSENT, FieldKind, SocketField, TracepointField};

use btf::{Btf, BtfError, Places};
use tracepoint_format::FormatError;

/// The type that describes the tracepoint to a `tp_btf` program
/// (include/trace/bpf_probe.h, `__BPF_DECLARE_TRACE`).
pub const TRACEPOINT_TYPEDEF: &str = "btf_trace_inet_sock_set_state";

/// What the kernel's BTF tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketLayout {
    /// Offsets of the socket's fields, in the order of [`SocketField::ALL`];
    /// [`ABSENT`] where the kernel lacks one.
    pub offsets: [u32; SocketField::COUNT],
    /// Id of [`TRACEPOINT_TYPEDEF`].
    pub tracepoint_type: Option<u32>,
}

impl SocketLayout {
    /// The layout of a kernel that tells nothing.
    pub const UNKNOWN: Self = Self {
        offsets: [ABSENT; SocketField::COUNT],
        tracepoint_type: None,
    };

    /// Looks every field up in the kernel's BTF.
    ///
    /// # Errors
    ///
    /// The bytes are not BTF. A field that is not there, or that is a bit field
    /// or has another size than the program reads, is absent and no error.
    pub fn from_btf(bytes: &[u8]) -> Result<Self, BtfError> {
        Ok(Self::of(&Btf::index(bytes, &Self::names())?))
    }

    /// The same, with the names that [`Self::places`] found in the section of strings.
    ///
    /// # Errors
    ///
    /// As [`Self::from_btf`].
    pub fn from_parts(bytes: &[u8], places: &Places) -> Result<Self, BtfError> {
        Ok(Self::of(&Btf::index_with(bytes, places)?))
    }

    /// Where the names of the types stand that are looked up.
    pub fn places(strings: &[u8]) -> Places {
        Places::of(&Self::names(), strings)
    }

    fn names() -> Vec<&'static str> {
        let fields = SocketField::ALL.iter();
        let mut names: Vec<_> = fields.map(|field| field.source().type_name).collect();
        names.push(TRACEPOINT_TYPEDEF);
        names.sort_unstable();
        names.dedup();
        names
    }

    fn of(btf: &Btf<'_>) -> Self {
        let mut layout = Self::UNKNOWN;
        for (slot, field) in layout.offsets.iter_mut().zip(SocketField::ALL) {
            *slot = look_up(btf, *field).unwrap_or(ABSENT);
        }
        layout.tracepoint_type = btf.typedef_id(TRACEPOINT_TYPEDEF);
        layout
    }

    /// Whether the kernel has `field`.
    pub fn has(&self, field: SocketField) -> bool {
        self.offsets[field as usize] != ABSENT
    }
}

fn look_up(btf: &Btf<'_>, field: SocketField) -> Option<u32> {
    let source = field.source();
    match source.kind {
        FieldKind::EnumValue => btf.enum_value(source.type_name, source.path),
        FieldKind::Bit => btf.bit(source.type_name, source.path),
        FieldKind::Member { size } => {
            let member = btf.member(source.type_name, source.path)?;
            (member.size == size).then_some(member.offset)
        }
    }
}

/// Offsets in the classic tracepoint's record, in the order of [`TracepointField::ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracepointLayout {
    /// One offset for each field.
    pub offsets: [u32; TracepointField::COUNT],
}

impl TracepointLayout {
    /// For a trace that does not use the classic tracepoint.
    pub const UNUSED: Self = Self {
        offsets: [ABSENT; TracepointField::COUNT],
    };

    /// Reads the tracepoint's `format` file.
    ///
    /// # Errors
    ///
    /// A field is missing or has another size than the program reads.
    pub fn from_format(text: &str) -> Result<Self, FormatError> {
        let mut layout = Self::UNUSED;
        for (slot, field) in layout.offsets.iter_mut().zip(TracepointField::ALL) {
            let (name, size) = field.source();
            *slot = tracepoint_format::offset_of(text, name, size)?;
        }
        Ok(layout)
    }
}
