//! `$merge`: each document is put in the place of its like in another collection, or made one
//! with it, or inserted.
//!
//! M1. Each document of the target is written in one unit of work, or not at all.
//! M2. A document's like is found by the bytes of texts, whatever the aggregation's collation.
//! M3. Documents are taken in batches. The first refusal is told when the rest of its batch is
//!     written, as MongoDB does, whose batches are not ordered.

use std::borrow::Cow;

use bson::{RawDocument, RawDocumentBuf};

use super::Aggregate;
use crate::aggregate::{Documents, Merge, WhenMatched, WhenNotMatched};
use crate::bson::builder::Builder;
use crate::bson::element::{Elements, OwnedValue, get};
use crate::bson::ty;
use crate::collection::Collection;
use crate::collection::search::Search;
use crate::collection::update_job::{Keep, UpdateJob};
use crate::collection::update_source::UpdateSource;
use crate::collection::variables::{collation_of, named_variables, scope_of};
use crate::error::{Error, Reason, Result};
use crate::expression::Variables;
use crate::interrupt;
use crate::query::Filter;
use crate::update::Update;

/// Documents of a batch are together longer than this by one document at most, bytes.
const BATCH_LEN: usize = 16 << 20;
/// Documents of a batch.
const BATCH_DOCUMENTS: usize = 100_000;

/// Writes the documents to their target.
pub fn write(
    aggregate: &Aggregate,
    merge: &Merge,
    mut docs: Documents,
    vars: &Variables<'_>,
) -> Result<()> {
    let work = Work::new(aggregate, merge, vars)?;
    loop {
        let (mut batch, mut len) = (vec![], 0);
        while len < BATCH_LEN && batch.len() < BATCH_DOCUMENTS {
            let Some(doc) = docs.next() else { break };
            let write = work.prepare(doc?)?;
            len += write.doc.as_bytes().len();
            batch.push(write);
        }
        if batch.is_empty() {
            return Ok(());
        }
        work.write(batch)?;
    }
}

/// What is to be done with documents.
struct Work<'m> {
    merge: &'m Merge,
    vars: &'m Variables<'m>,
    target: Collection,
    /// What the aggregation knows by name, for pipelines.
    named: Vec<(String, OwnedValue)>,
    now_ms: i64,
}

/// A document on its way.
struct Write {
    /// What finds its like; none for one that has no `_id` yet.
    filter: Option<Vec<u8>>,
    doc: RawDocumentBuf,
    /// The pipeline's variables.
    variables: Vec<(String, OwnedValue)>,
}

impl<'m> Work<'m> {
    fn new(aggregate: &Aggregate, merge: &'m Merge, vars: &'m Variables<'m>) -> Result<Work<'m>> {
        let into = &merge.into;
        let target = aggregate.target("$merge", into.database.as_deref(), &into.collection)?;
        let is_collated = collation_of(aggregate.collation.as_deref())?.is_some();
        if !is_unique(&target, merge, is_collated)? {
            let message = "Cannot find index to verify that join fields will be unique";
            return Err(Error::refused(Reason::Location(51183), message));
        }
        let named = named_variables(aggregate.variables.as_deref(), vars.now_ms)?;
        let now_ms = vars.now_ms;
        Ok(Work { merge, vars, target, named, now_ms })
    }

    fn prepare(&self, doc: Vec<u8>) -> Result<Write> {
        let filter = self.filter(&doc)?;
        let mut variables = self.named.clone();
        for (name, value) in self.merge.variables(&doc, self.vars)? {
            variables.retain(|(known, _)| *known != name);
            variables.push((name, value));
        }
        Ok(Write { filter, doc: raw(doc)?, variables })
    }

    /// What finds a document's like: the fields that they have in common.
    fn filter(&self, doc: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut out = Builder::new();
        let mut equal = |path: &str, value| {
            out.begin(ty::DOCUMENT, path);
            out.value("$eq", value).end();
        };
        let id = crate::bson::field::FieldPath::parse("_id")?;
        for path in self.merge.on.as_deref().unwrap_or(std::slice::from_ref(&id)) {
            if path.is_id() && path.depth() == 1 && get(doc, "_id")?.is_none() {
                // It is to be given one, which nobody has.
                return Ok(None);
            }
            equal(path.as_str(), self.merge.key(path, doc)?);
        }
        Ok(Some(out.finish()))
    }

    fn write(&self, batch: Vec<Write>) -> Result<()> {
        let (mut refused, mut is_missed) = (None, false);
        for write in batch {
            interrupt::check()?;
            match self.write_one(&write) {
                Ok(is_done) => is_missed |= !is_done,
                Err(
                    error @ (Error::DuplicateKey { .. }
                    | Error::DocumentInvalid { .. }
                    | Error::Refused { .. }),
                ) => {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(error) = refused {
            return Err(told(error));
        }
        if is_missed && self.merge.when_not_matched == WhenNotMatched::Fail {
            let message = "$merge could not find a matching document in the target collection for \
                           at least one document in the source collection";
            return Err(Error::refused(Reason::Location(13113), message));
        }
        Ok(())
    }

    /// Writes a document. Answers whether it met its like, or was inserted.
    fn write_one(&self, write: &Write) -> Result<bool> {
        let mut met_again = false;
        loop {
            if self.update(write)? {
                return Ok(true);
            }
            if self.merge.when_not_matched != WhenNotMatched::Insert {
                return Ok(false);
            }
            match self.target.insert(&self.inserted(&write.doc)?) {
                // Somebody else may have inserted its like meanwhile.
                Err(Error::DuplicateKey { .. })
                    if !met_again && self.merge.when_matched != WhenMatched::Fail =>
                {
                    met_again = true;
                }
                inserted => return inserted.map(|_| true),
            }
        }
    }

    /// The document as it is inserted: made of the fields in common first where that is an
    /// upsert of MongoDB's.
    fn inserted<'d>(&self, doc: &'d RawDocumentBuf) -> Result<Cow<'d, RawDocument>> {
        let upserts =
            matches!(self.merge.when_matched, WhenMatched::Merge | WhenMatched::KeepExisting);
        let Some(on) = self.merge.on.as_ref().filter(|_| upserts) else {
            return Ok(Cow::Borrowed(doc));
        };
        let mut first: Vec<_> = on.iter().map(|path| path.component(0)).collect();
        first.sort_unstable();
        first.dedup();
        let mut out = Builder::with_capacity(doc.as_bytes().len());
        for name in &first {
            if let Some(element) = get(doc.as_bytes(), name)? {
                out.element(&element);
            }
        }
        for element in Elements::new(doc.as_bytes())? {
            let element = element?;
            if !first.iter().any(|name| name.as_bytes() == element.name) {
                out.element(&element);
            }
        }
        raw(out.finish()).map(Cow::Owned)
    }

    /// Changes the document's like. Answers whether there is one.
    fn update(&self, write: &Write) -> Result<bool> {
        let Some(filter) = &write.filter else { return Ok(false) };
        let Some(update) = self.update_of(write)? else { return Ok(false) };
        let filter = Filter::parse(filter)?;
        let (variables, now_ms) = (write.variables.as_slice(), self.now_ms);
        let search = Search { variables, now_ms, ..Search::of(&filter) };
        let job = UpdateJob { search, update: &update, upsert: false, keep: Keep::Nothing };
        Ok(self.target.update_first(&job)?.report.matched > 0)
    }

    fn update_of(&self, write: &Write) -> Result<Option<Update>> {
        let source = match &self.merge.when_matched {
            WhenMatched::Fail => return Ok(None),
            WhenMatched::Replace => UpdateSource::document(&write.doc),
            WhenMatched::Merge => {
                let mut out = Builder::with_capacity(write.doc.as_bytes().len() + 16);
                out.document("$set", write.doc.as_bytes());
                UpdateSource::document(&raw(out.finish())?)
            }
            // No stage, no change.
            WhenMatched::KeepExisting => UpdateSource::Pipeline(vec![]),
            WhenMatched::Pipeline(stages) => {
                let stages = stages.iter().map(|stage| raw(stage.to_vec()));
                UpdateSource::Pipeline(stages.collect::<Result<_>>()?)
            }
        };
        source.parse(&scope_of(&write.variables)).map(Some)
    }
}

/// Is there an index by which no two documents have the fields in common? No index is in the
/// order of a collation.
fn is_unique(target: &Collection, merge: &Merge, is_collated: bool) -> Result<bool> {
    let Some(on) = &merge.on else { return Ok(true) };
    let mut on: Vec<_> = on.iter().map(|path| path.as_str()).collect();
    if on == ["_id"] {
        return Ok(!is_collated || !target.exists());
    }
    if is_collated {
        return Ok(false);
    }
    on.sort_unstable();
    target.read(false, |_, open| {
        Ok(open.indexes.iter().map(|index| index.facts()).any(|facts| {
            let mut paths: Vec<_> = facts.pattern.paths().iter().map(String::as_str).collect();
            paths.sort_unstable();
            let is_whole = facts.partial_filter.is_none() && facts.hashed.is_none();
            facts.is_unique && facts.is_usable && is_whole && paths == on
        }))
    })
}

/// A refusal as it is told of a `$merge`.
fn told(error: Error) -> Error {
    match error {
        Error::Refused { reason: reason @ Reason::ImmutableField, message } => {
            let message = format!(
                "$merge failed to update the matching document, did you attempt to modify the _id \
                 or the shard key? :: caused by :: {message}"
            );
            Error::refused(reason, message)
        }
        error => error,
    }
}

fn raw(bytes: Vec<u8>) -> Result<RawDocumentBuf> {
    RawDocumentBuf::from_bytes(bytes).map_err(|_| Error::invalid_bson(0, "a stage gives documents"))
}
