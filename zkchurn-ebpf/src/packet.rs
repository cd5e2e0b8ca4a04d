// SPDX-License-Identifier: MIT
//! A packet of a traced socket, as the cgroup hooks show it: from its IP header
//! on, with the socket that it leaves or reaches.

use core::{ffi::c_void, mem::offset_of};

use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock},
    helpers::{bpf_get_socket_cookie, bpf_skb_load_bytes, bpf_tcp_sock},
};

const IPPROTO_TCP: u8 = 6;
const IPV4_HEADER: u32 = 20;
const IPV6_HEADER: u32 = 40;
const TCP_HEADER: u32 = 20;

/// A packet and its socket.
pub(crate) struct Packet {
    buffer: *mut __sk_buff,
    socket: *mut bpf_sock,
}

/// Where the payload of a TCP packet is.
pub(crate) struct Payload {
    /// Sequence number of the first byte; a SYN that carries data counts itself.
    pub sequence: u32,
    /// Where it begins, in bytes from the IP header.
    pub start: u32,
    /// Its length in bytes.
    pub length: u32,
}

impl Packet {
    /// The packet, if it has a socket.
    #[inline(always)]
    pub(crate) fn new(buffer: *mut __sk_buff) -> Option<Self> {
        let field = buffer
            .cast_const()
            .cast::<u8>()
            .wrapping_add(offset_of!(__sk_buff, __bindgen_anon_2));
        // SAFETY: the context of a cgroup_skb program has this field, a pointer
        // in a union of its own (include/uapi/linux/bpf.h, `__bpf_md_ptr`).
        let socket = unsafe { field.cast::<*mut bpf_sock>().read_volatile() };
        if socket.is_null() {
            return None;
        }
        Some(Self { buffer, socket })
    }

    /// Local port in host byte order.
    #[inline(always)]
    pub(crate) fn local_port(&self) -> u16 {
        self.field::<u32>(offset_of!(bpf_sock, src_port)) as u16
    }

    /// Remote port in host byte order.
    #[inline(always)]
    pub(crate) fn remote_port(&self) -> u16 {
        u16::from_be(self.field(offset_of!(bpf_sock, dst_port)))
    }

    /// TCP state of the socket.
    #[inline(always)]
    pub(crate) fn state(&self) -> u8 {
        self.field::<u32>(offset_of!(bpf_sock, state)) as u8
    }

    #[inline(always)]
    fn field<T>(&self, offset: usize) -> T {
        let field = self.socket.cast_const().cast::<u8>().wrapping_add(offset);
        // SAFETY: the socket is not null, and the callers name a field of it with
        // its type. Volatile, so that the compiler does not merge two fields into
        // a read that the verifier refuses.
        unsafe { field.cast::<T>().read_volatile() }
    }

    /// Cookie of the socket.
    #[inline(always)]
    pub(crate) fn cookie(&self) -> u64 {
        // SAFETY: the argument is the context that the helper asks for.
        unsafe { bpf_get_socket_cookie(self.buffer.cast()) }
    }

    /// Sequence number of the next byte that the socket waits for.
    #[inline(always)]
    pub(crate) fn expected(&self) -> Option<u32> {
        // SAFETY: the socket is not null, as the helper asks for.
        let tcp = unsafe { bpf_tcp_sock(self.socket) };
        if tcp.is_null() {
            return None;
        }
        // SAFETY: checked against null.
        Some(unsafe { (*tcp).rcv_nxt })
    }

    /// The payload, if this is TCP and has one.
    #[inline(always)]
    pub(crate) fn payload(&self) -> Option<Payload> {
        // The shorter of the two headers is enough for either.
        let mut ip = [0u8; IPV4_HEADER as usize];
        self.load(0, &mut ip)?;
        let (protocol, tcp_start) = match ip[0] >> 4 {
            4 => (ip[9], u32::from(ip[0] & 15) * 4),
            // TCP does not travel behind extension headers but in tunnels and
            // in packets beyond 64 KiB, and a handshake in neither.
            6 => (ip[6], IPV6_HEADER),
            _ => return None,
        };
        if protocol != IPPROTO_TCP {
            return None;
        }
        let mut tcp = [0u8; TCP_HEADER as usize];
        self.load(tcp_start, &mut tcp)?;
        let start = tcp_start + u32::from(tcp[12] >> 4) * 4;
        // SAFETY: the context has this field.
        let length = unsafe { (*self.buffer).len };
        if length <= start {
            return None;
        }
        let sequence = u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
        let is_syn = u32::from(tcp[13] >> 1 & 1);
        Some(Payload {
            sequence: sequence.wrapping_add(is_syn),
            start,
            length: length - start,
        })
    }

    /// Reads as many bytes as `to` has.
    #[inline(always)]
    fn load<const N: usize>(&self, from: u32, to: &mut [u8; N]) -> Option<()> {
        self.load_first(from, to, N as u64)
    }

    /// Reads `length` bytes into the front of `to`.
    #[inline(always)]
    pub(crate) fn load_first<const N: usize>(
        &self,
        from: u32,
        to: &mut [u8; N],
        length: u64,
    ) -> Option<()> {
        // One less than the length is tested: before Linux 6.8 the verifier learns
        // nothing from "is not 0".
        let last = length.wrapping_sub(1);
        // SAFETY: a reference to a local. The volatile read keeps the compiler
        // from testing a copy: the verifier must see both bounds on the register
        // that it hands to the helper.
        let last = unsafe { (&raw const last).read_volatile() };
        if last >= N as u64 {
            return None;
        }
        let length = last + 1;
        let buffer: *const c_void = self.buffer.cast_const().cast();
        // SAFETY: `to` has room for `length` bytes; the helper checks the packet.
        let failed =
            unsafe { bpf_skb_load_bytes(buffer, from, to.as_mut_ptr().cast(), length as u32) };
        if failed == 0 { Some(()) } else { None }
    }
}
