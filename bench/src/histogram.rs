//! How long many things took: counts by length, to three parts in a hundred.

/// Parts that each power of two is divided into.
const PARTS: u64 = 32;

/// Lengths of time by how often they were met, nanoseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; place(u64::MAX) + 1], count: 0, max: 0 }
    }
}

/// Where a length is counted: exactly below [`PARTS`], then by its highest bits.
fn place(value: u64) -> usize {
    let shift = (63 - value.max(PARTS).leading_zeros() as u64) - PARTS.ilog2() as u64;
    (shift * PARTS + (value >> shift)) as usize
}

/// The longest length that is counted there.
fn longest(place: usize) -> u64 {
    let place = place as u64;
    if place < 2 * PARTS {
        return place;
    }
    let shift = place / PARTS - 1;
    let first = (PARTS + place % PARTS) << shift;
    first + ((1 << shift) - 1)
}

impl Histogram {
    /// Counts one.
    #[inline]
    pub fn add(&mut self, nanoseconds: u64) {
        self.counts[place(nanoseconds)] += 1;
        self.count += 1;
        self.max = self.max.max(nanoseconds);
    }

    /// Counts those of another.
    pub fn absorb(&mut self, other: &Histogram) {
        for (sum, n) in self.counts.iter_mut().zip(&other.counts) {
            *sum += n;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The longest.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The length that this share of all does not exceed, `0.0..=1.0`; 0 of none.
    pub fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.count as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (place, n) in self.counts.iter().enumerate() {
            seen += n;
            if seen >= wanted && seen > 0 {
                return longest(place).min(self.max);
            }
        }
        self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_order_and_close() {
        let mut last = 0;
        for value in (0..5000).chain((12..63).map(|bit| (1 << bit) + 12345)) {
            let at = place(value);
            assert!(at >= last, "{value}");
            last = at;
            let longest = longest(at);
            assert!(longest >= value && longest - value <= value / PARTS, "{value} {longest}");
        }
        assert!(place(u64::MAX) >= last);
    }

    #[test]
    fn quantiles_of_a_thousand() {
        let mut histogram = Histogram::default();
        (1..=1000).for_each(|value| histogram.add(value));
        assert_eq!((histogram.count(), histogram.max()), (1000, 1000));
        for (share, exact) in [(0.5, 500), (0.99, 990), (0.999, 999), (1.0, 1000)] {
            let found = histogram.quantile(share);
            assert!(found >= exact && found <= exact + exact / PARTS, "{share}: {found}");
        }
        assert_eq!(Histogram::default().quantile(0.5), 0);
    }
}
