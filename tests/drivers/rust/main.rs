//! The common surface of the Rust driver on a server of ours: `MONGODB_URI=… driver-rust`.

#![allow(clippy::unwrap_used, reason = "what a check panics with is caught and told")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use bson::{Bson, Document, doc};
use mongodb::IndexModel;
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{IndexOptions, ReturnDocument, ServerApi, ServerApiVersion, WriteConcern};
use mongodb::sync::{Client, Collection, Database};

type Check = fn(&Client, &Database);

const CHECKS: [(&str, Check); 9] = [
    ("writes and reads", writes_and_reads),
    ("many writes in one", many_writes),
    ("cursors", cursors),
    ("aggregation", aggregation),
    ("indexes", indexes),
    ("found and modified", found_and_modified),
    ("errors", errors),
    ("GridFS", gridfs),
    ("sums of many threads", sums),
];

fn main() -> ExitCode {
    let uri = std::env::var("MONGODB_URI").expect("MONGODB_URI names a server");
    let client = Client::with_uri_str(uri).expect("a client");
    let database = client.database("drivers");
    let mut failed = 0;
    for (name, check) in CHECKS {
        database.drop().run().expect("dropped");
        if catch_unwind(AssertUnwindSafe(|| check(&client, &database))).is_err() {
            println!("FAILED {name}");
            failed += 1;
        }
    }
    database.drop().run().expect("dropped");
    println!("Rust mongodb 3: {} passed, {failed} failed", CHECKS.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn c(database: &Database) -> Collection<Document> {
    database.collection("c")
}

fn numbered(count: i32) -> Vec<Document> {
    (0..count).map(|n| doc! { "_id": n, "n": n, "k": n % 7 }).collect()
}

/// The number of an error, wherever it stands.
fn code(error: &Error) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(error) => Some(error.code),
        ErrorKind::Write(mongodb::error::WriteFailure::WriteError(error)) => Some(error.code),
        _ => None,
    }
}

fn fails<T: std::fmt::Debug>(number: i32, result: mongodb::error::Result<T>) -> Error {
    let error = result.expect_err("refused");
    assert_eq!(code(&error), Some(number), "{error}");
    error
}

fn writes_and_reads(client: &Client, database: &Database) {
    let c = c(database);
    assert_eq!(c.insert_one(doc! { "_id": "a" }).run().unwrap().inserted_id, Bson::from("a"));
    assert_eq!(c.insert_many(numbered(100)).run().unwrap().inserted_ids.len(), 100);
    let one = c.update_one(doc! { "_id": 1 }, doc! { "$inc": { "n": 5 } }).run().unwrap();
    assert_eq!((one.matched_count, one.modified_count), (1, 1));
    let same = c.update_one(doc! { "_id": 1 }, doc! { "$set": { "n": 6 } }).run().unwrap();
    assert_eq!((same.matched_count, same.modified_count), (1, 0));
    let many = c.update_many(doc! { "k": 3 }, doc! { "$set": { "three": true } }).run().unwrap();
    assert_eq!(many.modified_count, (0..100).filter(|n| n % 7 == 3).count() as u64);
    let made = c.replace_one(doc! { "_id": "z" }, doc! { "x": 1 }).upsert(true).run().unwrap();
    assert_eq!(made.upserted_id, Some("z".into()));
    assert_eq!(c.delete_one(doc! { "_id": "z" }).run().unwrap().deleted_count, 1);
    assert_eq!(c.count_documents(doc! { "k": { "$lt": 2 } }).run().unwrap(), 30);
    assert_eq!(c.estimated_document_count().run().unwrap(), 101);
    assert_eq!(c.delete_many(doc! { "n": { "$gte": 50 } }).run().unwrap().deleted_count, 50);
    let durable = WriteConcern::builder().journal(true).build();
    c.insert_one(doc! { "_id": "j" }).write_concern(durable).run().unwrap();
    let mut session = client.start_session().run().unwrap();
    c.insert_one(doc! { "_id": "s" }).session(&mut session).run().unwrap();
    let found = c.find_one(doc! { "_id": "s" }).session(&mut session).run().unwrap();
    assert_eq!(found, Some(doc! { "_id": "s" }));
}

fn many_writes(_: &Client, database: &Database) {
    let c = c(database);
    let twice = || [1, 2, 1, 3].map(|id| doc! { "_id": id });
    let told = |error: Error| match *error.kind {
        ErrorKind::InsertMany(error) => {
            let errors = error.write_errors.unwrap_or_default();
            errors.iter().map(|error| (error.index, error.code)).collect::<Vec<_>>()
        }
        other => panic!("{other}"),
    };
    assert_eq!(told(c.insert_many(twice()).run().unwrap_err()), [(2, 11000)]);
    assert_eq!(c.count_documents(doc! {}).run().unwrap(), 2);
    c.delete_many(doc! {}).run().unwrap();
    let unordered = c.insert_many(twice()).ordered(false).run();
    assert_eq!(told(unordered.unwrap_err()), [(2, 11000)]);
    assert_eq!(c.count_documents(doc! {}).run().unwrap(), 3);
    // More than a message holds.
    let large = "x".repeat(1 << 20);
    let docs = (10..70).map(|id| doc! { "_id": id, "t": &large });
    c.insert_many(docs.collect::<Vec<_>>()).run().unwrap();
    let long = c.find(doc! { "t": { "$exists": true } }).run().unwrap();
    assert_eq!(long.map(|doc| doc.unwrap().get_str("t").unwrap().len()).sum::<usize>(), 60 << 20);
}

fn cursors(_: &Client, database: &Database) {
    let c = c(database);
    c.insert_many(numbered(1000)).run().unwrap();
    let ids = |docs: Vec<Document>| -> Vec<i32> {
        docs.iter().map(|doc| doc.get_i32("_id").unwrap()).collect()
    };
    for size in [2, 17, 101, 1000, 5000] {
        let found = c.find(doc! {}).sort(doc! { "_id": 1 }).batch_size(size).run().unwrap();
        let found = found.collect::<mongodb::error::Result<Vec<_>>>().unwrap();
        assert_eq!(ids(found), (0..1000).collect::<Vec<_>>());
    }
    let part = c.find(doc! {}).sort(doc! { "_id": -1 }).skip(5).limit(205).batch_size(50);
    let part = part.run().unwrap().collect::<mongodb::error::Result<Vec<_>>>().unwrap();
    assert_eq!(ids(part), (790..995).rev().collect::<Vec<_>>());
    // Left open, and killed by the driver.
    drop(c.find(doc! {}).batch_size(2).run().unwrap().next());
}

fn aggregation(_: &Client, database: &Database) {
    let c = c(database);
    c.insert_many(numbered(1000)).run().unwrap();
    let stages = [
        doc! { "$match": { "n": { "$gte": 100 } } },
        doc! { "$group": { "_id": "$k", "n": { "$sum": "$n" } } },
    ];
    let mut expected = BTreeMap::new();
    for n in 100..1000 {
        *expected.entry(n % 7).or_insert(0) += n;
    }
    let found = c.aggregate(stages).run().unwrap().map(|doc| {
        let doc = doc.unwrap();
        (doc.get_i32("_id").unwrap(), doc.get_i32("n").unwrap())
    });
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
    let mut values = c.distinct("k", doc! { "n": { "$lt": 3 } }).run().unwrap();
    values.sort_by_key(|value| value.as_i32());
    assert_eq!(values, [0, 1, 2].map(Bson::Int32));
}

fn indexes(_: &Client, database: &Database) {
    let c = c(database);
    let unique = IndexOptions::builder().unique(true).build();
    let model = IndexModel::builder().keys(doc! { "u": 1 }).options(unique).build();
    assert_eq!(c.create_index(model).run().unwrap().index_name, "u_1");
    assert_eq!(c.list_index_names().run().unwrap(), ["_id_", "u_1"]);
    c.insert_one(doc! { "u": 1 }).run().unwrap();
    fails(11000, c.insert_one(doc! { "u": 1 }).run());
    c.drop_index("u_1").run().unwrap();
    fails(27, c.drop_index("u_1").run());
    let mut names = database.list_collection_names().run().unwrap();
    names.sort();
    assert_eq!(names, ["c"]);
}

fn found_and_modified(_: &Client, database: &Database) {
    let c = c(database);
    c.insert_many([doc! { "_id": 1, "n": 1 }, doc! { "_id": 2, "n": 2 }]).run().unwrap();
    let inc = doc! { "$inc": { "n": 10 } };
    let before = c.find_one_and_update(doc! { "_id": 1 }, inc.clone()).run().unwrap();
    assert_eq!(before, Some(doc! { "_id": 1, "n": 1 }));
    let after = c.find_one_and_update(doc! {}, inc).sort(doc! { "n": 1 });
    let after = after.return_document(ReturnDocument::After).run().unwrap();
    assert_eq!(after, Some(doc! { "_id": 2, "n": 12 }));
    let none = c.find_one_and_replace(doc! { "_id": 3 }, doc! { "x": 1 }).upsert(true).run();
    assert_eq!(none.unwrap(), None);
    let gone = c.find_one_and_delete(doc! { "_id": 3 }).run().unwrap();
    assert_eq!(gone, Some(doc! { "_id": 3, "x": 1 }));
}

fn errors(client: &Client, database: &Database) {
    let c = c(database);
    fails(59, database.run_command(doc! { "nonsense": 1 }).run());
    fails(26, database.run_command(doc! { "drop": "none" }).run());
    fails(40415, database.run_command(doc! { "find": "c", "nonsense": 1 }).run());
    c.insert_one(doc! { "_id": 1, "s": "text" }).run().unwrap();
    fails(14, c.update_one(doc! {}, doc! { "$inc": { "s": 1 } }).run());
    let error = fails(11000, c.insert_one(doc! { "_id": 1 }).run());
    assert!(error.to_string().contains("index: _id_ dup key: { _id: 1 }"), "{error}");
    fails(40573, c.watch().run().map(drop));
    let mut session = client.start_session().run().unwrap();
    session.start_transaction().run().unwrap();
    let inside = c.insert_one(doc! { "_id": 2 }).session(&mut session).run();
    assert!(inside.is_err());
    assert_eq!(c.count_documents(doc! {}).run().unwrap(), 1);
    let mut options = mongodb::options::ClientOptions::parse(std::env::var("MONGODB_URI").unwrap())
        .run()
        .unwrap();
    options.server_api =
        Some(ServerApi::builder().version(ServerApiVersion::V1).strict(true).build());
    let strict = Client::with_options(options).unwrap().database("drivers");
    fails(323, strict.run_command(doc! { "collStats": "c" }).run());
    assert_eq!(strict.collection::<Document>("c").count_documents(doc! {}).run().unwrap(), 1);
}

fn gridfs(_: &Client, database: &Database) {
    let bucket = database.gridfs_bucket(None);
    let data: Vec<u8> =
        (0..1_234_567_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut up = bucket.open_upload_stream("a").run().unwrap();
    up.write_all(&data).unwrap();
    up.close().unwrap();
    let mut came = Vec::new();
    bucket.open_download_stream_by_name("a").run().unwrap().read_to_end(&mut came).unwrap();
    assert!(came == data);
    let chunks = database.collection::<Document>("fs.chunks");
    assert_eq!(chunks.count_documents(doc! {}).run().unwrap(), 5);
}

fn sums(client: &Client, database: &Database) {
    let c = c(database);
    c.insert_one(doc! { "_id": 1, "n": 0_i64 }).run().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let c = client.database("drivers").collection::<Document>("c");
            scope.spawn(move || {
                for n in 0..250_i64 {
                    let update = doc! { "$inc": { "n": 1, "sum": n } };
                    c.update_one(doc! { "_id": 1 }, update).run().expect("updated");
                }
            });
        }
    });
    let found = c.find_one(doc! {}).run().unwrap();
    assert_eq!(found, Some(doc! { "_id": 1, "n": 2000_i64, "sum": 8 * (249 * 250 / 2) as i64 }));
}
