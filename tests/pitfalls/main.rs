//! The pitfalls of the format's description (§13), each asserted on files that the engine wrote
//! and closed, by a reader that shares no line with it. Assertions name the item.
//!
//! Items 1–8 `files`, 9–18 `namespaces`, 19–30 `records`, 31–34 `capped`, 35–44 `btree` and
//! `key`, 45–51 `journal`. What is damaged on purpose, and must be noticed, is in `corrupt`.

mod btree;
mod capped;
mod corrupt;
mod databases;
mod files;
mod journal;
mod key;
mod namespaces;
mod reader;
mod records;
mod worked_example;

use reader::Db;
use tallymap::Engine;
use tallymap_tests::dbpath::{self, Dbpath};

/// Asserts every item on a closed database.
fn check(db: &Db, small_files: bool, compacted: bool) {
    files::check(db, small_files);
    namespaces::check(db);
    records::check(db, compacted);
    capped::check(db);
    btree::check(db);
}

/// Makes a database, checks its journal as a crash would leave it, closes it, checks its files;
/// then the same again on what is recovered from that journal.
fn make_and_check(name: &str, make: impl Fn(&Engine)) {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    make(&engine);
    engine.wait_durable().expect("durable");
    let crashed = dbpath.crashed();
    dbpath::close(engine);
    let compacted = name == "z";
    check(&Db::read(dbpath.path(), name), true, compacted);

    let journal = journal::check(crashed.path());
    assert!(journal.sections > 0 && journal.writes > 0, "{journal:?}");
    dbpath::close(crashed.open());
    check(&Db::read(crashed.path(), name), true, compacted);
}

#[test]
fn every_policy() {
    make_and_check("p", databases::policies);
}

#[test]
fn capped_collections() {
    make_and_check("k", databases::capped);
}

#[test]
fn many_indexes() {
    make_and_check("i", databases::many_indexes);
}

#[test]
fn dropped_renamed_emptied() {
    make_and_check("r", databases::drops);
}

#[test]
fn compacted() {
    make_and_check("z", databases::compacted);
}

#[test]
fn keys_of_every_type() {
    make_and_check("b", databases::keys);
}

#[test]
fn one_directory_per_database() {
    let dbpath = Dbpath::new();
    let engine = dbpath.builder().directory_per_db(true).open().expect("opens");
    databases::drops(&engine);
    dbpath::close(engine);
    check(&Db::read(&dbpath.file("r"), "r"), true, false);
}

#[test]
fn large_files() {
    let dbpath = Dbpath::new();
    let engine = dbpath.builder().small_files(false).open().expect("opens");
    databases::drops(&engine);
    dbpath::close(engine);
    check(&Db::read(dbpath.path(), "r"), false, false);
}
