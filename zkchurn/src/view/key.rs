// SPDX-License-Identifier: MIT
//! What a person may press, and what that asks of the outside.

use zkchurn_core::{filter::Filter, process::ProcessKey};

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Up,
    Down,
    Left,
    Right,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
    Char(char),
    /// With Ctrl.
    Control(char),
}

/// What the view cannot do itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wish {
    /// End it, with the answer on the normal screen.
    Quit,
    /// Stop as Ctrl-Z does.
    Suspend,
    /// Draw everything anew: something else wrote on the terminal.
    Redraw,
    /// Go somewhere in the recording.
    Seek(Seek),
    /// Play the recording so many times as fast as it was.
    Play(u32),
    /// Stand still.
    Pause,
    /// Count and show only what this selects; everything again without one.
    Filter(Option<Filter>),
    /// Ask this JVM for a thread dump.
    Dump(ProcessKey),
    /// Read handshakes from now on.
    Handshakes,
    /// Write what is shown to files.
    Write,
}

/// Where to go in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seek {
    Start,
    End,
    /// So many nanoseconds on, or back.
    By(i64),
    /// So many nanoseconds after the start.
    To(u64),
}
