//! `$redact`: leaves out what an expression does not let through, level by level.

use std::sync::Arc;

use super::Context;
use super::chain::{Run, Sink};
use crate::bson::builder::{Builder, Index};
use crate::bson::element::{Elements, OwnedValue, Value};
use crate::bson::{text, ty};
use crate::error::Result;
use crate::expression::{Expression, Scope, Variables, location};

/// What becomes of a level, by the names of the variables that say it and by their values.
const DECISIONS: [(&str, &str); 3] = [("DESCEND", "descend"), ("PRUNE", "prune"), ("KEEP", "keep")];
/// The variable of the whole document: what the expression is run on is a part of it.
const ROOT: &str = "ROOT";

/// A `$redact` as it is specified.
#[derive(Debug)]
pub(crate) struct Redact {
    decision: Expression,
}

impl Redact {
    pub fn parse(value: Value<'_>, scope: &Scope) -> Result<Redact> {
        let names = DECISIONS.iter().map(|(name, _)| (*name).to_owned());
        let scope = scope.with(names.chain([ROOT.to_owned()]));
        Ok(Redact { decision: Expression::parse(value, &scope)? })
    }

    pub fn start(self: &Arc<Self>, context: &Context) -> Box<dyn Run> {
        let mut vars = (*context.vars).clone();
        for (name, value) in DECISIONS {
            let mut text = Builder::new();
            text.str("v", value);
            let text = text.finish();
            let value = Elements::new(&text).ok().and_then(|mut fields| fields.next()?.ok());
            if let Some(value) = value {
                vars.set(name, value.val().to_owned());
            }
        }
        Box::new(RedactRun { spec: self.clone(), vars })
    }

    /// The level without what is left out of it; none if it is left out whole. Documents are
    /// nested no deeper than such may be.
    fn level(&self, doc: &[u8], vars: &Variables<'_>) -> Result<Option<Vec<u8>>> {
        let decision = self.decision.evaluate(doc, vars)?;
        let value = decision.as_value();
        match value.and_then(|value| value.as_str()) {
            Some("keep") => return Ok(Some(doc.to_vec())),
            Some("prune") => return Ok(None),
            Some("descend") => {}
            _ => {
                let shown = value.map_or("MISSING".to_owned(), text::value);
                let message = format!(
                    "$redact's expression should not return anything aside from the variables \
                     $$KEEP, $$DESCEND, and $$PRUNE, but returned {shown}"
                );
                return Err(location(17053, message));
            }
        }
        let mut out = Builder::with_capacity(doc.len());
        for element in Elements::new(doc)? {
            let element = element?;
            match element.ty {
                ty::DOCUMENT => {
                    if let Some(kept) = self.level(element.value, vars)? {
                        out.document(element.name, &kept);
                    }
                }
                ty::ARRAY => {
                    let kept = self.array(element.value, vars)?;
                    out.value(element.name, Value { ty: ty::ARRAY, bytes: &kept });
                }
                _ => drop(out.element(&element)),
            }
        }
        Ok(Some(out.finish()))
    }

    fn array(&self, array: &[u8], vars: &Variables<'_>) -> Result<Vec<u8>> {
        let mut out = Builder::with_capacity(array.len());
        let mut at = 0;
        for element in Elements::new(array)? {
            let element = element?;
            let kept = match element.ty {
                ty::DOCUMENT => match self.level(element.value, vars)? {
                    Some(kept) => OwnedValue { ty: ty::DOCUMENT, bytes: kept.into() },
                    None => continue,
                },
                ty::ARRAY => {
                    OwnedValue { ty: ty::ARRAY, bytes: self.array(element.value, vars)?.into() }
                }
                _ => element.val().to_owned(),
            };
            out.value(Index::new(at), kept.as_ref());
            at += 1;
        }
        Ok(out.finish())
    }
}

#[derive(Debug)]
struct RedactRun {
    spec: Arc<Redact>,
    vars: Variables<'static>,
}

impl Run for RedactRun {
    fn push(&mut self, doc: Vec<u8>, out: &mut dyn Sink) -> Result<()> {
        self.vars.set(ROOT, OwnedValue { ty: ty::DOCUMENT, bytes: doc.as_slice().into() });
        match self.spec.level(&doc, &self.vars)? {
            Some(kept) => out.accept(kept),
            None => Ok(()),
        }
    }
}
