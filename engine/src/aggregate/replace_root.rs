//! `$replaceRoot` and `$replaceWith`.

use std::sync::Arc;

use super::Context;
use super::chain::{Run, Sink};
use crate::bson::document::{check_depth, check_len};
use crate::bson::element::{Elements, Value};
use crate::bson::{text, ty};
use crate::error::Result;
use crate::expression::{Expression, Scope, Variables, location};

/// The new root, and what messages call it.
#[derive(Debug)]
pub(crate) struct ReplaceRoot {
    root: Expression,
    called: &'static str,
}

impl ReplaceRoot {
    pub fn parse(value: Value<'_>, scope: &Scope) -> Result<ReplaceRoot> {
        if value.ty != ty::DOCUMENT {
            let name = ty::name(value.ty);
            let message =
                format!("expected an object as specification for $replaceRoot stage, got {name}");
            return Err(location(40229, message));
        }
        let mut root = None;
        for element in Elements::new(value.bytes)? {
            let element = element?;
            if element.name != b"newRoot" {
                let name = element.name_lossy();
                let message = format!("BSON field '$replaceRoot.{name}' is an unknown field.");
                return Err(location(40415, message));
            }
            root = Some(Expression::parse(element.val(), scope)?);
        }
        let Some(root) = root else {
            let message = "BSON field '$replaceRoot.newRoot' is missing but a required field";
            return Err(location(40414, message));
        };
        Ok(ReplaceRoot { root, called: "newRoot' expression " })
    }

    pub fn parse_with(value: Value<'_>, scope: &Scope) -> Result<ReplaceRoot> {
        let root = Expression::parse(value, scope)?;
        Ok(ReplaceRoot { root, called: "replacement document' " })
    }

    pub fn start(self: &Arc<Self>, context: &Context) -> Box<dyn Run> {
        Box::new(ReplaceRootRun { spec: self.clone(), vars: context.vars.clone() })
    }
}

#[derive(Debug)]
struct ReplaceRootRun {
    spec: Arc<ReplaceRoot>,
    vars: Arc<Variables<'static>>,
}

impl Run for ReplaceRootRun {
    fn push(&mut self, doc: Vec<u8>, out: &mut dyn Sink) -> Result<()> {
        let root = self.spec.root.evaluate(&doc, &self.vars)?;
        match root.as_value() {
            Some(value @ Value { ty: ty::DOCUMENT, bytes }) => {
                check_len(bytes.len())?;
                check_depth(0, value)?;
                out.accept(bytes.to_vec())
            }
            other => {
                let shown = other.map_or("MISSING".to_owned(), text::value);
                let message = format!(
                    "'{}must evaluate to an object, but resulting value was: {shown}. Type of \
                     resulting value: '{}'. Input document: {}",
                    self.spec.called,
                    root.type_name(),
                    text::document(&doc)
                );
                Err(location(40228, message))
            }
        }
    }
}
