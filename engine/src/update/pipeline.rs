//! Updates by pipeline: stages that make one document of another, each of what the one before it
//! left. The `_id` stays.

use std::cmp::Ordering;

use super::apply::Context;
use crate::bson::builder::Builder;
use crate::bson::compare::compare_values;
use crate::bson::document;
use crate::bson::element::{Element, Elements, Value, get};
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::expression::{ComputedFields, Expression, Scope, Variables};
use crate::limits::NESTING_MAX;
use crate::query::{Policy, Projection};

/// Stages, in their order.
#[derive(Debug, Clone)]
pub struct Pipeline {
    stages: Vec<Stage>,
}

#[derive(Debug, Clone)]
enum Stage {
    /// `$set`, `$addFields`
    Fields(ComputedFields),
    /// `$project`, `$unset`
    Project(Projection),
    /// `$replaceRoot`, `$replaceWith`: an expression, and what messages call it.
    Root(Expression, &'static str),
}

/// Stages of aggregations that updates have no use for.
const OTHERS: [&str; 34] = [
    "$bucket",
    "$bucketAuto",
    "$changeStream",
    "$collStats",
    "$count",
    "$currentOp",
    "$documents",
    "$facet",
    "$geoNear",
    "$graphLookup",
    "$group",
    "$indexStats",
    "$limit",
    "$listLocalSessions",
    "$listSessions",
    "$lookup",
    "$match",
    "$merge",
    "$mergeCursors",
    "$operationMetrics",
    "$out",
    "$planCacheStats",
    "$queue",
    "$redact",
    "$sample",
    "$search",
    "$searchMeta",
    "$setWindowFields",
    "$skip",
    "$sort",
    "$sortByCount",
    "$unionWith",
    "$unwind",
    "$_internalInhibitOptimization",
];

impl Pipeline {
    /// Parses checked documents, whose variables are those of `scope`.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn parse<'a>(
        stages: impl IntoIterator<Item = &'a [u8]>,
        scope: &Scope,
    ) -> Result<Pipeline> {
        scope.constants_last("", |scope| {
            let stages = stages.into_iter().map(|stage| Stage::parse(stage, scope));
            Ok(Pipeline { stages: stages.collect::<Result<_>>()? })
        })
    }

    /// What `doc` becomes, its `_id` first; none if the stages leave it as it is. A document that
    /// loses its `_id` to them and has it back counts as changed, as MongoDB counts it.
    pub fn apply(&self, doc: &[u8], context: &Context<'_>) -> Result<Option<Vec<u8>>> {
        let mut variables = Variables::new(context.now_ms);
        for (name, value) in context.variables {
            variables.set(name.as_str(), value.clone());
        }
        let mut new = doc.to_vec();
        for stage in &self.stages {
            new = stage.apply(&new, &variables)?;
            document::check_len(new.len())?;
        }
        if document::depth(&new) > NESTING_MAX {
            let message = format!("Document exceeds maximum nesting depth of {NESTING_MAX}");
            return Err(Error::refused(Reason::Overflow, message));
        }
        if new == doc {
            return Ok(None);
        }
        let new = with_id_of(doc, new)?;
        document::check_len(new.len())?;
        Ok(Some(new))
    }
}

/// `new` with the `_id` of `old`, first; it may not have another.
fn with_id_of(old: &[u8], new: Vec<u8>) -> Result<Vec<u8>> {
    let old = get(old, "_id")?.map(|id| id.val());
    let own = get(&new, "_id")?;
    if let (Some(old), Some(own)) = (old, &own)
        && compare_values(old, own.val()) != Ordering::Equal
    {
        let own = text::named(b"_id", own.val());
        let message = format!(
            "After applying the update, the (immutable) field '_id' was found to have been altered \
             to {own}"
        );
        return Err(Error::refused(Reason::ImmutableField, message));
    }
    let Some(id) = old.or(own.map(|own| own.val())) else { return Ok(new) };
    let mut out = Builder::with_capacity(new.len() + id.bytes.len() + 5);
    out.value("_id", id);
    for element in Elements::new(&new)? {
        let element = element?;
        if element.name != b"_id" {
            out.element(&element);
        }
    }
    Ok(out.finish())
}

impl Stage {
    fn parse(stage: &[u8], scope: &Scope) -> Result<Stage> {
        let mut elements = Elements::new(stage)?;
        let (Some(element), None) = (elements.next().transpose()?, elements.next()) else {
            return Err(location(
                40323,
                "A pipeline stage specification object must contain exactly one field.",
            ));
        };
        let name = element.name_lossy();
        match element.name {
            b"$set" | b"$addFields" => {
                if element.ty != ty::DOCUMENT {
                    let found = ty::name(element.ty);
                    let message =
                        format!("{name} specification stage must be an object, got {found}");
                    return Err(location(40272, message));
                }
                let fields = ComputedFields::parse(element.value, scope);
                fields.map(Stage::Fields).map_err(|error| invalid(&name, error))
            }
            b"$project" if element.ty != ty::DOCUMENT => {
                Err(location(15969, "$project specification must be an object"))
            }
            b"$project" => projection(&name, element.value, scope),
            b"$unset" => projection(&name, &removed(&element)?, scope),
            b"$replaceWith" => {
                let expression = Expression::parse(element.val(), scope)?;
                Ok(Stage::Root(expression, "'replacement document'"))
            }
            b"$replaceRoot" => {
                let expression = Expression::parse(new_root(&element)?, scope)?;
                Ok(Stage::Root(expression, "'newRoot' expression"))
            }
            _ if OTHERS.contains(&&*name) => {
                // Some are told by the stage that they stand for.
                let name = match &*name {
                    "$bucket" | "$count" | "$sortByCount" => "$group",
                    name => name,
                };
                let message = format!("{name} is not allowed to be used within an update");
                Err(Error::refused(Reason::InvalidOptions, message))
            }
            _ => Err(location(40324, format!("Unrecognized pipeline stage name: '{name}'"))),
        }
    }

    fn apply(&self, doc: &[u8], variables: &Variables<'_>) -> Result<Vec<u8>> {
        match self {
            Stage::Fields(fields) => fields.apply(doc, variables),
            Stage::Project(projection) => projection.apply(doc, None, variables),
            Stage::Root(expression, what) => {
                let root = expression.evaluate(doc, variables)?;
                match root.as_value() {
                    Some(Value { ty: ty::DOCUMENT, bytes }) => Ok(bytes.to_vec()),
                    other => Err(no_document(what, other, doc)),
                }
            }
        }
    }
}

fn projection(name: &str, fields: &[u8], scope: &Scope) -> Result<Stage> {
    let projection = Projection::parse(fields, Policy::Aggregate, None, scope);
    projection.map(Stage::Project).map_err(|error| invalid(name, error))
}

/// The projection that `$unset` stands for.
fn removed(unset: &Element<'_>) -> Result<Vec<u8>> {
    let wrong = |code, what| {
        location(code, format!("$unset specification must be a string or an array{what}"))
    };
    let mut fields = Builder::new();
    let zero = crate::bson::number::Number::Int32(0);
    let mut add = |name: Option<&str>| match name {
        None => Err(wrong(31120, " containing only string values")),
        Some(name) if name.contains('\0') => {
            Err(location(16411, "FieldPath field names may not contain '\\0'."))
        }
        Some(name) => {
            fields.number(name, zero);
            Ok(())
        }
    };
    match unset.ty {
        ty::STRING => add(unset.val().as_str())?,
        ty::ARRAY => {
            for name in Elements::new(unset.value)? {
                add(name?.val().as_str())?;
            }
        }
        _ => return Err(wrong(31002, "")),
    }
    if fields.is_empty() {
        return Err(wrong(31119, " with at least one field"));
    }
    Ok(fields.finish())
}

/// The expression in `{ newRoot: expression }`.
fn new_root<'a>(replace: &Element<'a>) -> Result<Value<'a>> {
    if replace.ty != ty::DOCUMENT {
        let found = ty::name(replace.ty);
        let message =
            format!("expected an object as specification for $replaceRoot stage, got {found}");
        return Err(location(40229, message));
    }
    let mut found = None;
    for element in Elements::new(replace.value)? {
        let element = element?;
        if element.name != b"newRoot" {
            let name = element.name_lossy();
            let message = format!("BSON field '$replaceRoot.{name}' is an unknown field.");
            return Err(location(40415, message));
        }
        found = Some(element.val());
    }
    found.ok_or_else(|| {
        location(40414, "BSON field '$replaceRoot.newRoot' is missing but a required field")
    })
}

fn no_document(what: &str, value: Option<Value<'_>>, doc: &[u8]) -> Error {
    let shown = value.map_or("MISSING".to_owned(), text::value);
    let name = value.map_or("missing", |value| ty::name(value.ty));
    let doc = text::document(doc);
    location(
        40228,
        format!(
            "{what} must evaluate to an object, but resulting value was: {shown}. Type of \
             resulting value: '{name}'. Input document: {doc}"
        ),
    )
}

fn invalid(stage: &str, error: Error) -> Error {
    error.caused(&format!("Invalid {stage}"))
}

fn location(code: i32, message: impl Into<String>) -> Error {
    Error::refused(Reason::Location(code), message)
}
