//! The middle of some rounds, and how far they lie apart.

use serde::{Deserialize, Serialize};

/// Median, least and greatest of some figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The middle one; of two, the lower.
    pub median: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Of `figures`, which are sorted by this; `None` if there are none.
    pub fn of(figures: &mut [f64]) -> Option<Spread> {
        figures.sort_by(f64::total_cmp);
        let (min, max) = (*figures.first()?, *figures.last()?);
        Some(Spread { median: figures[(figures.len() - 1) / 2], min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn middle_and_ends() {
        assert_eq!(Spread::of(&mut []), None);
        let spread = |median, min, max| Some(Spread { median, min, max });
        assert_eq!(Spread::of(&mut [3.0]), spread(3.0, 3.0, 3.0));
        assert_eq!(Spread::of(&mut [9.0, 1.0, 5.0, 2.0]), spread(2.0, 1.0, 9.0));
    }
}
