// SPDX-License-Identifier: MIT
//! A datagram of a dump: netlink messages one after another
//! (include/uapi/linux/netlink.h, `netlink_dump` in net/netlink/af_netlink.c).

use std::io;

use super::{
    DiagSocket,
    message::{self, Message},
    request::SEQUENCE,
    row,
};

/// How far a dump has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// No further datagram comes.
    pub done: bool,
    /// The kernel says that its table changed meanwhile (`NLM_F_DUMP_INTR`).
    pub interrupted: bool,
}

/// A datagram that ends the dump.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReplyError {
    /// `NLMSG_ERROR`, or a `NLMSG_DONE` with an error.
    #[error("the kernel refused the request: {0}")]
    Refused(#[source] io::Error),
    /// `NLMSG_OVERRUN`
    #[error("the kernel lost data")]
    Overrun,
    /// Lengths that do not fit each other.
    #[error("the kernel's answer is malformed")]
    Malformed,
}

/// Appends the sockets in `datagram` to `sockets` and adds to `progress`.
pub(super) fn read(
    datagram: &[u8],
    netns: u32,
    sockets: &mut Vec<DiagSocket>,
    progress: &mut Progress,
) -> Result<(), ReplyError> {
    let mut rest = datagram;
    while !rest.is_empty() && !progress.done {
        let (message, behind) = message::split(rest).ok_or(ReplyError::Malformed)?;
        if message.sequence == SEQUENCE {
            progress.interrupted |= message.flags & message::DUMP_INTERRUPTED != 0;
            progress.done |= read_message(&message, netns, sockets)?;
        }
        rest = behind;
    }
    Ok(())
}

/// Whether the dump is over.
fn read_message(
    message: &Message,
    netns: u32,
    sockets: &mut Vec<DiagSocket>,
) -> Result<bool, ReplyError> {
    match message.kind {
        message::SOCK_DIAG_BY_FAMILY => {
            let socket = row::parse(message.payload, netns).ok_or(ReplyError::Malformed)?;
            sockets.push(socket);
            Ok(false)
        }
        message::DONE => check_code(message.payload, true),
        message::ERROR => check_code(message.payload, false),
        message::OVERRUN => Err(ReplyError::Overrun),
        _ => Ok(false),
    }
}

/// `done` when the code is no error: a negative errno is one, 0 in a
/// `NLMSG_ERROR` an acknowledgement. `NLMSG_DONE` may come without a code.
fn check_code(payload: &[u8], done: bool) -> Result<bool, ReplyError> {
    match payload.first_chunk() {
        Some(code) => match i32::from_ne_bytes(*code) {
            0.. => Ok(done),
            errno => {
                let errno = errno.checked_neg().unwrap_or(i32::MAX);
                Err(ReplyError::Refused(io::Error::from_raw_os_error(errno)))
            }
        },
        None if done && payload.is_empty() => Ok(done),
        None => Err(ReplyError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::row::tests::V4, *};

    fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&(16 + payload.len() as u32).to_ne_bytes());
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&sequence.to_ne_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn row() -> Vec<u8> {
        // With INET_DIAG_SHUTDOWN, one byte and its padding.
        let attribute = [5, 0, 8, 0, 3, 0, 0, 0];
        message(20, 2, SEQUENCE, &[&V4[..], &attribute].concat())
    }

    fn read_all(datagram: &[u8]) -> (usize, Progress, Option<String>) {
        let (mut sockets, mut progress) = (Vec::new(), Progress::default());
        let result = read(datagram, 1, &mut sockets, &mut progress);
        let error = result.err().map(|error| error.to_string());
        (sockets.len(), progress, error)
    }

    #[test]
    fn rows_are_read_up_to_the_end_of_the_dump() {
        let foreign = message(20, 2, SEQUENCE + 1, b"an answer to another question");
        let done = message(3, 2, SEQUENCE, &[0; 4]);
        let datagram = [row(), foreign, row(), done, row()].concat();
        let progress = Progress {
            done: true,
            interrupted: false,
        };
        assert_eq!(read_all(&datagram), (2, progress, None));
        let empty_done = message(3, 2, SEQUENCE, &[]);
        assert_eq!(read_all(&empty_done), (0, progress, None));
    }

    #[test]
    fn an_interrupted_dump_is_told() {
        let done = message(3, 2 | message::DUMP_INTERRUPTED, SEQUENCE, &[0; 4]);
        let progress = Progress {
            done: true,
            interrupted: true,
        };
        assert_eq!(read_all(&[row(), done].concat()), (1, progress, None));
    }

    #[test]
    fn errors_of_the_kernel_are_told() {
        let refused =
            Some("the kernel refused the request: No such file or directory (os error 2)");
        let code = (-2_i32).to_ne_bytes();
        for kind in [2, 3] {
            let (sockets, progress, error) = read_all(&message(kind, 0, SEQUENCE, &code));
            assert_eq!((sockets, progress), (0, Progress::default()));
            assert_eq!(error.as_deref(), refused);
        }
        let minimum = message(2, 0, SEQUENCE, &i32::MIN.to_ne_bytes());
        assert!(read_all(&minimum).2.is_some());
        let acknowledgement = message(2, 0, SEQUENCE, &[0; 20]);
        assert_eq!(read_all(&acknowledgement), (0, Progress::default(), None));
        let overrun = message(4, 0, SEQUENCE, &[]);
        assert_eq!(
            read_all(&overrun).2.as_deref(),
            Some("the kernel lost data")
        );
    }

    #[test]
    fn a_datagram_cut_anywhere_but_between_messages_is_malformed() {
        let datagram = [row(), row()].concat();
        for length in 1..datagram.len() {
            let (_, progress, error) = read_all(&datagram[..length]);
            assert_eq!(error.is_none(), length == row().len(), "{length}");
            assert!(!progress.done);
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            read_all(&bytes);
        }

        #[test]
        fn a_damaged_datagram_never_panics(at in 0..200_usize, byte: u8) {
            let mut datagram = [row(), row(), message(3, 2, SEQUENCE, &[0; 4])].concat();
            let at = at % datagram.len();
            datagram[at] = byte;
            prop_assert!(read_all(&datagram).0 <= 2);
        }
    }
}
