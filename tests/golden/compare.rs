//! Compares a database with what mongod said of it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bson::RawDocumentBuf;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tallymap::{Collection, Direction, Engine};

use crate::truth::document;

/// How many documents the truth lists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// All of them, in natural order.
    EveryDocument,
    /// About a hundred, each with its place.
    Samples,
}

/// Compares everything that `truth` says of `database`.
pub fn compare_database(engine: &Engine, truth: &Value, database: &str, depth: Depth) {
    let truth = &truth["databases"][database];
    let db = engine.database(database).expect("the database");
    let collections = truth["collections"].as_object().expect("collections");

    let mut names = db.collection_names().expect("names");
    names.retain(|name| !name.starts_with("system."));
    let expected: Vec<&String> = collections.keys().collect();
    assert_eq!(names.iter().collect::<Vec<_>>(), expected);

    assert_eq!(db.stats().expect("stats").to_document(), document(&truth["dbStats"]), "dbStats");
    for name in ["system.namespaces", "system.indexes"] {
        let collection = db.collection(name).expect("a system collection");
        compare_documents(&collection, &truth[name], Depth::EveryDocument);
    }
    for (name, truth) in collections {
        let collection = db.collection(name).expect("a collection");
        compare_collection(&collection, truth, depth);
    }
}

fn compare_collection(collection: &Collection, truth: &Value, depth: Depth) {
    let ns = collection.namespace().to_string();
    assert_eq!(collection.count().expect("count"), truth["count"].as_u64().expect("count"));

    let stats = collection.stats().expect("stats");
    assert_eq!(stats.to_document(), document(&truth["collStats"]), "{ns}");
    let verbose = document(&truth["collStatsVerbose"]);
    assert_eq!(stats.to_verbose_document(), verbose, "{ns}");

    let validation = collection.validate(true).expect("validate");
    assert_eq!(validation.to_document(), document(&truth["validateFull"]), "{ns}");
    assert!(validation.findings().is_empty(), "{ns}: {:?}", validation.findings());

    let listed = match depth {
        Depth::EveryDocument => &truth["docs"],
        Depth::Samples => &truth["docsSample"],
    };
    compare_documents(collection, listed, depth);
    compare_digests(collection, truth);
    compare_indexes(collection, truth);
}

/// The documents that mongod listed are where it says, byte for byte, and in that order.
fn compare_documents(collection: &Collection, truth: &Value, depth: Depth) {
    let ns = collection.namespace().to_string();
    let mut found =
        collection.scan(Direction::Forward).expect("scan").map(|d| d.expect("readable"));
    for expected in truth.as_array().expect("documents") {
        let loc = expected["recordId"].as_str().expect("a place");
        let raw = BASE64_STANDARD.decode(expected["raw"].as_str().expect("raw")).expect("base64");
        let at_loc = |located: &tallymap::Located| located.loc.to_string() == loc;
        let located = match depth {
            Depth::EveryDocument => found.next(),
            Depth::Samples => found.find(at_loc),
        };
        let located = located.unwrap_or_else(|| panic!("{ns}: nothing where {loc} should be"));
        assert_eq!(located.loc.to_string(), loc, "{ns}");
        assert_eq!(located.document.as_bytes(), raw, "{ns} at {loc}");
    }
    if depth == Depth::EveryDocument {
        assert!(found.next().is_none(), "{ns} has documents that mongod did not list");
    }
}

fn compare_digests(collection: &Collection, truth: &Value) {
    let ns = collection.namespace().to_string();
    let digest = |documents: &mut dyn Iterator<Item = RawDocumentBuf>| {
        let mut sha = Sha256::new();
        documents.for_each(|document| sha.update(document.as_bytes()));
        sha.finalize().iter().map(|b| format!("{b:02x}")).collect::<String>()
    };
    let mut forward =
        collection.scan(Direction::Forward).expect("scan").map(|d| d.expect("readable").document);
    assert_eq!(
        digest(&mut forward),
        truth["sha256RawDocsNatural"].as_str().expect("a digest"),
        "{ns}"
    );

    let mut backward: Vec<_> = collection
        .scan(Direction::Backward)
        .expect("scan")
        .map(|d| d.expect("readable").document)
        .collect();
    backward.reverse();
    let natural = truth["sha256RawDocsNatural"].as_str().expect("a digest");
    assert_eq!(digest(&mut backward.into_iter()), natural, "{ns} backward");

    let mut by_id = collection.index_scan("_id_", Direction::Forward).expect("_id_").map(|entry| {
        let entry = entry.expect("readable");
        collection.read_at(entry.loc).expect("a record")
    });
    assert_eq!(
        digest(&mut by_id),
        truth["sha256RawDocsIdOrder"].as_str().expect("a digest"),
        "{ns}"
    );
}

/// Every index has the entries that mongod listed, in its order, with its key bytes.
fn compare_indexes(collection: &Collection, truth: &Value) {
    let ns = collection.namespace().to_string();
    let listed: Vec<_> =
        collection.indexes().expect("indexes").iter().map(|i| i.specification.clone()).collect();
    let expected: Vec<_> =
        truth["indexes"].as_array().expect("indexes").iter().map(document).collect();
    assert_eq!(listed, expected, "{ns}");

    for (name, entries) in truth["indexScan"].as_object().expect("index scans") {
        let mut seen = std::collections::HashSet::new();
        let scan = collection.index_scan(name, Direction::Forward).expect("an index");
        let mut found =
            scan.map(|e| e.expect("readable")).filter(|e| seen.insert(e.loc)).enumerate();
        for expected in entries.as_array().expect("entries") {
            let at = expected["pos"].as_u64().expect("a position") as usize;
            let (_, entry) = found.find(|(i, _)| *i == at).expect("as many entries");
            assert_eq!(
                entry.loc.to_string(),
                expected["recordId"].as_str().expect("a place"),
                "{ns} {name}"
            );
            let raw = BASE64_STANDARD.decode(expected["rawKey"].as_str().expect("raw"));
            let key = unnamed(&entry.key);
            let expected = RawDocumentBuf::from_bytes(raw.expect("base64")).expect("BSON");
            assert_eq!(key, unnamed(&expected), "{ns} {name} entry {at}");
        }
    }
}

/// The bytes of a key's values, whatever the fields are called.
fn unnamed(key: &RawDocumentBuf) -> Vec<u8> {
    let mut values = RawDocumentBuf::new();
    key.iter().for_each(|field| values.append(bson::cstr!(""), field.expect("valid").1));
    values.into_bytes()
}
