//! The articles' code as printed fails as it fails on MongoDB.

use bson::{RawDocumentBuf, doc, rawdoc};
use tallymap::reports::{Day, Growth, PageViews};
use tallymap::{Collection, Error, Reason, Result, UpdateReport};

use crate::hits::{at, day, engine};

const SITE: &str = "site-1";
const PAGE: &str = "/apache_pb.gif";

fn metadata(date: Day) -> RawDocumentBuf {
    rawdoc! { "date": date.date(), "site": SITE, "page": PAGE }
}

fn grid(names: std::ops::Range<u32>, value: impl Fn() -> bson::Bson) -> bson::Document {
    names.map(|i| (i.to_string(), value())).collect()
}

/// The daily half of `preallocate`, with the counters in the query.
fn preallocate_daily(daily: &Collection, date: Day) -> Result<UpdateReport> {
    let minute = grid(0..24, || grid(0..60, || 0.into()).into());
    let hourly = grid(0..24, || 0.into());
    let query =
        doc! { "_id": format!("20001010/{SITE}{PAGE}"), "hourly": hourly, "minute": minute };
    let query = RawDocumentBuf::try_from(&query).expect("BSON");
    daily.update_one(query, rawdoc! { "$set": { "metadata": metadata(date) } })?.upsert(true).run()
}

/// The monthly half, which sets `m` where `log_hit` looks for `metadata`.
fn preallocate_monthly(monthly: &Collection, date: Day) -> Result<UpdateReport> {
    let query = doc! { "_id": format!("200010/{SITE}{PAGE}"), "daily": grid(1..32, || 0.into()) };
    let query = RawDocumentBuf::try_from(&query).expect("BSON");
    let update = rawdoc! { "$set": { "m": metadata(date) } };
    monthly.update_one(query, update)?.upsert(true).run()
}

/// `log_hit`'s daily update as printed.
fn log_hit(daily: &Collection, metadata: RawDocumentBuf) -> Result<UpdateReport> {
    let query = rawdoc! { "_id": format!("20001010/{SITE}{PAGE}"), "metadata": metadata };
    let update = rawdoc! { "$inc": { "hourly.13": 1, "minute.13.37": 1 } };
    daily.update_one(query, update)?.upsert(true).run()
}

fn is_e11000<T: std::fmt::Debug>(result: Result<T>) -> bool {
    match result {
        Err(error @ Error::DuplicateKey { .. }) => error.to_string().starts_with("E11000"),
        other => panic!("{other:?}"),
    }
}

fn grown(engine: &tallymap::Engine) -> PageViews {
    PageViews::builder(engine, "stats").growth(Growth::Grow).open().expect("opens")
}

#[test]
fn preallocate_with_counters_in_the_query_fails_once_a_hit_is_counted() {
    let (_dir, engine) = engine();
    let daily = grown(&engine).daily().clone();
    let date = day("2000-10-10");
    let fresh = preallocate_daily(&daily, date).expect("inserts");
    assert!(fresh.upserted.is_some());
    let document = daily.find(rawdoc! {}).run().expect("finds").next().expect("one").expect("read");
    let names: Vec<_> = document.iter().map(|f| f.expect("BSON").0.to_string()).collect();
    assert_eq!(names, ["_id", "hourly", "minute", "metadata"]);
    let again = preallocate_daily(&daily, date).expect("matches");
    assert_eq!((again.matched, again.modified, again.upserted), (1, 0, None));
    let hit = log_hit(&daily, metadata(date)).expect("counts");
    assert_eq!((hit.matched, hit.in_place), (1, true));
    assert!(is_e11000(preallocate_daily(&daily, date)));
    assert_eq!(daily.count().expect("counts"), 1);
}

#[test]
fn the_month_that_was_preallocated_with_m_never_counts() {
    let (_dir, engine) = engine();
    let monthly = grown(&engine).monthly().clone();
    let first = day("2000-10-01");
    preallocate_monthly(&monthly, first).expect("inserts");
    for _ in 0..2 {
        let query = rawdoc! { "_id": format!("200010/{SITE}{PAGE}"), "metadata": metadata(first) };
        let update = rawdoc! { "$inc": { "daily.10": 1 } };
        let request = monthly.update_one(query, update).expect("an update");
        assert!(is_e11000(request.upsert(true).run()));
    }
    let document = monthly.find_one(rawdoc! {}).expect("finds").expect("one");
    assert_eq!(document.get_document("daily").expect("days").get_i32("10").ok(), Some(0));
}

#[test]
fn the_ready_made_log_hit_counts_in_such_a_month() {
    let (_dir, engine) = engine();
    let views = grown(&engine);
    preallocate_monthly(views.monthly(), day("2000-10-01")).expect("inserts");
    views.log_hit(at("2000-10-10", 13, 37), SITE, PAGE).expect("counted");
    let series = views.by_day(SITE, PAGE, day("2000-10-10")..day("2000-10-11")).expect("days");
    assert_eq!(series.counts, [1]);
    views.preallocate(day("2000-10-10"), SITE, PAGE).expect("nothing to do");
    assert_eq!(views.monthly().count().expect("counts"), 1);
}

#[test]
fn metadata_in_another_order_is_another_value() {
    let (_dir, engine) = engine();
    let daily = grown(&engine).daily().clone();
    let date = day("2000-10-10");
    assert!(log_hit(&daily, metadata(date)).expect("inserts").upserted.is_some());
    assert_eq!(log_hit(&daily, metadata(date)).expect("counts").matched, 1);
    let other = rawdoc! { "site": SITE, "page": PAGE, "date": date.date() };
    assert!(is_e11000(log_hit(&daily, other)));
}

#[test]
fn a_plain_upsert_creates_fields_in_the_order_of_query_and_update() {
    let (_dir, engine) = engine();
    let daily = grown(&engine).daily().clone();
    let date = day("2000-10-10");
    log_hit(&daily, metadata(date)).expect("inserts");
    let expected = rawdoc! {
        "_id": format!("20001010/{SITE}{PAGE}"), "metadata": metadata(date),
        "hourly": { "13": 1 }, "minute": { "13": { "37": 1 } },
    };
    assert_eq!(daily.find_one(rawdoc! {}).expect("finds"), Some(expected));
}

#[test]
fn zeroing_and_counting_in_one_update_conflict() {
    let (_dir, engine) = engine();
    let daily = grown(&engine).daily().clone();
    let update = rawdoc! { "$setOnInsert": { "h": { "1": 0, "2": 0 } }, "$inc": { "h.1": 1 } };
    let request = daily.update_one(rawdoc! { "_id": 1 }, update);
    let refused = request.and_then(|request| request.upsert(true).run());
    match refused {
        Err(Error::Refused { reason: Reason::ConflictingUpdateOperators, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(daily.count().expect("counts"), 0);
}
