// SPDX-License-Identifier: MIT
//! Texts of others with a byte or a word more, less or another: lines of logs, command lines,
//! filters, names.

use crate::dice::Dice;

const PIECES: [&str; 40] = [
    " ",
    " ",
    "  ",
    "\t",
    ":",
    ": ",
    "-",
    " - ",
    "=",
    ",",
    ".",
    "/",
    "\\",
    "\"",
    "'",
    "[",
    "]",
    "(",
    ")",
    "{",
    "}",
    "<",
    ">",
    "|",
    "@",
    "#",
    "$",
    "%",
    "0",
    "1",
    "9",
    "12",
    "x",
    "A",
    "é",
    "…",
    "\u{1b}[31m",
    "\\n",
    "null",
    "ERROR",
];

/// The text with one to three changes.
pub(crate) fn altered(text: &str, dice: &mut Dice) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(chars.len() + 1);
        let until = (at + dice.of(&[1, 1, 1, 2, 3, 8])).min(chars.len());
        match dice.below(6) {
            0 => drop(chars.drain(at..until)),
            1 | 2 => drop(chars.splice(at..at, dice.of(&PIECES).chars())),
            3 => drop(chars.splice(at..until, dice.of(&PIECES).chars())),
            4 => {
                let again: Vec<char> = chars[at..until].to_vec();
                chars.splice(at..at, again);
            }
            _ => digit(&mut chars, at, dice),
        }
    }
    chars.into_iter().collect()
}

/// The next digit is another.
fn digit(chars: &mut [char], from: usize, dice: &mut Dice) {
    let next = chars.iter_mut().skip(from).find(|one| one.is_ascii_digit());
    if let Some(one) = next {
        *one = dice.of(&['0', '1', '2', '5', '9']);
    }
}
