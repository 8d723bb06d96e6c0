//! What requests of updates say besides filter and update.

use std::sync::Arc;

use bson::{RawDocumentBuf, rawdoc};

use super::{assert_valid, open};
use crate::disk::HeapDisk;
use crate::{Collection, CollectionOptions, Engine, Error, FieldOrder, IndexSpec, Reason};

fn with(options: CollectionOptions) -> (Engine, Collection) {
    let engine = open(Arc::new(HeapDisk::new()));
    let collection = engine.database("d").expect("named").create_collection("c", options);
    (engine, collection.expect("made"))
}

fn by_id(collection: &Collection, id: i32) -> RawDocumentBuf {
    collection.find_by_id(id).expect("sound").expect("there")
}

/// By mongod 5.0.4, for the numeric order; "05" is no number.
#[test]
fn new_fields_come_in_the_order_of_the_collection() {
    let written = ["b", "a", "10", "9", "05", "3", "a10", "a9", "B"];
    let orders = [
        (FieldOrder::Document, ["b", "a", "10", "9", "05", "3", "a10", "a9", "B"]),
        (FieldOrder::Lexicographic, ["05", "10", "3", "9", "B", "a", "a10", "a9", "b"]),
        (FieldOrder::Numeric, ["05", "3", "9", "10", "B", "a", "a10", "a9", "b"]),
    ];
    for (order, expected) in orders {
        let (_engine, collection) = with(CollectionOptions::default().field_order(order));
        collection.insert_one(rawdoc! { "_id": 1, "z": 0, "x": { "y": 0 } }).expect("inserted");
        let (mut top, mut inner) = (rawdoc! {}, rawdoc! {});
        for name in written {
            top.append(bson::raw::CString::try_from(name).expect("no NUL"), 1);
            inner.append(bson::raw::CString::try_from(format!("x.{name}")).expect("no NUL"), 1);
        }
        for update in [rawdoc! { "$set": top }, rawdoc! { "$inc": inner }] {
            collection.update_one(rawdoc! {}, update).expect("parsed").run().expect("done");
        }
        let names = |document: &bson::RawDocument, known: usize| -> Vec<String> {
            let names = document.iter().map(|field| field.expect("valid").0.to_string());
            names.skip(known).collect()
        };
        let document = by_id(&collection, 1);
        assert_eq!(names(&document, 3), expected);
        assert_eq!(names(document.get_document("x").expect("there"), 1), expected);
    }
}

#[test]
fn a_collection_without_an_order_has_the_engines() {
    let disk = Arc::new(HeapDisk::new());
    let builder = Engine::builder("heap").disk(disk).background(false).ns_size_mib(1);
    let engine = builder.field_order(FieldOrder::Numeric).open().expect("opens");
    let own = CollectionOptions::default().field_order(FieldOrder::Lexicographic);
    engine.database("d").expect("named").create_collection("own", own).expect("made");
    for (name, expected) in [
        ("own", rawdoc! { "_id": 1, "x": { "10": 1, "9": 1 } }),
        ("none", rawdoc! { "_id": 1, "x": { "9": 1, "10": 1 } }),
    ] {
        let collection = engine.collection(&format!("d.{name}")).expect("named");
        let update = rawdoc! { "$set": { "x.10": 1, "x.9": 1 } };
        let request = collection.update_one(rawdoc! { "_id": 1 }, update).expect("parsed");
        request.upsert(true).run().expect("done");
        assert_eq!(by_id(&collection, 1), expected);
    }
}

/// Equalities of the filter are sorted by their whole paths, whatever numbers are in them.
#[test]
fn upserted_fields_come_in_the_order_of_the_collection() {
    let numeric = CollectionOptions::default().field_order(FieldOrder::Numeric);
    for (options, expected) in [
        (
            CollectionOptions::default(),
            rawdoc! { "_id": 1, "b": 1, "x": { "9": 1, "10": 1 }, "a": 2, "z": 1, "c": 1 },
        ),
        (numeric, rawdoc! { "_id": 1, "a": 2, "b": 1, "x": { "10": 1, "9": 1 }, "c": 1, "z": 1 }),
    ] {
        let (_engine, collection) = with(options);
        let filter = rawdoc! { "b": 1, "x.9": 1, "x.10": 1, "a": 2, "_id": 1 };
        let update = rawdoc! { "$set": { "z": 1, "c": 1 } };
        let request = collection.update_one(filter, update).expect("parsed");
        request.upsert(true).run().expect("done");
        assert_eq!(by_id(&collection, 1), expected);
    }
}

#[test]
fn the_order_is_there_after_a_restart() {
    let disk = Arc::new(HeapDisk::new());
    for round in 0..2 {
        let engine = open(disk.clone());
        let database = engine.database("d").expect("named");
        if round == 0 {
            let options = CollectionOptions::default().field_order(FieldOrder::Lexicographic);
            database.create_collection("c", options).expect("made");
        }
        let collection = engine.collection("d.c").expect("named");
        let update = rawdoc! { "$set": { "b": 1, "a": 1 } };
        let request = collection.update_one(rawdoc! { "_id": round }, update).expect("parsed");
        request.upsert(true).run().expect("done");
        assert_eq!(by_id(&collection, round), rawdoc! { "_id": round, "a": 1, "b": 1 });
        engine.close().expect("closed");
    }
}

#[test]
fn array_filters_of_many_documents_in_place_and_through_an_index() {
    let (_engine, collection) = with(CollectionOptions::default());
    collection.create_index(IndexSpec::new(&[("a.k", 1)])).expect("built");
    for i in 0..4 {
        let array = [rawdoc! { "k": i, "n": 0 }, rawdoc! { "k": i + 1, "n": 0 }];
        let array: bson::RawArrayBuf = array.into_iter().collect();
        collection.insert_one(rawdoc! { "_id": i, "a": array }).expect("inserted");
    }
    let update = |path: &str, filter: RawDocumentBuf| {
        let mut amounts = rawdoc! {};
        amounts.append(bson::raw::CString::try_from(path).expect("no NUL"), 1);
        let request = collection.update_many(rawdoc! {}, rawdoc! { "$inc": amounts });
        request.expect("parsed").array_filters([filter]).run()
    };
    let report = update("a.$[e].n", rawdoc! { "e.k": 1 }).expect("done");
    assert_eq!((report.matched, report.modified, report.moved), (4, 2, None));
    let report = update("a.$[e].k", rawdoc! { "e.n": 1 }).expect("done");
    assert_eq!((report.matched, report.modified), (4, 2));
    let array = [rawdoc! { "k": 2, "n": 1 }, rawdoc! { "k": 2, "n": 0 }];
    let array: bson::RawArrayBuf = array.into_iter().collect();
    assert_eq!(by_id(&collection, 1), rawdoc! { "_id": 1, "a": array });
    assert_valid(&collection);
    let unused = update("a.0.n", rawdoc! { "e.n": 1 });
    assert!(matches!(unused, Err(Error::Refused { reason: Reason::FailedToParse, .. })));
    // A hit that has array filters is none.
    let hit = collection.update_one(rawdoc! { "_id": 1 }, rawdoc! { "$inc": { "n": 1 } });
    assert!(hit.expect("parsed").array_filters([rawdoc! { "e": 1 }]).run().is_err());
}

#[test]
fn replacing_many_is_refused() {
    let (_engine, collection) = with(CollectionOptions::default());
    for update in [rawdoc! { "a": 1 }, rawdoc! {}] {
        let refused = collection.update_many(rawdoc! {}, update).map(|_| ());
        assert!(matches!(refused, Err(Error::Refused { reason: Reason::FailedToParse, .. })));
    }
}

#[test]
fn pipelines_and_variables() {
    let (_engine, collection) = with(CollectionOptions::default());
    collection.create_index(IndexSpec::new(&[("sum", 1)])).expect("built");
    for i in 1..=3 {
        collection.insert_one(rawdoc! { "_id": i, "a": i, "b": 10 }).expect("inserted");
    }
    let stages = || [rawdoc! { "$set": { "sum": { "$add": ["$a", "$b", "$$more"] } } }];
    let filter = || rawdoc! { "$expr": { "$gte": ["$a", "$$least"] } };
    let variables = || rawdoc! { "least": 2, "more": { "$add": [50, 50] } };
    let many = || collection.update_many_by_pipeline(filter(), stages()).expect("parsed");
    let report = many().variables(variables()).run().expect("done");
    assert_eq!((report.matched, report.modified, report.in_place), (2, 2, false));
    assert_eq!(by_id(&collection, 3), rawdoc! { "_id": 3, "a": 3, "b": 10, "sum": 113 });
    let again = many().variables(variables()).run().expect("done");
    assert_eq!((again.matched, again.modified), (2, 0));
    let upsert = many().variables(variables()).upsert(true).run();
    let reason = Reason::QueryFeatureNotAllowed;
    assert!(matches!(upsert, Err(Error::Refused { reason: found, .. }) if found == reason));
    let undefined = many().run();
    assert!(matches!(undefined, Err(Error::Refused { reason: Reason::Location(17276), .. })));
    let found = collection
        .find_one_and_update_by_pipeline(filter(), [rawdoc! { "$project": { "a": "$$least" } }])
        .variables(variables())
        .return_new(true)
        .projection(rawdoc! { "a": 1, "b": 1, "more": "$$more" })
        .run();
    let value = found.expect("done").value.expect("a document");
    assert_eq!(value, rawdoc! { "_id": 2, "a": 2, "more": 100 });
    let upserted = collection.update_one_by_pipeline(rawdoc! { "_id": 9, "a": 1 }, stages());
    let request = upserted.expect("parsed").upsert(true).variables(rawdoc! { "more": 1 });
    assert_eq!(request.run().expect("done").upserted, Some(9.into()));
    assert_eq!(by_id(&collection, 9), rawdoc! { "_id": 9, "a": 1, "sum": null });
    let of_a_field = collection.update_one_by_pipeline(rawdoc! {}, stages()).expect("parsed");
    let refused = of_a_field.variables(rawdoc! { "more": "$a" }).run();
    assert!(matches!(refused, Err(Error::Refused { reason: Reason::Location(4890500), .. })));
    assert_eq!(collection.delete(filter()).variables(rawdoc! { "least": 3 }).run().unwrap(), 1);
    assert_valid(&collection);
}

/// By mongod 5.0.4.
#[test]
fn of_several_faults_that_of_the_update_is_told() {
    let (_engine, collection) = with(CollectionOptions::default());
    let code = |update: RawDocumentBuf, array_filters: Vec<RawDocumentBuf>| {
        let request = collection.update_one(rawdoc! { "$or": 1 }, &update);
        let done = request.and_then(|request| request.array_filters(&array_filters).run());
        let found = collection.find_one_and_update(rawdoc! { "$or": 1 }, &update);
        let found = found.and_then(|request| {
            request.array_filters(&array_filters).sort(rawdoc! { "$x": 1 }).run()
        });
        let codes = (done.unwrap_err().code(), found.unwrap_err().code());
        assert_eq!(codes.0, codes.1, "{update:?}");
        codes.0
    };
    assert_eq!(code(rawdoc! { "$set": { "a": 1 } }, vec![]), 2);
    assert_eq!(code(rawdoc! { "$inc": { "f": "a" } }, vec![]), 14);
    assert_eq!(code(rawdoc! { "$set": { "b": 1, "b.c": 2 } }, vec![]), 40);
    let filters = vec![rawdoc! { "e": 1 }];
    assert_eq!(code(rawdoc! { "$set": { "a.$[e]": 1, "b": 1, "b.c": 2 } }, filters), 40);
    let update = rawdoc! { "$inc": { "x": "s", "a.$[e]": 1 } };
    assert_eq!(code(update.clone(), vec![rawdoc! { "e": { "$bad": 1 } }]), 2);
    assert_eq!(code(update, vec![]), 14);
}

/// By mongod 5.0.4.
#[test]
fn a_missing_array_filter_is_told_before_what_stands_behind_it() {
    let (_engine, collection) = with(CollectionOptions::default());
    let code = |update: RawDocumentBuf| {
        let request = collection.update_one(rawdoc! { "_id": 1 }, update);
        request.and_then(|request| request.run()).unwrap_err().code()
    };
    assert_eq!(code(rawdoc! { "$pop": { "a.$[e]": -1, "a.1": -1 } }), 2);
    assert_eq!(code(rawdoc! { "$set": { "a.$[e]": 1, "b": 1, "b.c": 2 } }), 2);
    assert_eq!(code(rawdoc! { "$set": { "b": 1, "b.c": 2, "a.$[e]": 1 } }), 40);
    assert_eq!(code(rawdoc! { "$inc": { "a.b": 1, "a.$[e]": 1 } }), 40);
    assert_eq!(code(rawdoc! { "$inc": { "a.$[e]": "s" } }), 14);
    assert_eq!(code(rawdoc! { "$set": { "a.$[e]": 1 }, "$inc": { "x": "s" } }), 2);
}
