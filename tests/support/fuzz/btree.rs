//! Pages of b-trees: buckets are damaged, then finding, scanning, inserting, updating and
//! deleting meet them. What fails says so by a typed error and changes no document; where
//! `validate` finds nothing, everything goes as in a map, and still finds nothing afterwards.

use std::collections::BTreeMap;

use bson::{Document, RawDocumentBuf, doc};
use tallymap::{Collection, Direction, Engine, Error, IndexSpec};

use super::image::{Image, builder, key};
use super::input::Input;
use super::probe;
use crate::order::raw;

/// Most operations of one input.
const OPERATIONS_MAX: usize = 16;

/// Runs one input: how many patches, the patches, the operations.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let (image, patches) = (Image::shared(), input.below(6));
    let disk = image.damaged(&image.index_words, patches, &mut input);
    let engine = match builder(disk.clone()).open() {
        Ok(engine) => engine,
        Err(error) => return probe::assert_damage("open", &error),
    };
    operate(&engine, &mut input);
    engine.close().expect("damage does not stop the journal");
    let again = builder(disk).read_only(true).open().and_then(|engine| engine.collection("d.c"));
    match again {
        Ok(collection) => drop(probe::read_collection(&collection)),
        Err(error) => probe::assert_damage("open again", &error),
    }
}

/// A collection beside what it should hold.
struct Run {
    collection: Collection,
    model: BTreeMap<i32, RawDocumentBuf>,
    /// Nothing was found wrong, so that every outcome is known.
    sound: bool,
    /// An `_id` is there twice: a map cannot follow any further.
    over: bool,
}

fn operate(engine: &Engine, input: &mut Input<'_>) {
    let Ok(collection) = engine.collection("d.c") else { return };
    let sound = probe::read_collection(&collection).is_empty();
    let documents = probe::scan(&collection, Direction::Forward);
    assert!(documents.error.is_none(), "only indexes were damaged");
    let entry = |document: RawDocumentBuf| (document.get_i32("_id").expect("an _id"), document);
    let model = documents.items.into_iter().map(entry).collect();
    let mut run = Run { collection, model, sound, over: false };
    for _ in 0..OPERATIONS_MAX {
        if input.is_empty() {
            break;
        }
        run.step(input);
        if run.over {
            return;
        }
        run.compare();
    }
    if run.sound {
        let findings = run.collection.validate(true).expect("exists").findings().to_vec();
        assert!(findings.is_empty(), "{findings:#?}");
    }
}

impl Run {
    /// An operation's outcome: an error is damage's, unless the model expects it.
    fn outcome<T>(&self, done: Result<T, Error>) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            // A damaged index may show a key that no document has.
            Err(Error::DuplicateKey { .. }) if !self.sound => None,
            Err(error) => {
                probe::assert_damage("an operation", &error);
                assert!(!self.sound, "validate found nothing, but: {error}");
                None
            }
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let (what, id) = (input.below(8), i32::from(input.u8() & 0x7f));
        eprintln!("{what} {id} sound {}", self.sound);
        let by_id = raw(&doc! { "_id": id });
        match what {
            0 | 1 => self.insert(doc! { "_id": id, "k": key(i32::from(input.u8())) }),
            2 => self.update(id, doc! { "k": key(i32::from(input.u8())) }),
            3 => self.update(id, doc! { "tags": [1, i32::from(input.u8())], "n": 3 }),
            4 => {
                let deleted = self.outcome(self.collection.delete_one(&by_id));
                if let Some(deleted) = deleted {
                    let known = self.model.contains_key(&id);
                    assert!(!self.sound || deleted == u64::from(known), "deleting {id}");
                    assert!(deleted <= u64::from(known), "deleted what is not there");
                    if deleted == 1 {
                        self.model.remove(&id);
                    }
                }
            }
            5 => {
                let found = self.outcome(self.collection.find_by_id(id)).flatten();
                if self.sound {
                    assert_eq!(found.as_ref(), self.model.get(&id), "finding {id}");
                }
            }
            6 => self.rebuild(),
            _ => {
                let n = doc! { "n": 3 };
                let find = self.collection.find(raw(&n)).run().expect("a filter");
                assert!(find.flatten().count() <= self.model.len());
            }
        }
    }

    fn insert(&mut self, document: Document) {
        let id = document.get_i32("_id").expect("given");
        let inserted = self.collection.insert_one(raw(&document));
        match (inserted, self.model.contains_key(&id)) {
            (Err(Error::DuplicateKey { .. }), true) => {}
            (inserted, known) => {
                if self.outcome(inserted).is_some() {
                    assert!(!self.sound || !known, "{id} twice");
                    // A damaged index on _id may hide that there is one: then it is there twice.
                    self.over |= known;
                    self.model.insert(id, raw(&document));
                }
            }
        }
    }

    fn update(&mut self, id: i32, fields: Document) {
        let update = raw(&doc! { "$set": fields.clone() });
        let request = self.collection.update_one(raw(&doc! { "_id": id }), update);
        let Some(report) = self.outcome(request.and_then(|request| request.run())) else { return };
        let Some(known) = self.model.get_mut(&id) else {
            assert_eq!(report.matched, 0, "updated what is not there");
            return;
        };
        assert!(!self.sound || report.matched == 1, "updating {id}");
        if report.matched == 1 {
            let mut document = Document::try_from(known.as_ref()).expect("BSON");
            document.extend(fields);
            *known = raw(&document);
        }
    }

    /// Drops an index and builds it again. What held damage may be gone, or not be let go.
    fn rebuild(&mut self) {
        let dropped = self.outcome(self.collection.drop_index("k_1"));
        if dropped.is_some() {
            self.outcome(self.collection.create_index(IndexSpec::new(&[("k", 1)])));
        }
    }

    /// The documents are those that they should be, whatever became of the indexes.
    fn compare(&self) {
        let scanned = probe::scan(&self.collection, Direction::Forward);
        assert!(scanned.error.is_none(), "only indexes were damaged: {:?}", scanned.error);
        let mut found: Vec<_> = scanned.items.iter().map(|document| document.as_bytes()).collect();
        let mut known: Vec<_> = self.model.values().map(|document| document.as_bytes()).collect();
        found.sort_unstable();
        known.sort_unstable();
        assert!(found == known, "{} documents, not {}", found.len(), known.len());
    }
}
