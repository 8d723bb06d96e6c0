//! Templates and policies live and die with their collection, in one step.

use bson::{RawDocumentBuf, rawdoc};
use tallymap::{CollectionOptions, Engine, Error};
use tallymap_tests::dbpath::Dbpath;

use crate::reopen;

fn templated(counter: &str) -> CollectionOptions {
    let mut template = RawDocumentBuf::new();
    template.append(bson::raw::CString::try_from(counter).expect("no NUL"), 0);
    CollectionOptions::default().template(template)
}

/// Names of collections with stored options.
fn stored(engine: &Engine) -> Vec<String> {
    let options = engine.collection("test.tallymap.collections").expect("a name");
    let all = options.scan(tallymap::Direction::Forward).expect("a scan");
    let id = |found: tallymap::Result<tallymap::Located>| {
        found.expect("readable").document.get_str("_id").expect("a name").to_owned()
    };
    let mut names: Vec<String> = all.map(id).collect();
    names.sort();
    names
}

#[test]
fn a_rename_that_fails_leaves_both_options() {
    let dbpath = Dbpath::new();
    let mut engine = dbpath.builder().open().expect("opens");
    let db = engine.database("test").expect("a name");
    db.create_collection("a", templated("of_a")).expect("made");
    db.create_collection("b", templated("of_b")).expect("made");
    assert!(matches!(db.rename_collection("a", "b"), Err(Error::NamespaceExists { .. })));
    assert!(matches!(db.rename_collection("missing", "b"), Err(Error::NamespaceExists { .. })));
    assert!(matches!(db.rename_collection("missing", "c"), Err(Error::NotFound { .. })));
    assert_eq!(stored(&engine), ["a", "b"]);
    drop(db);
    engine = reopen(&dbpath, engine);
    let b = engine.collection("test.b").expect("opens");
    assert_eq!(b.template().expect("read"), Some(rawdoc! { "of_b": 0 }));
    reopen(&dbpath, engine).close().expect("closes");
}

#[test]
fn options_move_with_a_rename_and_go_with_a_drop() {
    let dbpath = Dbpath::new();
    let engine = dbpath.builder().open().expect("opens");
    let db = engine.database("test").expect("a name");
    db.create_collection("a", templated("n")).expect("made");
    db.rename_collection("a", "b").expect("renamed");
    assert_eq!(stored(&engine), ["b"]);
    db.create_collection("a", CollectionOptions::default()).expect("made");
    db.create_collection("c", templated("m")).expect("made");
    assert!(db.drop_collection("b").expect("dropped"));
    assert_eq!(stored(&engine), ["c"]);

    // One that comes into being by an insert under an old name has no template.
    engine.collection("test.b").expect("a name").insert_one(rawdoc! { "_id": 1 }).expect("room");
    drop(db);
    let engine = reopen(&dbpath, engine);
    let b = engine.collection("test.b").expect("opens");
    assert_eq!(b.template().expect("read"), None);
    let c = engine.collection("test.c").expect("opens");
    assert_eq!(c.template().expect("read"), Some(rawdoc! { "m": 0 }));
    reopen(&dbpath, engine).close().expect("closes");
}

#[test]
fn of_two_creators_the_winner_s_options_are_stored() {
    let dbpath = Dbpath::new();
    let engine = dbpath.builder().open().expect("opens");
    for round in 0..20 {
        let name = format!("c{round}");
        let won: Vec<&str> = std::thread::scope(|scope| {
            let create = |counter: &'static str| {
                let db = engine.database("test").expect("a name");
                let made = db.create_collection(&name, templated(counter));
                made.is_ok().then_some(counter)
            };
            let creators = ["x", "y"].map(|counter| scope.spawn(move || create(counter)));
            creators.into_iter().filter_map(|one| one.join().expect("no panic")).collect()
        });
        assert_eq!(won.len(), 1, "one of them creates {name}");
        let options = engine.collection("test.tallymap.collections").expect("a name");
        let document = options.find_by_id(name.as_str()).expect("read").expect("stored");
        let template = document.get_document("template").expect("a template");
        assert!(template.get(won[0]).expect("valid").is_some(), "{name}: {document:?}");
    }
    reopen(&dbpath, engine).close().expect("closes");
}
