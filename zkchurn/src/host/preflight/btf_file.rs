// SPDX-License-Identifier: MIT
//! Reading the kernel's BTF. sysfs hands out a page a call, 5.5 MB of them, so two threads share
//! it: one reads the types, the other one the strings, and looks for the names meanwhile.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::{Mutex, PoisonError},
};

use crate::host::{
    beside::beside,
    kernel_layout::{
        SocketLayout,
        btf::{BtfError, Places, Sections},
    },
};

/// The bytes of a file with BTF, and where in its strings the wanted names stand.
pub(super) struct BtfFile {
    bytes: Vec<u8>,
    places: Option<Places>,
}

impl BtfFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// It is not there, or cannot be read.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        // What has no size, or is not laid out as usual, is read as any other file.
        Self::in_two(path).or_else(|_| {
            let bytes = fs::read(path)?;
            let places = None;
            Ok(Self { bytes, places })
        })
    }

    /// The socket's layout.
    ///
    /// # Errors
    ///
    /// The file holds no BTF.
    pub(super) fn layout(&self) -> Result<SocketLayout, BtfError> {
        match &self.places {
            Some(places) => SocketLayout::from_parts(&self.bytes, places),
            None => SocketLayout::from_btf(&self.bytes),
        }
    }

    fn in_two(path: &Path) -> io::Result<Self> {
        let (first, second) = (File::open(path)?, File::open(path)?);
        let length = usize::try_from(first.metadata()?.len()).map_err(io::Error::other)?;
        let mut header = [0; Sections::HEADER_SIZE];
        first.read_exact_at(&mut header, 0)?;
        let strings = Sections::of(&header).map_err(io::Error::other)?.strings;
        if strings.end != length || strings.start < Sections::HEADER_SIZE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; length];
        let (front, back) = bytes.split_at_mut(strings.start);
        let back = Mutex::new(back);
        let read_strings = || {
            let mut back = back.lock().unwrap_or_else(PoisonError::into_inner);
            second.read_exact_at(&mut back, strings.start as u64)?;
            io::Result::Ok(SocketLayout::places(&back))
        };
        let (types, places) = beside(|| first.read_exact_at(front, 0), read_strings);
        types?;
        let places = Some(places?);
        Ok(Self { bytes, places })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::kernel_layout::TRACEPOINT_TYPEDEF;

    /// BTF with a typedef, and `gap` bytes behind its strings.
    fn btf(gap: usize) -> Vec<u8> {
        let strings = [b"\0", TRACEPOINT_TYPEDEF.as_bytes(), b"\0"].concat();
        let types = [[0, 2 << 24, 0], [1, 8 << 24, 0]].concat();
        let types_length = types.len() as u32 * 4;
        let header = [24, 0, types_length, types_length, strings.len() as u32];
        let words = header.iter().chain(&types);
        let mut bytes = vec![0x9f, 0xeb, 1, 0];
        bytes.extend(words.flat_map(|word| word.to_le_bytes()));
        bytes.extend(strings);
        bytes.extend(vec![0; gap]);
        bytes
    }

    fn read(bytes: &[u8]) -> BtfFile {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("btf");
        fs::write(&path, bytes).expect("it can be written");
        BtfFile::read(&path).expect("it can be read")
    }

    #[test]
    fn what_two_read_is_what_one_reads() {
        let bytes = btf(0);
        let file = read(&bytes);
        assert!(file.places.is_some());
        assert_eq!(file.bytes, bytes);
        let layout = file.layout().expect("it is BTF");
        assert_eq!(layout.tracepoint_type, Some(2));
        assert_eq!(Ok(layout), SocketLayout::from_btf(&bytes));
    }

    #[test]
    fn what_is_laid_out_in_another_way_is_read_by_one() {
        for bytes in [
            btf(5),
            btf(0)[..40].to_vec(),
            b"no BTF".to_vec(),
            Vec::new(),
        ] {
            let file = read(&bytes);
            assert!(file.places.is_none());
            assert_eq!(file.bytes, bytes);
            assert_eq!(file.layout(), SocketLayout::from_btf(&bytes));
        }
    }
}
