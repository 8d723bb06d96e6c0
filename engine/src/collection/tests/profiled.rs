//! What the profiler writes down of operations.

use std::sync::Arc;

use bson::{Document, RawDocumentBuf, doc, rawdoc};

use crate::disk::HeapDisk;
use crate::{AskedBy, Collection, Engine, FieldPath, Hint, IndexSpec, Profiling, ProfilingLevel};

fn engine() -> Engine {
    let disk = Arc::new(HeapDisk::new());
    Engine::builder("heap").disk(disk).background(false).ns_size_mib(1).open().expect("opens")
}

fn profile_all(engine: &Engine) {
    let told = Profiling { level: ProfilingLevel::All, ..Profiling::default() };
    engine.database("stats").expect("named").set_profiling(told).expect("told");
}

/// The entries so far, the profiler being switched off.
fn entries(engine: &Engine) -> Vec<Document> {
    engine.database("stats").expect("named").set_profiling(Profiling::default()).expect("told");
    let entries = engine.collection("stats.system.profile").expect("named");
    let found = entries.find(rawdoc! {}).run().expect("a find");
    found.map(|entry| Document::try_from(entry.expect("read")).expect("BSON")).collect()
}

fn days(engine: &Engine) -> Collection {
    let days = engine.collection("stats.days").expect("named");
    for n in 0..20 {
        days.insert_one(rawdoc! { "_id": n, "a": n % 5, "h": { "0": 0, "1": 0 } }).expect("in");
    }
    days
}

#[test]
fn says_nothing_unless_told() {
    let engine = engine();
    days(&engine);
    assert!(entries(&engine).is_empty());
    assert!(!engine.collection("stats.system.profile").expect("named").exists());
}

#[test]
fn updates_say_what_they_cost() {
    let engine = engine();
    let days = days(&engine);
    profile_all(&engine);
    let update = |filter: RawDocumentBuf, update: RawDocumentBuf| {
        days.update_one(filter, update).expect("parsed").run()
    };
    let hit = update(rawdoc! { "_id": 3 }, rawdoc! { "$inc": { "h.1": 1 } }).expect("a hit");
    let grown = update(rawdoc! { "_id": 3 }, rawdoc! { "$set": { "x": "y".repeat(500) } });
    assert!(grown.expect("grows").moved.is_some());
    update(rawdoc! { "_id": 3 }, rawdoc! { "$inc": { "h": 1 } }).expect_err("no number");
    days.increment(4, &[(&FieldPath::parse("h.0").expect("a path"), 2)]).expect("a hit");
    let told = entries(&engine);
    assert_eq!(told.len(), 4);
    let cost = told[0].get_document("tallymap").expect("a cost");
    assert_eq!(cost.get_i64("fieldsSkipped").ok(), Some(i64::from(hit.fields_skipped)));
    assert_eq!(told[0].get_bool("fastmod").ok(), Some(true));
    assert_eq!(told[1].get_bool("moved").ok(), Some(true));
    assert_eq!(told[1].get_i32("nmoved").ok(), Some(1));
    assert_eq!(told[2].get_i32("errCode").ok(), Some(14));
    let command = told[3].get_document("command").expect("a command");
    assert_eq!(command.get_document("q").expect("a filter").get_i32("_id").ok(), Some(4));
    assert!(told.iter().all(|entry| entry.get_str("op").ok() == Some("update")));
    assert!(told.iter().all(|entry| entry.get_str("ns").ok() == Some("stats.days")));
    assert!(told.iter().all(|entry| entry.get_datetime("ts").is_ok()));
}

#[test]
fn reads_say_what_they_looked_at() {
    let engine = engine();
    let days = days(&engine);
    days.create_index(IndexSpec::new(&[("a", 1)])).expect("built");
    profile_all(&engine);
    let found = days.find(rawdoc! { "a": 3 }).sort(rawdoc! { "_id": -1 }).run().expect("a find");
    assert_eq!(found.count(), 4);
    let mut cursor = days.find(rawdoc! {}).run().expect("a find");
    assert_eq!(cursor.next_batch(15, 1 << 20).expect("a batch").len(), 15);
    assert_eq!(cursor.next_batch(15, 1 << 20).expect("a batch").len(), 5);
    drop(cursor);
    assert_eq!(days.count_documents(rawdoc! { "a": 1 }).run().expect("counted"), 4);
    assert_eq!(days.distinct("a", rawdoc! {}).run().expect("found").len(), 5);
    let grouped = days.aggregate([rawdoc! { "$group": { "_id": "$a" } }]).run().expect("runs");
    assert_eq!(grouped.count(), 5);
    assert_eq!(days.delete_many(rawdoc! { "a": 2 }).expect("deleted"), 4);
    let told = entries(&engine);
    let ops: Vec<_> = told.iter().map(|entry| entry.get_str("op").expect("a name")).collect();
    let expected = ["query", "query", "getmore", "command", "command", "command", "remove"];
    assert_eq!(ops, expected);
    assert_eq!(told[0].get_str("planSummary").ok(), Some("IXSCAN { a: 1 }"));
    assert_eq!(told[0].get_i64("keysExamined").ok(), Some(4));
    assert_eq!(told[0].get_i64("docsExamined").ok(), Some(4));
    assert_eq!(told[0].get_i64("nreturned").ok(), Some(4));
    assert_eq!(told[0].get_bool("hasSortStage").ok(), Some(true));
    assert_eq!(told[1].get_str("planSummary").ok(), Some("COLLSCAN"));
    assert_eq!(told[1].get_i64("nreturned").ok(), Some(15));
    assert_eq!(told[2].get_i64("nreturned").ok(), Some(5));
    assert_eq!(told[6].get_i64("ndeleted").ok(), Some(4));
}

#[test]
fn slow_ones_and_samples() {
    let engine = engine();
    let days = days(&engine);
    let database = engine.database("stats").expect("named");
    let slow_ms = 3_600_000;
    let told = Profiling { level: ProfilingLevel::Slow, slow_ms, ..Profiling::default() };
    assert_eq!(database.set_profiling(told).expect("told"), Profiling::default());
    assert_eq!(database.profiling(), told);
    days.find_by_id(1).expect("found");
    days.delete_one(rawdoc! { "_id": 1 }).expect("deleted");
    assert!(entries(&engine).is_empty());
    let below = Profiling { slow_ms: -1, ..told };
    database.set_profiling(below).expect("told");
    days.delete_one(rawdoc! { "_id": 99 }).expect("nothing deleted");
    assert_eq!((database.profiling(), entries(&engine).len()), (below, 1));
    let half = Profiling { level: ProfilingLevel::All, sample_rate: 0.5, ..told };
    database.set_profiling(half).expect("told");
    for n in 2..12 {
        days.delete_one(rawdoc! { "_id": n }).expect("deleted");
    }
    assert_eq!(entries(&engine).len(), 1 + 5);
    for rate in [-0.1, 1.1, f64::NAN] {
        let refused = database.set_profiling(Profiling { sample_rate: rate, ..half });
        assert_eq!(refused.expect_err("no share").code(), 2);
    }
}

#[test]
fn the_entries_are_capped_and_the_files_sound() {
    let engine = engine();
    let days = days(&engine);
    profile_all(&engine);
    let long = "z".repeat(40_000);
    for _ in 0..60 {
        days.delete_one(rawdoc! { "a": long.as_str() }).expect("nothing deleted");
    }
    let left = entries(&engine);
    assert!((10..60).contains(&left.len()), "{}", left.len());
    let entries = engine.collection("stats.system.profile").expect("named");
    assert!(entries.validate(true).expect("validated").is_valid());
    assert!(entries.indexes().expect("listed").is_empty());
}

#[test]
fn what_is_slow_is_so_in_all_databases() {
    let engine = engine();
    let (one, other) = (engine.database("a").expect("named"), engine.database("b").expect("named"));
    let told = Profiling { level: ProfilingLevel::Slow, slow_ms: 7, sample_rate: 0.25 };
    one.set_profiling(told).expect("told");
    assert_eq!(other.profiling(), Profiling { level: ProfilingLevel::Off, ..told });
    other.set_profiling(Profiling::default()).expect("told");
    assert_eq!(one.profiling().level, ProfilingLevel::Slow);
    assert_eq!(one.profiling().slow_ms, Profiling::default().slow_ms);
}

#[test]
fn entries_name_whoever_asked() {
    let engine = engine();
    let days = days(&engine);
    profile_all(&engine);
    let asked_by = |client: &str, app: Option<&str>| AskedBy {
        client: client.into(),
        app_name: app.map(Into::into),
    };
    asked_by("10.0.0.1", Some("counter")).run(|| {
        days.delete_one(rawdoc! { "_id": 1 }).expect("deleted");
        asked_by("10.0.0.2", None).run(|| days.delete_one(rawdoc! { "_id": 2 }).expect("deleted"));
        days.find_one_and_delete(rawdoc! { "_id": 3 }).run().expect("deleted");
    });
    days.delete_one(rawdoc! { "_id": 4 }).expect("deleted");
    let told = entries(&engine);
    let of = |name: &str| told.iter().map(|entry| entry.get_str(name).ok()).collect::<Vec<_>>();
    let (one, two) = (Some("10.0.0.1"), Some("10.0.0.2"));
    assert_eq!(of("client"), [one, two, one, None]);
    assert_eq!(of("appName"), [Some("counter"), None, Some("counter"), None]);
    assert_eq!(told[2].get_i64("ndeleted").ok(), Some(1));
}

#[test]
fn entries_of_a_request_repeat_it_and_tell_its_reply() {
    let engine = engine();
    let days = days(&engine);
    profile_all(&engine);
    let somebody = AskedBy { client: "127.0.0.1:1".into(), app_name: None };
    let work = || {
        assert_eq!(days.find(rawdoc! { "a": 1 }).run().expect("a find").count(), 4);
        days.delete_one(rawdoc! { "_id": 1 }).expect("deleted");
        assert_eq!(entries(&engine).len(), 1, "what is answered waits");
    };
    somebody.run_request(work, |()| 77, || Some(rawdoc! { "find": "days", "maxTimeMS": 9 }));
    let told = entries(&engine);
    let length = |entry: &Document| entry.get_i32("responseLength").ok();
    let find = told.iter().find(|entry| length(entry) == Some(77)).expect("an answered one");
    assert_eq!(find.get_document("command").ok(), Some(&doc! { "find": "days", "maxTimeMS": 9 }));
    let delete = told.iter().find(|entry| entry.get_str("op").ok() == Some("remove")).expect("one");
    assert_eq!(length(delete), None);
    profile_all(&engine);
    assert_eq!(days.find(rawdoc! { "a": 2 }).run().expect("a find").count(), 4);
    assert_eq!(length(entries(&engine).last().expect("one")), None, "nobody replies");
}

#[test]
fn a_batch_tells_what_opened_its_cursor_too() {
    let engine = engine();
    let days = days(&engine);
    profile_all(&engine);
    let hint = Hint::Keys(rawdoc! { "_id": 1 }.into_bytes());
    let mut cursor = days.find(rawdoc! {}).hint(hint).run().expect("a find");
    cursor.next_batch(15, 1 << 20).expect("a batch");
    let somebody = AskedBy { client: "127.0.0.1:1".into(), app_name: None };
    let long = "z".repeat(50_000);
    let sent = rawdoc! { "getMore": 7_i64, "collection": "days", "comment": 1, "long": long };
    let work = || cursor.next_batch(2, 1 << 20).expect("a batch");
    somebody.run_request(work, |_| 77, || Some(sent));
    let told = entries(&engine);
    let of = |name: &str| told[1].get_document(name).expect("a request");
    assert!(of("command").get_str("$truncated").is_ok_and(|it| it.ends_with(" bytes")));
    assert_eq!(of("command").get_i32("comment").ok(), Some(1));
    let opened = doc! { "find": "days", "filter": {}, "hint": { "_id": 1 } };
    assert_eq!(of("originatingCommand"), &opened);
}

#[test]
fn a_filter_takes_the_place_of_the_threshold() {
    let engine = engine();
    let days = days(&engine);
    let database = engine.database("stats").expect("named");
    let tell = |level| {
        let told = Profiling { level, slow_ms: 1 << 40, sample_rate: 0.0 };
        database.set_profiling(told).expect("told");
    };
    let filter = rawdoc! { "op": "update", "tallymap.bytesWritten": { "$gt": 0 } };
    database.set_profiling_filter(Some(&filter)).expect("a filter");
    tell(ProfilingLevel::Slow);
    let profile = engine.collection("stats.system.profile").expect("named");
    assert!(profile.exists(), "it is there before there is an entry");
    days.insert_one(rawdoc! { "_id": 100 }).expect("inserted");
    for id in [3, 300] {
        let update = days.update_one(rawdoc! { "_id": id }, rawdoc! { "$inc": { "h.1": 1 } });
        update.expect("parsed").run().expect("updated or not");
    }
    database.set_profiling_filter(None).expect("none");
    days.insert_one(rawdoc! { "_id": 101 }).expect("inserted");
    assert_eq!(database.profiling_filter(), None);
    let found = entries(&engine);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].get_str("op").ok(), Some("update"));
    let unknown = database.set_profiling_filter(Some(&rawdoc! { "nonsense": 1 }));
    assert_eq!(unknown.expect_err("no entry has it").code(), 4_910_200);

    tell(ProfilingLevel::Slow);
    database.set_profiling_filter(Some(&filter)).expect("a filter");
    database.drop().expect("dropped");
    assert_eq!(database.profiling().level, ProfilingLevel::Off);
    assert_eq!(database.profiling_filter(), None);
}
