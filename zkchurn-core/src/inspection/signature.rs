// SPDX-License-Identifier: MIT
//! The log signatures that rules name. The list of all, with the texts that they are
//! found by, is signatures.toml; a test there holds the two against each other.

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
            /// All that rules may name.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

signatures! {
    CLASS_INITIALIZATION_FAILED = "class-initialization-failed";
    CLASS_MISSING = "class-missing";
    INCOMPATIBLE_CLASS = "incompatible-class";
    JAR_REPLACED = "jar-replaced";
    JVM_PAUSED = "jvm-paused";
    OUT_OF_FILE_DESCRIPTORS = "out-of-file-descriptors";
    OUT_OF_MEMORY = "out-of-memory";
    OUT_OF_THREADS = "out-of-threads";
    PACKET_TOO_LARGE = "packet-too-large";
    SERVER_BEHIND_CLIENT = "server-behind-client";
    SERVER_NOT_SERVING = "server-not-serving";
    SESSION_EXPIRED = "session-expired";
    SESSION_TIMED_OUT = "session-timed-out";
    STACK_OVERFLOW = "stack-overflow";
    TLS_HANDSHAKE_FAILED = "tls-handshake-failed";
    TLS_MEETS_PLAINTEXT = "tls-meets-plaintext";
    TOO_MANY_CONNECTIONS = "too-many-connections";
    WEB_APPLICATION_STOPPED = "web-application-stopped";
    ZOOKEEPER_CLASS_MISSING = "zookeeper-class-missing";
}
