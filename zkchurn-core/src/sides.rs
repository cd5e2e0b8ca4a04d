// SPDX-License-Identifier: MIT
//! Which sides of connections are traced: in a frame, and in words about other ports.

use serde::{Deserialize, Serialize};

/// Which sides of connections are traced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sides {
    /// Connections that this host opens to a traced port.
    Client,
    /// Connections that this host accepts on a traced port.
    Server,
    Both,
}

impl Sides {
    /// The word for it, as `--side` takes it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
            Self::Both => "both",
        }
    }

    /// The same in a sentence.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Client => "client side",
            Self::Server => "server side",
            Self::Both => "both sides",
        }
    }
}
