//! What an engine holds, as its user sees it: what the script expects, and what is found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use bson::{Document, RawDocument, rawdoc};
use oorandom::Rand32;
use tallymap::{Collection, Direction, Engine, Result};

/// Collections by full name, the catalogue's own left out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct World(pub BTreeMap<String, Contents>);

/// One collection.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contents {
    pub documents: BTreeMap<i32, Document>,
    /// Names of its indexes beside `_id_`.
    pub indexes: BTreeSet<String>,
    pub has_template: bool,
    /// Of a capped collection, the `_id`s in natural order.
    pub order: Option<Vec<i32>>,
}

impl Contents {
    /// Adds to `n` of a document.
    pub fn add(&mut self, id: i32, by: i32) {
        let document = self.documents.get_mut(&id).expect("there");
        let n = document.get_i32("n").expect("a counter");
        document.insert("n", n + by);
    }

    /// Is there another document with this value of the unique field?
    pub fn has_unique(&self, u: i32, id: i32) -> bool {
        self.indexes.contains("u")
            && self.documents.iter().any(|(&other, document)| {
                other != id && document.get_i32("u").is_ok_and(|value| value == u)
            })
    }

    /// Two documents with one value of the unique field.
    pub fn has_duplicates(&self) -> bool {
        let values = self.documents.values().map(|document| document.get_i32("u").ok());
        values.collect::<BTreeSet<_>>().len() < self.documents.len()
    }

    fn read(collection: &Collection) -> Result<Contents> {
        let mut contents = Contents::default();
        let mut order = Vec::new();
        for located in collection.scan(Direction::Forward)? {
            let document = Document::try_from(located?.document.as_ref()).expect("BSON");
            let id = document.get_i32("_id").expect("a number");
            order.push(id);
            contents.documents.insert(id, document);
        }
        assert_eq!(order.len(), contents.documents.len(), "an _id twice");
        if collection.stats()?.capped.is_some() {
            contents.order = Some(order);
        }
        let indexes = collection.indexes()?.into_iter().map(|index| index.name);
        contents.indexes = indexes.filter(|name| name != "_id_").collect();
        contents.has_template = collection.template()?.is_some();
        Ok(contents)
    }
}

impl fmt::Display for World {
    /// The `_id`s and counters of each collection.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ns, contents) in &self.0 {
            let documents = contents.documents.iter();
            let counted: Vec<_> = documents.map(|(id, it)| (id, it.get_i32("n").ok())).collect();
            write!(f, "{ns} {:?} {counted:?} ", contents.indexes)?;
        }
        Ok(())
    }
}

impl World {
    /// The collection `ns`, made if it is missing.
    pub fn collection(&mut self, ns: &str) -> &mut Contents {
        self.0.entry(ns.to_owned()).or_default()
    }

    /// Everything that `engine` answers; every collection is validated in full.
    ///
    /// # Errors
    /// The first finding of a validation; the first error of the engine.
    pub fn read(engine: &Engine) -> Result<World, String> {
        let mut world = World::default();
        let told = |error: tallymap::Error| error.to_string();
        for name in engine.database_names() {
            let database = engine.database(&name).map_err(told)?;
            for name in database.collection_names().map_err(told)? {
                let collection = database.collection(&name).map_err(told)?;
                let ns = collection.namespace().to_string();
                let validation = collection.validate(true).map_err(told)?;
                if let Some(finding) = validation.findings().first() {
                    return Err(format!("{ns}: {finding:?}"));
                }
                if !name.starts_with("system.") && !name.starts_with("tallymap.") {
                    world.0.insert(ns, Contents::read(&collection).map_err(told)?);
                }
            }
        }
        Ok(world)
    }
}

/// A document of the script.
pub fn document(id: i32, text_len: usize) -> Document {
    // `s` makes long keys, so that buckets split; `n` lies where a layout is remembered.
    let raw = rawdoc! {
        "_id": id, "s": text(id, 400), "text": text(id, text_len),
        "k": id % 5, "u": id % 40, "n": 0,
    };
    plain(&raw)
}

/// Text that does not compress, so that a torn section can look whole to a decoder.
pub fn text(id: i32, len: usize) -> String {
    let mut random = Rand32::new(id as u64 * 7919 + len as u64);
    (0..len).map(|_| char::from(random.rand_range(33..127) as u8)).collect()
}

/// As a document that is compared.
pub fn plain(raw: &RawDocument) -> Document {
    Document::try_from(raw).expect("valid BSON")
}
