//! Many threads upsert one missing `_id`: it is created once, and no count is lost.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};

use bson::rawdoc;
use tallymap::reports::PageViews;
use tallymap::{CollectionOptions, FieldPath};

use crate::support::{assert_valid, counter, documents, pressed, reopen_and};

const THREADS: usize = 8;
const KEYS: i64 = 300;

#[test]
fn one_missing_id_is_created_once() {
    let (dir, engine) = pressed();
    let created = AtomicU64::new(0);
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                // Nor does the collection exist: the first upsert creates it, too.
                let collection = engine.collection("race.upserts").expect("named");
                start.wait();
                for key in 0..KEYS {
                    let filter = rawdoc! { "_id": key, "metadata": { "site": "s", "key": key } };
                    let update = rawdoc! { "$inc": { "n": 1, "h.1": 1 } };
                    let request = collection.update_one(filter, update).expect("an update");
                    let report = request.upsert(true).run().expect("never a duplicate key");
                    match report.upserted {
                        Some(_) => assert_eq!(created.fetch_add(1, Ordering::Relaxed) / 300, 0),
                        None => assert_eq!((report.matched, report.modified), (1, 1)),
                    }
                }
            });
        }
    });
    assert_eq!(created.into_inner(), KEYS as u64);
    reopen_and(&dir, engine, |engine| {
        let collection = engine.collection("race.upserts").expect("named");
        let found = documents(&collection);
        assert_eq!(found.len(), KEYS as usize);
        for document in &found {
            let hour = document.get_document("h").expect("hours");
            assert_eq!((counter(document, "n"), counter(hour, "1")), (8, 8));
        }
        assert_valid(&collection);
    });
}

#[test]
fn a_template_is_instantiated_once() {
    let (dir, engine) = pressed();
    let database = engine.database("race").expect("named");
    let template = rawdoc! { "n": 0i64, "m": { "$grid": [24, 60] } };
    let options = CollectionOptions::default().template(template);
    let collection = database.create_collection("zeroed", options).expect("created");
    let created = AtomicU64::new(0);
    let start = Barrier::new(THREADS);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (created, start, collection) = (&created, &start, &collection);
            scope.spawn(move || {
                let n = FieldPath::parse("n").expect("a path");
                let minute = FieldPath::parse(&format!("m.{thread}.7")).expect("a path");
                start.wait();
                for key in 0..KEYS {
                    let report = collection.increment(key, &[(&n, 1), (&minute, 1)]);
                    let upserted = report.expect("counted").upserted.is_some();
                    created.fetch_add(u64::from(upserted), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(created.into_inner(), KEYS as u64);
    assert_eq!(engine.counters().moves.get(), 0);
    reopen_and(&dir, engine, |engine| {
        let collection = engine.collection("race.zeroed").expect("named");
        let found = documents(&collection);
        assert_eq!(found.len(), KEYS as usize);
        for document in &found {
            assert_eq!(counter(document, "n"), THREADS as i64);
            let minutes = document.get_document("m").expect("minutes");
            for thread in 0..THREADS {
                let hour = minutes.get_document(thread.to_string()).expect("an hour");
                assert_eq!(counter(hour, "7"), 1);
            }
        }
        assert_valid(&collection);
    });
}

#[test]
fn the_first_hits_of_a_page_lose_nothing_under_any_growth() {
    use tallymap::reports::{Day, Growth};
    let day: Day = "2000-02-29".parse().expect("a day");
    for growth in [Growth::Template, Growth::Preallocate, Growth::Grow] {
        let (_dir, engine) = pressed();
        let views = PageViews::builder(&engine, "stats").growth(growth).open().expect("opens");
        let start = Barrier::new(4);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    for hit in 0..400 {
                        let page = format!("/{}", hit / 8);
                        let minute = day.start().plus(hit * 7 % 1440);
                        views.log_hit(minute, "site-1", &page).expect("counted");
                    }
                });
            }
        });
        let mut total = 0;
        for page in 0..50 {
            let page = format!("/{page}");
            let range = day.start()..day.plus(1).start();
            let minutes = views.minutes("site-1", &page, range.clone()).expect("minutes").total();
            let hours = views.hourly("site-1", &page, range).expect("hours").total();
            let days = views.by_day("site-1", &page, day..day.plus(1)).expect("days").total();
            assert_eq!((minutes, hours, days), (32, 32, 32), "{growth:?} {page}");
            total += minutes;
        }
        assert_eq!(total, 1600);
        assert_valid(views.daily());
        assert_valid(views.monthly());
    }
}
