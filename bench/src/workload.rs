//! Hits of some pages over some time: always the same for one seed.

use oorandom::Rand64;
use tallymap::reports::Day;
use tallymap::{FieldPath, Result};

/// All hits are this site's.
pub const SITE: &str = "site-1";

/// The day that is counted: that of the articles.
pub fn day() -> Day {
    Day::new(2000, 10, 10).expect("a day")
}

/// One hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    pub page: u32,
    /// Since midnight; of later days more than 1439.
    pub minute: u32,
    /// A number of its own, from 0 to 1: what a program that throws dice throws.
    pub dice: f64,
}

/// Pages by number.
pub fn pages(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("/page-{n:05}")).collect()
}

/// The path of each text.
pub fn paths(texts: impl Iterator<Item = String>) -> Result<Vec<FieldPath>> {
    texts.map(|text| FieldPath::parse(&text)).collect()
}

/// Every page is hit once in every `every`-th minute of the day, in another order each time.
pub fn pulse(pages: usize, every: usize, random: &mut Rand64) -> Vec<Hit> {
    let mut order: Vec<u32> = (0..pages as u32).collect();
    let mut hits = Vec::with_capacity(pages * 1440 / every.max(1));
    for minute in (0..1440).step_by(every.max(1)) {
        shuffle(&mut order, random);
        hits.extend(order.iter().map(|&page| Hit { page, minute, dice: random.rand_float() }));
    }
    hits
}

/// Every page is hit `hits` times, at any minute before `end`; in order of time.
pub fn scattered(pages: usize, hits: usize, end: u32, random: &mut Rand64) -> Vec<Hit> {
    let one = |page: usize, random: &mut Rand64| Hit {
        page: page as u32,
        minute: random.rand_range(0..u64::from(end)) as u32,
        dice: random.rand_float(),
    };
    let mut all: Vec<Hit> = (0..pages * hits).map(|n| one(n % pages, random)).collect();
    all.sort_by(|a, b| a.minute.cmp(&b.minute).then(a.dice.total_cmp(&b.dice)));
    all
}

/// Puts them into any order.
pub fn shuffle(items: &mut [u32], random: &mut Rand64) {
    for last in (1..items.len()).rev() {
        items.swap(last, random.rand_range(0..last as u64 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_hits_each_page_in_each_minute() {
        let hits = pulse(7, 1, &mut Rand64::new(1));
        assert_eq!(hits.len(), 7 * 1440);
        for (minute, of_minute) in hits.chunks(7).enumerate() {
            let mut met: Vec<u32> = of_minute.iter().map(|hit| hit.page).collect();
            met.sort_unstable();
            assert_eq!(met, [0, 1, 2, 3, 4, 5, 6]);
            assert!(of_minute.iter().all(|hit| hit.minute == minute as u32));
        }
    }

    #[test]
    fn scattered_hits_are_in_order_and_the_same_for_one_seed() {
        let hits = scattered(5, 100, 1500, &mut Rand64::new(1));
        assert_eq!(hits, scattered(5, 100, 1500, &mut Rand64::new(1)));
        assert_ne!(hits, scattered(5, 100, 1500, &mut Rand64::new(2)));
        assert!(hits.is_sorted_by_key(|hit| hit.minute) && hits.iter().all(|h| h.minute < 1500));
        assert!((0..5).all(|page| hits.iter().filter(|hit| hit.page == page).count() == 100));
    }
}
