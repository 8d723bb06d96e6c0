//! Databases, collections and indexes come, go and change names, by the public interface; each
//! state is checked in full, closed, opened again and compared.

mod collections;
mod indexes;
mod interrupted;
mod layouts;
mod options;
mod walks;

use tallymap::{Engine, Error, Reason};
use tallymap_tests::dbpath::{self, Dbpath};

/// The reason of a refusal.
fn reason<T: std::fmt::Debug>(result: Result<T, Error>) -> Reason {
    match result {
        Err(Error::Refused { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

/// Collections of a database without the catalogue's own.
fn names(engine: &Engine, database: &str) -> Vec<String> {
    let names = engine.database(database).expect("valid").collection_names().expect("names");
    names.into_iter().filter(|name| !name.starts_with("system.")).collect()
}

/// Checks everything, closes, opens again.
fn reopen(dbpath: &Dbpath, engine: Engine) -> Engine {
    let small_files = engine.options().small_files;
    dbpath::close(engine);
    dbpath.builder().small_files(small_files).open().expect("opens again")
}
