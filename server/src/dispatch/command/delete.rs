//! `delete`: statements of a filter, and whether it is one document or all, one after the other.

use tallymap::bson::builder::Builder;
use tallymap::bson::element::Value;
use tallymap::bson::ty;
use tallymap::{Collection, ExplainWrite, Reason};

use super::write_batch::{BatchResult, statements};
use crate::dispatch::call::{Call, document, hint};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Fields, as_f64, missing};

/// One statement.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    filter: &'a [u8],
    only_one: bool,
    collation: Option<&'a [u8]>,
    hint: Option<Value<'a>>,
}

/// Deletes.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let (ordered, variables) = options(call)?;
    let deletes: Vec<_> =
        statements(call, "delete.deletes")?.into_iter().map(parse).collect::<Outcome<_>>()?;
    let collection = call.writable_collection()?;
    let delete = |result: &mut BatchResult, _: usize, one: &Statement<'_>| {
        call.counts().deletes.add();
        let mut delete = collection.delete(document(one.filter)?).many(!one.only_one);
        if let Some(hint) = one.hint.and_then(hint) {
            delete = delete.hint(hint);
        }
        if let Some(variables) = variables {
            delete = delete.variables(document(variables)?);
        }
        if let Some(collation) = one.collation {
            delete = delete.collation(document(collation)?);
        }
        result.n += delete.run()?;
        Ok(())
    };
    BatchResult::default().run(call, &deletes, ordered, delete)?.reply()
}

/// Whether the statements are ordered, and the variables of all of them.
///
/// # Errors
/// For what is no field of the command, or of the wrong type.
pub fn options<'a>(call: &Call<'a>) -> Outcome<(bool, Option<&'a [u8]>)> {
    let (mut ordered, mut variables) = (true, None);
    for field in call.fields("delete")? {
        let field = field?;
        match field.name {
            "deletes" => {}
            "ordered" => ordered = field.bool()?.unwrap_or(true),
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
    const PATH: &str = "delete.deletes";
    let (mut filter, mut only_one, mut collation, mut hint) = (None, None, None, None);
    for field in Fields::of(PATH, statement)? {
        let field = field?;
        match field.name {
            "q" => filter = field.object()?,
            "limit" => only_one = Some(is_one(field.value)?),
            "collation" => collation = field.object()?,
            "hint" => hint = Some(field.hint()?),
            _ => return field.unknown(),
        }
    }
    let filter = filter.ok_or_else(|| missing(PATH, "q"))?;
    let only_one = only_one.ok_or_else(|| missing(PATH, "limit"))?;
    Ok(Statement { filter, only_one, collation, hint })
}

impl Statement<'_> {
    /// What the deletion would do.
    pub fn explain(
        &self,
        collection: &Collection,
        variables: Option<&[u8]>,
    ) -> Outcome<ExplainWrite> {
        let mut explain = collection.explain_delete(document(self.filter)?).many(!self.only_one);
        if let Some(variables) = variables {
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

/// Is it one document, and not all?
fn is_one(limit: Value<'_>) -> Outcome<bool> {
    match as_f64(limit) {
        Some(0.0) => Ok(false),
        Some(1.0) => Ok(true),
        Some(other) => {
            let message = format!("The limit field in delete objects must be 0 or 1. Got {other}");
            Err(Failure::new(Reason::FailedToParse, message))
        }
        // What is no number counts as 0.
        None => Ok(limit.ty == ty::BOOL && limit.is_true()),
    }
}
