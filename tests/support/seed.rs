//! Seeds: fixed, unless `TALLYMAP_SEED` gives another; named when a test fails.

use oorandom::Rand32;

/// A source of random numbers that says how to repeat a failure.
pub struct Seed {
    value: u64,
    what: String,
    rng: Rand32,
}

impl Seed {
    /// The numbers for `what`, from `default` unless the environment says otherwise.
    pub fn new(what: &str, default: u64) -> Seed {
        let given = std::env::var("TALLYMAP_SEED").ok();
        let value = given.map_or(default, |text| text.parse().expect("TALLYMAP_SEED is a number"));
        Seed { value, what: what.to_owned(), rng: Rand32::new(value) }
    }

    /// The numbers of one case among many: the same whenever its run has the same seed.
    pub fn of_case(what: &str, seed: u64, case: u64) -> Seed {
        // Neighbours would begin alike without this.
        let mut value = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(case);
        value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Seed { value, what: what.to_owned(), rng: Rand32::new(value ^ (value >> 31)) }
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u32) -> u32 {
        self.rng.rand_range(0..end)
    }

    /// True once in `n` times.
    pub fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize].clone()
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}: repeat with TALLYMAP_SEED={}", self.what, self.value);
        }
    }
}
