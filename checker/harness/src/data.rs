//! Random data from a seed: a server cannot pass with hard-coded responses, and a run can be repeated.

use std::cell::RefCell;

const ACTIVITIES: &[&str] = &[
    "drink water",
    "read ten pages",
    "walk the dog",
    "stretch",
    "write a letter",
    "practice the piano",
    "water the plants",
    "call a friend",
    "cook at home",
    "sleep before eleven",
    "study a word",
    "tidy the desk",
    "run a mile",
    "sit still",
];

/// A source of data for one check.
pub struct Data(RefCell<fastrand::Rng>);

impl Data {
    /// Data that depends only on the run's seed, the check and the attempt, so that `--only` repeats the full run's data. A
    /// second attempt gets different data, because the data of the first one is still stored.
    pub fn new(seed: u64, check: &str, attempt: usize) -> Self {
        // FNV-1a: any stable hash of the id will do.
        let mixed = check
            .bytes()
            .fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Data(RefCell::new(fastrand::Rng::with_seed(mixed.wrapping_add(attempt as u64))))
    }

    /// Data that no earlier run used, even with the same seed: for servers that keep their data between runs.
    pub fn fresh(seed: u64, check: &str) -> Self {
        Data::new(seed ^ fastrand::u64(..), check, 0)
    }

    /// A name for a habit, unique within the run.
    pub fn name(&self) -> String {
        let activity = self.0.borrow_mut().choice(ACTIVITIES).expect("the list is not empty").to_string();
        format!("{activity} {}", self.token(8))
    }

    /// A description for a habit, unique within the run.
    pub fn description(&self) -> String {
        format!("because of reason {}", self.token(12))
    }

    /// `length` random letters and digits.
    pub fn token(&self, length: usize) -> String {
        let mut rng = self.0.borrow_mut();
        (0..length).map(|_| rng.alphanumeric().to_ascii_lowercase()).collect()
    }

    /// A number below `end`.
    pub fn below(&self, end: u64) -> u64 {
        self.0.borrow_mut().u64(..end)
    }
}

/// The same text in mixed case: ASCII letters at even positions become upper case.
pub fn mixed_case(text: &str) -> String {
    let case = |(index, c): (usize, char)| if index % 2 == 0 { c.to_ascii_uppercase() } else { c };
    text.char_indices().map(case).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_data_and_another_check_other_data() {
        let name = |seed, check, attempt| Data::new(seed, check, attempt).name();
        assert_eq!(name(7, "1.create", 0), name(7, "1.create", 0));
        for other in [name(7, "1.list", 0), name(8, "1.create", 0), name(7, "1.create", 1), Data::fresh(7, "1.create").name()] {
            assert_ne!(name(7, "1.create", 0), other);
        }
    }
}
