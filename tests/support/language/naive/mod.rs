//! A naive evaluator of the language over the `bson` crate's documents, written without the
//! engine: the oracle of the plain test run, itself compared with the reference server.
//!
//! It has no opinion ([`NO_OPINION`]) on most of what a server refuses, and on some rare things.

mod array_updates;
mod arrays;
mod collections;
mod dates;
mod expression;
mod filter;
mod numbers;
mod paths;
mod positions;
mod projection;
pub mod sort;
mod stages;
mod texts;
mod update;

use bson::{Bson, Document, doc};

use super::run::NO_OPINION;
use super::target::{Target, refusal};
use collections::Collections;
use filter::matches;
use sort::SortOrder;
use update::{Context, apply, seed};

/// A result, or the code with which it is refused.
pub type Naive<T> = Result<T, i32>;

/// A database.
#[derive(Debug, Default)]
pub struct NaiveTarget {
    collections: Collections,
}

impl Target for NaiveTarget {
    fn name(&self) -> &'static str {
        "naive"
    }

    fn run(&mut self, command: &Document) -> Document {
        self.command(command).unwrap_or_else(|code| refusal(code, "refused"))
    }

    fn reset(&mut self) {
        self.collections = Collections::default();
    }
}

fn cursor(documents: Vec<Document>) -> Document {
    let documents: Vec<Bson> = documents.into_iter().map(Bson::from).collect();
    doc! { "cursor": { "firstBatch": documents }, "ok": 1.0 }
}

/// What may stand in a command; anything else is refused, or means something else.
fn only(command: &Document, known: &[&str]) -> Naive<()> {
    match command.keys().skip(1).all(|name| known.contains(&name.as_str())) {
        true => Ok(()),
        false => Err(NO_OPINION),
    }
}

fn part<'a>(command: &'a Document, name: &str) -> Naive<Option<&'a Document>> {
    let value = command.get(name);
    value.map(|value| value.as_document().ok_or(NO_OPINION)).transpose()
}

fn count(command: &Document, name: &str) -> Naive<usize> {
    let value = command.get_i32(name).unwrap_or(0);
    usize::try_from(value).map_err(|_| NO_OPINION)
}

impl NaiveTarget {
    fn command(&mut self, command: &Document) -> Naive<Document> {
        let (name, collection) = command.iter().next().ok_or(NO_OPINION)?;
        // Refused wherever they stand, even where they would not be evaluated.
        let text = command.to_string();
        if ["$nonsense", "$$nothing", "$a..b", "$currentDate", "nand"]
            .iter()
            .any(|refused| text.contains(refused))
        {
            return Err(NO_OPINION);
        }
        let collection = collection.as_str().ok_or(NO_OPINION)?;
        match name.as_str() {
            "insert" => self.insert(collection, command),
            "find" => self.find(collection, command),
            "update" => self.update(collection, command),
            "delete" => self.delete(collection, command),
            "count" => {
                only(command, &["query", "skip", "limit"])?;
                let limit = count(command, "limit")?;
                let found = self.matching(collection, part(command, "query")?)?;
                let found = found.len().saturating_sub(count(command, "skip")?);
                let found = if limit == 0 { found } else { found.min(limit) };
                Ok(doc! { "n": found as i32, "ok": 1.0 })
            }
            "distinct" => {
                let path = command.get_str("key").map_err(|_| NO_OPINION)?;
                let found = self.matching(collection, part(command, "query")?)?;
                Ok(doc! { "values": distinct(&found, path), "ok": 1.0 })
            }
            "aggregate" => {
                let stages = command.get_array("pipeline").map_err(|_| NO_OPINION)?;
                let start = self.collections.documents(collection).to_vec();
                let (stages, out) = match stages.split_last() {
                    Some((Bson::Document(last), rest)) if last.contains_key("$out") => {
                        (rest, Some(last.get_str("$out").map_err(|_| NO_OPINION)?))
                    }
                    _ => (&stages[..], None),
                };
                let mut found = stages::run(start, stages, &self.collections)?;
                if let Some(out) = out {
                    let storable = |doc: &Document| {
                        let refused =
                            |id: &Bson| matches!(id, Bson::Array(_) | Bson::RegularExpression(_));
                        doc.get("_id").is_some_and(|id| !refused(id))
                    };
                    if !found.iter().all(storable) {
                        return Err(NO_OPINION);
                    }
                    let contents = self.collections.get(out);
                    contents.documents.clear();
                    for doc in found.drain(..) {
                        contents.admit(&doc, None).map_err(|_| NO_OPINION)?;
                        contents.documents.push(doc);
                    }
                }
                Ok(cursor(found))
            }
            "createIndexes" => {
                let indexes = command.get_array("indexes").map_err(|_| NO_OPINION)?;
                let spec = indexes[0].as_document().ok_or(NO_OPINION)?;
                let contents = self.collections.get(collection);
                let (before, after) = contents.create_index(spec)?;
                let mut out = doc! { "numIndexesBefore": before, "numIndexesAfter": after };
                if before == after {
                    out.insert("note", "all indexes already exist");
                }
                out.insert("ok", 1.0);
                Ok(out)
            }
            _ => Err(NO_OPINION),
        }
    }

    fn matching(&self, collection: &str, filter: Option<&Document>) -> Naive<Vec<Document>> {
        let empty = Document::new();
        let filter = filter.unwrap_or(&empty);
        matches(&empty, filter)?;
        let mut out = vec![];
        for doc in self.collections.documents(collection) {
            if matches(doc, filter)? {
                out.push(doc.clone());
            }
        }
        Ok(out)
    }

    fn insert(&mut self, collection: &str, command: &Document) -> Naive<Document> {
        let documents = command.get_array("documents").map_err(|_| NO_OPINION)?;
        let ordered = command.get_bool("ordered").unwrap_or(true);
        let contents = self.collections.get(collection);
        let (mut n, mut errors) = (0, vec![]);
        for (at, doc) in documents.iter().enumerate() {
            let doc = doc.as_document().ok_or(NO_OPINION)?;
            match contents.admit(doc, None) {
                Ok(()) => {
                    contents.documents.push(doc.clone());
                    n += 1;
                }
                Err(NO_OPINION) => return Err(NO_OPINION),
                Err(code) => {
                    errors.push(Bson::from(doc! { "index": at as i32, "code": code }));
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

    fn find(&self, collection: &str, command: &Document) -> Naive<Document> {
        only(command, &["filter", "sort", "projection", "skip", "limit"])?;
        let projection = part(command, "projection")?.filter(|fields| !fields.is_empty());
        if let Some(fields) = projection {
            // Refused or not, whether or not there are documents.
            projection::project(&Document::new(), fields, true).map_err(|_| NO_OPINION)?;
        }
        let mut found = self.matching(collection, part(command, "filter")?)?;
        if let Some(sort) = part(command, "sort")? {
            found = SortOrder::parse(sort)?.sort(found)?;
        }
        let limit = count(command, "limit")?;
        let limit = if limit == 0 { usize::MAX } else { limit };
        let found = found.into_iter().skip(count(command, "skip")?).take(limit);
        let given = found.map(|doc| match projection {
            Some(fields) => projection::project(&doc, fields, true),
            None => Ok(doc),
        });
        Ok(cursor(given.collect::<Naive<_>>()?))
    }

    fn delete(&mut self, collection: &str, command: &Document) -> Naive<Document> {
        let deletes = command.get_array("deletes").map_err(|_| NO_OPINION)?;
        let statement = deletes[0].as_document().ok_or(NO_OPINION)?;
        let gone = self.matching(collection, part(statement, "q")?)?;
        let contents = self.collections.get(collection);
        let is_gone = |doc: &Document| gone.iter().any(|gone| gone["_id"] == doc["_id"]);
        contents.documents.retain(|doc| !is_gone(doc));
        Ok(doc! { "n": gone.len() as i32, "ok": 1.0 })
    }

    fn update(&mut self, collection: &str, command: &Document) -> Naive<Document> {
        let updates = command.get_array("updates").map_err(|_| NO_OPINION)?;
        let statement = updates[0].as_document().ok_or(NO_OPINION)?;
        let flag = |name: &str| statement.get_bool(name).unwrap_or(false);
        let text = statement.to_string();
        let query = part(statement, "q")?.ok_or(NO_OPINION)?;
        let update = part(statement, "u")?.ok_or(NO_OPINION)?;
        let filters = statement.get_array("arrayFilters").map_or(&[][..], |filters| filters);
        let context = Context { query, array_filters: filters, inserting: false };
        if update::conflict(update) {
            // Others have operands or paths that may be refused first.
            let plain = ["$set", "$unset", "$min", "$max"];
            if text.contains("$[") || update.keys().any(|name| !plain.contains(&name.as_str())) {
                return Err(NO_OPINION);
            }
            let errors = vec![Bson::from(doc! { "index": 0, "code": 40 })];
            return Ok(doc! { "n": 0, "nModified": 0, "writeErrors": errors, "ok": 1.0 });
        }
        let mut tops: Vec<&str> = update::paths(update).iter().map(|path| path[0]).collect();
        let count = tops.len();
        tops.sort_unstable();
        tops.dedup();
        if text.contains("$[") && tops.len() < count {
            // Two paths that meet at some element, or do not.
            return Err(NO_OPINION);
        }
        let found = self.matching(collection, Some(query))?;
        if found.is_empty() {
            // Refused or not, whether or not there are documents.
            apply(&Document::new(), update, &context).map_err(|_| NO_OPINION)?;
        }
        let is_replacement = update.keys().next().is_none_or(|name| !name.starts_with('$'));
        if flag("multi") && is_replacement || update.values().any(is_empty) {
            return Err(NO_OPINION);
        }
        if flag("upsert") && text.contains("$expr") {
            return Err(NO_OPINION);
        }
        if !filters.is_empty() && !text.contains("$[e]") {
            return Err(NO_OPINION);
        }
        let contents = self.collections.get(collection);
        if found.is_empty() && flag("upsert") {
            let context = Context { inserting: true, ..context };
            let new = apply(&seed(query)?, update, &context);
            let mut new = new.map_err(|_| NO_OPINION)?;
            let id = new.remove("_id").filter(is_id).ok_or(NO_OPINION)?;
            let mut doc = doc! { "_id": id.clone() };
            doc.extend(new);
            contents.admit(&doc, None).map_err(|_| NO_OPINION)?;
            contents.documents.push(doc);
            let upserted = doc! { "index": 0, "_id": id };
            return Ok(doc! { "n": 1, "nModified": 0, "upserted": [upserted], "ok": 1.0 });
        }
        let several = if flag("multi") { found.len() } else { found.len().min(1) };
        let (mut n, mut modified) = (0, 0);
        for old in found.iter().take(several) {
            let new = apply(old, update, &context).map_err(|_| NO_OPINION)?;
            let at = contents.documents.iter().position(|doc| doc["_id"] == old["_id"]);
            contents.admit(&new, at).map_err(|_| NO_OPINION)?;
            n += 1;
            if update.contains_key("$push") && is_same(old, &new) {
                // Counts as a change now and then.
                return Err(NO_OPINION);
            }
            modified += i32::from(!is_same(old, &new));
            contents.documents[at.ok_or(NO_OPINION)?] = new;
        }
        Ok(doc! { "n": n, "nModified": modified, "ok": 1.0 })
    }
}

/// May a document have it as its `_id`?
fn is_id(id: &Bson) -> bool {
    !matches!(id, Bson::Array(_) | Bson::RegularExpression(_) | Bson::Undefined)
}

fn is_empty(value: &Bson) -> bool {
    value.as_document().is_some_and(Document::is_empty)
}

fn is_same(a: &Document, b: &Document) -> bool {
    crate::order::raw(a) == crate::order::raw(b)
}

fn distinct(documents: &[Document], path: &str) -> Vec<Bson> {
    let mut out: Vec<Bson> = vec![];
    for doc in documents {
        let all = paths::values(doc, path, true);
        let whole = paths::values(doc, path, false);
        for value in all.into_iter().flatten() {
            // Elements stand for their array.
            let is_whole = whole.iter().flatten().any(|whole| std::ptr::eq(*whole, value));
            let known = |other: &Bson| crate::order::compare(other, value).is_eq();
            let opened = is_whole && matches!(value, Bson::Array(_));
            if !opened && !out.iter().any(known) {
                out.push(value.clone());
            }
        }
    }
    out
}
