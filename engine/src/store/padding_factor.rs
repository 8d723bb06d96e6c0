//! The adaptive padding factor of 2.x: when it rises, when it falls, and by how much
//! (format, §7.1). Pure: where the factor is stored is [`super::namespace_details`]'s.
//!
//! F1. A factor that this file answers lies between 1.0 and 2.0.

use std::sync::atomic::{AtomicU32, Ordering};

/// What an update or an insert met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The data found room where they were, or a document was inserted.
    Fits,
    /// The document had to move.
    TooSmall,
}

/// Counts the calls of all collections, and says which of them change a factor: one in three.
#[derive(Debug, Default)]
pub struct PaddingSamples {
    fits: AtomicU32,
    too_small: AtomicU32,
}

impl PaddingSamples {
    /// Counts one call. Does it change the factor?
    ///
    /// A call that does counts twice, so that the 4th, 7th, 10th … are chosen.
    pub fn fires(&self, outcome: Outcome) -> bool {
        let calls = match outcome {
            Outcome::Fits => &self.fits,
            Outcome::TooSmall => &self.too_small,
        };
        let count = |n: u32| if is_sampled(n) { n.wrapping_add(2) } else { n.wrapping_add(1) };
        let before =
            match calls.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| Some(count(n))) {
                Ok(before) | Err(before) => before,
            };
        is_sampled(before)
    }
}

fn is_sampled(calls_before: u32) -> bool {
    calls_before.wrapping_add(1).is_multiple_of(4)
}

/// A stored factor made usable: 0 stands for 1 in old files, and the factor is only a hint, so
/// that any other value out of range is taken for 1, too.
pub fn usable(stored: f64) -> f64 {
    if (1.0..=2.0).contains(&stored) { stored } else { 1.0 }
}

/// The factor after a sampled `outcome`; unchanged where the step would leave the range.
pub fn step(factor: f64, outcome: Outcome, indexes: usize) -> f64 {
    let next = match outcome {
        // A move costs the more the more indexes point to the document.
        Outcome::TooSmall => factor + 0.001 * (indexes.min(7) as f64 + 3.0),
        Outcome::Fits => factor - 0.001,
    };
    if (1.0..=2.0).contains(&next) { next } else { factor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_the_fourth_call_and_then_every_third() {
        let samples = PaddingSamples::default();
        let fired: Vec<u32> = (1..=16).filter(|_| samples.fires(Outcome::Fits)).collect();
        assert_eq!(fired, [4, 7, 10, 13, 16]);
        let other: Vec<u32> = (1..=4).filter(|_| samples.fires(Outcome::TooSmall)).collect();
        assert_eq!(other, [4], "the two are counted apart");
    }

    #[test]
    fn steps_stay_in_range() {
        assert_eq!(step(1.0, Outcome::TooSmall, 1), 1.004);
        assert_eq!(step(1.0, Outcome::TooSmall, 64), 1.01);
        assert_eq!(step(1.004, Outcome::Fits, 1), 1.004 - 0.001);
        assert_eq!(step(1.0, Outcome::Fits, 1), 1.0);
        assert_eq!(step(1.999, Outcome::TooSmall, 1), 1.999, "kept only if ≤ 2");
        let mut factor = 1.0;
        for _ in 0..1000 {
            factor = step(factor, Outcome::TooSmall, 3);
            assert!((1.0..=2.0).contains(&factor));
        }
    }

    #[test]
    fn stored_nonsense_is_one() {
        for stored in [0.0, -3.0, 2.5, f64::NAN, f64::INFINITY] {
            assert_eq!(usable(stored), 1.0);
        }
        assert_eq!(usable(1.25), 1.25);
    }
}
