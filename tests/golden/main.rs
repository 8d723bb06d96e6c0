//! Does every dbpath written by a real mongod 3.2 give back exactly what mongod said of it?
//!
//! The dbpaths are not part of the project. They are looked for in `../shared/golden` beside the
//! repository, or where `TALLYMAP_GOLDEN` says; where they are missing, each test says so on
//! standard error and checks nothing. `tests/fixture` covers the same ground with dbpaths that
//! tallymap itself wrote.

mod compare;
mod crash;
mod truth;

use compare::{Depth, compare_database};
use tallymap::Engine;
use truth::{Golden, fingerprint};

fn read_only(golden: &Golden) -> Engine {
    Engine::builder(golden.dbpath()).read_only(true).open().expect("a golden dbpath opens")
}

#[test]
fn preaggregated() {
    let Some(golden) = Golden::unpack("preagg") else { return };
    let before = fingerprint(&golden.dbpath());
    let engine = read_only(&golden);
    compare_database(&engine, &golden.truth("truth.json"), "stats", Depth::EveryDocument);
    engine.close().expect("closes");
    assert_eq!(fingerprint(&golden.dbpath()), before, "reading changed the dbpath");
}

#[test]
fn grown_over_four_files() {
    let Some(golden) = Golden::unpack("growth-multi") else { return };
    let before = fingerprint(&golden.dbpath());
    let engine = read_only(&golden);
    compare_database(&engine, &golden.truth("truth.json"), "growth", Depth::Samples);
    engine.close().expect("closes");
    assert_eq!(fingerprint(&golden.dbpath()), before, "reading changed the dbpath");
}
