// SPDX-License-Identifier: MIT
//! What a trace can do beside being looked at. It is decided when tracing begins, with the
//! capabilities that are kept from then on: the view keeps no more than a trace without it.

/// What a trace can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offers {
    /// Ask JVMs for thread dumps.
    pub dumps: bool,
    /// Capture handshakes, which it does then from the start.
    pub handshakes: bool,
}

impl Offers {
    /// Why no JVM is asked for a thread dump.
    pub(crate) const NO_DUMPS: &str =
        "no thread dumps: q, then start with --jvm dump (the rights for them are not kept)";

    /// Whether handshakes are captured, and how to have that.
    pub(crate) fn handshakes(self) -> &'static str {
        match self.handshakes {
            true => "handshakes are captured: Enter down to a connection shows its own",
            false => {
                "no handshakes: q, then start with --handshake (the rights for them are not kept)"
            }
        }
    }
}
