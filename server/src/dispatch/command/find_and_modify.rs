//! `findAndModify`: changes or deletes one document and gives it back, as it was or as it is.

use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Elements, Value};
use tallymap::bson::ty;
use tallymap::{Collection, ExplainWrite, FindAndModify, FoundAndModified, Reason};

use super::update::{checked_update, explain_update, stages};
use super::write_batch::put_bson;
use crate::dispatch::call::{Call, document, hint};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::Fields;
use crate::dispatch::put::Put;

/// An empty document.
const EMPTY: &[u8] = &[5, 0, 0, 0, 0];

/// The fields of a findAndModify.
#[derive(Debug, Default)]
pub struct Change<'a> {
    filter: Option<&'a [u8]>,
    update: Option<Value<'a>>,
    remove: bool,
    returns_new: bool,
    upsert: bool,
    projection: Option<&'a [u8]>,
    sort: Option<&'a [u8]>,
    array_filters: Vec<&'a [u8]>,
    has_array_filters: bool,
    hint: Option<Value<'a>>,
    variables: Option<&'a [u8]>,
    collation: Option<&'a [u8]>,
}

/// Changes.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let change = Change::parse(call.fields("findAndModify")?)?;
    let collection = call.writable_collection()?.bypassing_validation(call.bypasses_validation());
    let is_removal = change.remove;
    let found = change.run(&collection).map_err(|failure| {
        // Not what is wrong with the request, or with where it goes to.
        let is_met = failure.code() != 166
            && failure.code() != Reason::IllegalOperation.code()
            && !failure.is_end()
            && !failure.message().starts_with("error processing query")
            && change.prepared(&collection).is_ok_and(|change| change.check_request().is_ok());
        match is_met {
            true => failure.during("Plan executor error during findAndModify"),
            false => failure,
        }
    })?;
    match is_removal {
        true => call.counts().removed.add_many(found.report.matched),
        false => call.counts().updated.add_many(found.report.matched),
    }
    Ok(reply(&found, is_removal))
}

fn reply(found: &FoundAndModified, is_removal: bool) -> Builder {
    let FoundAndModified { value, report, .. } = found;
    let mut out = Builder::new();
    out.put_document("lastErrorObject", |out| {
        out.put_integer("n", (report.matched + u64::from(report.upserted.is_some())) as i64);
        if !is_removal {
            out.put_bool("updatedExisting", report.matched > 0);
        }
        if let Some(id) = &report.upserted {
            put_bson(out, "upserted", id);
        }
    });
    match value {
        Some(value) => out.document("value", value.as_bytes()),
        None => out.null("value"),
    };
    out
}

impl<'a> Change<'a> {
    /// Reads the fields of a findAndModify.
    ///
    /// # Errors
    /// For what is no field of it, of the wrong type, or contradicts itself.
    pub fn parse(fields: Fields<'a>) -> Outcome<Change<'a>> {
        let mut change = Change::default();
        for field in fields {
            let field = field?;
            match field.name {
                "query" => change.filter = field.object()?,
                // A pipeline is looked at when it is known that there may be one.
                "update" if field.value.ty == ty::ARRAY => change.update = Some(field.value),
                "update" => change.update = Some(checked_update(field.value)?),
                "remove" => change.remove = field.number_or_bool()?.unwrap_or(false),
                "new" => change.returns_new = field.number_or_bool()?.unwrap_or(false),
                "upsert" => change.upsert = field.number_or_bool()?.unwrap_or(false),
                "fields" => change.projection = field.object()?,
                "sort" => change.sort = field.object()?,
                "arrayFilters" => {
                    change.array_filters = field.documents()?;
                    change.has_array_filters = !field.is_null();
                }
                "hint" => change.hint = Some(field.hint()?),
                "let" => change.variables = field.object()?,
                "collation" => change.collation = field.object()?,
                "bypassDocumentValidation" => drop(field.number_or_bool()?),
                _ => return field.unknown(),
            }
        }
        change.check()?;
        change.update.map(checked_update).transpose()?;
        Ok(change)
    }

    fn check(&self) -> Outcome<()> {
        let message = match (self.remove, self.update.is_some()) {
            (true, true) => "Cannot specify both an update and remove=true",
            (false, false) => "Either an update or remove=true must be specified",
            (true, false) if self.returns_new => {
                "Cannot specify both new=true and remove=true; 'remove' always returns the deleted \
                 document"
            }
            (true, false) if self.has_array_filters => {
                "Cannot specify arrayFilters and remove=true"
            }
            _ if self.has_array_filters && self.update.is_some_and(|it| it.ty == ty::ARRAY) => {
                "Cannot specify arrayFilters and a pipeline update"
            }
            _ => return Ok(()),
        };
        Err(Failure::new(Reason::FailedToParse, message))
    }

    fn run(&self, collection: &Collection) -> Outcome<FoundAndModified> {
        Ok(self.prepared(collection)?.run()?)
    }

    /// The change of the engine with all that is asked for.
    fn prepared<'c>(&self, collection: &'c Collection) -> Outcome<FindAndModify<'c>> {
        let mut change = self.start(collection)?.upsert(self.upsert).return_new(self.returns_new);
        if let Some(variables) = self.variables {
            change = change.variables(document(variables)?);
        }
        if let Some(collation) = self.collation {
            change = change.collation(document(collation)?);
        }
        if let Some(projection) = self.projection {
            change = change.projection(document(projection)?);
        }
        if let Some(sort) = self.sort {
            change = change.sort(document(sort)?);
        }
        if !self.array_filters.is_empty() {
            let filters: Vec<_> =
                self.array_filters.iter().map(|one| document(one)).collect::<Outcome<_>>()?;
            change = change.array_filters(filters);
        }
        if let Some(hint) = self.hint.and_then(hint) {
            change = change.hint(hint);
        }
        Ok(change)
    }

    /// The change of the engine, which knows three kinds.
    fn start<'c>(&self, collection: &'c Collection) -> Outcome<FindAndModify<'c>> {
        let filter = document(self.filter.unwrap_or(EMPTY))?;
        let Some(update) = self.update else { return Ok(collection.find_one_and_delete(filter)) };
        if let Some(stages) = stages(update)? {
            return Ok(collection.find_one_and_update_by_pipeline(filter, stages));
        }
        let update = document(update.bytes)?;
        Ok(match has_operators(update.as_bytes())? {
            true => collection.find_one_and_update(filter, update)?,
            false => collection.find_one_and_replace(filter, update)?,
        })
    }

    /// What it would do.
    pub fn explain(&self, collection: &Collection) -> Outcome<ExplainWrite> {
        let filter = self.filter.unwrap_or(EMPTY);
        let mut explain = match self.update {
            Some(update) => explain_update(collection, filter, update)?.upsert(self.upsert),
            None => collection.explain_delete(document(filter)?),
        }
        .returning(self.returns_new);
        if let Some(sort) = self.sort {
            explain = explain.sort(document(sort)?);
        }
        if let Some(variables) = self.variables {
            explain = explain.variables(document(variables)?);
        }
        if let Some(collation) = self.collation {
            explain = explain.collation(document(collation)?);
        }
        if !self.array_filters.is_empty() {
            let filters: Vec<_> =
                self.array_filters.iter().map(|one| document(one)).collect::<Outcome<_>>()?;
            explain = explain.array_filters(filters);
        }
        Ok(match self.hint.and_then(hint) {
            Some(hint) => explain.hint(hint),
            None => explain,
        })
    }
}

/// Does an update begin with an operator? Else it is a whole document.
fn has_operators(update: &[u8]) -> Outcome<bool> {
    let first = Elements::new(update)?.next().transpose()?;
    Ok(first.is_some_and(|first| first.name.starts_with(b"$")))
}
