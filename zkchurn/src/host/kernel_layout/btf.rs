// SPDX-License-Identifier: MIT
//! Looking up members in BTF without building a model of the whole kernel.
//!
//! A kernel's BTF holds 130,000 types of which zkchurn needs seven. This reader
//! notes where each type begins and follows only what it is asked for; the
//! format is Documentation/bpf/btf.rst. docs/adr/0004 compares it with the
//! crates that read everything.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use memchr::memmem;

/// Why bytes are not readable BTF.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// The bytes do not begin with the magic number of little-endian BTF.
    #[error("not little-endian BTF")]
    Magic,
    /// A section or a type reaches beyond the end of the bytes.
    #[error("the BTF is cut short")]
    Truncated,
    /// A type's kind is newer than this reader: what follows it cannot be found.
    #[error("the BTF has a type of unknown kind {0}")]
    UnknownKind(u32),
}

/// A member found by [`Btf::member`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Offset in bytes from the start of the outermost structure.
    pub offset: u32,
    /// Size in bytes.
    pub size: u32,
}

const MAGIC: u16 = 0xeb9f;
const TYPE_SIZE: usize = 12;
/// Deepest nesting of anonymous members and modifiers that is followed.
const MAX_DEPTH: u32 = 16;

mod kind {
    pub(super) const INT: u32 = 1;
    pub(super) const PTR: u32 = 2;
    pub(super) const ARRAY: u32 = 3;
    pub(super) const STRUCT: u32 = 4;
    pub(super) const UNION: u32 = 5;
    pub(super) const ENUM: u32 = 6;
    pub(super) const FWD: u32 = 7;
    pub(super) const TYPEDEF: u32 = 8;
    pub(super) const RESTRICT: u32 = 11;
    pub(super) const FUNC: u32 = 12;
    pub(super) const FUNC_PROTO: u32 = 13;
    pub(super) const VAR: u32 = 14;
    pub(super) const DATASEC: u32 = 15;
    pub(super) const FLOAT: u32 = 16;
    pub(super) const DECL_TAG: u32 = 17;
    pub(super) const TYPE_TAG: u32 = 18;
    pub(super) const ENUM64: u32 = 19;
}

/// Where the two sections of BTF are in its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sections {
    /// The types.
    pub types: Range<usize>,
    /// The strings, in today's kernels behind the types and up to the end.
    pub strings: Range<usize>,
}

impl Sections {
    /// Bytes at the start that tell it.
    pub const HEADER_SIZE: usize = 24;

    /// Reads the header. That the sections are there as well is for the caller to see.
    ///
    /// # Errors
    ///
    /// The bytes are not BTF, or too few.
    pub fn of(bytes: &[u8]) -> Result<Self, BtfError> {
        if bytes.get(..2) != Some(&MAGIC.to_le_bytes()) {
            return Err(BtfError::Magic);
        }
        let header = read_u32(bytes, 4)? as usize;
        let section = |at: usize| -> Result<Range<usize>, BtfError> {
            let start = header.checked_add(read_u32(bytes, at)? as usize);
            let start = start.ok_or(BtfError::Truncated)?;
            let end = start.checked_add(read_u32(bytes, at + 4)? as usize);
            Ok(start..end.ok_or(BtfError::Truncated)?)
        };
        Ok(Self {
            types: section(8)?,
            strings: section(16)?,
        })
    }
}

/// Every offset at which a wanted name stands among the strings, in order. A type is then told
/// by its name's offset: comparing the text of each type's name touches all of the strings once
/// more.
#[derive(Debug, Default)]
pub struct Places(Vec<u32>);

impl Places {
    /// Looks for `names` in the section of strings.
    pub fn of(names: &[&str], strings: &[u8]) -> Self {
        let mut places: Vec<u32> = names
            .iter()
            .flat_map(|name| {
                let with_end = [name.as_bytes(), b"\0"].concat();
                let found: Vec<_> = memmem::find_iter(strings, &with_end).collect();
                found.into_iter().map(|place| place as u32)
            })
            .collect();
        places.sort_unstable();
        places.dedup();
        Self(places)
    }
}

/// An index over BTF bytes.
pub struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Start of each type in `types`; type ids begin with 1.
    starts: Vec<u32>,
    /// Ids of the named structures, enumerations and typedefs, by name.
    named: HashMap<&'a [u8], Vec<u32>>,
}

/// The common head of every type (`struct btf_type`).
#[derive(Clone, Copy)]
struct Head {
    start: usize,
    name: u32,
    kind: u32,
    members: u32,
    bitfields: bool,
    size_or_type: u32,
}

impl<'a> Btf<'a> {
    /// Notes where every type begins and which of them carry one of `names`.
    ///
    /// # Errors
    ///
    /// The bytes are not BTF, are cut short, or hold a type of unknown kind.
    pub fn index(bytes: &'a [u8], names: &[&str]) -> Result<Self, BtfError> {
        let sections = Sections::of(bytes)?;
        let strings = bytes.get(sections.strings).ok_or(BtfError::Truncated)?;
        Self::index_with(bytes, &Places::of(names, strings))
    }

    /// The same, with names that were looked for before.
    ///
    /// # Errors
    ///
    /// As [`Self::index`].
    pub fn index_with(bytes: &'a [u8], places: &Places) -> Result<Self, BtfError> {
        let sections = Sections::of(bytes)?;
        let section = |range| bytes.get(range).ok_or(BtfError::Truncated);
        let mut btf = Self {
            types: section(sections.types)?,
            strings: section(sections.strings)?,
            starts: Vec::new(),
            named: HashMap::new(),
        };
        btf.find_types(&places.0)?;
        Ok(btf)
    }

    fn find_types(&mut self, wanted: &[u32]) -> Result<(), BtfError> {
        let mut start = 0;
        while start < self.types.len() {
            let head = self.head_at(start)?;
            self.starts.push(start as u32);
            if is_named_kind(&head) && wanted.binary_search(&head.name).is_ok() {
                let id = self.starts.len() as u32;
                let name = self.string(head.name);
                self.named.entry(name).or_default().push(id);
            }
            start += TYPE_SIZE + trailing_bytes(&head)?;
        }
        Ok(())
    }

    /// The id of a named typedef.
    pub fn typedef_id(&self, name: &str) -> Option<u32> {
        let ids = self.named.get(name.as_bytes())?.iter().copied();
        ids.into_iter().find(|id| {
            self.head(*id)
                .is_some_and(|head| head.kind == kind::TYPEDEF)
        })
    }

    /// Finds a member by its dot-separated path, looking through anonymous
    /// structures and unions. Bit fields are not found.
    pub fn member(&self, type_name: &str, path: &str) -> Option<Member> {
        let ids = self.named.get(type_name.as_bytes())?;
        ids.iter().find_map(|id| self.member_of(*id, path))
    }

    /// Offset in bits of a bit field of one bit that a structure has itself.
    pub fn bit(&self, type_name: &str, name: &str) -> Option<u32> {
        let ids = self.named.get(type_name.as_bytes())?;
        ids.iter().find_map(|id| {
            let head = self.head(*id)?;
            if head.kind != kind::STRUCT || !head.bitfields {
                return None;
            }
            (0..head.members as usize).find_map(|index| {
                let at = head.start + TYPE_SIZE + index * 12;
                let found = self.string(read_u32(self.types, at).ok()?);
                let (bits, width) = split(read_u32(self.types, at + 8).ok()?);
                (found == name.as_bytes() && width == 1).then_some(bits)
            })
        })
    }

    fn member_of(&self, id: u32, path: &str) -> Option<Member> {
        let mut id = id;
        let mut offset = 0u32;
        for name in path.split('.') {
            let mut looked_through = HashSet::new();
            let found = self.direct_member(id, name.as_bytes(), 0, &mut looked_through);
            let (member_offset, member_type) = found?;
            offset = offset.checked_add(member_offset)?;
            id = member_type;
        }
        let size = self.size_of(id)?;
        Some(Member { offset, size })
    }

    /// Offset and type of a member of one structure. Anonymous ones are looked through once
    /// each: where hostile ones are members of each other there is no end of ways to them.
    fn direct_member(
        &self,
        id: u32,
        name: &[u8],
        depth: u32,
        looked_through: &mut HashSet<u32>,
    ) -> Option<(u32, u32)> {
        let head = self.resolve(id)?;
        if depth > MAX_DEPTH || !matches!(head.kind, kind::STRUCT | kind::UNION) {
            return None;
        }
        let mut anonymous = Vec::new();
        for index in 0..head.members as usize {
            let at = head.start + TYPE_SIZE + index * 12;
            let member_name = self.string(read_u32(self.types, at).ok()?);
            let member_type = read_u32(self.types, at + 4).ok()?;
            let bits = read_u32(self.types, at + 8).ok()?;
            let offset = byte_offset(bits, head.bitfields);
            if member_name == name {
                return Some((offset?, member_type));
            }
            if member_name.is_empty()
                && let Some(offset) = offset
            {
                anonymous.push((offset, member_type));
            }
        }
        anonymous.into_iter().find_map(|(base, member_type)| {
            if !looked_through.insert(member_type) {
                return None;
            }
            let found = self.direct_member(member_type, name, depth + 1, looked_through);
            let (offset, found) = found?;
            Some((base.checked_add(offset)?, found))
        })
    }

    /// The value of an enumerator of a named enumeration.
    pub fn enum_value(&self, type_name: &str, enumerator: &str) -> Option<u32> {
        let ids = self.named.get(type_name.as_bytes())?;
        ids.iter().find_map(|id| {
            let head = self.head(*id)?;
            if head.kind != kind::ENUM {
                return None;
            }
            (0..head.members as usize).find_map(|index| {
                let at = head.start + TYPE_SIZE + index * 8;
                let name = self.string(read_u32(self.types, at).ok()?);
                let value = read_u32(self.types, at + 4).ok()?;
                (name == enumerator.as_bytes()).then_some(value)
            })
        })
    }

    fn size_of(&self, id: u32) -> Option<u32> {
        let head = self.resolve(id)?;
        match head.kind {
            kind::INT | kind::STRUCT | kind::UNION | kind::ENUM | kind::ENUM64 | kind::FLOAT => {
                Some(head.size_or_type)
            }
            kind::PTR => Some(8),
            kind::ARRAY => {
                let at = head.start + TYPE_SIZE;
                let element = read_u32(self.types, at).ok()?;
                let length = read_u32(self.types, at + 8).ok()?;
                // An array of arrays is not needed, and refusing it keeps a
                // hostile chain of them from recursing without end.
                let element = self.resolve(element)?;
                (element.kind == kind::INT).then_some(element.size_or_type.checked_mul(length)?)
            }
            _ => None,
        }
    }

    /// Follows typedefs and qualifiers.
    fn resolve(&self, id: u32) -> Option<Head> {
        let mut head = self.head(id)?;
        for _ in 0..MAX_DEPTH {
            match head.kind {
                kind::TYPEDEF..=kind::RESTRICT | kind::TYPE_TAG => {
                    head = self.head(head.size_or_type)?;
                }
                _ => return Some(head),
            }
        }
        None
    }

    fn head(&self, id: u32) -> Option<Head> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        self.head_at(*self.starts.get(index)? as usize).ok()
    }

    fn head_at(&self, start: usize) -> Result<Head, BtfError> {
        let info = read_u32(self.types, start + 4)?;
        Ok(Head {
            start,
            name: read_u32(self.types, start)?,
            kind: info >> 24 & 0x1f,
            members: info & 0xffff,
            bitfields: info >> 31 != 0,
            size_or_type: read_u32(self.types, start + 8)?,
        })
    }

    fn string(&self, offset: u32) -> &'a [u8] {
        let rest = self.strings.get(offset as usize..).unwrap_or_default();
        let end = rest.iter().position(|byte| *byte == 0);
        &rest[..end.unwrap_or(rest.len())]
    }
}

/// Whether a type can be asked for by name; a structure without members is only
/// declared.
fn is_named_kind(head: &Head) -> bool {
    match head.kind {
        kind::STRUCT | kind::ENUM => head.members > 0,
        other => other == kind::TYPEDEF,
    }
}

/// Bytes that follow a type's head.
fn trailing_bytes(head: &Head) -> Result<usize, BtfError> {
    let members = head.members as usize;
    Ok(match head.kind {
        kind::PTR | kind::FWD | kind::TYPEDEF..=kind::FUNC | kind::FLOAT | kind::TYPE_TAG => 0,
        kind::INT | kind::VAR | kind::DECL_TAG => 4,
        kind::ARRAY => 12,
        kind::ENUM | kind::FUNC_PROTO => members * 8,
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => members * 12,
        other => return Err(BtfError::UnknownKind(other)),
    })
}

/// A member's offset in bytes; `None` for a bit field.
fn byte_offset(offset: u32, bitfields: bool) -> Option<u32> {
    let (bits, width) = if bitfields {
        split(offset)
    } else {
        (offset, 0)
    };
    (width == 0 && bits.is_multiple_of(8)).then_some(bits / 8)
}

/// Offset and width in bits, of a structure that has bit fields; a width of 0 is that of
/// the type.
fn split(offset: u32) -> (u32, u32) {
    (offset & 0x00ff_ffff, offset >> 24)
}

fn read_u32(bytes: &[u8], at: usize) -> Result<u32, BtfError> {
    let end = at.checked_add(4).ok_or(BtfError::Truncated)?;
    let word = bytes.get(at..end).and_then(|word| word.try_into().ok());
    word.map(u32::from_le_bytes).ok_or(BtfError::Truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BTF with `struct outer { u32 first; union { u32 hidden; }; u32 flag:1; }`,
    /// `enum sock_flags { SOCK_DEAD, SOCK_DONE }` and `typedef u32 an_outer`.
    fn sample() -> Vec<u8> {
        let strings =
            b"\0u32\0outer\0first\0hidden\0flag\0sock_flags\0SOCK_DEAD\0SOCK_DONE\0an_outer\0";
        let at = |name: &str| {
            let needle = [name.as_bytes(), b"\0"].concat();
            let found = strings.windows(needle.len()).position(|w| w == needle);
            found.expect("name is in the strings") as u32
        };
        let words: Vec<u32> = [
            vec![at("u32"), kind::INT << 24, 4, 32],
            vec![0, kind::UNION << 24 | 1, 4, at("hidden"), 1, 0],
            vec![at("outer"), 1 << 31 | kind::STRUCT << 24 | 3, 12],
            vec![at("first"), 1, 0, 0, 2, 32, at("flag"), 1, 1 << 24 | 64],
            vec![at("sock_flags"), kind::ENUM << 24 | 2, 4],
            vec![at("SOCK_DEAD"), 0, at("SOCK_DONE"), 1],
            vec![at("an_outer"), kind::TYPEDEF << 24, 1],
        ]
        .concat();
        let types: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        let header = [
            24,
            0,
            types.len() as u32,
            types.len() as u32,
            strings.len() as u32,
        ];
        bytes.extend(header.iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend(types);
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn finds_members_through_anonymous_ones_but_no_bit_fields() {
        let bytes = sample();
        let btf = Btf::index(&bytes, &["outer", "sock_flags"]).expect("sample is BTF");
        let member = |path| btf.member("outer", path);
        assert_eq!(member("first"), Some(Member { offset: 0, size: 4 }));
        assert_eq!(member("hidden"), Some(Member { offset: 4, size: 4 }));
        assert_eq!(member("flag"), None);
        assert_eq!(btf.bit("outer", "flag"), Some(64));
        assert_eq!(btf.bit("outer", "first"), None);
        assert_eq!(btf.bit("sock_flags", "SOCK_DONE"), None);
        assert_eq!(member("first.deeper"), None);
        assert_eq!(btf.enum_value("sock_flags", "SOCK_DONE"), Some(1));
        assert_eq!(btf.enum_value("sock_flags", "SOCK_GONE"), None);
    }

    /// `struct outer` with twenty anonymous members, each of the same type as itself.
    #[test]
    fn what_is_anonymous_in_itself_is_looked_through_once() {
        const MEMBERS: u32 = 20;
        let strings = b"\0outer\0";
        let mut types = vec![1, kind::STRUCT << 24 | MEMBERS, 4];
        types.extend((0..MEMBERS).flat_map(|_| [0, 1, 0]));
        let types: Vec<u8> = types.into_iter().flat_map(u32::to_le_bytes).collect();
        let length = types.len() as u32;
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        let header = [24, 0, length, length, strings.len() as u32];
        bytes.extend(header.iter().flat_map(|word| word.to_le_bytes()));
        bytes.extend(types);
        bytes.extend(strings);
        let btf = Btf::index(&bytes, &["outer"]).expect("it is BTF");
        assert_eq!(btf.member("outer", "nowhere"), None);
    }

    #[test]
    fn a_typedef_is_found_by_its_whole_name() {
        let bytes = sample();
        let btf = Btf::index(&bytes, &["outer", "an_outer", "u32"]).expect("sample is BTF");
        assert_eq!(btf.typedef_id("an_outer"), Some(5));
        assert_eq!(btf.typedef_id("outer"), None);
        assert_eq!(btf.typedef_id("sock_flags"), None);
    }

    #[test]
    fn bytes_that_are_cut_anywhere_are_an_error_and_never_a_panic() {
        let bytes = sample();
        for length in 0..bytes.len() {
            assert!(
                Btf::index(&bytes[..length], &["outer"]).is_err(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn a_damaged_byte_never_panics() {
        let bytes = sample();
        for position in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut damaged = bytes.clone();
                damaged[position] = value;
                if let Ok(btf) = Btf::index(&damaged, &["outer", "sock_flags"]) {
                    let _ = btf.member("outer", "hidden");
                    let _ = btf.bit("outer", "flag");
                    let _ = btf.enum_value("sock_flags", "SOCK_DONE");
                }
            }
        }
    }
}
