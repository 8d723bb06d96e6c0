//! Seeded hits, and the naive count of them that everything else is compared with.

use std::collections::BTreeMap;
use std::ops::Range;

use oorandom::Rand64;
use tallymap::Engine;
use tallymap::reports::{Day, Minute, PageViews};

pub const SITES: [&str; 2] = ["site-1", "site-2"];
pub const PAGES: [&str; 3] = ["/", "/apache_pb.gif", "/a/b.html?q=1"];

/// A hit: when, site, page.
pub type Hit = (Minute, &'static str, &'static str);

pub fn day(text: &str) -> Day {
    text.parse().expect("a day")
}

pub fn at(text: &str, hour: u32, minute: u32) -> Minute {
    Minute::new(day(text), hour, minute).expect("a minute")
}

pub fn engine() -> (tempfile::TempDir, Engine) {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = Engine::builder(dir.path()).ns_size_mib(1).open().expect("opens");
    (dir, engine)
}

/// `count` hits spread over `range`.
pub fn random_hits(seed: u128, range: Range<Minute>, count: usize) -> Vec<Hit> {
    let mut rng = Rand64::new(seed);
    let minutes = range.end.since(range.start) as u64;
    let hit = |_| {
        let minute = range.start.plus(rng.rand_range(0..minutes) as i64);
        let site = SITES[rng.rand_range(0..SITES.len() as u64) as usize];
        (minute, site, PAGES[rng.rand_range(0..PAGES.len() as u64) as usize])
    };
    (0..count).map(hit).collect()
}

/// Hits by minute, counted the slow way.
#[derive(Default)]
pub struct NaiveCount(BTreeMap<(&'static str, &'static str, Minute), i64>);

impl NaiveCount {
    pub fn of(hits: &[Hit]) -> NaiveCount {
        let mut count = NaiveCount::default();
        for &(minute, site, page) in hits {
            *count.0.entry((site, page, minute)).or_default() += 1;
        }
        count
    }

    /// Hits of each span of `step` minutes from `range.start` on.
    fn series(&self, site: &str, page: &str, range: &Range<Minute>, step: i64) -> Vec<i64> {
        let spans = (range.end.since(range.start) + step - 1) / step;
        let mut counts = vec![0; spans as usize];
        for (&(of_site, of_page, minute), hits) in &self.0 {
            let after = minute.since(range.start);
            if of_site == site && of_page == page && (0..spans * step).contains(&after) {
                counts[(after / step) as usize] += hits;
            }
        }
        counts
    }
}

/// Compares all three series of every page over `days` with the naive count.
pub fn assert_counts(views: &PageViews, count: &NaiveCount, days: Range<Day>) {
    let range = days.start.start()..days.end.start();
    for (site, page) in SITES.iter().flat_map(|site| PAGES.map(|page| (*site, page))) {
        let context = format!("{site}{page} {days:?}");
        let minutes = views.minutes(site, page, range.clone()).expect("minutes");
        assert_eq!((minutes.start, minutes.step_min), (range.start, 1));
        assert!(minutes.counts == count.series(site, page, &range, 1), "minutes of {context}");
        let hours = views.hourly(site, page, range.clone()).expect("hours");
        assert_eq!((hours.start, hours.step_min), (range.start, 60));
        assert_eq!(hours.counts, count.series(site, page, &range, 60), "hours of {context}");
        let by_day = views.by_day(site, page, days.clone()).expect("days");
        assert_eq!((by_day.start, by_day.step_min), (range.start, 1440));
        assert_eq!(by_day.counts, count.series(site, page, &range, 1440), "days of {context}");
    }
}

/// Compares the minutes of every page over any range with the naive count.
pub fn assert_minutes(views: &PageViews, count: &NaiveCount, range: &Range<Minute>) {
    for (site, page) in SITES.iter().flat_map(|site| PAGES.map(|page| (*site, page))) {
        let minutes = views.minutes(site, page, range.clone()).expect("minutes");
        assert_eq!(minutes.start, range.start);
        assert!(minutes.counts == count.series(site, page, range, 1), "{site}{page} {range:?}");
    }
}

/// Every collection of page views validates in full.
pub fn assert_valid(views: &PageViews) {
    for collection in [views.daily(), views.monthly()] {
        if collection.exists() {
            let validation = collection.validate(true).expect("validates");
            assert!(validation.is_valid(), "{:?}", validation.findings());
        }
    }
}
