//! `update`: statements of a filter and what to change, one after the other.

use bson::RawDocument;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Elements, Value};
use tallymap::bson::ty;
use tallymap::{Collection, ExplainWrite, Reason, UpdateReport};

use super::write_batch::{BatchResult, statements};
use crate::dispatch::call::{Call, document, hint};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Fields, missing};

/// What errors call a statement.
const PATH: &str = "update.updates";

/// One statement.
#[derive(Debug, Clone, Default)]
pub struct Statement<'a> {
    filter: &'a [u8],
    update: Option<Value<'a>>,
    upsert: bool,
    multi: bool,
    collation: Option<&'a [u8]>,
    array_filters: Vec<&'a [u8]>,
    hint: Option<Value<'a>>,
    /// Variables of this statement alone.
    constants: Option<&'a [u8]>,
}

/// Updates.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let (ordered, variables) = options(call)?;
    let updates: Vec<_> =
        statements(call, "update.updates")?.into_iter().map(parse).collect::<Outcome<_>>()?;
    let collection = call.writable_collection()?.bypassing_validation(call.bypasses_validation());
    for update in &updates {
        update.check_stages(&collection)?;
    }
    let result = BatchResult::of_updates();
    let update = |result: &mut BatchResult, index: usize, one: &Statement<'_>| {
        call.counts().updates.add();
        let report = one.run(&collection, variables)?;
        result.n += report.matched + u64::from(report.upserted.is_some());
        if let Some(modified) = &mut result.modified {
            *modified += report.modified;
        }
        result.upserted.extend(report.upserted.map(|id| (index, id)));
        Ok(())
    };
    result.run(call, &updates, ordered, update)?.reply()
}

/// Whether the statements are ordered, and the variables of all of them.
///
/// # Errors
/// For what is no field of the command, or of the wrong type.
pub fn options<'a>(call: &Call<'a>) -> Outcome<(bool, Option<&'a [u8]>)> {
    let (mut ordered, mut variables) = (true, None);
    for field in call.fields("update")? {
        let field = field?;
        match field.name {
            "updates" => {}
            "ordered" => ordered = field.bool()?.unwrap_or(true),
            "bypassDocumentValidation" => drop(field.number_or_bool()?),
            "let" => variables = field.object()?,
            _ => return field.unknown(),
        }
    }
    Ok((ordered, variables))
}

/// Reads one statement.
///
/// # Errors
/// For what is no field of it, or of the wrong type.
pub fn parse(statement: &[u8]) -> Outcome<Statement<'_>> {
    let mut out = Statement::default();
    let mut filter = None;
    for field in Fields::of(PATH, statement)? {
        let field = field?;
        match field.name {
            "q" => filter = field.object()?,
            "u" => out.update = Some(checked_update(field.value)?),
            "upsert" => out.upsert = field.bool()?.unwrap_or(false),
            "multi" => out.multi = field.bool()?.unwrap_or(false),
            "collation" => out.collation = field.object()?,
            "arrayFilters" => out.array_filters = field.documents()?,
            "hint" => out.hint = Some(field.hint()?),
            "c" => out.constants = field.object()?,
            _ => return field.unknown(),
        }
    }
    out.filter = filter.ok_or_else(|| missing(PATH, "q"))?;
    if out.update.is_none() {
        return Err(missing(PATH, "u"));
    }
    Ok(out)
}

/// An update: operators, a replacement, or a pipeline.
///
/// # Errors
/// [`Reason::FailedToParse`] for anything else.
pub fn checked_update(value: Value<'_>) -> Outcome<Value<'_>> {
    match value.ty {
        ty::DOCUMENT => Ok(value),
        // What is no stage at all fails the command, not the statement.
        ty::ARRAY => {
            tallymap::check_stages(stages(value)?.unwrap_or_default())?;
            Ok(value)
        }
        _ => {
            let message = "Update argument must be either an object or an array";
            Err(Failure::new(Reason::FailedToParse, message))
        }
    }
}

/// The stages of an update that is a pipeline; none if it is a document.
///
/// # Errors
/// If a stage is no document.
pub fn stages(update: Value<'_>) -> Outcome<Option<Vec<&RawDocument>>> {
    if update.ty != ty::ARRAY {
        return Ok(None);
    }
    let mut stages = Vec::new();
    for element in Elements::new(update.bytes)? {
        let element = element?;
        if element.ty != ty::DOCUMENT {
            let message = "Each element of the 'pipeline' array must be an object";
            return Err(Failure::new(Reason::TypeMismatch, message));
        }
        stages.push(document(element.value)?);
    }
    Ok(Some(stages))
}

impl<'a> Statement<'a> {
    /// Looks at what stages a pipeline has. This is refused before any statement is run, unlike
    /// what is wrong within a stage.
    fn check_stages(&self, collection: &Collection) -> Outcome<()> {
        const NOT_ONE_FIELD: i32 = 40323;
        const NO_SUCH_STAGE: i32 = 40324;
        let Some(stages) = self.update.map(stages).transpose()?.flatten() else { return Ok(()) };
        match collection.update_one_by_pipeline(document(self.filter)?, stages) {
            Err(error) if matches!(error.code(), NOT_ONE_FIELD | NO_SUCH_STAGE) => {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }

    fn run(&self, collection: &Collection, variables: Option<&[u8]>) -> Outcome<UpdateReport> {
        let filter = document(self.filter)?;
        let update = self.update.ok_or_else(|| missing(PATH, "u"))?;
        if self.constants.is_some() && update.ty != ty::ARRAY {
            let message = "Constant values may only be specified for pipeline updates";
            return Err(Failure::new(Reason::Location(51198), message));
        }
        if !self.array_filters.is_empty() && update.ty == ty::DOCUMENT {
            let filters = self.array_filters.iter().map(|one| document(one));
            let filters = filters.collect::<Outcome<Vec<_>>>()?;
            collection.check_array_filters(document(update.bytes)?, filters)?;
        }
        let mut request = match (stages(update)?, self.multi) {
            (Some(stages), true) => collection.update_many_by_pipeline(filter, stages)?,
            (Some(stages), false) => collection.update_one_by_pipeline(filter, stages)?,
            (None, true) => collection.update_many(filter, document(update.bytes)?)?,
            (None, false) => collection.update_one(filter, document(update.bytes)?)?,
        };
        request = request.upsert(self.upsert);
        if let Some(variables) = self.constants.or(variables) {
            request = request.variables(document(variables)?);
        }
        if let Some(collation) = self.collation {
            request = request.collation(document(collation)?);
        }
        if !self.array_filters.is_empty() {
            let filters: Vec<_> =
                self.array_filters.iter().map(|one| document(one)).collect::<Outcome<_>>()?;
            request = request.array_filters(filters);
        }
        if let Some(hint) = self.hint.and_then(hint) {
            request = request.hint(hint);
        }
        Ok(request.run()?)
    }

    /// What the update would do.
    pub fn explain(
        &self,
        collection: &Collection,
        variables: Option<&[u8]>,
    ) -> Outcome<ExplainWrite> {
        let update = self.update.ok_or_else(|| missing(PATH, "u"))?;
        let explain = explain_update(collection, self.filter, update)?;
        let filters: Vec<_> =
            self.array_filters.iter().map(|one| document(one)).collect::<Outcome<_>>()?;
        let mut explain = explain.many(self.multi).upsert(self.upsert).array_filters(filters);
        if let Some(variables) = self.constants.or(variables) {
            explain = explain.variables(document(variables)?);
        }
        if let Some(collation) = self.collation {
            explain = explain.collation(document(collation)?);
        }
        Ok(match self.hint.and_then(hint) {
            Some(hint) => explain.hint(hint),
            None => explain,
        })
    }
}

/// What an update would do.
///
/// # Errors
/// For stages that are no documents.
pub fn explain_update(
    collection: &Collection,
    filter: &[u8],
    update: Value<'_>,
) -> Outcome<ExplainWrite> {
    if let Some(stages) = stages(update)? {
        return Ok(collection.explain_update_by_pipeline(document(filter)?, stages));
    }
    Ok(collection.explain_update(document(filter)?, document(update.bytes)?))
}
