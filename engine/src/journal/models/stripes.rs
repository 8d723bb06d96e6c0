//! Units in place: a gather, which holds all stripes, sees each of them whole or not at all, and
//! two of one record exclude each other.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::thread;

use super::check;
use crate::counters::Counters;
use crate::disk_loc::{DiskLoc, FileNo, RecordLoc};
use crate::journal::write_side::WriteSide;
use crate::sync::AtomicU64;
use crate::sync::model::{Weakness, number_thread};

/// Two numbers of one record, which units change one after the other. They are loaded and stored,
/// so that of two units at once one is lost.
struct Record {
    side: WriteSide,
    first: AtomicU64,
    second: AtomicU64,
}

fn loc() -> RecordLoc {
    RecordLoc(DiskLoc::new(FileNo(0), 8192))
}

impl Record {
    fn increment(&self) {
        let _stripe = self.side.stripes.write(loc());
        for number in [&self.first, &self.second] {
            number.store(number.load(Relaxed) + 1, Relaxed);
        }
    }

    fn gather(&self) -> u64 {
        let _still = self.side.close();
        let sum = self.first.load(Relaxed);
        assert_eq!(sum, self.second.load(Relaxed), "half a unit of work is seen");
        sum
    }

    fn read(&self) {
        let _stripe = self.side.stripes.read(loc());
        let sum = self.first.load(Relaxed);
        assert_eq!(sum, self.second.load(Relaxed), "half a unit of work is read");
    }
}

/// What goes on beside a unit of work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Gather,
    Unit,
    Reader,
}

/// A thread with a unit of work, and this one with something else.
fn unit_and(beside: Beside) {
    let side = WriteSide::new(Arc::new(Counters::default()), 1);
    let record = Arc::new(Record { side, first: AtomicU64::new(0), second: AtomicU64::new(0) });
    let unit = thread::spawn({
        let record = record.clone();
        move || {
            number_thread(1);
            record.increment();
        }
    });
    match beside {
        Beside::Gather => {
            record.gather();
        }
        Beside::Unit => record.increment(),
        Beside::Reader => record.read(),
    }
    unit.join().expect("no panic");
    let units = if beside == Beside::Unit { 2 } else { 1 };
    assert_eq!(record.gather(), units, "a unit of work is lost");
}

#[test]
fn a_unit_beside_a_gather() {
    check(3, Weakness::None, || unit_and(Beside::Gather));
}

#[test]
fn two_units_of_one_record() {
    check(3, Weakness::None, || unit_and(Beside::Unit));
}

#[test]
fn a_unit_beside_a_reader() {
    check(3, Weakness::None, || unit_and(Beside::Reader));
}
