//! Dirty lines behind the gate: a line that is marked is taken by the next gather or by the one
//! after, with its bytes whole, and D2: no bit of a level above is missing (the line would be
//! lost).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::thread;

use super::check;
use crate::journal::dirty_lines::{DirtyLines, Owed, Pressure};
use crate::journal::gate::Gate;
use crate::limits::{LINE, PAGE};
use crate::sync::AtomicU64;
use crate::sync::model::{Weakness, number_thread};

/// A file of two regions, of which two lines are written.
struct File {
    gate: Gate,
    dirty: DirtyLines,
    pressure: Pressure,
    /// The bytes of each line, in two halves that are written one after the other.
    lines: [[AtomicU64; 2]; 2],
}

/// Is the unit of work inside of the gate, as it has to be?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Inside,
    Outside,
}

impl File {
    fn new() -> File {
        File {
            gate: Gate::default(),
            dirty: DirtyLines::new(PAGE * 65),
            pressure: Pressure::default(),
            lines: Default::default(),
        }
    }

    /// Adds one to a line, as [`crate::journal::UnitOfWork`] does: marks, then writes.
    fn increment(&self, line: usize, ofs: usize, unit: Unit) {
        let _inside = (unit == Unit::Inside).then(|| self.gate.enter());
        self.dirty.mark(ofs, 1, &self.pressure);
        for half in &self.lines[line] {
            half.fetch_add(1, Relaxed);
        }
    }

    /// Gathers: what the lines at `places` were if they were marked.
    fn gather(&self, places: [usize; 2], journal: &mut BTreeMap<usize, u64>) {
        let _closed = self.gate.close();
        self.dirty.take(&self.pressure, |page, bits| {
            assert_ne!(bits, 0, "a page is handed over without a line");
            for (line, _) in places.iter().enumerate().filter(|(_, ofs)| **ofs / PAGE == page) {
                if bits >> (places[line] % PAGE / LINE) & 1 == 1 {
                    let [first, second] = [0, 1].map(|half| self.lines[line][half].load(Relaxed));
                    assert_eq!(first, second, "a line is gathered half written");
                    journal.insert(line, first);
                }
            }
        });
    }
}

/// Two threads write a line each, at `places`, one of them twice; gathers come in between. After
/// the last one the journal has all.
fn writers_and_gathers(places: [usize; 2], unit: Unit) {
    let file = Arc::new(File::new());
    let writer = |line: usize, times: usize| {
        let file = file.clone();
        thread::spawn(move || {
            number_thread(line);
            (0..times).for_each(|_| file.increment(line, places[line], unit));
        })
    };
    let threads = [writer(0, 2), writer(1, 1)];
    let mut journal = BTreeMap::new();
    file.gather(places, &mut journal);
    for thread in threads {
        thread.join().expect("no panic");
    }
    file.gather(places, &mut journal);
    assert_eq!(journal, BTreeMap::from([(0, 2), (1, 1)]), "a marked line is lost");
    assert_eq!(file.pressure.dirty_pages.load(Relaxed), 0);
    file.dirty.take_owed(0, usize::MAX, Owed::Gathered, &file.pressure, |_, _| {});
    file.dirty.forget_clean(0, usize::MAX, &file.pressure, |_, _| true);
    assert_eq!(file.pressure.private_pages.load(Relaxed), 0);
}

#[test]
fn two_lines_of_one_page() {
    check(2, Weakness::None, || writers_and_gathers([0, LINE], Unit::Inside));
}

#[test]
fn two_threads_on_one_line() {
    check(2, Weakness::None, || writers_and_gathers([LINE, LINE], Unit::Inside));
}

#[test]
fn two_pages_of_one_region() {
    check(2, Weakness::None, || writers_and_gathers([0, PAGE], Unit::Inside));
}

#[test]
fn two_regions() {
    check(2, Weakness::None, || writers_and_gathers([0, 64 * PAGE], Unit::Inside));
}

#[test]
#[should_panic(expected = "a marked line is lost")]
fn the_gate_must_keep_the_gather_out() {
    check(2, Weakness::None, || writers_and_gathers([0, PAGE], Unit::Outside));
}

#[test]
#[should_panic(expected = "a marked line is lost")]
fn relaxed_bits_need_the_order_of_the_gate() {
    check(2, Weakness::Relaxed, || writers_and_gathers([0, PAGE], Unit::Inside));
}
