// SPDX-License-Identifier: MIT
//! Words in so many columns of a terminal, which is not as many characters: some take two
//! columns, some none.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// At most `columns` columns, the last one an ellipsis if there was more.
pub fn clip(words: &str, columns: usize) -> String {
    if words.width() <= columns {
        return words.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let kept = words
        .chars()
        .take_while(|character| fits(*character, &mut left));
    format!("{}…", kept.collect::<String>())
}

/// The same, but the end is what tells: of an address its port.
pub(super) fn clip_left(words: &str, columns: usize) -> String {
    if words.width() <= columns {
        return words.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let backwards = words.chars().rev();
    let kept: Vec<_> = backwards
        .take_while(|character| fits(*character, &mut left))
        .collect();
    format!("…{}", kept.into_iter().rev().collect::<String>())
}

/// Clipped, and blanks up to `columns`.
pub fn cell(words: &str, columns: usize) -> String {
    padded(clip(words, columns), columns)
}

/// Clipped at the left, and blanks up to `columns`.
pub fn cell_of_end(words: &str, columns: usize) -> String {
    padded(clip_left(words, columns), columns)
}

fn padded(mut words: String, columns: usize) -> String {
    let missing = columns.saturating_sub(words.width());
    words.extend(std::iter::repeat_n(' ', missing));
    words
}

fn fits(character: char, left: &mut usize) -> bool {
    let width = character.width().unwrap_or(0);
    let fits = width <= *left;
    *left = left.saturating_sub(width);
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_character_takes_two_columns() {
        assert_eq!(cell("java", 6), "java  ");
        assert_eq!(cell("動物園の管理人", 6), "動物… ");
        assert_eq!(clip("動物園", 6), "動物園");
        assert_eq!(clip_left("[2001:db8::1]:2181", 8), "…1]:2181");
        assert_eq!(clip("abc", 1), "…");
    }
}
