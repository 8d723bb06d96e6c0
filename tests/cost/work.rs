//! Work done, counted: allocations, syncs, lines, moves.

use bson::rawdoc;
use tallymap::reports::MinuteLayout;
use tallymap::{Engine, LocatedBy};

use crate::support::{PAGE_ID, path, quiet, zeroed_day};

/// What a counter of the engine grew by meanwhile.
fn grown<R>(engine: &Engine, name: &str, work: impl FnOnce() -> R) -> u64 {
    let value = || {
        let all = engine.counters().all();
        all.into_iter().find(|(of, _)| *of == name).expect("a counter of that name").1
    };
    let before = value();
    work();
    value() - before
}

#[test]
fn a_hit_allocates_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = quiet(&dir).open().expect("opens");
    let daily = zeroed_day(&engine, MinuteLayout::Hierarchical);
    let (hour, minute) = (path("hourly.13"), path("minute.13.37"));
    let counters = [(&hour, 1), (&minute, 1)];
    let hit = || {
        let report = daily.increment(PAGE_ID, &counters).expect("counted");
        assert_eq!((report.in_place, report.modified), (true, 1));
        report.located_by
    };
    hit();
    let counted = allocation_counter::measure(|| {
        for _ in 0..1_000 {
            assert_eq!(hit(), LocatedBy::Memo);
        }
    });
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
    // The measure can fail.
    let some = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(1))));
    assert_eq!(some.count_total, 1);
}

#[test]
fn hits_on_many_documents_allocate_nothing_either() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = quiet(&dir).open().expect("opens");
    let daily = engine.collection("stats.daily").expect("named");
    let ids: Vec<String> = (0..100).map(|i| format!("page-{i}")).collect();
    for id in &ids {
        let document = rawdoc! { "_id": id.as_str(), "n": 0i32, "m": { "0": 0i32, "1": 0i32 } };
        daily.insert_one(document).expect("inserted");
    }
    let (n, m) = (path("n"), path("m.1"));
    let round = || {
        for id in &ids {
            daily.increment(id.as_str(), &[(&n, 1), (&m, 2)]).expect("counted");
        }
    };
    round();
    let rounds = || (0..10).for_each(|_| round());
    let counted = allocation_counter::measure(rounds);
    assert_eq!(counted.count_total, 0);
    for id in &ids {
        let document = daily.find_by_id(id.as_str()).expect("read").expect("there");
        assert_eq!(document.get_i32("n").ok(), Some(11));
    }
    // Nor do they walk the b-tree, which an engine without memos does for each.
    assert_eq!(grown(&engine, "record_memo_misses", rounds), 0);
    assert_eq!(grown(&engine, "record_memo_hits", rounds), 10 * 100);
    drop((daily, engine));
    let engine = quiet(&dir).memos(false).open().expect("opens");
    let daily = engine.collection("stats.daily").expect("named");
    let hit = || daily.increment(ids[0].as_str(), &[(&n, 1)]).map(drop).expect("counted");
    assert_eq!(grown(&engine, "record_memo_misses", hit), 1);
}

#[test]
fn one_commit_is_one_sync_of_the_journal() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = quiet(&dir).open().expect("opens");
    let daily = zeroed_day(&engine, MinuteLayout::Hierarchical);
    engine.sync().expect("synced");
    for round in 0..5 {
        let counter = path(&format!("hourly.{round}"));
        daily.increment(PAGE_ID, &[(&counter, 1)]).expect("counted");
        let held = engine.holds().gathers.count();
        let syncs = grown(&engine, "journal_syncs", || {
            let commits = grown(&engine, "commits", || engine.wait_durable().expect("durable"));
            assert_eq!(commits, 1);
        });
        assert_eq!(syncs, 1);
        assert_eq!(engine.holds().gathers.count(), held + 1);
    }
    // Whatever is durable already needs no other commit.
    assert_eq!(grown(&engine, "journal_syncs", || engine.wait_durable().expect("durable")), 0);
}

#[test]
fn increments_of_one_counter_between_two_commits_are_one_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = quiet(&dir).open().expect("opens");
    let daily = zeroed_day(&engine, MinuteLayout::Hierarchical);
    engine.sync().expect("synced");
    let counter = path("minute.13.37");
    for _ in 0..1_000 {
        let report = daily.increment(PAGE_ID, &[(&counter, 1)]).expect("counted");
        assert_eq!(report.lines_dirtied, 1);
    }
    let bytes = grown(&engine, "journaled_bytes", || {
        let commits = grown(&engine, "commits", || engine.wait_durable().expect("durable"));
        assert_eq!(commits, 1);
    });
    // The line, the entry that places it, and the name of its database.
    assert_eq!(bytes, 64 + 12 + 4 + "stats\0".len() as u64);
}

#[test]
fn counting_in_place_moves_nothing_and_changes_no_index() {
    let dir = tempfile::tempdir().expect("a directory");
    let engine = quiet(&dir).open().expect("opens");
    let daily = zeroed_day(&engine, MinuteLayout::Flat);
    let paths: Vec<_> = (0..1440).map(|minute| path(&format!("minute.{minute}"))).collect();
    let size = daily.stats().expect("read").size;
    let still = ["moves", "bucket_splits", "extents_allocated", "files_created"];
    for name in still {
        let worked = grown(&engine, name, || {
            for path in &paths {
                assert!(daily.increment(PAGE_ID, &[(path, 1)]).expect("counted").in_place);
            }
        });
        assert_eq!(worked, 0, "{name}");
    }
    assert_eq!(daily.stats().expect("read").size, size);
    // These counters can move.
    let other = engine.collection("stats.other").expect("named");
    for name in ["extents_allocated", "bucket_splits"] {
        let worked = grown(&engine, name, || {
            for i in 0..400 {
                let id = format!("{name}-{i}-{}", "x".repeat(200));
                other.insert_one(rawdoc! { "_id": id, "pad": "y".repeat(200) }).expect("inserted");
            }
        });
        assert!(worked > 0, "{name}");
    }
}
