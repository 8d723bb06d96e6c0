//! Counts over time: what a chart draws.

use super::calendar::Minute;

/// Counts of consecutive spans of equal length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Where the first span begins.
    pub start: Minute,
    /// Length of a span, minutes.
    pub step_min: u32,
    /// Hits in each span; spans of which nothing is stored count 0.
    pub counts: Vec<i64>,
}

impl Series {
    /// Sum of all counts.
    pub fn total(&self) -> i64 {
        self.counts.iter().sum()
    }

    /// Beginning of the span with the most hits, and their number; the first of equals. `None`
    /// when nothing was counted.
    pub fn peak(&self) -> Option<(Minute, i64)> {
        let most = *self.counts.iter().max()?;
        let at = self.counts.iter().position(|&count| count == most)?;
        (most > 0).then(|| (self.start.plus(at as i64 * i64::from(self.step_min)), most))
    }
}
