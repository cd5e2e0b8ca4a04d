// SPDX-License-Identifier: MIT
//! Reading fields of the socket whose state changes.
//!
//! Each hook has its own way to reach the socket; the handlers see only this
//! trait. `None` means that the running kernel lacks the field.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::{
    bpf_get_socket_cookie,
    generated::{bpf_probe_read_kernel, bpf_skc_to_tcp_sock},
};
use zkchurn_common::field::SocketField;

use crate::{
    globals::{has_socket_cookie, has_trusted_pointers, socket_offset},
    words::{Words, words},
};

/// A socket whose state changes, as one of the hooks presents it.
pub(crate) trait Socket {
    /// Reads a member of `struct sock` itself.
    fn load<T: Copy>(&self, field: SocketField) -> Option<T>;

    /// Address of the `struct sock`.
    fn address(&self) -> *const u8;

    /// The socket's cookie, made if it has none yet.
    fn cookie(&self) -> Option<u64>;

    /// Local port in host byte order.
    fn local_port(&self) -> u16;

    /// Remote port in host byte order.
    fn remote_port(&self) -> u16;

    /// Local and remote address as IPv6.
    fn addresses(&self) -> (Words, Words);

    /// `AF_INET` or `AF_INET6`.
    fn family(&self) -> u8;

    /// The socket as `struct tcp_sock`, which begins with `struct sock`.
    #[inline(always)]
    fn tcp(&self) -> Option<TcpSocket> {
        Some(TcpSocket(self.address()))
    }

    /// Inode number of the socket's network namespace.
    fn netns(&self) -> Option<u32>;

    /// What identifies the first subflow of this socket, which must be an MPTCP one.
    #[inline(always)]
    fn first_subflow(&self) -> Option<u64> {
        let subflow = probe_at::<*const u8>(self.address(), SocketField::FirstSubflow)?;
        if has_socket_cookie() {
            probe_at(subflow, SocketField::Cookie)
        } else {
            Some(subflow as u64)
        }
    }

    /// What identifies the socket: its cookie, or else its address.
    ///
    /// An address is reused within milliseconds; it serves only because the
    /// entry is forgotten at the end of the connection.
    #[inline(always)]
    fn identity(&self) -> u64 {
        match self.cookie() {
            Some(cookie) => cookie,
            None => self.address() as u64,
        }
    }
}

/// The socket as `tp_btf` hands it over: a pointer that the verifier trusts, so
/// members of `struct sock` are plain loads.
pub(crate) struct TrustedSocket(pub *const u8);

impl Socket for TrustedSocket {
    #[inline(always)]
    fn load<T: Copy>(&self, field: SocketField) -> Option<T> {
        trusted_at(self.0, field)
    }

    #[inline(always)]
    fn tcp(&self) -> Option<TcpSocket> {
        if !has_trusted_pointers() {
            return Some(TcpSocket(self.0));
        }
        // SAFETY: the argument is the trusted socket that the helper asks for.
        let tcp = unsafe { bpf_skc_to_tcp_sock(self.0.cast_mut().cast()) };
        (!tcp.is_null()).then_some(TcpSocket(tcp.cast_const().cast()))
    }

    #[inline(always)]
    fn netns(&self) -> Option<u32> {
        trusted_at(self.load(SocketField::Net)?, SocketField::NetInode)
    }

    #[inline(always)]
    fn address(&self) -> *const u8 {
        self.0
    }

    #[inline(always)]
    fn cookie(&self) -> Option<u64> {
        if !has_socket_cookie() {
            return None;
        }
        // SAFETY: the argument is the trusted socket that the helper asks for.
        Some(unsafe { bpf_get_socket_cookie(self.0.cast_mut().cast()) })
    }

    #[inline(always)]
    fn local_port(&self) -> u16 {
        match self.load::<u16>(SocketField::LocalPort) {
            Some(port) if port != 0 => port,
            _ => u16::from_be(probe_at(self.0, SocketField::LocalPortKept).unwrap_or(0)),
        }
    }

    #[inline(always)]
    fn remote_port(&self) -> u16 {
        u16::from_be(self.load(SocketField::RemotePort).unwrap_or(0))
    }

    #[inline(always)]
    fn addresses(&self) -> (Words, Words) {
        if self.family() == zkchurn_common::record::FAMILY_INET {
            (
                v4_mapped(self.load(SocketField::LocalV4).unwrap_or(0)),
                v4_mapped(self.load(SocketField::RemoteV4).unwrap_or(0)),
            )
        } else {
            (
                self.address_v6(SocketField::LocalV6),
                self.address_v6(SocketField::RemoteV6),
            )
        }
    }

    #[inline(always)]
    fn family(&self) -> u8 {
        self.load::<u16>(SocketField::Family).unwrap_or(0) as u8
    }
}

impl TrustedSocket {
    #[inline(always)]
    fn address_v6(&self, field: SocketField) -> Words {
        probe_at(self.0, field).unwrap_or([0; 2])
    }
}

/// The members of `struct tcp_sock`: plain loads where the verifier trusts the pointer.
pub(crate) struct TcpSocket(*const u8);

impl TcpSocket {
    /// Reads a member.
    #[inline(always)]
    pub(crate) fn load<T: Copy>(&self, field: SocketField) -> Option<T> {
        member_at(self.0, field)
    }

    /// Whether a bit field is set; it is not where the kernel does not tell.
    #[inline(always)]
    pub(crate) fn has_bit(&self, field: SocketField) -> bool {
        let Some(bits) = socket_offset(field) else {
            return false;
        };
        let byte: Option<u8> = if has_trusted_pointers() {
            trusted_read(self.0, bits >> 3)
        } else {
            probe_read(self.0, bits >> 3)
        };
        byte.is_some_and(|byte| byte >> (bits & 7) & 1 != 0)
    }
}

/// `::ffff:a.b.c.d` for an IPv4 address in network byte order (RFC 4291, 2.5.5.2).
#[inline(always)]
fn v4_mapped(address: u32) -> Words {
    let [a, b, c, d] = address.to_ne_bytes();
    words([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d])
}

/// Loads `field` relative to `base`, a pointer whose type the verifier knows.
#[inline(always)]
fn trusted_at<T: Copy>(base: *const u8, field: SocketField) -> Option<T> {
    trusted_read(base, socket_offset(field)?)
}

/// The same at an offset in bytes.
#[inline(always)]
fn trusted_read<T: Copy>(base: *const u8, offset: usize) -> Option<T> {
    // SAFETY: the verifier checks that the offset lies in what is pointed to, and makes a
    // faulting load yield zero.
    Some(unsafe { base.wrapping_add(offset).cast::<T>().read_volatile() })
}

/// Reads `field` relative to `base`, by a plain load where the verifier may know the pointer.
#[inline(always)]
pub(crate) fn member_at<T: Copy>(base: *const u8, field: SocketField) -> Option<T> {
    if has_trusted_pointers() {
        trusted_at(base, field)
    } else {
        probe_at(base, field)
    }
}

/// Reads `field` relative to `base` with the checking helper.
#[inline(always)]
pub(crate) fn probe_at<T: Copy>(base: *const u8, field: SocketField) -> Option<T> {
    probe_read(base, socket_offset(field)?)
}

/// The same at an offset in bytes.
#[inline(always)]
fn probe_read<T: Copy>(base: *const u8, offset: usize) -> Option<T> {
    let address = base.wrapping_add(offset);
    // Zeroes, which the helper would write on failure too: the verifier refuses a program
    // in which the compiler has moved a use before the question whether it failed.
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: the helper checks the address; the buffer has the size that it is told.
    let failed = unsafe {
        bpf_probe_read_kernel(
            value.as_mut_ptr().cast(),
            size_of::<T>() as u32,
            address.cast(),
        )
    };
    // SAFETY: all that is read here, numbers and pointers, may have any bits.
    (failed == 0).then_some(unsafe { value.assume_init() })
}
