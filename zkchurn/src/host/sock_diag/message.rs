// SPDX-License-Identifier: MIT
//! The frame of every netlink message: `struct nlmsghdr` and its payload
//! (include/uapi/linux/netlink.h), numbers in host order.
//!
//! | bytes | field |
//! |---|---|
//! | 0 | `nlmsg_len`, with these 16 bytes |
//! | 4, 6 | `nlmsg_type`, `nlmsg_flags` |
//! | 8 | `nlmsg_seq` |
//! | 12 | `nlmsg_pid`, 0 for the kernel |

use bytes::{Buf, BufMut};

/// `NLMSG_ERROR`
pub(super) const ERROR: u16 = 2;
/// `NLMSG_DONE`
pub(super) const DONE: u16 = 3;
/// `NLMSG_OVERRUN`
pub(super) const OVERRUN: u16 = 4;
/// `SOCK_DIAG_BY_FAMILY` (include/uapi/linux/sock_diag.h)
pub(super) const SOCK_DIAG_BY_FAMILY: u16 = 20;

/// `NLM_F_REQUEST`
const REQUEST: u16 = 0x1;
/// `NLM_F_ROOT | NLM_F_MATCH`, which is `NLM_F_DUMP`
const DUMP: u16 = 0x300;
/// `NLM_F_DUMP_INTR`: the table changed while it was dumped.
pub(super) const DUMP_INTERRUPTED: u16 = 0x10;

const HEADER: usize = 16;

/// One message of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    /// `nlmsg_type`
    pub kind: u16,
    /// `nlmsg_flags`
    pub flags: u16,
    /// `nlmsg_seq`
    pub sequence: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// The first message of `datagram` and the bytes behind it; `None` when its
/// length is less than a header or more than there is.
pub(super) fn split(datagram: &[u8]) -> Option<(Message<'_>, &[u8])> {
    let mut header = datagram.get(..HEADER)?;
    let length = header.get_u32_ne() as usize;
    let message = Message {
        kind: header.get_u16_ne(),
        flags: header.get_u16_ne(),
        sequence: header.get_u32_ne(),
        payload: datagram.get(HEADER..length)?,
    };
    // NLMSG_ALIGN; the last message need not be padded.
    let behind = datagram.get(length.next_multiple_of(4)..);
    Some((message, behind.unwrap_or_default()))
}

/// The message that asks for a dump.
pub(super) fn dump_request(sequence: u32, payload: &[u8]) -> Vec<u8> {
    let length = HEADER + payload.len();
    let mut message = Vec::with_capacity(length);
    message.put_u32_ne(length as u32);
    message.put_u16_ne(SOCK_DIAG_BY_FAMILY);
    message.put_u16_ne(REQUEST | DUMP);
    message.put_u32_ne(sequence);
    message.put_u32_ne(0);
    message.put_slice(payload);
    message
}
