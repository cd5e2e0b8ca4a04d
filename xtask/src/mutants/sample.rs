// SPDX-License-Identifier: MIT
//! Which of all faults are tried.

use sha2::{Digest as _, Sha256};

/// All faults in an order that the seed chooses. A fault's place depends on its own name
/// only, so a change elsewhere in the crate moves few of them.
pub(super) fn of(all: &[String], seed: u64) -> impl Iterator<Item = &String> {
    let mut ranked: Vec<_> = all.iter().map(|fault| (rank(fault, seed), fault)).collect();
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, fault)| fault)
}

fn rank(fault: &str, seed: u64) -> [u8; 32] {
    let hash = Sha256::new()
        .chain_update(seed.to_le_bytes())
        .chain_update(fault);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAULTS: [&str; 4] = ["a", "b", "c", "d"];

    fn order(all: &[&str], seed: u64) -> String {
        let all: Vec<_> = all.iter().map(|&fault| fault.to_owned()).collect();
        of(&all, seed).map(String::as_str).collect()
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
}
