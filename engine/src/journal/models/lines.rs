//! Dirty lines, and a gather that units of work help with: a line that is marked is taken by the
//! next gather or by the one after, its bytes as they were when the gather began, and D2: no bit
//! of a level above is missing (the line would be lost). Nobody reads or writes the bytes of a
//! line without being ordered behind whoever wrote or read them before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::cell::UnsafeCell;
use loom::thread;

use super::check;
use crate::journal::dirty_lines::{DirtyLines, Owed, Pressure, Set};
use crate::journal::gate::Gate;
use crate::journal::gathering::Gathering;
use crate::limits::{LINE, PAGE};
use crate::sync::AtomicU64;
use crate::sync::model::{Weakness, number_thread};

/// A file of two regions, of which two lines are written.
struct File {
    gate: Gate,
    gathering: Gathering<Journal>,
    dirty: DirtyLines,
    pressure: Pressure,
    races: Races,
    lines: [Line; 2],
}

/// A line that is written by one thread at a time.
#[derive(Default)]
struct Line {
    /// Its bytes, in two halves that are written one after the other.
    halves: [AtomicU64; 2],
    /// Stands for the bytes where loom looks for races: those of the halves it forgives.
    bytes: UnsafeCell<()>,
}

/// Is a race over the bytes of a line a fault of its own, or only what comes of it?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Races {
    Seen,
    Forgiven,
}

impl Line {
    fn increment(&self, races: Races) {
        let write = || self.halves.iter().for_each(|half| _ = half.fetch_add(1, Relaxed));
        match races {
            Races::Seen => self.bytes.with_mut(|_| write()),
            Races::Forgiven => write(),
        }
    }

    fn value(&self, races: Races) -> u64 {
        let read = || [0, 1].map(|half| self.halves[half].load(Relaxed));
        let [first, second] = match races {
            Races::Seen => self.bytes.with(|_| read()),
            Races::Forgiven => read(),
        };
        assert_eq!(first, second, "a line is gathered half written");
        first
    }
}

/// What is gathered: values by line.
type Journal = BTreeMap<usize, u64>;

/// Does the unit of work what it has to?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Inside,
    /// Not: it does not enter the gate.
    Outside,
    /// Not: it changes pages that a gather has not taken yet.
    Heedless,
}

impl File {
    fn new(races: Races) -> File {
        File {
            gate: Gate::default(),
            gathering: Gathering::default(),
            dirty: DirtyLines::new(PAGE * 65),
            pressure: Pressure::default(),
            races,
            lines: Default::default(),
        }
    }

    /// Adds one to a line, as [`crate::journal::UnitOfWork`] does: takes what a gather has not
    /// taken yet, marks, then writes.
    fn increment(&self, places: [usize; 2], line: usize, unit: Unit) {
        let _inside = (unit != Unit::Outside).then(|| self.gate.enter());
        let page = places[line] / PAGE;
        if unit != Unit::Heedless {
            let copy = |journal: &mut Journal, bits| self.copy(places, page, bits, journal);
            self.gathering.before_change(&self.dirty, page, &self.pressure, copy);
        }
        self.dirty.mark(self.gathering.set(), places[line], 1, &self.pressure);
        self.lines[line].increment(self.races);
    }

    /// Copies the marked lines of a page, of those at `places`.
    fn copy(&self, places: [usize; 2], page: usize, bits: u64, journal: &mut Journal) {
        assert_ne!(bits, 0, "a page is handed over without a line");
        for (line, _) in places.iter().enumerate().filter(|(_, ofs)| **ofs / PAGE == page) {
            if bits >> (places[line] % PAGE / LINE) & 1 == 1 {
                journal.insert(line, self.lines[line].value(self.races));
            }
        }
    }

    /// Gathers: what the lines at `places` were when it began, if they were marked.
    fn gather(&self, places: [usize; 2], journal: &mut Journal) {
        let (set, began): (Set, [u64; 2]) = {
            let _closed = self.gate.close();
            let began = [0, 1].map(|line| self.lines[line].value(self.races));
            (self.gathering.begin(Journal::new()), began)
        };
        self.dirty.each_touched(set, |page| {
            let copy = |journal: &mut Journal, bits| self.copy(places, page, bits, journal);
            self.gathering.take(&self.dirty, set, page, &self.pressure, copy);
        });
        for (line, value) in self.gathering.end().expect("begun") {
            assert_eq!(value, began[line], "a line is gathered as it was later");
            journal.insert(line, value);
        }
    }
}

/// Two threads write a line each, at `places`, one of them twice; gathers come in between. After
/// the last one the journal has all.
fn writers_and_gathers(places: [usize; 2], unit: Unit, races: Races) {
    let file = Arc::new(File::new(races));
    let writer = |line: usize, times: usize| {
        let file = file.clone();
        thread::spawn(move || {
            number_thread(line);
            (0..times).for_each(|_| file.increment(places, line, unit));
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
    file.dirty.take_owed(0, usize::MAX, Owed::All, &file.pressure, |_, _| {});
    file.dirty.forget_clean(0, usize::MAX, &file.pressure, |_, _| true);
    assert_eq!(file.pressure.private_pages.load(Relaxed), 0);
}

#[test]
fn two_lines_of_one_page() {
    check(2, Weakness::None, || writers_and_gathers([0, LINE], Unit::Inside, Races::Seen));
}

#[test]
fn two_threads_on_one_line() {
    check(2, Weakness::None, || writers_and_gathers([LINE, LINE], Unit::Inside, Races::Seen));
}

#[test]
fn two_pages_of_one_region() {
    check(2, Weakness::None, || writers_and_gathers([0, PAGE], Unit::Inside, Races::Seen));
}

#[test]
fn two_regions() {
    check(2, Weakness::None, || writers_and_gathers([0, 64 * PAGE], Unit::Inside, Races::Seen));
}

#[test]
#[should_panic(expected = "a marked line is lost")]
fn the_gate_must_keep_the_gather_out() {
    check(2, Weakness::None, || writers_and_gathers([0, PAGE], Unit::Outside, Races::Forgiven));
}

#[test]
#[should_panic(expected = "a marked line is lost")]
fn relaxed_bits_need_the_order_of_the_gate() {
    check(2, Weakness::Relaxed, || writers_and_gathers([0, PAGE], Unit::Inside, Races::Forgiven));
}

#[test]
#[should_panic(expected = "a line is gathered")]
fn a_page_must_be_taken_before_it_is_changed() {
    check(3, Weakness::None, || writers_and_gathers([0, PAGE], Unit::Heedless, Races::Forgiven));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn who_finds_no_marks_must_come_after_the_copy() {
    check(3, Weakness::Unpaired, || writers_and_gathers([0, PAGE], Unit::Inside, Races::Seen));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_page_that_is_changed_while_it_is_taken_is_a_race() {
    check(3, Weakness::None, || writers_and_gathers([0, PAGE], Unit::Heedless, Races::Seen));
}
