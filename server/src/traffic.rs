//! A believable day of a small site, made from a seed: the same seed gives the same hits.
//!
//! Few pages take most of the hits (Zipf's law); nights are quiet, evenings are not; and at ten in
//! the morning a newsletter goes out, whose link everybody follows within the hour.
//! V1: hits come in the order of time. V2: the day has exactly as many hits as asked for.

use crate::log::LocalMinute;

/// The site that the traffic is for.
pub const SITE: &str = "site-1";
/// The page that the newsletter links to.
pub const NEWSLETTER_PAGE: &str = "/news/autumn-release";
/// When the newsletter goes out, minute of the day.
pub const NEWSLETTER_MINUTE: usize = 10 * 60;
/// One hit in so many follows the newsletter's link.
const NEWSLETTER_SHARE: u32 = 16;
/// Minutes in a day.
const MINUTES: usize = 1440;

/// Pages, the most popular first.
pub const PAGES: [&str; 36] = [
    "/",
    "/apache_pb.gif",
    "/blog/",
    "/products/",
    "/blog/counters-everywhere",
    "/about",
    "/blog/pre-aggregated-reports",
    "/pricing",
    "/docs/",
    "/feed.xml",
    "/contact",
    "/docs/install",
    "/docs/quick-start",
    "/products/tally-clicker",
    "/blog/padding-explained",
    "/products/abacus",
    "/search",
    "/docs/faq",
    "/blog/one-document-a-day",
    "/products/slide-rule",
    "/support",
    "/blog/why-minutes",
    "/jobs",
    "/docs/upgrade",
    "/blog/field-order-matters",
    "/products/ledger",
    "/team",
    "/docs/reference/update",
    "/blog/archive/2009",
    "/docs/reference/query",
    "/products/stopwatch",
    "/blog/archive/2008",
    "/privacy",
    "/docs/reference/index",
    "/imprint",
    "/news/",
];

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// When.
    pub at: LocalMinute,
    /// The page.
    pub page: &'static str,
}

/// The hits of one day, an iterator.
#[derive(Debug)]
pub struct Traffic {
    random: oorandom::Rand64,
    midnight: LocalMinute,
    minute: usize,
    /// Hits still to come in `minute`: ordinary ones, and those of the newsletter.
    left: [u32; 2],
    ordinary: Vec<u32>,
    newsletter: Vec<u32>,
    /// Sums of the pages' weights, ascending to 1.
    popularity: Vec<f64>,
}

impl Traffic {
    /// A day with exactly `hits` hits; of `date` only year, month and day matter.
    pub fn of_a_day(seed: u64, date: LocalMinute, hits: u32) -> Traffic {
        let mut random = oorandom::Rand64::new(u128::from(seed));
        let from_newsletter = hits / NEWSLETTER_SHARE;
        let ordinary = spread(&mut random, hits - from_newsletter, everyday);
        let newsletter = spread(&mut random, from_newsletter, after_newsletter);
        let weights = (1..=PAGES.len()).map(|rank| 1.0 / rank as f64);
        let left = [ordinary[0], newsletter[0]];
        let midnight = LocalMinute { hour: 0, minute: 0, ..date };
        let popularity = cumulative(weights);
        Traffic { random, midnight, minute: 0, left, ordinary, newsletter, popularity }
    }

    /// An ordinary visit or a click in the newsletter, in the proportion of what is left.
    fn page(&mut self) -> &'static str {
        let [ordinary, newsletter] = self.left;
        let pick = self.random.rand_range(0..u64::from(ordinary + newsletter));
        if pick >= u64::from(ordinary) {
            self.left[1] -= 1;
            return NEWSLETTER_PAGE;
        }
        self.left[0] -= 1;
        PAGES[pick_weighted(&mut self.random, &self.popularity)]
    }
}

impl Iterator for Traffic {
    type Item = Hit;

    fn next(&mut self) -> Option<Hit> {
        while self.left == [0, 0] {
            self.minute += 1;
            self.left = [*self.ordinary.get(self.minute)?, self.newsletter[self.minute]];
        }
        let at = LocalMinute {
            hour: (self.minute / 60) as u8,
            minute: (self.minute % 60) as u8,
            ..self.midnight
        };
        Some(Hit { at, page: self.page() })
    }
}

/// Relative traffic of a minute of an ordinary day: least at four, most at eight in the evening,
/// with a dent after lunch.
fn everyday(minute: usize) -> f64 {
    let hour = minute as f64 / 60.0;
    let around = |peak: f64, width: f64| {
        let distance = (hour - peak).abs().min(24.0 - (hour - peak).abs());
        (-(distance / width).powi(2)).exp()
    };
    0.12 + 0.85 * around(11.0, 2.6) + 0.6 * around(15.5, 2.4) + around(20.0, 2.2)
}

/// Relative traffic that the newsletter brings: at once, then less and less.
fn after_newsletter(minute: usize) -> f64 {
    match minute.checked_sub(NEWSLETTER_MINUTE) {
        None => 0.0,
        Some(since) => (-(since as f64) / 18.0).exp(),
    }
}

/// Throws `hits` at the minutes of a day, in proportion to `weight`.
fn spread(random: &mut oorandom::Rand64, hits: u32, weight: fn(usize) -> f64) -> Vec<u32> {
    let sums = cumulative((0..MINUTES).map(weight));
    let mut of_minute = vec![0; MINUTES];
    for _ in 0..hits {
        of_minute[pick_weighted(random, &sums)] += 1;
    }
    of_minute
}

/// Running sums of `weights`, scaled so that the last is 1.
fn cumulative(weights: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sum = 0.0;
    let mut sums: Vec<f64> = weights
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect();
    sums.iter_mut().for_each(|s| *s /= sum);
    sums
}

fn pick_weighted(random: &mut oorandom::Rand64, sums: &[f64]) -> usize {
    let at = random.rand_float();
    sums.partition_point(|sum| *sum <= at).min(sums.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    const DATE: LocalMinute = LocalMinute { year: 2010, month: 10, day: 10, hour: 7, minute: 7 };

    fn hits(seed: u64, count: u32) -> Vec<Hit> {
        Traffic::of_a_day(seed, DATE, count).collect()
    }

    #[test]
    fn the_seed_decides_all() {
        assert_eq!(hits(1, 5000), hits(1, 5000));
        assert_ne!(hits(1, 5000), hits(2, 5000));
    }

    #[test]
    fn as_many_hits_as_asked_for_in_the_order_of_time() {
        for count in [0, 1, 7, 8, 1000, 20_000] {
            let hits = hits(3, count);
            assert_eq!(hits.len(), count as usize);
            assert!(hits.is_sorted_by_key(|hit| hit.at));
            assert!(
                hits.iter().all(|hit| (hit.at.year, hit.at.month, hit.at.day) == (2010, 10, 10))
            );
        }
    }

    #[test]
    fn few_pages_take_most_and_every_page_some() {
        let mut of_page = HashMap::new();
        for hit in hits(4, 50_000) {
            *of_page.entry(hit.page).or_insert(0_u32) += 1;
        }
        assert_eq!(of_page.len(), PAGES.len() + 1);
        let front = of_page["/"];
        assert!(PAGES[1..].iter().all(|page| of_page[page] < front));
        assert!(front > 8 * of_page["/docs/install"]);
    }

    #[test]
    fn nights_are_quiet_and_the_newsletter_shows() {
        let mut of_hour = [0_u32; 24];
        let mut of_newsletter = [0_u32; 24];
        for hit in hits(5, 50_000) {
            of_hour[usize::from(hit.at.hour)] += 1;
            if hit.page == NEWSLETTER_PAGE {
                of_newsletter[usize::from(hit.at.hour)] += 1;
            }
        }
        assert!(of_hour[4] * 4 < of_hour[20], "{of_hour:?}");
        assert_eq!(of_newsletter[..10].iter().sum::<u32>(), 0);
        assert!(of_newsletter[10] > 10 * of_newsletter[12], "{of_newsletter:?}");
        assert_eq!(of_hour.iter().max(), Some(&of_hour[10]));
    }
}
