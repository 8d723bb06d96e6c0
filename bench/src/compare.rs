//! Two runs side by side: how much each figure changed, and whether more than it varies.

use std::fmt::Write;

use crate::figures::Results;
use crate::median::Spread;
use crate::report::number::number;

/// A figure that both runs have.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// `case variant figure`
    pub name: String,
    pub before: Spread,
    pub after: Spread,
    /// Rounds of each run.
    pub rounds: [usize; 2],
}

impl Change {
    /// After divided by before; nothing if that has no meaning.
    pub fn ratio(&self) -> Option<f64> {
        let ratio = self.after.median / self.before.median;
        match self.after.median == self.before.median {
            true => Some(1.0),
            false => ratio.is_finite().then_some(ratio),
        }
    }

    /// Do the rounds of one all lie beyond those of the other?
    pub fn is_clear(&self) -> bool {
        self.after.min > self.before.max || self.after.max < self.before.min
    }
}

/// The figures that are in both, in the order of the first.
pub fn changes(before: &Results, after: &Results) -> Vec<Change> {
    let mut changes = Vec::new();
    for case in &before.cases {
        let same = after.cases.iter().find(|other| other.case.name == case.case.name);
        for measured in &case.variants {
            let of = |it: &&crate::figures::Measured| it.variant == measured.variant;
            let Some(other) = same.and_then(|same| same.variants.iter().find(of)) else { continue };
            for figure in &measured.figures {
                let Some(after) = other.figure(&figure.name) else { continue };
                changes.push(Change {
                    name: format!("{} {} {}", case.case.name, measured.variant, figure.name),
                    before: figure.spread,
                    after: after.spread,
                    rounds: [figure.rounds.len(), after.rounds.len()],
                });
            }
        }
    }
    changes
}

/// Least to greatest, in parts of the median.
fn width(spread: &Spread) -> String {
    let width = (spread.max - spread.min) / spread.median.abs() * 50.0;
    if width.is_finite() { format!("±{width:.1}%") } else { "–".to_owned() }
}

/// The changes as a table, those whose name holds `only`.
pub fn table(changes: &[Change], only: &str) -> String {
    let wanted: Vec<_> = changes.iter().filter(|change| change.name.contains(only)).collect();
    let long = wanted.iter().map(|change| change.name.len()).max().unwrap_or(0).max(20);
    let mut text = format!(
        "{:<long$} {:>12} {:>8} {:>12} {:>8} {:>8}\n",
        "case variant figure", "before", "± half", "after", "± half", "ratio"
    );
    for change in &wanted {
        let ratio = change.ratio().map_or("–".to_owned(), |ratio| format!("{ratio:.3}"));
        let _ = writeln!(
            text,
            "{:<long$} {:>12} {:>8} {:>12} {:>8} {ratio:>8}{}",
            change.name,
            number(change.before.median),
            width(&change.before),
            number(change.after.median),
            width(&change.after),
            if change.is_clear() { " *" } else { "" }
        );
    }
    text += "\nMedians, half the way from the least round to the greatest, after / before.\n\
             * every round of one lies beyond every round of the other";
    match wanted.iter().map(|change| by_chance(change.rounds)).max() {
        Some(percent) => format!("{text}; chance does that to {percent} of 100 figures\n"),
        None => text + "\n",
    }
}

/// Of a hundred figures that do not differ, those whose rounds are apart all the same: two of all
/// ways to say which of the rounds are whose.
fn by_chance([before, after]: [usize; 2]) -> u64 {
    let ways = (1..=before).map(|n| (after + n) as f64 / n as f64).product::<f64>();
    (200.0 / ways).min(100.0).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: [f64; 3], after: [f64; 3]) -> Change {
        let spread = |[min, median, max]: [f64; 3]| Spread { median, min, max };
        let (name, rounds) = ("case variant ns".into(), [3, 3]);
        Change { name, before: spread(before), after: spread(after), rounds }
    }

    #[test]
    fn a_change_is_clear_if_the_rounds_do_not_overlap() {
        let faster = change([9.0, 10.0, 11.0], [4.0, 5.0, 6.0]);
        assert_eq!((faster.ratio(), faster.is_clear()), (Some(0.5), true));
        let noise = change([9.0, 10.0, 11.0], [8.0, 9.0, 10.0]);
        assert_eq!((noise.ratio(), noise.is_clear()), (Some(0.9), false));
        let none = change([0.0; 3], [0.0; 3]);
        assert_eq!((none.ratio(), none.is_clear()), (Some(1.0), false));
        assert_eq!(change([0.0; 3], [1.0; 3]).ratio(), None);
    }

    #[test]
    fn the_table_shows_what_is_asked_for() {
        let changes = [change([9.0, 10.0, 11.0], [4.0, 5.0, 6.0])];
        let text = table(&changes, "variant");
        assert!(text.contains("0.500 *") && text.contains("±10.0%"), "{text}");
        assert!(text.contains("to 10 of 100"), "{text}");
        assert!(!table(&changes, "other").contains("0.500"));
        assert_eq!([[1, 1], [3, 3], [5, 5], [3, 5]].map(by_chance), [100, 10, 1, 4]);
    }
}
