// SPDX-License-Identifier: MIT
//! Numbers that look like chance and are the same in each run.

/// splitmix64.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap()
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn of<T: Copy>(&mut self, some: &[T]) -> T {
        some[self.below(some.len())]
    }

    /// A number at a border, most of them small.
    pub(crate) fn border(&mut self) -> u64 {
        self.of(&[
            0, 0, 1, 1, 2, 2, 3, 4, 5, 8, 9, 10, 11, 16, 19, 20, 21, 29, 30, 44, 45, 48, 49, 60,
            99, 100, 101, 1_000, 10_000, 999_999, 1_000_000, 1_048_575, 1_048_576,
        ])
    }
}

/// A number for a text, by which a change of it shows (64-bit FNV-1a).
pub(crate) fn digest(text: &[u8]) -> String {
    let hash = text.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{:08x}", hash as u32 ^ (hash >> 32) as u32)
}
