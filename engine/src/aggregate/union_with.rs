//! `$unionWith`: behind the documents those of another collection.

use std::fmt;
use std::sync::Arc;

use super::chain::{Run, Sink};
use super::{Context, Documents, Pipeline};
use crate::bson::element::{Elements, Value};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::expression::{Scope, location};

/// A `$unionWith` as it is specified.
#[derive(Debug)]
pub(crate) struct UnionWith {
    collection: Box<str>,
    pipeline: Pipeline,
}

impl UnionWith {
    pub fn parse(value: Value<'_>, scope: &Scope, depth: usize) -> Result<UnionWith> {
        let refused = |message: String| Err(Error::refused(Reason::FailedToParse, message));
        let (mut collection, mut pipeline) = (value.as_str(), Pipeline::default());
        match value.ty {
            ty::STRING => {}
            ty::DOCUMENT => {
                for element in Elements::new(value.bytes)? {
                    let element = element?;
                    let value = element.val();
                    match (element.name, element.ty) {
                        (b"coll", ty::STRING) => collection = value.as_str(),
                        (b"coll", ty::NULL) => {}
                        (b"pipeline", ty::NULL) => {
                            let message = "invalid parameter: expected an object (pipeline)";
                            return Err(location(10065, message));
                        }
                        (b"pipeline", ty::ARRAY) => {
                            pipeline = Pipeline::parse_nested(value, scope, depth)?;
                        }
                        (b"coll" | b"pipeline", found) => {
                            let (name, found) = (element.name_lossy(), ty::name(found));
                            let expected = if name == "coll" { "string" } else { "array" };
                            let message = format!(
                                "BSON field '$unionWith.{name}' is the wrong type '{found}', \
                                 expected type '{expected}'"
                            );
                            return Err(Error::refused(Reason::TypeMismatch, message));
                        }
                        _ => {
                            let name = element.name_lossy();
                            let message =
                                format!("BSON field '$unionWith.{name}' is an unknown field.");
                            return Err(location(40415, message));
                        }
                    }
                }
            }
            other => {
                return refused(format!(
                    "the $unionWith stage specification must be an object or string, but found {}",
                    ty::name(other)
                ));
            }
        }
        let Some(collection) = collection else {
            return refused(
                "$unionWith stage without explicit collection must have a pipeline with $documents \
                 as first stage"
                    .into(),
            );
        };
        if let Some(stage) = pipeline.stages().iter().find(|stage| stage.writes()) {
            let stage = stage.name();
            let message = format!("{stage} is not allowed within a $unionWith's sub-pipeline");
            return Err(location(31441, message));
        }
        Ok(UnionWith { collection: collection.into(), pipeline })
    }

    pub fn start(self: &Arc<Self>, context: &Context) -> Box<dyn Run> {
        Box::new(UnionWithRun { spec: self.clone(), context: context.clone(), others: None })
    }
}

struct UnionWithRun {
    spec: Arc<UnionWith>,
    context: Context,
    /// What is left of the other collection's, once its turn has come.
    others: Option<Documents>,
}

impl fmt::Debug for UnionWithRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnionWithRun({:?})", self.spec)
    }
}

impl Run for UnionWithRun {
    fn push(&mut self, doc: Vec<u8>, out: &mut dyn Sink) -> Result<()> {
        out.accept(doc)
    }

    fn finish(&mut self, _out: &mut dyn Sink) -> Result<()> {
        let Context { vars, world } = &self.context;
        let all = [5, 0, 0, 0, 0];
        let docs =
            world.documents(&self.spec.collection, &all, &self.spec.pipeline, vars.clone())?;
        self.others = Some(docs);
        Ok(())
    }

    fn more(&mut self, out: &mut dyn Sink) -> Result<bool> {
        let Some(doc) = self.others.as_mut().and_then(Iterator::next) else { return Ok(false) };
        out.accept(doc?).map(|()| true)
    }
}
