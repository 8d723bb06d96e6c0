//! Damage is found, and what it did not touch is salvaged.

use std::path::Path;

use crate::support::{
    Place, assert_counted, damage, dump, files, make_log, ofs, run, stdout, success, text,
};

fn documents(dbpath: &Path, collection: &str) -> Vec<String> {
    let mut documents: Vec<String> =
        dump(dbpath, collection).iter().map(|located| located["doc"].to_string()).collect();
    documents.sort();
    documents
}

#[test]
fn whoever_reads_changes_nothing() {
    let (place, log) = (Place::new(), make_log(21, 200));
    let dbpath = place.ingested(&log);
    let before = files(&dbpath);
    for command in ["dump", "validate", "stats", "inspect"] {
        success(&[command, "--dbpath", text(&dbpath)]);
    }
    for command in ["validate", "stats"] {
        success(&[command, "--dbpath", text(&dbpath), "--json"]);
    }
    assert!(files(&dbpath) == before, "a byte changed");
}

#[test]
fn validate_tells_sound_files_from_damaged_ones() {
    let (place, log) = (Place::new(), make_log(22, 200));
    let dbpath = place.ingested(&log);
    let sound = success(&["validate", "--dbpath", text(&dbpath), "--json"]);
    assert!(sound.lines().all(|line| line.contains("\"valid\":true")), "{sound}");

    let daily = dump(&dbpath, "daily");
    // One byte of the length that a document begins with.
    damage(&dbpath.join("stats.0"), ofs(&daily[1]) + 16, &[0xee]);
    let output = run(&["validate", "--dbpath", text(&dbpath)]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("stats.daily"), "{}", stdout(&output));
    let output = run(&["validate", "--dbpath", text(&dbpath), "--json"]);
    let damaged = stdout(&output);
    let invalid: Vec<_> = damaged.lines().filter(|l| l.contains("\"valid\":false")).collect();
    assert!(invalid.len() == 1 && invalid[0].contains("\"ns\":\"stats.daily\""), "{damaged}");
}

#[test]
fn repair_recovers_every_document_that_the_damage_did_not_touch() {
    let (place, log) = (Place::new(), make_log(23, 300));
    let dbpath = place.ingested(&log);
    let (daily, monthly) = (documents(&dbpath, "daily"), documents(&dbpath, "monthly"));
    let located = dump(&dbpath, "daily");
    let file = dbpath.join("stats.0");
    // A document that is none any more, and a header that breaks the chain.
    damage(&file, ofs(&located[2]) + 16, &[0xee; 4]);
    damage(&file, ofs(&located[6]), &[0xff; 16]);
    let before = files(&dbpath);

    let fresh = place.path("fresh");
    let output = run(&["repair", "--dbpath", text(&dbpath), "--into", text(&fresh)]);
    assert_eq!(output.status.code(), Some(1), "something is lost: {}", stdout(&output));
    assert!(stdout(&output).contains("lost 1 documents"), "{}", stdout(&output));
    assert!(files(&dbpath) == before, "the damaged directory changed");

    let lost = located[2]["doc"].to_string();
    let left: Vec<_> = daily.into_iter().filter(|document| *document != lost).collect();
    assert_eq!(documents(&fresh, "daily"), left);
    assert_eq!(documents(&fresh, "monthly"), monthly);
    let valid = success(&["validate", "--dbpath", text(&fresh)]);
    let keys = |line: &&str| line.starts_with("stats.daily ");
    let daily = valid.lines().find(keys).expect("listed");
    assert!(daily.contains(&format!(" {} ", 2 * left.len())), "both indexes: {daily}");

    let again = run(&["repair", "--dbpath", text(&dbpath), "--into", text(&fresh)]);
    assert_eq!(again.status.code(), Some(2), "not into a directory that is in use");
    let inside = dbpath.join("fresh");
    let inside = run(&["repair", "--dbpath", text(&dbpath), "--into", text(&inside)]);
    assert_eq!(inside.status.code(), Some(2), "not into the damaged directory");
}

#[test]
fn repaired_collections_keep_their_templates() {
    let (place, log) = (Place::new(), make_log(24, 100));
    let dbpath = place.ingested(&log);
    let fresh = place.path("fresh");
    success(&["repair", "--dbpath", text(&dbpath), "--into", text(&fresh)]);
    let file = place.path("a.log");
    success(&["ingest", "--dbpath", text(&fresh), text(&file)]);
    assert_counted(&fresh, "stats", &log.counts, 2);
    // A new page gets the whole zeroed document, though this run asks for growing ones.
    let other = place.path("other.log");
    let line = "h - - [01/Nov/2010:01:02:03 +0000] \"GET /new HTTP/1.1\" 200 1\n";
    std::fs::write(&other, line).expect("written");
    success(&["ingest", "--dbpath", text(&fresh), "--growth", "grow", text(&other)]);
    let documents = dump(&fresh, "daily");
    let new = documents.iter().find(|located| located["doc"]["metadata"]["page"] == "/new");
    let minutes = new.expect("counted")["doc"]["minute"].as_object().expect("minutes");
    assert_eq!(minutes.len(), 24);
}

#[test]
fn repair_does_without_the_namespace_file() {
    let (place, log) = (Place::new(), make_log(26, 100));
    let dbpath = place.ingested(&log);
    let (daily, monthly) = (documents(&dbpath, "daily"), documents(&dbpath, "monthly"));
    std::fs::remove_file(dbpath.join("stats.ns")).expect("removed");
    let before = files(&dbpath);
    let fresh = place.path("fresh");
    let output = run(&["repair", "--dbpath", text(&dbpath), "--into", text(&fresh)]);
    assert_eq!(output.status.code(), Some(1), "the damage is said: {}", stdout(&output));
    assert!(stdout(&output).contains("stats.ns is missing"), "{}", stdout(&output));
    assert!(files(&dbpath) == before, "the damaged directory changed");
    assert_eq!(documents(&fresh, "daily"), daily);
    assert_eq!(documents(&fresh, "monthly"), monthly);
    let none = run(&["repair", "--dbpath", text(&dbpath), "--into", "x", "--db", "other"]);
    assert_eq!(none.status.code(), Some(2), "there is no such database");
}

#[test]
fn repair_opens_what_an_unclean_run_without_a_journal_left() {
    let (place, log) = (Place::new(), make_log(25, 100));
    let dbpath = place.ingested(&log);
    std::fs::write(dbpath.join("mongod.lock"), "4711\n").expect("written");
    let file = place.path("a.log");
    let refused = run(&["ingest", "--dbpath", text(&dbpath), text(&file)]);
    assert_eq!(refused.status.code(), Some(1), "nothing is counted into it");
    let fresh = place.path("fresh");
    success(&["repair", "--dbpath", text(&dbpath), "--into", text(&fresh)]);
    assert_counted(&fresh, "stats", &log.counts, 1);
}

#[test]
fn a_directory_per_database_is_found_out_and_kept() {
    let place = Place::new();
    let (dbpath, fresh) = (place.path("data"), place.path("fresh"));
    let engine = tallymap::Engine::builder(&dbpath).directory_per_db(true).open().expect("opens");
    let collection = engine.collection("stats.daily").expect("a name");
    collection.insert_one(bson::rawdoc! { "_id": 7 }).expect("room");
    engine.close().expect("closes");

    for command in ["validate", "stats", "inspect"] {
        success(&[command, "--dbpath", text(&dbpath)]);
    }
    success(&["repair", "--dbpath", text(&dbpath), "--into", text(&fresh)]);
    for dbpath in [dbpath, fresh] {
        assert!(dbpath.join("stats").join("stats.0").exists());
        assert_eq!(dump(&dbpath, "daily")[0]["doc"]["_id"]["$numberInt"], "7");
    }
}

#[test]
fn compact_closes_holes_and_loses_nothing() {
    let (place, log) = (Place::new(), make_log(26, 300));
    let (dbpath, file) = (place.path("data"), place.path("a.log"));
    std::fs::write(&file, &log.text).expect("written");
    success(&["ingest", "--dbpath", text(&dbpath), "--growth", "grow", text(&file)]);
    success(&["compact", "--dbpath", text(&dbpath), "--db", "stats"]);
    assert_counted(&dbpath, "stats", &log.counts, 1);
    success(&["validate", "--dbpath", text(&dbpath)]);
}
