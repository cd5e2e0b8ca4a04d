// SPDX-License-Identifier: MIT
//! What comes from the terminal, as keys of the view.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::view::key::Key;

/// Something from the terminal.
pub(super) enum Input {
    /// A key that means something.
    Key(Key),
    /// It has another size.
    Resized,
}

/// `None` for what means nothing here.
pub(super) fn input(event: &Event) -> Option<Input> {
    match event {
        Event::Resize(..) => Some(Input::Resized),
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Input::Key(of_key(key)?)),
        _ => None,
    }
}

fn of_key(event: &KeyEvent) -> Option<Key> {
    let key = match event.code {
        KeyCode::Char(character) if event.modifiers.contains(KeyModifiers::CONTROL) => {
            Key::Control(character)
        }
        KeyCode::Char(character) => Key::Char(character),
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        _ => return None,
    };
    Some(key)
}
