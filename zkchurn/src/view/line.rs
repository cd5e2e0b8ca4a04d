// SPDX-License-Identifier: MIT
//! A line that is typed, with a cursor and the keys that shells have for it.

use super::key::Key;

/// A line, and where its cursor stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    text: String,
    /// Bytes in front of the cursor: the boundary of a character.
    cursor: usize,
}

impl Line {
    /// With the cursor at its end.
    pub(super) fn new(text: String) -> Self {
        let cursor = text.len();
        Self { text, cursor }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What stands in front of the cursor, and what behind.
    pub(super) fn around(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Changes it as a shell does; at most so many bytes are typed.
    pub(super) fn press(&mut self, key: Key, most: usize) {
        let (before, behind) = self.around();
        let back = before.chars().next_back().map_or(0, char::len_utf8);
        let on = behind.chars().next().map_or(0, char::len_utf8);
        match key {
            Key::Left | Key::Control('b') => self.cursor -= back,
            Key::Right | Key::Control('f') => self.cursor += on,
            Key::Home | Key::Control('a') => self.cursor = 0,
            Key::End | Key::Control('e') => self.cursor = self.text.len(),
            Key::Backspace | Key::Control('h') => self.erase(self.cursor - back),
            Key::Control('u') => self.erase(0),
            Key::Control('k') => self.text.truncate(self.cursor),
            Key::Control('w') => {
                let word = before.trim_end();
                let space = word.rfind(char::is_whitespace);
                let from = space.map_or(0, |at| {
                    at + word[at..].chars().next().map_or(0, char::len_utf8)
                });
                self.erase(from);
            }
            Key::Char(character) if self.text.len() < most && !character.is_control() => {
                self.text.insert(self.cursor, character);
                self.cursor += character.len_utf8();
            }
            _ => {}
        }
    }

    /// Erases from there to the cursor.
    fn erase(&mut self, from: usize) {
        self.text.replace_range(from..self.cursor, "");
        self.cursor = from;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pressed(text: &str, keys: &[Key]) -> (String, usize) {
        let mut line = Line::new(text.to_owned());
        keys.iter().for_each(|key| line.press(*key, 200));
        (line.text, line.cursor)
    }

    #[test]
    fn it_is_edited_as_in_a_shell() {
        let line = |text: &str, cursor| (text.to_owned(), cursor);
        assert_eq!(pressed("a bc", &[Key::Control('u')]), line("", 0));
        assert_eq!(pressed("a bc ", &[Key::Control('w')]), line("a ", 2));
        assert_eq!(pressed("a bc", &[Key::Control('w'); 3]), line("", 0));
        let keys = [Key::Left, Key::Char('x')];
        assert_eq!(pressed("動物", &keys), line("動x物", 4));
        let keys = [Key::Home, Key::Char('x'), Key::End, Key::Char('y')];
        assert_eq!(pressed("ab", &keys), line("xaby", 4));
        let keys = [Key::Home, Key::Right, Key::Control('k')];
        assert_eq!(pressed("ab", &keys), line("a", 1));
        let keys = [Key::Home, Key::Left, Key::Backspace];
        assert_eq!(pressed("ab", &keys), line("ab", 0));
        let keys = [Key::Left, Key::Backspace, Key::Right, Key::Right];
        assert_eq!(pressed("abc", &keys), line("ac", 2));
    }

    proptest! {
        /// Whatever is pressed, the cursor stands between characters.
        #[test]
        fn the_cursor_stands_between_characters(
            text in ".{0,12}",
            keys in prop::collection::vec(0..10_usize, 0..40),
        ) {
            let all = [
                Key::Left, Key::Right, Key::Home, Key::End, Key::Backspace, Key::Control('u'),
                Key::Control('w'), Key::Control('k'), Key::Char('物'), Key::Char(' '),
            ];
            let mut line = Line::new(text);
            for key in keys {
                line.press(all[key], 30);
                prop_assert!(line.text.is_char_boundary(line.cursor));
            }
        }
    }
}
