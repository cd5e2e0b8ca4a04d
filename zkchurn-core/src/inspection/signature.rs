// SPDX-License-Identifier: MIT
//! The log signatures. The texts that they are found by are in signatures.toml; a test
//! there holds the two lists against each other.

/// What only ZooKeeper's clients write, and what a line names ZooKeeper by as well. In lower
/// case, as all of these; the case of a line does not matter.
const OF_BOTH: &[&str] = &[
    "kazoo",
    "clientcnxn",
    "sendthread(",
    "curator",
    "zkclient",
    "zoo_error@",
    "zoo_warn@",
    "zk retcode",
    "keeperexception",
    "keepererrorcode",
    "session 0x",
    "sessionid 0x",
    "sessionid=0x",
    "connectionstatemanager",
    "zk::exceptions",
    "coordination::exception",
    "zk: ",
];

/// What a line names ZooKeeper by: the project, or what only its clients and servers write.
pub fn names_of_zookeeper() -> impl Iterator<Item = &'static str> {
    // Curator's class is enough beside a text that others write, and for no more.
    const MORE: &[&str] = &["zookeeper", "servercnxn", "connectionstate:"];
    OF_BOTH.iter().chain(MORE).copied()
}

/// What only ZooKeeper's clients write. A line of an application may well say `zookeeper`
/// and be about something else: a health check, an exporter of metrics.
pub fn names_of_client() -> impl Iterator<Item = &'static str> {
    const MORE: &[&str] = &[
        "org.apache.zookeeper.",
        "org/apache/zookeeper/",
        "zookeeper quorum member",
        "zookeepersaslclient",
        "zookeeperclient",
        "zookeeper service, session 0x",
        "recoverablezookeeper",
        "zktimeoutexception",
        // Ruby, PHP and Rust.
        "zookeeper::exceptions",
        "zookeeperconnectionexception",
        "zookeepersessionexception",
        "zookeeper_client::",
        "zookeeper_async::",
        "zookeeper-async-",
        "zookeeper::io",
        // Node: a package's path in a stack, and `Exception.toString`.
        "node-zookeeper-client/",
        "session_expired[-112]",
        "connection_loss[-4]",
    ];
    OF_BOTH.iter().chain(MORE).copied()
}

/// Whether a text has one of them, in any case.
pub fn names_client(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    names_of_client().any(|name| text.contains(name))
}

/// Whether only Java writes it: names of its classes, and of its client's threads.
pub fn is_of_java(text: &str) -> bool {
    const NAMES: [&str; 8] = [
        "org.apache.",
        "org/apache/",
        "java.lang.",
        "java.io.",
        "java.net.",
        "clientcnxn",
        "sendthread(",
        "zookeepersaslclient",
    ];
    let text = text.to_ascii_lowercase();
    NAMES.iter().any(|name| text.contains(name))
}

/// The id of a log signature in signatures.toml.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSignature(&'static str);

impl LogSignature {
    /// The id, as in signatures.toml and in [`super::logs::LogFinding::signature`].
    pub const fn id(self) -> &'static str {
        self.0
    }
}

macro_rules! signatures {
    ($($name:ident = $id:literal;)*) => {
        #[expect(missing_docs, reason = "signatures.toml says what each means")]
        impl LogSignature {
            $(pub const $name: Self = Self($id);)*
            /// All that there are.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

signatures! {
    AUTHENTICATION_FAILED = "authentication-failed";
    C_CLIENT_ERROR = "c-client-error";
    CLASS_INITIALIZATION_FAILED = "class-initialization-failed";
    CLASS_MISSING = "class-missing";
    CLASS_NOT_FOUND = "class-not-found";
    CLIENT_CLOSED_CONNECTION = "client-closed-connection";
    CLIENT_LOOP_DIED = "client-loop-died";
    CLIENT_RECONNECTS = "client-reconnects";
    CLIENT_STARVED = "client-starved";
    CLIENT_THREAD_LEFT_RUNNING = "client-thread-left-running";
    CONNECT_TIMED_OUT = "connect-timed-out";
    CONNECTION_DROPPED = "connection-dropped";
    CONNECTION_LOST = "connection-lost";
    CONNECTION_REFUSED = "connection-refused";
    CONNECTION_RESET = "connection-reset";
    CURATOR_TIMED_OUT = "curator-timed-out";
    INCOMPATIBLE_CLASS = "incompatible-class";
    JAR_REPLACED = "jar-replaced";
    JVM_PAUSED = "jvm-paused";
    KERBEROS_LOGIN_FAILED = "kerberos-login-failed";
    NAME_NOT_RESOLVED = "name-not-resolved";
    NEW_CLIENT = "new-client";
    NO_ROUTE = "no-route";
    OUT_OF_FILE_DESCRIPTORS = "out-of-file-descriptors";
    OUT_OF_LOCAL_PORTS = "out-of-local-ports";
    OUT_OF_MEMORY = "out-of-memory";
    OUT_OF_THREADS = "out-of-threads";
    PACKET_TOO_LARGE = "packet-too-large";
    PROTOCOL_OUT_OF_STEP = "protocol-out-of-step";
    SASL_NOT_CONFIGURED = "sasl-not-configured";
    SERVER_BEHIND_CLIENT = "server-behind-client";
    SERVER_CLOSED_CONNECTION = "server-closed-connection";
    SERVER_NOT_SERVING = "server-not-serving";
    SESSION_EXPIRED = "session-expired";
    SESSION_MOVED = "session-moved";
    SESSION_PASSWORD_WRONG = "session-password-wrong";
    SESSION_TIMED_OUT = "session-timed-out";
    STACK_OVERFLOW = "stack-overflow";
    TLS_HANDSHAKE_FAILED = "tls-handshake-failed";
    TLS_MEETS_PLAINTEXT = "tls-meets-plaintext";
    TOO_MANY_CONNECTIONS = "too-many-connections";
    WEB_APPLICATION_STOPPED = "web-application-stopped";
    ZOOKEEPER_CLASS_MISSING = "zookeeper-class-missing";
}
