// SPDX-License-Identifier: MIT
//! BTF, looked up as the loader does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use zkchurn::host::kernel_layout::SocketLayout;

fuzz_target!(|bytes: &[u8]| {
    let _ = SocketLayout::from_btf(bytes);
});
