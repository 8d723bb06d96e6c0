//! An operation on an engine and on the world that mirrors it.

use bson::{doc, rawdoc};
use tallymap::{
    Collection, CollectionOptions, Direction, Engine, Error, FieldPath, IndexSpec, Result,
};

use super::script::Op;
use super::world::{Contents, World, document, plain, text as text_of};

/// Text of a document that a template makes.
const TEMPLATE_TEXT: usize = 40;

/// Does `op` on both. Gives the states that a crash within it may leave, the last being that
/// after it.
///
/// # Errors
/// If the engine does otherwise than the model.
pub fn perform(engine: &Engine, world: &World, op: &Op) -> Result<Vec<World>, String> {
    let mut states = States { states: vec![], now: world.clone() };
    let done = states.perform(engine, op).map_err(|error| format!("{op:?}: {error}"))?;
    if let Some((engine, model)) = done.filter(|(engine, model)| engine != model) {
        return Err(format!("{op:?}: the engine did {engine}, the model {model}"));
    }
    states.states.push(states.now);
    Ok(states.states)
}

struct States {
    /// Those on the way.
    states: Vec<World>,
    now: World,
}

/// What the engine did, and what the model did: documents changed, 0 or 1 for the rest.
type Done = Option<(u64, u64)>;

/// 1 for a success, 0 for a key that is there already.
fn unless_duplicate<T>(result: Result<T>) -> Result<u64> {
    match result {
        Ok(_) => Ok(1),
        Err(Error::DuplicateKey { .. }) => Ok(0),
        Err(error) => Err(error),
    }
}

fn ids_in_order(collection: &Collection) -> Result<Vec<i32>> {
    let scan = collection.scan(Direction::Forward)?;
    scan.map(|located| Ok(located?.document.get_i32("_id").expect("a number"))).collect()
}

impl States {
    /// The collection `ns`. Making it is a unit of work of its own.
    fn contents(&mut self, ns: &str) -> &mut Contents {
        if !self.now.0.contains_key(ns) {
            self.now.collection(ns);
            self.mark();
        }
        self.now.collection(ns)
    }

    /// The state now is one that a crash may leave.
    fn mark(&mut self) {
        self.states.push(self.now.clone());
    }

    fn perform(&mut self, engine: &Engine, op: &Op) -> Result<Done> {
        match op {
            Op::Insert { ns, id, text } => self.insert(&engine.collection(ns)?, *id, *text),
            Op::InsertMany { ns, first, count, text } => {
                let collection = engine.collection(ns)?;
                let ids = || *first..first + count;
                let all: Vec<_> = ids().map(|id| raw(id, *text)).collect();
                let inserted = match collection.insert_many(&all) {
                    Ok(inserted) | Err((inserted, Error::DuplicateKey { .. })) => inserted,
                    Err((_, error)) => return Err(error),
                };
                self.contents(ns);
                let mut expected = 0;
                for id in ids() {
                    if !self.admits(ns, id) {
                        break;
                    }
                    self.contents(ns).documents.insert(id, document(id, *text));
                    self.mark();
                    expected += 1;
                }
                Ok(Some((inserted as u64, expected)))
            }
            Op::Increment { ns, id, by } => self.increment(&engine.collection(ns)?, *id, *by),
            Op::Grow { .. } | Op::Upsert { .. } | Op::Replace { .. } | Op::AddToMany { .. } => {
                self.update(engine, op)
            }
            Op::Delete { ns, id } => {
                let deleted = engine.collection(ns)?.delete_one(rawdoc! { "_id": *id })?;
                let gone = self.now.0.get_mut(ns).and_then(|there| there.documents.remove(id));
                Ok(Some((deleted, u64::from(gone.is_some()))))
            }
            Op::DeleteMany { ns, k } => {
                let collection = engine.collection(ns)?;
                let order = ids_in_order(&collection)?;
                let deleted = collection.delete_many(rawdoc! { "k": *k })?;
                let mut expected = 0;
                for id in order.iter().filter(|&id| id % 5 == *k) {
                    self.contents(ns).documents.remove(id);
                    self.mark();
                    expected += 1;
                }
                Ok(Some((deleted, expected)))
            }
            Op::Log { ns, count, text } => self.log(&engine.collection(ns)?, *count, *text),
            _ => self.define(engine, op),
        }
    }

    /// May a document of this `_id` be inserted?
    fn admits(&self, ns: &str, id: i32) -> bool {
        let there = self.now.0.get(ns);
        there.is_none_or(|it| !it.documents.contains_key(&id) && !it.has_unique(id % 40, id))
    }

    fn insert(&mut self, collection: &Collection, id: i32, text: usize) -> Result<Done> {
        let ns = collection.namespace().as_str();
        let inserted = unless_duplicate(collection.insert_one(raw(id, text)))?;
        let admitted = self.admits(ns, id);
        self.contents(ns);
        if admitted {
            self.contents(ns).documents.insert(id, document(id, text));
        }
        Ok(Some((inserted, u64::from(admitted))))
    }

    fn increment(&mut self, collection: &Collection, id: i32, by: i32) -> Result<Done> {
        let path = FieldPath::parse("n")?;
        let report = collection.increment(id, &[(&path, i64::from(by))])?;
        let contents = self.contents(collection.namespace().as_str());
        if contents.documents.contains_key(&id) {
            contents.add(id, by);
        } else if contents.has_template {
            let text = "t".repeat(TEMPLATE_TEXT);
            contents.documents.insert(id, doc! { "_id": id, "n": by, "text": text });
            return Ok(Some((u64::from(report.upserted.is_some()), 1)));
        }
        Ok(Some((report.modified, 1)))
    }

    fn update(&mut self, engine: &Engine, op: &Op) -> Result<Done> {
        let (Op::Grow { ns, id, .. } | Op::Upsert { ns, id, .. } | Op::Replace { ns, id, .. }) = op
        else {
            return self.add_to_many(engine, op);
        };
        let (collection, filter) = (engine.collection(ns)?, rawdoc! { "_id": *id });
        let there = self.now.0.get_mut(ns).and_then(|it| it.documents.get_mut(id));
        match op {
            Op::Grow { text, .. } => {
                let text = text_of(*id, *text);
                let update = rawdoc! { "$set": { "text": text.as_str() } };
                let report = collection.update_one(filter, update)?.run()?;
                let known = u64::from(there.is_some());
                there.map(|document| document.insert("text", text));
                Ok(Some((report.matched, known)))
            }
            Op::Upsert { by, .. } => {
                let update = rawdoc! { "$inc": { "n": *by }, "$setOnInsert": { "k": *id % 5 } };
                let report = collection.update_one(filter, update)?.upsert(true);
                // A document without the unique field has null there; another may have that too.
                let report = unless_duplicate(report.run())?;
                let known = there.is_some();
                let contents = self.contents(ns);
                let is_second = contents.indexes.contains("u")
                    && contents.documents.values().any(|other| other.get("u").is_none());
                if known {
                    contents.add(*id, *by);
                } else if !is_second {
                    contents.documents.insert(*id, doc! { "_id": *id, "n": *by, "k": *id % 5 });
                }
                Ok(Some((report, u64::from(known || !is_second))))
            }
            Op::Replace { text, .. } => {
                let known = there.is_some();
                let admitted =
                    known && !self.now.0.get(ns).is_some_and(|it| it.has_unique(id % 40, *id));
                let replaced = collection.replace_one(filter, raw(*id, *text))?.run();
                let replaced = match replaced {
                    Ok(report) => report.matched,
                    Err(error) => unless_duplicate::<()>(Err(error))?,
                };
                if admitted {
                    self.contents(ns).documents.insert(*id, document(*id, *text));
                }
                Ok(Some((replaced, u64::from(admitted))))
            }
            _ => Ok(None),
        }
    }

    fn add_to_many(&mut self, engine: &Engine, op: &Op) -> Result<Done> {
        let Op::AddToMany { ns, k } = op else { return Ok(None) };
        let collection = engine.collection(ns)?;
        let order = ids_in_order(&collection)?;
        let update = rawdoc! { "$inc": { "n": 1 } };
        let report = collection.update_many(rawdoc! { "k": *k }, update)?.run()?;
        let mut expected = 0;
        for id in order.iter().filter(|&id| id % 5 == *k) {
            self.contents(ns).add(*id, 1);
            self.mark();
            expected += 1;
        }
        Ok(Some((report.modified, expected)))
    }

    /// Which documents make room for one is for the engine to say; they are the oldest.
    fn log(&mut self, collection: &Collection, count: i32, text: usize) -> Result<Done> {
        let ns = collection.namespace().as_str();
        for _ in 0..count {
            let contents = self.contents(ns);
            let order = contents.order.get_or_insert_default();
            let id = order.last().map_or(0, |last| last + 1);
            collection.insert_one(raw(id, text))?;
            let now = ids_in_order(collection)?;
            order.push(id);
            if !order.ends_with(&now) || now.last() != Some(&id) {
                return Ok(Some((0, 1)));
            }
            contents.documents.insert(id, document(id, text));
            contents.documents.retain(|id, _| now.contains(id));
            *order = now;
            self.mark();
        }
        Ok(None)
    }

    /// Operations of the catalogue.
    fn define(&mut self, engine: &Engine, op: &Op) -> Result<Done> {
        match op {
            Op::CreateIndex { ns, field } => {
                let spec = IndexSpec::new(&[(*field, 1)]).name(*field).unique(*field == "u");
                let made = unless_duplicate(engine.collection(ns)?.create_index(spec))?;
                let contents = self.contents(ns);
                let may_be = *field != "u" || !contents.has_duplicates();
                if may_be {
                    contents.indexes.insert((*field).to_owned());
                }
                Ok(Some((made, u64::from(may_be))))
            }
            Op::DropIndex { ns, field } => {
                let dropped = match engine.collection(ns)?.drop_index(field) {
                    Err(Error::NotFound { .. }) => 0,
                    dropped => dropped.map(|()| 1)?,
                };
                let known = self.now.0.get_mut(ns).is_some_and(|it| it.indexes.remove(*field));
                Ok(Some((dropped, u64::from(known))))
            }
            Op::CreateCapped { ns } => {
                let options = CollectionOptions::default().capped(8192).max_documents(12);
                self.create(engine, ns, options)?.order = Some(vec![]);
                Ok(None)
            }
            Op::CreateLarge { ns } => {
                if !self.now.0.contains_key(ns) {
                    let options = CollectionOptions::default().capped(15 << 20);
                    self.create(engine, ns, options)?.order = Some(vec![]);
                }
                Ok(None)
            }
            Op::CreateTemplate { ns } => {
                let text = "t".repeat(TEMPLATE_TEXT);
                let options =
                    CollectionOptions::default().template(rawdoc! { "n": 0, "text": text });
                self.create(engine, ns, options)?.has_template = true;
                Ok(None)
            }
            _ => self.remove(engine, op),
        }
    }

    fn create(
        &mut self,
        engine: &Engine,
        ns: &str,
        options: CollectionOptions,
    ) -> Result<&mut Contents> {
        let (database, name) = ns.split_once('.').expect("a full name");
        engine.database(database)?.create_collection(name, options)?;
        Ok(self.contents(ns))
    }

    fn remove(&mut self, engine: &Engine, op: &Op) -> Result<Done> {
        match op {
            Op::Compact { ns } if self.now.0.contains_key(ns) => {
                engine.collection(ns)?.compact()?;
            }
            Op::Truncate { ns } => {
                engine.collection(ns)?.truncate()?;
                if let Some(contents) = self.now.0.get_mut(ns) {
                    contents.documents.clear();
                }
            }
            Op::Rename { from, to } => {
                let may_be = self.now.0.contains_key(from) && !self.now.0.contains_key(to);
                if may_be && from != to {
                    let (database, name) = from.split_once('.').expect("a full name");
                    let (_, new) = to.split_once('.').expect("a full name");
                    engine.database(database)?.rename_collection(name, new)?;
                    let contents = self.now.0.remove(from).expect("there");
                    self.now.0.insert(to.clone(), contents);
                }
            }
            Op::Drop { ns } => {
                let (database, name) = ns.split_once('.').expect("a full name");
                let dropped = engine.database(database)?.drop_collection(name)?;
                let known = self.now.0.remove(ns).is_some();
                return Ok(Some((u64::from(dropped), u64::from(known))));
            }
            Op::DropDatabase { name } => {
                engine.database(name)?.drop()?;
                let prefix = format!("{name}.");
                self.now.0.retain(|ns, _| !ns.starts_with(&prefix));
            }
            Op::WaitDurable => engine.wait_durable()?,
            Op::Sync => engine.sync()?,
            _ => {}
        }
        Ok(None)
    }
}

fn raw(id: i32, text: usize) -> bson::RawDocumentBuf {
    let raw = bson::RawDocumentBuf::try_from(document(id, text)).expect("BSON");
    debug_assert_eq!(plain(&raw), document(id, text));
    raw
}
