//! One directory is open for writing once, or for reading any number of times.

use tallymap::{Engine, Error};
use tallymap_tests::dbpath::Dbpath;

fn is_locked(opened: Result<Engine, Error>) -> bool {
    matches!(opened, Err(Error::Locked { .. }))
}

#[test]
fn who_writes_is_alone() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    assert!(is_locked(Engine::open(dbpath.path())), "a second writer");
    assert!(is_locked(dbpath.builder().read_only(true).open()), "a reader beside a writer");
    engine.close().expect("closes");
    dbpath.open().close().expect("opens and closes again");
}

#[test]
fn readers_share() {
    let dbpath = Dbpath::new();
    dbpath.open().close().expect("closes");
    let readers = [(); 2].map(|()| dbpath.builder().read_only(true).open().expect("a reader"));
    assert!(is_locked(Engine::open(dbpath.path())), "a writer beside readers");
    readers.into_iter().for_each(|reader| reader.close().expect("closes"));
    dbpath.open().close().expect("opens again");
}
