//! A small database on a disk that is watched: after every refusal no byte of it has changed.

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::Arc;

use bson::{RawDocumentBuf, doc, rawdoc};
use tallymap::disk::HeapDisk;
use tallymap::{Collection, CollectionOptions, Direction, Engine, Error, IndexSpec, RecordLoc};
use tallymap_tests::dbpath::check;
use tallymap_tests::order::raw;
use tallymap_tests::watched_disk::WatchedDisk;

/// A database `d`: collections `c` with indexes on `k` and `tags`, `t` with a template, and a
/// capped one `z`.
pub struct World {
    disk: Arc<WatchedDisk>,
    pub engine: Engine,
    settled: RefCell<(State, u64)>,
}

/// All that a user can see.
#[derive(Debug, Default, PartialEq)]
struct State {
    databases: Vec<String>,
    collections: Vec<Seen>,
}

/// All that can be seen of a collection.
#[derive(Debug, PartialEq)]
struct Seen {
    ns: String,
    documents: Vec<(RecordLoc, RawDocumentBuf)>,
    /// The name of each index with its entries.
    indexes: Vec<(String, Vec<(RawDocumentBuf, RecordLoc)>)>,
    stats: String,
}

impl World {
    pub fn new() -> World {
        let disk = Arc::new(WatchedDisk::new(Arc::new(HeapDisk::new())));
        let builder = Engine::builder("").disk(disk.clone()).ns_size_mib(1).background(false);
        let engine = builder.open().expect("opens");
        let database = engine.database("d").expect("a name");
        let c = database.collection("c").expect("a name");
        c.create_index(IndexSpec::new(&[("k", 1)])).expect("an index");
        c.create_index(IndexSpec::new(&[("tags", -1)])).expect("an index");
        for n in 0..8 {
            let document = doc! { "_id": n, "a": n, "k": format!("key {n}"), "tags": [n, "x"] };
            c.insert_one(raw(&document)).expect("inserts");
        }
        let template = CollectionOptions::default().template(rawdoc! { "n": 0 });
        database.create_collection("t", template).expect("creates");
        let capped = CollectionOptions::default().capped(8192);
        let z = database.create_collection("z", capped).expect("creates");
        z.insert_one(rawdoc! { "_id": 1, "text": "abc" }).expect("inserts");
        drop((c, z));
        let settled = RefCell::new((State::default(), 0));
        let world = World { disk, engine, settled };
        world.settle();
        world
    }

    pub fn collection(&self, name: &str) -> Collection {
        self.engine.database("d").expect("a name").collection(name).expect("a name")
    }

    /// What is there now is what has to stay.
    pub fn settle(&self) {
        // Pages are written back by the commits that follow, until there are none: a commit that
        // comes to the end of a round may write nothing, and the next one something again.
        let mut quiet = 0;
        while quiet < 5 {
            let before = self.disk.changes();
            self.engine.wait_durable().expect("durable");
            quiet = if self.disk.changes() == before { quiet + 1 } else { 0 };
        }
        *self.settled.borrow_mut() = (self.state(), self.disk.changes());
    }

    /// Was this refused with `expected`, and has no byte of a data file changed?
    pub fn refused<T: Debug>(&self, what: impl Debug, done: Result<T, Error>, expected: i32) {
        self.refused_unseen(&what, done, expected);
        self.engine.wait_durable().expect("durable");
        assert_eq!(self.disk.changes(), self.settled.borrow().1, "{what:?} changed a data file");
    }

    /// As [`World::refused`], of what works in several steps and takes them back: the files'
    /// bytes may be others, but nothing can be seen of it.
    pub fn refused_unseen<T: Debug>(
        &self,
        what: impl Debug,
        done: Result<T, Error>,
        expected: i32,
    ) {
        match done {
            Ok(done) => panic!("{what:?} was accepted: {done:?}"),
            Err(error) => assert_eq!(error.code(), expected, "{what:?}: {error}"),
        }
    }

    /// Nothing that can be seen has changed since it was settled, and everything is sound.
    pub fn unchanged(&self) {
        assert_eq!(self.state(), self.settled.borrow().0);
        check(&self.engine);
    }

    fn state(&self) -> State {
        let databases = self.engine.database_names();
        let mut collections = Vec::new();
        for name in &databases {
            let database = self.engine.database(name).expect("a name");
            for name in database.collection_names().expect("names") {
                collections.push(seen(&database.collection(&name).expect("a name")));
            }
        }
        State { databases, collections }
    }
}

fn seen(collection: &Collection) -> Seen {
    let scan = collection.scan(Direction::Forward).expect("a scan");
    let documents = scan.map(|found| found.expect("sound")).map(|f| (f.loc, f.document));
    let indexes = collection.indexes().expect("indexes").into_iter().map(|index| {
        let scan = collection.index_scan(&index.name, Direction::Forward).expect("an index");
        let entries = scan.map(|entry| entry.expect("sound")).map(|e| (e.key, e.loc));
        (format!("{index:?}"), entries.collect())
    });
    Seen {
        ns: collection.namespace().to_string(),
        documents: documents.collect(),
        indexes: indexes.collect(),
        stats: format!("{:?}", collection.stats().expect("stats")),
    }
}

/// Every request that takes a document, with what came of it. Whoever gives one that is no
/// document expects all of them to be refused.
pub fn every_request(world: &World, document: &bson::RawDocument) -> Vec<Outcome> {
    let (c, one) = (world.collection("c"), rawdoc! { "_id": 1 });
    let nowhere = rawdoc! { "_id": "nowhere" };
    let good = rawdoc! { "_id": "good" };
    let many = c.insert_many([document, &good]).map_err(|(before, error)| {
        assert_eq!(before, 0, "the first one is refused");
        error
    });
    let set = nested(b"$set", b"x", document);
    let key = nested(b"key", b"", document);
    let template = CollectionOptions::default().template(document);
    let database = world.engine.database("d").expect("a name");
    let run = |request: Result<tallymap::UpdateRequest<'_>, Error>, upsert| {
        request.and_then(|request| request.upsert(upsert).run()).map(drop)
    };
    let n = tallymap::FieldPath::parse("n").expect("a path");
    let id = bson::RawBsonRef::Document(document);
    vec![
        ("insert_one", c.insert_one(document).map(drop)),
        ("insert_many", many.map(drop)),
        ("replace", run(c.replace_one(&one, document), false)),
        ("replace, upsert", run(c.replace_one(&nowhere, document), true)),
        ("update", run(c.update_one(&one, document), false)),
        ("update many", run(c.update_many(rawdoc! {}, document), false)),
        ("$set", run(c.update_one(&one, &set), false)),
        ("$set, upsert", run(c.update_one(&nowhere, &set), true)),
        ("$set many", run(c.update_many(rawdoc! {}, &set), false)),
        ("update where", run(c.update_one(document, rawdoc! { "$set": { "a": 9 } }), false)),
        ("upsert where", run(c.update_one(document, rawdoc! { "$set": { "a": 9 } }), true)),
        ("find", c.find(document).run().map(drop)),
        ("find_one", c.find_one(document).map(drop)),
        ("delete_one", c.delete_one(document).map(drop)),
        ("delete_many", c.delete_many(document).map(drop)),
        ("increment", world.collection("t").increment(id, &[(&n, 1)]).map(drop)),
        ("create_index", c.create_index_from(document).map(drop)),
        ("create_index, key", c.create_index_from(&key).map(drop)),
        ("create_collection", database.create_collection("new", template).map(drop)),
    ]
}

/// The name of a request, and what came of it.
pub type Outcome = (&'static str, Result<(), Error>);

/// `{outer: {inner: document}}`, whatever the bytes of the document are; `{outer: document}` if
/// there is no inner name.
fn nested(outer: &[u8], inner: &[u8], document: &bson::RawDocument) -> RawDocumentBuf {
    let wrap = |name: &[u8], bytes: &[u8]| {
        let len = (4 + 1 + name.len() + 1 + bytes.len() + 1) as i32;
        [&len.to_le_bytes(), &b"\x03"[..], name, b"\0", bytes, b"\0"].concat()
    };
    let bytes = match inner {
        b"" => wrap(outer, document.as_bytes()),
        _ => wrap(outer, &wrap(inner, document.as_bytes())),
    };
    RawDocumentBuf::from_bytes(bytes).expect("its length and its end are right")
}
