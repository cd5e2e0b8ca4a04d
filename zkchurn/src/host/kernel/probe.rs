// SPDX-License-Identifier: MIT
//! Trying bpf(2) before anything depends on it.

use std::io;

use aya::{
    maps::MapType,
    sys::{SyscallError, is_map_supported},
};

/// What bpf(2) fails with, called for the smallest map there is; `None` where it works.
pub(crate) fn bpf_is_refused() -> Option<io::Error> {
    let SyscallError { io_error, .. } = is_map_supported(MapType::Array).err()?;
    Some(io_error)
}
