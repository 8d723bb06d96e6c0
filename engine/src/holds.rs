//! How often writers were held, and for how long.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::Clock;

/// Parts that each power of two is divided into.
const PARTS: u64 = 32;

/// Lengths of time by how often they were met, to three parts in a hundred: a few kilobytes,
/// however many there are.
///
/// ```
/// use std::time::Duration;
///
/// let mut lengths = tallymap::Lengths::default();
/// (1..=1000).map(Duration::from_micros).for_each(|length| lengths.add(length));
/// assert_eq!((lengths.count(), lengths.max()), (1000, Duration::from_millis(1)));
/// let middle = lengths.quantile(0.5);
/// assert!(middle >= Duration::from_micros(500) && middle < Duration::from_micros(516));
/// ```
#[derive(Debug, Clone)]
pub struct Lengths {
    counts: Vec<u64>,
    max: u64,
}

impl Default for Lengths {
    fn default() -> Self {
        Lengths { counts: vec![0; place(u64::MAX) + 1], max: 0 }
    }
}

/// Where a length is counted: exactly below [`PARTS`], then by its highest bits.
#[inline]
fn place(nanoseconds: u64) -> usize {
    let shift = u64::from(nanoseconds.max(PARTS).ilog2() - PARTS.ilog2());
    (shift * PARTS + (nanoseconds >> shift)) as usize
}

/// The longest length that is counted there.
fn longest(place: usize) -> u64 {
    let place = place as u64;
    if place < 2 * PARTS {
        return place;
    }
    let shift = place / PARTS - 1;
    ((PARTS + place % PARTS) << shift) + ((1 << shift) - 1)
}

impl Lengths {
    /// Counts one.
    #[inline]
    pub fn add(&mut self, length: Duration) {
        // More than 584 years is as good as endless.
        let nanoseconds = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        self.counts[place(nanoseconds)] += 1;
        self.max = self.max.max(nanoseconds);
    }

    /// Counts those of another.
    pub fn absorb(&mut self, other: &Lengths) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(sum, n)| *sum += n);
        self.max = self.max.max(other.max);
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The longest; 0 of none.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// The length that this share of all does not exceed, `0.0..=1.0`; 0 of none.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = ((self.count() as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let place = self.counts.iter().position(|n| {
            seen += n;
            seen >= wanted
        });
        Duration::from_nanos(place.map_or(0, longest).min(self.max))
    }

    /// Those that were met since `earlier`. The longest of them is known to three
    /// parts in a hundred.
    pub fn since(&self, earlier: &Lengths) -> Lengths {
        let counts =
            self.counts.iter().zip(&earlier.counts).map(|(now, then)| now.saturating_sub(*then));
        let mut since = Lengths { counts: counts.collect(), max: self.max };
        since.max = since.counts.iter().rposition(|n| *n > 0).map_or(0, longest).min(self.max);
        since
    }
}

/// How long writers were held since the engine was opened: from when the gate began to close
/// until it was open again, so with the wait for those who were inside.
#[derive(Debug, Clone, Default)]
pub struct Holds {
    /// While a commit gathered what had changed.
    pub gathers: Lengths,
    /// While pages were copied to be written back, or given back, a slice of them at a time.
    pub slices: Lengths,
}

/// Measures holds.
#[derive(Debug)]
pub(crate) struct HoldTimes {
    clock: Arc<dyn Clock>,
    holds: Mutex<Holds>,
}

impl HoldTimes {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>) -> HoldTimes {
        HoldTimes { clock, holds: Mutex::default() }
    }

    /// Those that have ended.
    pub fn so_far(&self) -> Holds {
        self.holds.lock().clone()
    }

    /// The time, in nanoseconds since an arbitrary start.
    pub fn now_ns(&self) -> u64 {
        self.clock.uptime_ns()
    }

    /// Microseconds that went by since `since`, which becomes now.
    pub fn us_since(&self, since: &mut u64) -> u64 {
        let before = std::mem::replace(since, self.clock.uptime_ns());
        since.saturating_sub(before) / 1000
    }

    /// One begins; it ends when this is dropped.
    pub fn begin(&self, of: fn(&mut Holds) -> &mut Lengths) -> Hold<'_> {
        Hold { times: self, of, begun: self.clock.uptime_ns() }
    }
}

/// Writers are held.
#[derive(Debug)]
pub(crate) struct Hold<'a> {
    times: &'a HoldTimes,
    of: fn(&mut Holds) -> &mut Lengths,
    begun: u64,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let length = self.times.clock.uptime_ns().saturating_sub(self.begun);
        (self.of)(&mut self.times.holds.lock()).add(Duration::from_nanos(length));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_order_and_close() {
        let mut last = 0;
        for value in (0..5000).chain((12..63).map(|bit| (1 << bit) + 12345)).chain([u64::MAX]) {
            let at = place(value);
            assert!(at >= last, "{value}");
            last = at;
            let longest = longest(at);
            assert!(longest >= value && longest - value <= value / PARTS, "{value} {longest}");
        }
    }

    #[test]
    fn quantiles_of_all_and_of_those_since() {
        let mut lengths = Lengths::default();
        assert_eq!((lengths.count(), lengths.quantile(0.5)), (0, Duration::ZERO));
        lengths.add(Duration::from_millis(1));
        let earlier = lengths.clone();
        (1..=1000).for_each(|value| lengths.add(Duration::from_nanos(value)));
        assert_eq!(lengths.max(), Duration::from_millis(1));
        let since = lengths.since(&earlier);
        assert_eq!(since.count(), 1000);
        for (share, exact) in [(0.0, 1), (0.5, 500), (0.99, 990), (1.0, 1000)] {
            let found = since.quantile(share).as_nanos();
            assert!(found >= exact && found <= exact + exact / u128::from(PARTS), "{share}");
        }
        assert_eq!(since.since(&since).max(), Duration::ZERO);
        let mut all = earlier.clone();
        all.absorb(&since);
        assert_eq!((all.count(), all.max()), (lengths.count(), lengths.max()));
        assert_eq!(
            [0.1, 0.9].map(|it| all.quantile(it)),
            [0.1, 0.9].map(|it| lengths.quantile(it))
        );
    }

    #[test]
    fn a_hold_lasts_until_it_is_dropped() {
        #[derive(Debug, Default)]
        struct Ticking(std::sync::atomic::AtomicU64);
        impl Clock for Ticking {
            fn unix_ms(&self) -> i64 {
                0
            }
            fn uptime_ms(&self) -> u64 {
                self.0.fetch_add(3, std::sync::atomic::Ordering::Relaxed)
            }
        }
        let times = HoldTimes::new(Arc::new(Ticking::default()));
        let hold = times.begin(|holds| &mut holds.gathers);
        assert_eq!(times.so_far().gathers.count(), 0);
        drop(hold);
        let holds = times.so_far();
        assert_eq!((holds.gathers.count(), holds.slices.count()), (1, 0));
        assert_eq!(holds.gathers.max(), Duration::from_millis(3));
    }
}
