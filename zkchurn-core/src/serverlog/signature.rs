// SPDX-License-Identifier: MIT
//! The messages that tell something about a client, as data.
//!
//! The texts were read in apache/zookeeper at every release from 3.4.0 to 3.9.5.
//! They are compared from the first character of a message on, so that a text
//! which a client had written into the log in the middle of another message
//! counts for nothing.

use super::kind::Kind;

/// A message, or the text of an exception behind its class.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// How it begins.
    pub starts: &'static str,
    /// What must follow, and where.
    then: Then,
    /// What stands before the client's address; empty where the line has none.
    pub address_after: &'static str,
    /// What stands before the session's id; empty where the line has none.
    pub session_after: &'static str,
    /// What it tells.
    pub meaning: Meaning,
    /// Where it comes from: class, releases, level.
    pub source: &'static str,
}

/// What a message must hold besides its beginning. A text is looked for at one place only,
/// because behind that a client's may stand.
#[derive(Clone, Copy, Debug)]
enum Then {
    /// Nothing.
    Anything,
    /// This, behind the four letters of a command.
    BehindFourLetters(&'static str),
    /// This, behind the address.
    BehindAddress(&'static str),
    /// This, behind a number.
    BehindNumber(&'static str),
}

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Just this.
    One(Kind),
    /// The connection ended: without a session where the id is 0.
    ClientClosed,
    /// The end of a connection, for whatever reason was told before.
    SocketClosed,
    /// The connection broke for a reason that follows, behind the session on
    /// this line or as an exception on the next.
    Broken,
    /// The exception on the next line tells.
    Unexpected,
    /// The length that follows is impossible.
    Length(&'static str),
    /// A four-letter word, which follows.
    Word,
    /// A limit, with how many times it was reached in front.
    Limit,
    /// The limit of all clients together.
    LimitOfAll,
    /// The acceptor's word for a refusal that was told by [`Meaning::LimitOfAll`].
    LimitOfAllAgain,
    /// A connection with another server broke, whose id follows.
    ElectionBroken,
}

const fn message(
    starts: &'static str,
    address_after: &'static str,
    session_after: &'static str,
    meaning: Meaning,
    source: &'static str,
) -> Signature {
    Signature {
        starts,
        then: Then::Anything,
        address_after,
        session_after,
        meaning,
        source,
    }
}

use Meaning::{
    Broken, ClientClosed, Length, Limit, LimitOfAll, LimitOfAllAgain, One, SocketClosed,
    Unexpected, Word as FourLetters,
};

pub const MESSAGES: &[Signature] = &[
    message(
        "Accepted socket connection from ",
        "from ",
        "",
        One(Kind::Accepted),
        "NIOServerCnxnFactory; INFO 3.4.0 to 3.5.4, DEBUG from 3.5.5",
    ),
    message(
        "Closed socket connection for client ",
        "client ",
        "which had sessionid 0x",
        SocketClosed,
        "NIOServerCnxn.closeSock; INFO 3.4.0 to 3.5.4, DEBUG from 3.5.5",
    ),
    message(
        "Unable to read additional data from client, it probably closed the socket: address = ",
        "address = ",
        "session = 0x",
        ClientClosed,
        "NIOServerCnxn.handleFailedRead; INFO from 3.6.4, 3.7.2, 3.8.1",
    ),
    message(
        "Unable to read additional data from client sessionid 0x",
        "",
        "sessionid 0x",
        ClientClosed,
        "NIOServerCnxn.doIO; WARN 3.4.11 to 3.5.10",
    ),
    message(
        "caught end of stream exception",
        "",
        "",
        Unexpected,
        "NIOServerCnxn.doIO before an EndOfStreamException; WARN 3.4.0 to 3.4.10",
    ),
    message(
        "Unexpected exception",
        "",
        "",
        Unexpected,
        "NIOServerCnxn.doIO before an EndOfStreamException; WARN 3.6.0 to 3.6.3, 3.7.0 to 3.7.1, 3.8.0",
    ),
    message(
        "Exception causing close of session 0x",
        "",
        "session 0x",
        Broken,
        "NIOServerCnxn.doIO; WARN 3.4.0 to 3.5.10",
    ),
    message(
        "Close of session 0x",
        "",
        "session 0x",
        Broken,
        "NIOServerCnxn.doIO; WARN from 3.6.0",
    ),
    message(
        "Closing session 0x",
        "",
        "session 0x",
        Broken,
        "NIOServerCnxn.doIO before a ClientCnxnLimitException; WARN from 3.6.0",
    ),
    Signature {
        then: Then::BehindAddress(" because the server is not ready"),
        ..message(
            "Closing connection to ",
            "to ",
            "",
            One(Kind::NotServing),
            "NettyServerCnxn; INFO from 3.8.0",
        )
    },
    message(
        "Closing connection to ",
        "to ",
        "",
        Broken,
        "NettyServerCnxn.receiveMessage; WARN from 3.4.0",
    ),
    message(
        "Zookeeper server is not running, close the connection to ",
        "connection to ",
        "",
        One(Kind::NotServing),
        "NettyServerCnxnFactory; INFO from 3.8.0",
    ),
    message(
        "Client attempting to establish new session at ",
        "at ",
        "",
        One(Kind::SessionAsked),
        "ZooKeeperServer.processConnectRequest; INFO 3.4.0 to 3.5.4",
    ),
    message(
        "Client attempting to establish new session: ",
        "address = ",
        "",
        One(Kind::SessionAsked),
        "ZooKeeperServer.processConnectRequest; DEBUG from 3.5.5",
    ),
    message(
        "Client attempting to renew session 0x",
        " at ",
        "session 0x",
        One(Kind::RenewalAsked),
        "ZooKeeperServer.processConnectRequest; INFO 3.4.0 to 3.5.4",
    ),
    message(
        "Client attempting to renew session: ",
        "address = ",
        "session = 0x",
        One(Kind::RenewalAsked),
        "ZooKeeperServer.processConnectRequest; DEBUG from 3.5.5",
    ),
    message(
        "Established session 0x",
        "for client ",
        "session 0x",
        One(Kind::Established),
        "ZooKeeperServer.finishSessionInit; INFO 3.4.0 to 3.5.4, DEBUG from 3.5.5",
    ),
    message(
        "Invalid session 0x",
        "for client ",
        "session 0x",
        One(Kind::RenewalRefused),
        "ZooKeeperServer.finishSessionInit; INFO from 3.4.0",
    ),
    message(
        "Incorrect password from ",
        "from ",
        "for session 0x",
        One(Kind::WrongPassword),
        "ZooKeeperServer.reopenSession; WARN from 3.5.0",
    ),
    message(
        "Expiring session 0x",
        "",
        "session 0x",
        One(Kind::Expired),
        "ZooKeeperServer.expire; INFO from 3.4.0",
    ),
    message(
        "Refusing session request for not-read-only client ",
        "client ",
        "",
        One(Kind::ReadOnlyRefused),
        "ZooKeeperServer.processConnectRequest; INFO from 3.4.0",
    ),
    message(
        "Refusing global session reconnection in RO mode ",
        "mode ",
        "",
        One(Kind::ReadOnlyRefused),
        "ReadOnlyZooKeeperServer; INFO from 3.8.0",
    ),
    Signature {
        then: Then::BehindAddress(" as it has seen zxid "),
        ..message(
            "Refusing session request for client ",
            "client ",
            "",
            One(Kind::ZxidAhead),
            "ZooKeeperServer.processConnectRequest; INFO 3.4.0 to 3.9.1",
        )
    },
    Signature {
        then: Then::BehindAddress(" as it has seen zxid "),
        ..message(
            "Refusing session(0x",
            "client ",
            "",
            One(Kind::ZxidAhead),
            "ZooKeeperServer.processConnectRequest; INFO from 3.9.2",
        )
    },
    message(
        "Too many connections from ",
        "from ",
        "",
        Limit,
        "NIOServerCnxnFactory; WARN 3.4.0 to 3.4.14; NettyServerCnxnFactory; WARN from 3.6.0",
    ),
    message(
        "Error accepting new connection: Too many connections from ",
        "from ",
        "",
        Limit,
        "NIOServerCnxnFactory through RateLogger; WARN from 3.5.0",
    ),
    Signature {
        then: Then::BehindNumber(" - max is "),
        ..message(
            "Too many connections ",
            "",
            "",
            LimitOfAll,
            "ServerCnxnFactory.limitTotalNumberOfCnxns (maxCnxns); ERROR from 3.6.0",
        )
    },
    message(
        "Error accepting new connection: Too many connections max allowed is ",
        "",
        "",
        LimitOfAllAgain,
        "NIOServerCnxnFactory (maxCnxns) through RateLogger; WARN from 3.6.0",
    ),
    Signature {
        // `Processing request::sessionid…` is about requests, and holds paths of clients.
        then: Then::BehindFourLetters(" command from "),
        ..message(
            "Processing ",
            " command from ",
            "",
            FourLetters,
            "NIOServerCnxn, NettyServerCnxn; INFO from 3.4.0",
        )
    },
    Signature {
        then: Then::BehindFourLetters(" is not executed because it is not in the whitelist"),
        ..message(
            "Command ",
            "",
            "",
            One(Kind::FourLetterWord),
            "NIOServerCnxn, NettyServerCnxn; DEBUG from 3.4.10",
        )
    },
    Signature {
        then: Then::BehindAddress(" failed to SASL authenticate"),
        ..message(
            "Client ",
            "Client ",
            "",
            One(Kind::AuthenticationFailed),
            "ZooKeeperServer.processSasl; WARN from 3.5.0",
        )
    },
    message(
        "Client failed to SASL authenticate",
        "",
        "",
        One(Kind::AuthenticationFailed),
        "ZooKeeperServer.processSasl; WARN 3.4.0 to 3.4.14",
    ),
    message(
        "Unsuccessful handshake with session 0x",
        "",
        "",
        One(Kind::TlsHandshakeFailed),
        "NettyServerCnxnFactory; ERROR from 3.5.0",
    ),
    message(
        "Closing client connection due to server requires client SASL authentic",
        "",
        "",
        One(Kind::AuthenticationRequired),
        "ZooKeeperServer.processSasl, AuthenticationHelper; WARN from 3.6.0",
    ),
    message(
        "Client authentication scheme(s) ",
        "",
        "",
        One(Kind::AuthenticationRequired),
        "AuthenticationHelper.enforceAuthentication; ERROR from 3.7.0",
    ),
    message(
        "Authentication failed for scheme: ",
        "",
        "",
        One(Kind::CredentialRefused),
        "ZooKeeperServer.processPacket; WARN from 3.4.0",
    ),
    message(
        "No authentication provider for scheme: ",
        "",
        "",
        One(Kind::SchemeUnknown),
        "ZooKeeperServer.processPacket; WARN from 3.4.0",
    ),
    message(
        "Connection request from old client ",
        "client ",
        "",
        One(Kind::OldClient),
        "ZooKeeperServer.processConnectRequest; WARN from 3.4.0",
    ),
    message(
        "Error accepting new connection: Too many open files",
        "",
        "",
        One(Kind::OutOfDescriptors),
        "NIOServerCnxnFactory through RateLogger, glibc's words; WARN from 3.5.0",
    ),
    message(
        "Error accepting new connection: No file descriptors available",
        "",
        "",
        One(Kind::OutOfDescriptors),
        "NIOServerCnxnFactory through RateLogger, musl's words; WARN from 3.5.0",
    ),
    message(
        "Ignoring unexpected exception",
        "",
        "",
        Unexpected,
        "NIOServerCnxnFactory.run before an IOException of accept; WARN 3.4.0 to 3.4.14",
    ),
    message(
        "Failed to accept a connection.",
        "",
        "",
        Unexpected,
        "Netty's ServerBootstrap and AbstractNioMessageChannel before an exception of accept; WARN",
    ),
    message(
        "Received connection request from ",
        "from ",
        "",
        One(Kind::ElectionConnection),
        "QuorumCnxManager.Listener; INFO from 3.6.0",
    ),
    message(
        "Received connection request ",
        "request ",
        "",
        One(Kind::ElectionConnection),
        "QuorumCnxManager.Listener; INFO 3.4.0 to 3.5.10",
    ),
    message(
        "Connection broken for id ",
        "",
        "",
        Meaning::ElectionBroken,
        "QuorumCnxManager.RecvWorker; WARN from 3.4.0",
    ),
    message(
        "Cannot open channel to ",
        " at election address ",
        "",
        One(Kind::ElectionUnreachable),
        "QuorumCnxManager.connectOne; WARN from 3.4.0",
    ),
];

/// The texts of exceptions behind a message that is [`Broken`] or
/// [`Unexpected`].
pub const EXCEPTIONS: &[Signature] = &[
    message(
        "Len error. A message from ",
        "from ",
        "",
        Length("advertised length of "),
        "NIOServerCnxn.readLength; from 3.7.0",
    ),
    message(
        "Len error ",
        "",
        "",
        Length("Len error "),
        "NIOServerCnxn.readLength 3.4.0 to 3.6.4; NettyServerCnxn from 3.4.0",
    ),
    message(
        "ZooKeeperServer not running",
        "",
        "",
        One(Kind::NotServing),
        "NIOServerCnxn.readLength and readConnectRequest; from 3.4.0",
    ),
    message(
        "ZK down",
        "",
        "",
        One(Kind::NotServing),
        "NettyServerCnxn; from 3.4.0",
    ),
    message(
        "Too many open files",
        "",
        "",
        One(Kind::OutOfDescriptors),
        "accept(2) on glibc",
    ),
    message(
        "accept4(..) failed: Too many open files",
        "",
        "",
        One(Kind::OutOfDescriptors),
        "Netty's native transport",
    ),
    message(
        "No file descriptors available",
        "",
        "",
        One(Kind::OutOfDescriptors),
        "accept(2) on musl",
    ),
    message(
        "Connection throttle rejected connection",
        "",
        "",
        One(Kind::Throttled),
        "ClientCnxnLimitException; from 3.6.0",
    ),
    message(
        "Refusing session request for client ",
        "client ",
        "",
        One(Kind::ZxidAhead),
        "NettyServerCnxn logs the CloseRequestException of ZooKeeperServer; from 3.4.0",
    ),
    message(
        "Unable to read additional data from client, it probably closed the socket: address = ",
        "address = ",
        "session = 0x",
        ClientClosed,
        "NIOServerCnxn.handleFailedRead; 3.6.0 to 3.8.0",
    ),
    message(
        "Unable to read additional data from client sessionid 0x",
        "",
        "sessionid 0x",
        ClientClosed,
        "NIOServerCnxn.doIO; 3.4.0 to 3.4.10",
    ),
];

/// The first bytes of the texts: most messages are done with after one look.
const FIRSTS: [bool; 256] = {
    let mut firsts = [false; 256];
    let mut place = 0;
    while place < MESSAGES.len() {
        firsts[MESSAGES[place].starts.as_bytes()[0] as usize] = true;
        place += 1;
    }
    place = 0;
    while place < EXCEPTIONS.len() {
        firsts[EXCEPTIONS[place].starts.as_bytes()[0] as usize] = true;
        place += 1;
    }
    firsts
};

/// The signature that `text` begins with.
pub fn find(signatures: &'static [Signature], text: &[u8]) -> Option<&'static Signature> {
    let first = text.first()?;
    if !*FIRSTS.get(usize::from(*first))? {
        return None;
    }
    signatures.iter().find(|signature| {
        let starts = signature.starts.as_bytes();
        starts.first() == Some(first) && text.starts_with(starts) && signature.goes_on(text)
    })
}

impl Signature {
    fn goes_on(&self, text: &[u8]) -> bool {
        let behind = |at: usize, words: &str| {
            text.get(at..)
                .is_some_and(|rest| rest.starts_with(words.as_bytes()))
        };
        match self.then {
            Then::Anything => true,
            Then::BehindFourLetters(words) => {
                let word = self.starts.len();
                let letters = text.get(word..word + 4);
                letters.is_some_and(|letters| letters.iter().all(u8::is_ascii_lowercase))
                    && behind(word + 4, words)
            }
            Then::BehindAddress(words) => {
                let Some(address) = self.behind(text, self.address_after) else {
                    return false;
                };
                let length = memchr::memchr(b' ', address).unwrap_or(address.len());
                behind(text.len() - address.len() + length, words)
            }
            Then::BehindNumber(words) => {
                let number = text.get(self.starts.len()..).unwrap_or_default();
                let digits = number.iter().take_while(|byte| byte.is_ascii_digit());
                let digits = digits.count();
                digits > 0 && behind(self.starts.len() + digits, words)
            }
        }
    }

    /// What stands behind `mark` in a text that begins as this says.
    pub fn behind<'t>(&self, text: &'t [u8], mark: &str) -> Option<&'t [u8]> {
        // Mostly the mark is the end of the beginning: nothing to search.
        if !mark.is_empty() && self.starts.ends_with(mark) {
            return text.get(self.starts.len()..);
        }
        behind(text, mark)
    }
}

/// What stands behind `mark` in `text`.
pub fn behind<'t>(text: &'t [u8], mark: &str) -> Option<&'t [u8]> {
    if mark.is_empty() {
        return None;
    }
    // The texts are short: preparing a searcher costs more than it gains.
    let mark = mark.as_bytes();
    let at = memchr::memchr_iter(*mark.first()?, text)
        .find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(mark)))?;
    text.get(at + mark.len()..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_can_be_where_they_are_looked_for() {
        for signature in MESSAGES.iter().chain(EXCEPTIONS) {
            assert!(!signature.source.is_empty());
            assert!(!signature.starts.starts_with(' '), "{}", signature.starts);
        }
    }

    #[test]
    fn the_more_special_of_two_comes_first() {
        let of = |text: &str| find(MESSAGES, text.as_bytes()).map(|found| found.meaning);
        assert_eq!(
            of("Closing connection to /1.2.3.4:5 because the server is not ready"),
            Some(One(Kind::NotServing))
        );
        assert_eq!(of("Closing connection to /1.2.3.4:5"), Some(Broken));
        assert_eq!(of("Closing"), None);
        assert_eq!(of("x Accepted socket connection from /1.2.3.4:5"), None);
    }
}
