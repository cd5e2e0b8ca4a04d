// SPDX-License-Identifier: MIT
//! Which of all faults are tried.

use sha2::{Digest as _, Sha256};

/// All faults in an order that the seed chooses. A fault's place depends on its own name
/// only, so a change elsewhere in the crate moves few of them.
pub(super) fn of<'a>(all: &[&'a str], seed: u64) -> impl Iterator<Item = &'a str> + use<'a> {
    let mut ranked: Vec<_> = all
        .iter()
        .map(|&fault| (rank(fault, seed), fault))
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, fault)| fault)
}

fn rank(fault: &str, seed: u64) -> [u8; 32] {
    let hash = Sha256::new()
        .chain_update(seed.to_le_bytes())
        .chain_update(fault);
    hash.finalize().into()
}

/// A regular expression that only these match.
pub(super) fn pattern(faults: &[&str]) -> String {
    let quoted: Vec<_> = faults.iter().map(|fault| quoted(fault)).collect();
    format!("^({})$", quoted.join("|"))
}

fn quoted(fault: &str) -> String {
    let mut text = String::with_capacity(fault.len() * 2);
    for character in fault.chars() {
        // Only these: a quoted `<` is the beginning of a word.
        if r"\.+*?()|[]{}^$#&-~".contains(character) {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULTS: [&str; 4] = ["a", "b", "c", "d"];

    fn order(all: &[&str], seed: u64) -> String {
        of(all, seed).collect()
    }

    #[test]
    fn a_seed_chooses_an_order_and_none_is_left_out() {
        let orders: Vec<_> = (0..20).map(|seed| order(&FAULTS, seed)).collect();
        assert!(orders.iter().any(|other| *other != orders[0]));
        for one in &orders {
            let mut letters: Vec<_> = one.chars().collect();
            letters.sort_unstable();
            assert_eq!(letters, ['a', 'b', 'c', 'd'], "{one}");
        }
        assert_eq!(order(&FAULTS, 7), orders[7]);
    }

    #[test]
    fn others_keep_their_order_when_one_goes() {
        let without_b: String = order(&FAULTS, 3).replace('b', "");
        assert_eq!(order(&["a", "c", "d"], 3), without_b);
    }

    #[test]
    fn what_means_something_in_an_expression_is_quoted() {
        let fault = "src/a_b.rs:1:2: replace == with != in <impl A for B>::c -> Option<&str>";
        let pattern = pattern(&[fault, "x+y"]);
        assert!(pattern.starts_with(r"^(src/a_b\.rs:1:2: replace == with != in <impl A"));
        assert!(
            pattern.ends_with(r"::c \-> Option<\&str>|x\+y)$"),
            "{pattern}"
        );
    }
}
