//! `$project` and `$unset`, by the projections of queries.

use std::sync::Arc;

use super::Context;
use super::chain::{Run, Sink};
use crate::bson::builder::Builder;
use crate::bson::element::{Elements, Value};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::{Error, Result};
use crate::expression::{Scope, Variables, location};
use crate::query::{Policy, Projection};

/// Parses a `$project`.
pub(super) fn parse(value: Value<'_>, scope: &Scope) -> Result<Projection> {
    if value.ty != ty::DOCUMENT {
        return Err(location(15969, "$project specification must be an object"));
    }
    if value.bytes.len() == 5 {
        let message = "projection specification must have at least one field";
        return Err(invalid("$project", location(51272, message)));
    }
    Projection::parse(value.bytes, Policy::Aggregate, None, scope)
        .map_err(|error| invalid("$project", error))
}

/// What is wrong with the fields of a stage.
pub(super) fn invalid(stage: &str, error: Error) -> Error {
    error.caused(&format!("Invalid {stage}"))
}

/// Parses an `$unset`: the projection that leaves these fields out.
pub(super) fn parse_unset(value: Value<'_>, scope: &Scope) -> Result<Projection> {
    let names = match value.ty {
        ty::STRING => vec![value],
        ty::ARRAY => {
            let names = Elements::new(value.bytes)?.map(|name| Ok(name?.val()));
            let names = names.collect::<Result<Vec<_>>>()?;
            if names.is_empty() {
                let message =
                    "$unset specification must be a string or an array with at least one field";
                return Err(location(31119, message));
            }
            names
        }
        _ => return Err(location(31002, "$unset specification must be a string or an array")),
    };
    let mut projection = Builder::new();
    for name in names {
        let Some(name) = name.as_str().filter(|name| !name.contains('\0')) else {
            let message =
                "$unset specification must be a string or an array containing only string values";
            return Err(location(31120, message));
        };
        if name.is_empty() {
            return Err(location(40352, "FieldPath cannot be constructed with empty string"));
        }
        crate::expression::parse_path(name)?;
        projection.number(name, Number::Int32(0));
    }
    Projection::parse(&projection.finish(), Policy::Aggregate, None, scope)
        .map_err(|error| invalid("$unset", error))
}

#[derive(Debug)]
pub(super) struct Project {
    projection: Projection,
    vars: Arc<Variables<'static>>,
}

impl Project {
    pub fn new(projection: &Projection, context: &Context) -> Project {
        Project { projection: projection.clone(), vars: context.vars.clone() }
    }
}

impl Run for Project {
    fn push(&mut self, doc: Vec<u8>, out: &mut dyn Sink) -> Result<()> {
        out.accept(self.projection.apply(&doc, None, &self.vars)?)
    }
}
