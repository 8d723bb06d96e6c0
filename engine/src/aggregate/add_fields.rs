//! `$addFields`, which `$set` is too.

use std::sync::Arc;

use super::Context;
use super::chain::{Run, Sink};
use super::project::invalid;
use crate::bson::document::check_len;
use crate::bson::element::Value;
use crate::bson::ty;
use crate::error::Result;
use crate::expression::{ComputedFields, Scope, Variables, location};

/// Parses the fields of a stage of this name.
pub(super) fn parse(stage: &str, value: Value<'_>, scope: &Scope) -> Result<ComputedFields> {
    if value.ty != ty::DOCUMENT {
        let name = ty::name(value.ty);
        let message = format!("{stage} specification stage must be an object, got {name}");
        return Err(location(40272, message));
    }
    ComputedFields::parse(value.bytes, scope).map_err(|error| invalid(stage, error))
}

#[derive(Debug)]
pub(super) struct AddFields {
    fields: Arc<ComputedFields>,
    vars: Arc<Variables<'static>>,
}

impl AddFields {
    pub fn new(fields: &Arc<ComputedFields>, context: &Context) -> AddFields {
        AddFields { fields: fields.clone(), vars: context.vars.clone() }
    }
}

impl Run for AddFields {
    fn push(&mut self, doc: Vec<u8>, out: &mut dyn Sink) -> Result<()> {
        let doc = self.fields.apply(&doc, &self.vars)?;
        check_len(doc.len())?;
        out.accept(doc)
    }
}
