//! The engine as a target, through its Rust API, in memory.

use std::sync::Arc;

use bson::{Bson, Document, RawDocumentBuf, doc};
use tallymap::disk::HeapDisk;
use tallymap::{Collection, CollectionOptions, Database, Engine, Error, FieldOrder, Hint};

use super::run::NO_OPINION;
use super::target::{Target, refusal};
use crate::order::raw;

/// A database of an engine.
pub struct Embedded {
    // Kept open.
    _engine: Engine,
    database: Database,
}

/// A result, or the number of the engine's error and its text.
type Answer<T> = Result<T, (i32, String)>;

fn refused(error: Error) -> (i32, String) {
    (error.code(), error.to_string())
}

fn cannot<T>() -> Answer<T> {
    Err((NO_OPINION, "not through this API".to_owned()))
}

impl Embedded {
    /// One on a disk of memory.
    ///
    /// # Panics
    /// If the engine cannot be opened.
    #[expect(clippy::new_without_default, reason = "it opens an engine")]
    pub fn new() -> Embedded {
        let builder = Engine::builder("language").disk(Arc::new(HeapDisk::new()));
        let engine = builder.ns_size_mib(1).background(false).open().expect("opens");
        let database = engine.database("test").expect("a name");
        Embedded { _engine: engine, database }
    }

    fn answer(&self, command: &Document) -> Answer<Document> {
        let name = command.keys().next().map_or("", |name| name);
        let collection = match command.get_str(name) {
            Ok(collection) => self.database.collection(collection).map_err(refused)?,
            Err(_) => return cannot(),
        };
        match name {
            "insert" => insert(&collection, command),
            "update" => update(&collection, command),
            "delete" => {
                let statement = first(command, "deletes")?;
                let n = collection.delete_many(filter(&statement, "q")).map_err(refused)?;
                Ok(doc! { "n": n as i32, "ok": 1.0 })
            }
            "createIndexes" => {
                let before = collection.indexes().map_err(refused)?.len() as i32;
                let spec = first(command, "indexes")?;
                collection.create_index_from(raw(&spec)).map_err(refused)?;
                let after = collection.indexes().map_err(refused)?.len() as i32;
                let mut out = doc! { "numIndexesBefore": before, "numIndexesAfter": after };
                if before == after {
                    out.insert("note", "all indexes already exist");
                }
                out.insert("ok", 1.0);
                Ok(out)
            }
            "find" => find(&collection, command),
            "aggregate" => {
                let Ok(stages) = command.get_array("pipeline") else { return cannot() };
                let stages: Option<Vec<RawDocumentBuf>> =
                    stages.iter().map(|stage| stage.as_document().map(raw)).collect();
                let Some(stages) = stages else { return cannot() };
                given(collection.aggregate(stages).run())
            }
            _ => cannot(),
        }
    }
}

impl Target for Embedded {
    fn name(&self) -> &'static str {
        "embedded"
    }

    fn run(&mut self, command: &Document) -> Document {
        self.answer(command).unwrap_or_else(|(code, text)| refusal(code, text))
    }

    fn reset(&mut self) {
        for name in ["c", "other", "out"] {
            self.database.drop_collection(name).expect("drops");
        }
        // As 5.0 orders the fields that an update makes.
        let options = CollectionOptions::default().field_order(FieldOrder::Numeric);
        self.database.create_collection("c", options).expect("creates");
    }
}

fn first(command: &Document, name: &str) -> Answer<Document> {
    let list = command.get_array(name).ok();
    match list.and_then(|list| list.first()).and_then(Bson::as_document) {
        Some(first) => Ok(first.clone()),
        None => cannot(),
    }
}

fn filter(command: &Document, name: &str) -> RawDocumentBuf {
    command.get_document(name).map_or_else(|_| RawDocumentBuf::new(), raw)
}

fn given(
    cursor: tallymap::Result<impl Iterator<Item = tallymap::Result<RawDocumentBuf>>>,
) -> Answer<Document> {
    let mut batch: Vec<Bson> = vec![];
    for document in cursor.map_err(refused)? {
        let document = document.map_err(refused)?;
        batch.push(Document::try_from(document.as_ref()).expect("valid BSON").into());
    }
    Ok(doc! { "cursor": { "firstBatch": batch }, "ok": 1.0 })
}

fn find(collection: &Collection, command: &Document) -> Answer<Document> {
    let mut find = collection.find(filter(command, "filter"));
    for (name, value) in command.iter().skip(1) {
        let count = value.as_i32().and_then(|n| u64::try_from(n).ok());
        find = match (name.as_str(), value) {
            ("filter", Bson::Document(_)) => find,
            ("sort", Bson::Document(sort)) => find.sort(raw(sort)),
            ("projection", Bson::Document(fields)) => find.projection(raw(fields)),
            ("hint", Bson::String(name)) => find.hint(Hint::Name(name.clone())),
            ("hint", Bson::Document(key)) => find.hint(Hint::Keys(raw(key).as_bytes().to_vec())),
            ("skip", _) if count.is_some() => find.skip(count.unwrap_or_default()),
            ("limit", _) if count.is_some() => find.limit(count.unwrap_or_default()),
            _ => return cannot(),
        };
    }
    given(find.run())
}

fn insert(collection: &Collection, command: &Document) -> Answer<Document> {
    let documents = command.get_array("documents").cloned().unwrap_or_default();
    let ordered = command.get_bool("ordered").unwrap_or(true);
    let (mut n, mut errors) = (0, vec![]);
    for (at, document) in documents.iter().filter_map(Bson::as_document).enumerate() {
        match collection.insert_one(raw(document)) {
            Ok(_) => n += 1,
            Err(error) => {
                errors.push(Bson::from(doc! { "index": at as i32, "code": error.code() }));
                if ordered {
                    break;
                }
            }
        }
    }
    let mut out = doc! { "n": n, "ok": 1.0 };
    if !errors.is_empty() {
        out.insert("writeErrors", errors);
    }
    Ok(out)
}

fn update(collection: &Collection, command: &Document) -> Answer<Document> {
    let statement = first(command, "updates")?;
    let flag = |name: &str| statement.get_bool(name).unwrap_or(false);
    let filters = statement.get_array("arrayFilters").cloned().unwrap_or_default();
    let filters: Vec<_> = filters.iter().filter_map(Bson::as_document).map(raw).collect();
    let (query, change) = (filter(&statement, "q"), filter(&statement, "u"));
    let request = match flag("multi") {
        true => collection.update_many(query, change),
        false => collection.update_one(query, change),
    };
    let request = request.map(|request| request.upsert(flag("upsert")).array_filters(filters));
    match request.and_then(|request| request.run()) {
        Ok(report) => {
            let upserted = report.upserted.map(|id| Bson::try_from(id).expect("valid BSON"));
            let n = report.matched as i32 + i32::from(upserted.is_some());
            let mut out = doc! { "n": n, "nModified": report.modified as i32, "ok": 1.0 };
            if let Some(id) = upserted {
                out.insert("upserted", vec![Bson::from(doc! { "index": 0, "_id": id })]);
            }
            Ok(out)
        }
        Err(error) => {
            let errors = vec![Bson::from(doc! { "index": 0, "code": error.code() })];
            Ok(doc! { "n": 0, "nModified": 0, "writeErrors": errors, "ok": 1.0 })
        }
    }
}
