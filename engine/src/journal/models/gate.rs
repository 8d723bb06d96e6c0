//! The gate by itself: G1 and G2, with counters of one's own and shared, and two closers.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use loom::thread;

use super::check;
use crate::journal::gate::Gate;
use crate::sync::AtomicU64;
use crate::sync::model::{Weakness, number_thread};

/// Two numbers that units of work change one after the other, so that outside they are equal.
#[derive(Default)]
struct Pair {
    gate: Gate,
    first: AtomicU64,
    second: AtomicU64,
}

impl Pair {
    fn unit(&self) {
        let _inside = self.gate.enter();
        self.first.fetch_add(1, Relaxed);
        self.second.fetch_add(1, Relaxed);
    }

    fn gather(&self) -> u64 {
        let _closed = self.gate.close();
        let sum = self.first.load(Relaxed);
        assert_eq!(sum, self.second.load(Relaxed), "half a unit of work is seen");
        sum
    }
}

/// One unit on each numbered thread beside `gathers` threads that close the gate.
fn units_and_gathers(units: &'static [usize], gathers: usize) {
    let pair = Arc::new(Pair::default());
    let mut threads = Vec::new();
    for &number in units {
        let pair = pair.clone();
        threads.push(thread::spawn(move || {
            number_thread(number);
            pair.unit();
        }));
    }
    for _ in 1..gathers {
        let pair = pair.clone();
        threads.push(thread::spawn(move || {
            pair.gather();
        }));
    }
    pair.gather();
    for thread in threads {
        thread.join().expect("no panic");
    }
    assert_eq!(pair.gather(), units.len() as u64);
}

#[test]
fn nobody_is_inside_while_it_is_closed() {
    check(4, Weakness::None, || units_and_gathers(&[0], 1));
}

#[test]
fn threads_that_share_a_counter() {
    check(4, Weakness::None, || units_and_gathers(&[1, 1], 1));
}

#[test]
fn threads_with_counters_of_their_own() {
    check(4, Weakness::None, || units_and_gathers(&[0, 1], 1));
}

#[test]
fn two_closers() {
    check(4, Weakness::None, || units_and_gathers(&[0], 2));
}

#[test]
#[should_panic(expected = "half a unit of work is seen")]
fn the_second_look_must_be_in_sequentially_consistent_order() {
    check(4, Weakness::AcquireRelease, || units_and_gathers(&[0], 1));
}

#[test]
#[should_panic(expected = "half a unit of work is seen")]
fn who_leaves_must_hand_over_what_it_wrote() {
    check(4, Weakness::Relaxed, || units_and_gathers(&[0], 1));
}

#[test]
#[should_panic(expected = "deadlock")]
fn who_sleeps_must_be_woken() {
    check(4, Weakness::Deaf, || units_and_gathers(&[0], 1));
}
