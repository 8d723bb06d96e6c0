//! The fields that an increment skips, exactly; and how a memo spares them.
//!
//! The daily document begins with `_id`, `metadata`, `hourly`, `minute`: three top-level fields
//! are skipped on the way to `minute`, two on the way to `hourly`. Inside `minute` it is the
//! articles' arithmetic: hours and minutes before, or minutes of the day before.

use tallymap::reports::MinuteLayout;
use tallymap::{Engine, LocatedBy};

use crate::support::{PAGE_ID, path, quiet, zeroed_day};

const TOP_LEVEL: u32 = 3;

/// Fields skipped by one increment of `counter`, without memos.
fn skipped(engine: &Engine, layout: MinuteLayout, counter: &str) -> u32 {
    let daily = zeroed_day(engine, layout);
    let report = daily.increment(PAGE_ID, &[(&path(counter), 1)]).expect("counted");
    assert_eq!((report.located_by, report.in_place), (LocatedBy::Scan, true));
    report.fields_skipped
}

#[test]
fn hierarchical_minutes_skip_hours_then_minutes() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = quiet(&dir).memos(false).open().expect("opens");
    for (counter, inside) in [("minute.0.0", 0), ("minute.13.37", 13 + 37), ("minute.23.59", 82)] {
        let skipped = skipped(&engine, MinuteLayout::Hierarchical, counter);
        assert_eq!(skipped, TOP_LEVEL + inside, "{counter}");
    }
    assert_eq!(engine.counters().layout_memo_hits.get(), 0);
    assert_eq!(engine.counters().record_memo_hits.get(), 0);
}

#[test]
fn flat_minutes_skip_every_minute_before() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = quiet(&dir).memos(false).open().expect("opens");
    for minute in [0, 817, 1439] {
        let skipped = skipped(&engine, MinuteLayout::Flat, &format!("minute.{minute}"));
        assert_eq!(skipped, TOP_LEVEL + minute);
    }
}

#[test]
fn every_minute_of_the_day_and_their_averages() {
    for (layout, average) in [(MinuteLayout::Hierarchical, 41.0), (MinuteLayout::Flat, 719.5)] {
        let dir = tempfile::tempdir().expect("a directory");
        let engine = quiet(&dir).memos(false).open().expect("opens");
        let daily = zeroed_day(&engine, layout);
        let mut total = 0;
        for minute in 0..1440 {
            let (counter, inside) = match layout {
                MinuteLayout::Hierarchical => {
                    let (hour, minute) = (minute / 60, minute % 60);
                    (format!("minute.{hour}.{minute}"), hour + minute)
                }
                MinuteLayout::Flat => (format!("minute.{minute}"), minute),
            };
            let report = daily.increment(PAGE_ID, &[(&path(&counter), 1)]).expect("counted");
            assert_eq!(report.fields_skipped, TOP_LEVEL + inside, "{counter}");
            total += inside;
        }
        assert_eq!(f64::from(total) / 1440.0, average);
    }
}

#[test]
fn bytes_skipped_are_those_before_the_counter() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = quiet(&dir).memos(false).open().expect("opens");
    let daily = zeroed_day(&engine, MinuteLayout::Hierarchical);
    let bytes = |counter: &str| {
        let report = daily.increment(PAGE_ID, &[(&path(counter), 1)]).expect("counted");
        report.bytes_skipped
    };
    let first = bytes("minute.0.0");
    // One counter of a one-digit name: type, name, NUL, value.
    assert_eq!(bytes("minute.0.1") - first, 1 + 2 + 4);
    assert_eq!(bytes("minute.0.10") - first, 10 * 7);
    // An hour is skipped whole: its element's head, its length and NUL, its counters.
    let hour = (1 + 2) + (4 + 1) + 10 * 7 + 50 * 8;
    assert_eq!(bytes("minute.1.0") - first, hour);
    assert_eq!(bytes("minute.2.0") - first, 2 * hour);
}

#[test]
fn both_counters_of_a_hit_and_the_operators_skip_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = quiet(&dir).memos(false).open().expect("opens");
    let daily = zeroed_day(&engine, MinuteLayout::Hierarchical);
    let (hour, minute) = (path("hourly.13"), path("minute.13.37"));
    let report = daily.increment(PAGE_ID, &[(&hour, 1), (&minute, 1)]).expect("counted");
    // Each counter is walked to from the start.
    assert_eq!(report.fields_skipped, (2 + 13) + (TOP_LEVEL + 13 + 37));
    let filter = bson::rawdoc! { "_id": PAGE_ID };
    let update = bson::rawdoc! { "$inc": { "minute.13.37": 1 } };
    let by_operator = daily.update_one(filter, update).and_then(|u| u.run()).expect("counted");
    assert_eq!(by_operator.fields_skipped, TOP_LEVEL + 13 + 37);
    assert_eq!((by_operator.in_place, by_operator.located_by), (true, LocatedBy::Scan));
}

#[test]
fn a_memo_skips_nothing_from_the_second_hit_on() {
    for layout in [MinuteLayout::Hierarchical, MinuteLayout::Flat] {
        let dir = tempfile::tempdir().expect("a directory");
        let engine = quiet(&dir).open().expect("opens");
        let daily = zeroed_day(&engine, layout);
        let counter = match layout {
            MinuteLayout::Hierarchical => path("minute.23.59"),
            MinuteLayout::Flat => path("minute.1439"),
        };
        daily.increment(PAGE_ID, &[(&counter, 1)]).expect("counted");
        let hits = engine.counters().record_memo_hits.get();
        let second = daily.increment(PAGE_ID, &[(&counter, 1)]).expect("counted");
        assert_eq!(second.located_by, LocatedBy::Memo);
        assert_eq!((second.fields_skipped, second.bytes_skipped), (0, 0));
        assert_eq!(engine.counters().record_memo_hits.get(), hits + 1);
        let document = daily.find_by_id(PAGE_ID).expect("read").expect("there");
        let mut value = document.get("minute").ok().flatten();
        for name in counter.as_str().split('.').skip(1) {
            value = value.and_then(|v| v.as_document()).and_then(|d| d.get(name).ok().flatten());
        }
        assert_eq!(value.and_then(|value| value.as_i32()), Some(2));
    }
}
