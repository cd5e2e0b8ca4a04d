// SPDX-License-Identifier: MIT
//! Whose class wrote a line. A text counts only where the layout names no class, or one
//! of ZooKeeper's server.

/// Whose a class is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Of any other program.
    Other,
    /// Of ZooKeeper's client, or of a library on top of it.
    Client,
    /// Of ZooKeeper's client and server alike.
    Shared,
    /// Of ZooKeeper's server.
    Server,
    /// Of ZooKeeper's server, and one that writes the lines about single connections and
    /// sessions.
    Connections,
}

impl Class {
    /// Whether it is one of ZooKeeper's server.
    pub fn is_server(self) -> bool {
        self >= Self::Server
    }
}

/// Those that write lines about single connections and sessions.
const CONNECTIONS: [&str; 7] = [
    "NIOServerCnxn",
    "NIOServerCnxnFactory",
    "NettyServerCnxn",
    "NettyServerCnxnFactory",
    "ServerCnxn",
    "ServerCnxnFactory",
    "ZooKeeperServer",
];

/// Names that nothing but ZooKeeper's server has (`org.apache.zookeeper.server`).
const SERVER: [&str; 25] = [
    "ZooKeeperServerMain",
    "ReadOnlyZooKeeperServer",
    "QuorumZooKeeperServer",
    "LeaderZooKeeperServer",
    "LearnerZooKeeperServer",
    "FollowerZooKeeperServer",
    "ObserverZooKeeperServer",
    "RateLogger",
    "AuthenticationHelper",
    "SessionTrackerImpl",
    "PrepRequestProcessor",
    "FinalRequestProcessor",
    "SyncRequestProcessor",
    "CommitProcessor",
    "QuorumPeer",
    "QuorumPeerMain",
    "QuorumCnxManager",
    "FastLeaderElection",
    "LearnerHandler",
    "FileTxnLog",
    "FileTxnSnapLog",
    "DatadirCleanupManager",
    "ZooKeeperSaslServer",
    "SaslServerCallbackHandler",
    "RequestThrottler",
];

/// Names of its server that others have too: believed without a package, as ZooKeeper's
/// own layout has them, or in one of ZooKeeper's.
const SERVER_WITHOUT_PACKAGE: [&str; 9] = [
    "Leader",
    "Follower",
    "Learner",
    "Observer",
    "DataTree",
    "FileSnap",
    "SnapStream",
    "ZKDatabase",
    "ContainerManager",
];

/// Names of its client, of Curator, ZkClient, Kafka's and Solr's clients.
const CLIENT: [&str; 20] = [
    "ClientCnxn",
    "ClientCnxnSocket",
    "ClientCnxnSocketNIO",
    "ClientCnxnSocketNetty",
    "ZooKeeper",
    "ZooKeeperMain",
    "ZooKeeperSaslClient",
    "StaticHostProvider",
    "ConnectionStateManager",
    "CuratorFrameworkImpl",
    "CuratorZookeeperClient",
    "EnsembleTracker",
    "ZooKeeperClient",
    "RecoverableZooKeeper",
    "ReadOnlyZKClient",
    "ZKWatcher",
    "ZkClient",
    "ZkEventThread",
    "SolrZkClient",
    "ZkStateReader",
];

const SHARED: [&str; 5] = [
    "Environment",
    "Login",
    "ZooTrace",
    "X509Util",
    "ClientX509Util",
];

/// The class that a word of a line names: `NIOServerCnxn`, `o.a.z.s.NIOServerCnxn`,
/// `server.NIOServerCnxn$1@372`, `NIOServerCnxn.java:372`, `x.y.Class.method`; `None`
/// where it is no name of a class.
pub(super) fn named(word: &[u8]) -> Option<Class> {
    let (name, has_line) = without_line(word);
    let name = name.strip_suffix(b".java").unwrap_or(name);
    let mut parts = name.rsplit(|byte| *byte == b'.').map(outer);
    let base = parts.next().filter(|base| is_identifier(base))?;
    if base.ends_with(b"Exception") || base.ends_with(b"Error") {
        return None;
    }
    // The threads of ZooKeeper's server are called so, with one letter less.
    if name.starts_with(b"NIOServerCxn") {
        return None;
    }
    let method_of = parts.next();
    let is_dotted = method_of.is_some() && name.split(|byte| *byte == b'.').all(is_identifier);
    if is_among(&CONNECTIONS, base)
        || (is_dotted && method_of.is_some_and(|class| is_among(&CONNECTIONS, class)))
    {
        return Some(Class::Connections);
    }
    if is_among(&SERVER, base)
        || (is_dotted && method_of.is_some_and(|class| is_among(&SERVER, class)))
    {
        return Some(Class::Server);
    }
    if is_dotted {
        let in_package = memchr::memmem::find(name, b"zookeeper.server.").is_some()
            || name.starts_with(b"o.a.z.s.");
        return Some(match () {
            () if in_package => Class::Server,
            () if is_among(&CLIENT, base)
                || method_of.is_some_and(|class| is_among(&CLIENT, class)) =>
            {
                Class::Client
            }
            () if is_among(&SHARED, base)
                || method_of.is_some_and(|class| is_among(&SHARED, class)) =>
            {
                Class::Shared
            }
            () => Class::Other,
        });
    }
    if is_among(&SERVER_WITHOUT_PACKAGE, base) && has_line {
        Some(Class::Server)
    } else if is_among(&CLIENT, base) && (has_line || base != b"ZooKeeper") {
        Some(Class::Client)
    } else if is_among(&SHARED, base) && (has_line || base == b"Environment") {
        Some(Class::Shared)
    } else {
        has_line.then_some(Class::Other)
    }
}

/// Remembers the names that came last: a log has few, and most lines have one of them.
#[derive(Debug)]
pub(super) struct Classes {
    names: [Name; 8],
}

/// A name without its line, and whose it is.
#[derive(Clone, Copy, Debug)]
struct Name {
    bytes: [u8; Classes::LONGEST],
    length: usize,
    class: Class,
}

impl Default for Classes {
    fn default() -> Self {
        let none = Name {
            bytes: [0; Self::LONGEST],
            length: 0,
            class: Class::Other,
        };
        Self { names: [none; 8] }
    }
}

impl Classes {
    const LONGEST: usize = 48;

    /// The class that `Name@372` names, as ZooKeeper's own layout has it.
    pub(super) fn with_line(&mut self, word: &[u8]) -> Option<Class> {
        let at = memchr::memrchr(b'@', word).filter(|at| (1..=Self::LONGEST).contains(at));
        let Some((name, line)) = at.and_then(|at| word.split_at_checked(at)) else {
            return named(word);
        };
        if !line.get(1..)?.iter().all(u8::is_ascii_digit) || line.len() == 1 {
            return named(word);
        }
        let place = name.len() % self.names.len();
        let known = self.names.get_mut(place)?;
        if known.bytes.get(..known.length) == Some(name) {
            return Some(known.class);
        }
        let class = named(word)?;
        known.bytes.get_mut(..name.len())?.copy_from_slice(name);
        (known.length, known.class) = (name.len(), class);
        Some(class)
    }
}

/// Without `@372`, `:372` and `(File.java:372)`.
fn without_line(word: &[u8]) -> (&[u8], bool) {
    if word.ends_with(b")")
        && let Some(open) = memchr::memchr(b'(', word).filter(|open| *open > 0)
    {
        return (word.get(..open).unwrap_or_default(), word.contains(&b'.'));
    }
    let digits = word
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let rest = word.get(..word.len() - digits).unwrap_or_default();
    match rest {
        [name @ .., b'@'] if digits > 0 => (name, true),
        // `SyncThread:0` is a thread.
        [name @ .., b':'] if digits > 0 => (name, name.contains(&b'.')),
        _ => (word, false),
    }
}

/// Without `$Inner`.
fn outer(part: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'$', part).filter(|end| *end > 0);
    part.get(..end.unwrap_or(part.len())).unwrap_or_default()
}

fn is_identifier(part: &[u8]) -> bool {
    part.first()
        .is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
        && part
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$'))
}

fn is_among(names: &[&str], name: &[u8]) -> bool {
    names.iter().any(|known| known.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_the_server_in_every_spelling() {
        for word in [
            "NIOServerCnxn",
            "NIOServerCnxn@374",
            "o.a.z.s.NIOServerCnxn",
            "server.NIOServerCnxnFactory",
            "org.apache.zookeeper.server.NIOServerCnxn.doIO",
            "NIOServerCnxn.java:1056",
            "QuorumCnxManager$Listener@493",
            "org.apache.zookeeper.server.quorum.NotYetKnown",
            "com.example.shaded.org.apache.zookeeper.server.NIOServerCnxn",
            "Leader@595",
        ] {
            let class = named(word.as_bytes());
            assert!(class.is_some_and(Class::is_server), "{word}");
            let writes_connections = word.contains("ServerCnxn");
            assert_eq!(
                class == Some(Class::Connections),
                writes_connections,
                "{word}"
            );
        }
    }

    #[test]
    fn remembered_names_are_those_that_are_read() {
        let mut classes = Classes::default();
        for word in [
            "NIOServerCnxn@1",
            "Widget@2",
            "NIOServerCnxn@23",
            "Widget@4",
            "x@",
            "@1",
            "a.b.ClientCnxn@7",
        ] {
            assert_eq!(
                classes.with_line(word.as_bytes()),
                named(word.as_bytes()),
                "{word}"
            );
        }
    }

    #[test]
    fn classes_of_others_and_words_that_are_none() {
        let cases = [
            ("org.apache.zookeeper.ClientCnxn", Some(Class::Client)),
            ("ClientCnxn$SendThread@1290", Some(Class::Client)),
            ("com.example.web.Leader", Some(Class::Other)),
            ("org.apache.zookeeper.Environment", Some(Class::Shared)),
            ("Widget@12", Some(Class::Other)),
            ("Accepted", None),
            ("Leader", None),
            ("ZooKeeper", None),
            ("10.0.0.1", None),
            ("a..b", None),
            ("SyncThread:0", None),
            ("NIOServerCxn.Factory", None),
            ("org.apache.zookeeper.server.ClientCnxnLimitException", None),
            ("", None),
        ];
        for (word, class) in cases {
            assert_eq!(named(word.as_bytes()), class, "{word}");
        }
    }

    #[test]
    fn a_line_is_digits_behind_its_mark_or_a_place_in_brackets() {
        for (word, name, has_line) in [
            ("NIOServerCnxn@374", "NIOServerCnxn", true),
            ("NIOServerCnxn@", "NIOServerCnxn@", false),
            ("NIOServerCnxn.java:1056", "NIOServerCnxn.java", true),
            ("NIOServerCnxn.java:", "NIOServerCnxn.java:", false),
            ("SyncThread:0", "SyncThread", false),
            ("a.B.doIO(B.java:3)", "a.B.doIO", true),
            ("doIO(3)", "doIO", false),
            ("(B.java:3)", "(B.java:3)", false),
            ("374", "374", false),
            ("@374", "", true),
            ("", "", false),
        ] {
            let expected = (name.as_bytes(), has_line);
            assert_eq!(without_line(word.as_bytes()), expected, "{word}");
        }
    }
}
