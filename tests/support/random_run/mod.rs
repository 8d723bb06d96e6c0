//! Random operations on a collection and on its model, compared after each and, from time to
//! time, in everything that can be seen.

mod figures;
mod many;
mod values;

use std::collections::{BTreeMap, HashMap};

use crate::dbpath::{self, Dbpath};
use crate::evaluate::{Op, to_update};
use crate::model::{Model, Refusal, id_first, id_key, matches};
use crate::order::{compare, compare_keys, raw};
use crate::seed::Seed;
use bson::{Bson, Document, RawBson, doc};
use tallymap::{
    Collection, CollectionOptions, Direction, Engine, Error, FieldPath, IndexSpec, Reason,
    RecordLoc, SizingPolicy,
};

/// The sizing policies.
pub const POLICIES: [SizingPolicy; 5] = [
    SizingPolicy::PowerOf2,
    SizingPolicy::Exact,
    SizingPolicy::PaddingFactor { quantized: true },
    SizingPolicy::PaddingFactor { quantized: false },
    SizingPolicy::PowerOf2V2_4,
];

/// Everything is compared after so many steps.
const CHECK_EVERY: usize = 300;

/// An engine beside its model.
pub struct Run {
    seed: Seed,
    dbpath: Dbpath,
    engine: Option<Engine>,
    policy: SizingPolicy,
    memos: bool,
    /// The collection has one of two names: it is renamed back and forth.
    name: &'static str,
    model: Model,
    met: Met,
}

/// What has happened: a run in which something never did proves nothing of it.
#[derive(Debug, Default)]
struct Met {
    done: u64,
    duplicates: u64,
    refused: u64,
    moves: u64,
}

fn document(raw: &bson::RawDocument) -> Document {
    Document::try_from(raw).expect("valid BSON")
}

impl Run {
    /// An empty collection.
    pub fn new(policy: SizingPolicy, memos: bool, seed: u64) -> Run {
        let dbpath = Dbpath::new();
        let engine = Some(dbpath.builder().memos(memos).open().expect("opens"));
        let seed = Seed::new(&format!("{policy:?}, memos: {memos}"), seed);
        let mut run = Run {
            seed,
            dbpath,
            engine,
            policy,
            memos,
            name: "c",
            model: Model::default(),
            met: Met::default(),
        };
        run.create();
        run
    }

    /// Does so many operations, compares each outcome, and at the end everything.
    ///
    /// # Panics
    /// At the first difference.
    pub fn steps(mut self, count: usize) {
        for step in 1..=count {
            match self.seed.below(1000) {
                0..250 => self.insert(),
                250..480 => self.update_by_id(),
                480..570 => self.update_by_filter(),
                570..640 => self.increment(),
                640..690 => self.replace(),
                690..790 => self.delete_one(),
                790..830 => self.update_many(),
                830..845 => self.delete_many(),
                845..925 => self.find(),
                925..955 => self.create_index(),
                955..975 => self.drop_index(),
                975..980 => self.truncate_or_drop(),
                980..986 => self.rename(),
                986..993 => self.compact(),
                _ => self.reopen(),
            }
            if step % CHECK_EVERY == 0 {
                self.check();
            }
        }
        self.check();
        self.close();
        let Met { done, duplicates, refused, moves } = self.met;
        let enough = done > 800 && duplicates > 20 && refused > 20 && moves > 20;
        assert!(enough, "too little happened: {:?}", self.met);
    }

    /// Closes the engine, after checking everything that can be checked.
    fn close(&mut self) {
        let engine = self.engine.take().expect("open");
        self.met.moves += engine.counters().moves.get();
        dbpath::close(engine);
    }

    fn collection(&self) -> Collection {
        let engine = self.engine.as_ref().expect("open");
        engine.database("d").expect("valid").collection(self.name).expect("valid")
    }

    fn create(&mut self) {
        let database = self.engine.as_ref().expect("open").database("d").expect("valid");
        let options = CollectionOptions::default().policy(self.policy);
        database.create_collection(self.name, options).expect("creates");
    }

    /// The engine's outcome in the model's terms; both must be the same.
    fn same<T: PartialEq + std::fmt::Debug>(
        &mut self,
        found: Result<T, Error>,
        expected: Result<T, Refusal>,
        what: impl std::fmt::Display,
    ) {
        let text = found.as_ref().err().map(ToString::to_string);
        let found = found.map_err(|error| Refusal::of(&error));
        assert_eq!(found, expected, "{what} ({text:?})");
        match found {
            Ok(_) => self.met.done += 1,
            Err(Refusal::Duplicate) => self.met.duplicates += 1,
            Err(Refusal::Refused(_)) => self.met.refused += 1,
        }
    }

    /// The document with this `_id` is what the model has.
    fn compare_one(&self, id: &Bson) {
        let id_raw = RawBson::try_from(id.clone()).expect("BSON");
        let found = self.collection().find_by_id(id_raw.as_raw_bson_ref()).expect("a lookup");
        let expected = self.model.documents.get(&id_key(id)).map(raw);
        let text = found.as_deref().map(document);
        assert_eq!(found, expected, "{id}: {text:?}");
    }

    fn insert(&mut self) {
        let mut doc = values::fields(&mut self.seed);
        if self.seed.one_in(8) {
            let report = self.collection().insert_one(raw(&doc));
            let id = report.as_ref().map_or(Bson::Null, |r| r.id.clone().try_into().expect("id"));
            doc.insert("_id", id.clone());
            let expected = self.model.insert(&doc);
            self.same(report.map(|_| ()), expected, &doc);
            return;
        }
        doc.insert("_id", values::id(&mut self.seed));
        let found = self.collection().insert_one(raw(&doc)).map(|_| ());
        let expected = self.model.insert(&doc);
        self.same(found, expected, &doc);
        self.compare_one(&doc["_id"]);
    }

    fn update_by_id(&mut self) {
        let id = values::id(&mut self.seed);
        let ops = values::ops(&mut self.seed);
        let mut filter = doc! { "_id": id.clone() };
        if self.seed.one_in(5) {
            filter.insert("g", self.seed.below(12) as i32);
        }
        let target = self.model.documents.get(&id_key(&id));
        let matched = target.is_some_and(|doc| {
            filter.iter().skip(1).all(|(name, wanted)| matches(doc, name, wanted))
        });
        self.update_one(filter, matched.then(|| id_key(&id)), ops);
        self.compare_one(&id);
    }

    fn update_by_filter(&mut self) {
        let field = self.seed.pick(&["g", "u", "a"]);
        let wanted = Bson::Int32(self.seed.below(if field == "u" { 3000 } else { 12 }) as i32);
        let filter = doc! { field: wanted.clone() };
        let first = self.collection().find_one(raw(&filter)).expect("a search");
        let first = first.map(|found| id_key(&document(&found)["_id"]));
        let any = self.model.documents.values().any(|doc| matches(doc, field, &wanted));
        assert_eq!(first.is_some(), any, "{filter}");
        if let Some(key) = &first {
            assert!(matches(&self.model.documents[key], field, &wanted), "{filter}: {key}");
        }
        let ops = values::ops(&mut self.seed);
        self.update_one(filter, first, ops);
    }

    fn update_one(&mut self, filter: Document, target: Option<String>, mut ops: Vec<Op>) {
        let upsert = self.seed.one_in(2);
        let update = to_update(&mut ops);
        let what = format!("{update} where {filter}, upsert: {upsert}");
        let collection = self.collection();
        let found = collection
            .update_one(raw(&filter), raw(&update))
            .and_then(|request| request.upsert(upsert).run());
        let found = found.map(|report| (report.matched, report.modified, report.upserted));
        let expected = match target {
            Some(key) => self.model.update(&key, &ops).map(|changed| (1, u64::from(changed), None)),
            None if upsert => self.model.upserted(&filter, &ops).and_then(|mut doc| {
                let id = found.as_ref().ok().and_then(|(_, _, id)| id.clone());
                if let (Some(id), false) = (&id, doc.contains_key("_id")) {
                    let id: Bson = id.clone().try_into().expect("an _id");
                    assert!(matches!(id, Bson::ObjectId(_)), "{what} made {id}");
                    doc.insert("_id", id);
                } else if !doc.contains_key("_id") {
                    // Refused: any _id will do to find out why.
                    doc.insert("_id", "made by the engine");
                }
                self.model.insert(&doc).map(|()| (0, 0, id))
            }),
            // Without a document to run on, only what is wrong in itself is refused.
            None => match crate::evaluate::apply(&Document::new(), &ops, false) {
                Err(Reason::ConflictingUpdateOperators) => {
                    Err(Refusal::Refused(Reason::ConflictingUpdateOperators))
                }
                _ => Ok((0, 0, None)),
            },
        };
        if let Ok((_, _, Some(id))) = &found {
            self.compare_one(&id.clone().try_into().expect("an _id"));
        }
        self.same(found, expected, what);
    }

    fn increment(&mut self) {
        let id = values::id(&mut self.seed);
        let by = i64::from(self.seed.below(5)) - 1;
        let paths = ["m.1.7", "m.23.59", "n", "a"];
        let (first, second) = (self.seed.pick(&paths[..2]), self.seed.pick(&paths[2..]));
        let parsed = [first, second].map(|path| FieldPath::parse(path).expect("a path"));
        let id_raw = RawBson::try_from(id.clone()).expect("BSON");
        let increments = [(&parsed[0], by), (&parsed[1], 1)];
        let found = self.collection().increment(id_raw.as_raw_bson_ref(), &increments);
        let op = |path: &str, by| Op { operator: "$inc", path: path.into(), operand: by };
        let ops = [op(first, Bson::Int32(by as i32)), op(second, Bson::Int32(1))];
        let key = id_key(&id);
        let expected = match self.model.documents.contains_key(&key) {
            true => self.model.update(&key, &ops).map(|changed| (1, u64::from(changed))),
            false => Ok((0, 0)),
        };
        let found = found.map(|report| (report.matched, report.modified));
        self.same(found, expected, format!("{id} {ops:?}"));
        self.compare_one(&id);
    }

    fn replace(&mut self) {
        let id = values::id(&mut self.seed);
        let (doc, upsert) = (values::fields(&mut self.seed), self.seed.one_in(2));
        let filter = doc! { "_id": id.clone() };
        let found = self
            .collection()
            .replace_one(raw(&filter), raw(&doc))
            .and_then(|request| request.upsert(upsert).run())
            .map(|report| (report.matched, report.modified, report.upserted.is_some()));
        let key = id_key(&id);
        let expected = match self.model.documents.contains_key(&key) {
            true => self.model.replace(&key, &doc).map(|c| (1, u64::from(c), false)),
            false if upsert => {
                let mut doc = doc.clone();
                doc.insert("_id", id.clone());
                self.model.insert(&id_first(&doc)).map(|()| (0, 0, true))
            }
            false => Ok((0, 0, false)),
        };
        self.same(found, expected, format!("{id} becomes {doc}"));
        self.compare_one(&id);
    }

    fn delete_one(&mut self) {
        let id = values::id(&mut self.seed);
        let deleted = self.collection().delete_one(raw(&doc! { "_id": id.clone() }));
        let expected = u64::from(self.model.documents.remove(&id_key(&id)).is_some());
        assert_eq!(deleted.expect("deletes"), expected);
        self.compare_one(&id);
    }

    /// The keys of the documents that match.
    fn matching(&self, filter: &Document) -> Vec<String> {
        let found = self.collection().find(raw(filter)).run().expect("a search");
        let key = |found: bson::RawDocumentBuf| id_key(&document(&found)["_id"]);
        let keys: Vec<String> = found.map(|found| key(found.expect("readable"))).collect();
        let (field, wanted) = filter.iter().next().expect("a field");
        let mut sorted = keys.clone();
        sorted.sort();
        let expected = self.model.documents.iter().filter(|(_, doc)| matches(doc, field, wanted));
        assert_eq!(sorted, expected.map(|(key, _)| key.clone()).collect::<Vec<_>>(), "{filter}");
        keys
    }

    fn delete_many(&mut self) {
        let filter = doc! { "g": self.seed.below(12) as i32 };
        let targets = self.matching(&filter);
        let deleted = self.collection().delete_many(raw(&filter)).expect("deletes");
        assert_eq!(deleted, targets.len() as u64, "{filter}");
        self.model.documents.retain(|key, _| !targets.contains(key));
    }

    fn find(&mut self) {
        let id = values::id(&mut self.seed);
        self.compare_one(&id);
        let wanted = self.seed.below(6) as i32 - 2;
        self.matching(&doc! { "a": wanted });
        assert_eq!(self.collection().count().expect("count"), self.model.documents.len() as u64);
    }

    fn create_index(&mut self) {
        let index = values::index(&mut self.seed);
        if self.model.indexes.iter().any(|other| other.name == index.name) {
            return;
        }
        let fields: Vec<_> = index.fields.iter().map(|(path, way)| (path.as_str(), *way)).collect();
        let spec = IndexSpec::new(&fields).unique(index.unique).sparse(index.sparse);
        let found = self.collection().create_index(spec);
        let name = index.name.clone();
        let what = format!("{index:?}");
        let expected = self.model.create_index(index).map(|()| name);
        self.same(found, expected, what);
    }

    fn drop_index(&mut self) {
        if self.model.indexes.is_empty() {
            return;
        }
        let at = self.seed.below(self.model.indexes.len() as u32) as usize;
        let index = self.model.indexes.remove(at);
        self.collection().drop_index(&index.name).expect("drops");
    }

    fn truncate_or_drop(&mut self) {
        if self.seed.one_in(2) {
            self.collection().truncate().expect("truncates");
            self.model.documents.clear();
            self.model.rebuild_indexes();
        } else {
            let database = self.engine.as_ref().expect("open").database("d").expect("valid");
            assert!(database.drop_collection(self.name).expect("drops"));
            assert!(!self.collection().exists());
            self.model = Model::default();
            self.create();
        }
    }

    fn rename(&mut self) {
        let to = if self.name == "c" { "renamed.c" } else { "c" };
        let database = self.engine.as_ref().expect("open").database("d").expect("valid");
        database.rename_collection(self.name, to).expect("renames");
        assert!(!self.collection().exists());
        self.name = to;
        self.check();
    }

    fn compact(&mut self) {
        let report = self.collection().compact().expect("compacts");
        assert_eq!((report.moved, report.invalid), (self.model.documents.len() as u64, 0));
        self.model.rebuild_indexes();
        self.check();
    }

    /// Closes the engine and opens it again; or opens what a crash would have left of it.
    fn reopen(&mut self) {
        let crash = self.seed.one_in(2);
        if crash {
            self.engine.as_ref().expect("open").wait_durable().expect("durable");
        }
        let crashed = crash.then(|| self.dbpath.crashed());
        self.close();
        if let Some(crashed) = crashed {
            self.dbpath = crashed;
        }
        self.engine = Some(self.dbpath.builder().memos(self.memos).open().expect("opens again"));
        self.check();
    }

    /// Compares everything that can be seen.
    fn check(&self) {
        let collection = self.collection();
        let forward: Vec<_> =
            collection.scan(Direction::Forward).expect("scan").map(|d| d.expect("sound")).collect();
        let mut found = BTreeMap::new();
        let mut docs = HashMap::new();
        for located in &forward {
            let doc = document(&located.document);
            assert_eq!(collection.read_at(located.loc).expect("readable"), located.document);
            assert!(found.insert(id_key(&doc["_id"]), located.document.clone()).is_none());
            docs.insert(located.loc, doc);
        }
        let expected: BTreeMap<_, _> =
            self.model.documents.iter().map(|(key, doc)| (key.clone(), raw(doc))).collect();
        assert_eq!(found, expected);
        let mut backward: Vec<_> = collection
            .scan(Direction::Backward)
            .expect("scan")
            .map(|d| d.expect("sound"))
            .collect();
        backward.reverse();
        assert_eq!(backward, forward);
        assert_eq!(collection.count().expect("count"), expected.len() as u64);
        self.check_indexes(&collection, &docs);
        figures::check(self.engine.as_ref().expect("open"), &collection, &self.model);
    }

    fn check_indexes(&self, collection: &Collection, docs: &HashMap<RecordLoc, Document>) {
        let listed = collection.indexes().expect("indexes");
        let flags: Vec<_> = listed.iter().map(|i| (i.name.as_str(), i.is_multikey)).collect();
        let expected = self.model.indexes.iter().map(|i| (i.name.as_str(), i.multikey));
        let expected: Vec<_> = std::iter::once(("_id_", false)).chain(expected).collect();
        assert_eq!(flags, expected);

        let by_id = docs.iter().map(|(loc, doc)| (vec![doc["_id"].clone()], *loc)).collect();
        compare_index(collection, "_id_", by_id, &[1]);
        for index in &self.model.indexes {
            let mut entries = Vec::new();
            for (loc, doc) in docs {
                let keys = index.keys(doc).expect("was admitted");
                entries.extend(keys.into_iter().map(|key| (key, *loc)));
            }
            compare_index(collection, &index.name, entries, &index.directions());
        }
    }
}

/// The index holds these entries, in its order, and no others.
fn compare_index(
    collection: &Collection,
    name: &str,
    mut expected: Vec<(Vec<Bson>, RecordLoc)>,
    directions: &[i32],
) {
    expected.sort_by(|a, b| compare_keys(&a.0, &b.0, directions).then(a.1.cmp(&b.1)));
    let scan = collection.index_scan(name, Direction::Forward).expect("an index");
    let entries: Vec<_> = scan.map(|entry| entry.expect("sound")).collect();
    assert_eq!(entries.len(), expected.len(), "entries of {name}");
    for (entry, (key, loc)) in entries.iter().zip(&expected) {
        let values: Vec<Bson> = entry
            .key
            .iter()
            .map(|field| Bson::try_from(field.expect("valid").1).expect("valid"))
            .collect();
        let equal =
            values.len() == key.len() && values.iter().zip(key).all(|(a, b)| compare(a, b).is_eq());
        assert!(equal && entry.loc == *loc, "{name}: {values:?} {} for {key:?} {loc}", entry.loc);
    }
    let scan = collection.index_scan(name, Direction::Backward).expect("an index");
    let mut backward: Vec<_> = scan.map(|entry| entry.expect("sound")).collect();
    backward.reverse();
    assert_eq!(backward, entries, "{name} backward");
}
