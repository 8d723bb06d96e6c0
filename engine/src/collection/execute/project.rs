//! Gives on what is wanted of each document.

use std::sync::Arc;

use super::index_scan::as_document;
use super::member::Member;
use super::{Cx, Node, Stage, Worked};
use crate::bson::builder::Builder;
use crate::bson::element::Value;
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::Result;
use crate::expression::Variables;
use crate::query::Projection;

/// What is given on.
pub struct Shown {
    /// What a projection leaves, with its text for explanations; or the document.
    pub projection: Option<(Arc<Projection>, Vec<u8>)>,
    /// The fields of the index that is walked.
    pub paths: Vec<String>,
    /// Is the key of the index given, and no document?
    pub return_key: bool,
    /// Is the record's place added?
    pub record_id: bool,
    pub now_ms: i64,
    pub variables: Vec<(String, crate::bson::element::OwnedValue)>,
}

/// Gives on what is wanted of each document.
pub struct Project {
    shown: Shown,
    name: &'static str,
    input: Node,
}

impl Project {
    pub fn new(shown: Shown, name: &'static str, input: Node) -> Project {
        Project { shown, name, input }
    }
}

impl Shown {
    /// Makes of a record what is wanted of it.
    pub fn apply(&self, member: &mut Member) -> Result<()> {
        let shown = self;
        if member.document.is_none()
            && let Some(key) = &member.key
        {
            member.document = Some(as_document(&shown.paths, key)?);
        }
        if shown.return_key {
            member.document = Some(named_key(member.key.as_deref(), &shown.paths));
        } else if let (Some((projection, _)), Some(document)) =
            (&shown.projection, &member.document)
        {
            let mut variables = Variables::new(shown.now_ms);
            for (name, value) in &shown.variables {
                variables.set(name, value.clone());
            }
            let projected = projection.apply(document, Some(&member.matched), &variables)?;
            member.document = Some(projected);
        }
        if shown.record_id
            && let Some(document) = &member.document
        {
            let mut out = Builder::with_capacity(document.len() + 32);
            out.raw(&document[4..document.len() - 1]);
            let id = Number::Int64(member.loc.loc().record_id());
            out.number("$recordId", id);
            member.document = Some(out.finish());
        }
        Ok(())
    }
}

/// A key under the names of its fields.
fn named_key(key: Option<&[u8]>, names: &[String]) -> Vec<u8> {
    let mut out = Builder::new();
    let values = key.and_then(|key| crate::bson::element::Elements::new(key).ok());
    for (name, value) in names.iter().zip(values.into_iter().flatten().map_while(Result::ok)) {
        out.value(name, value.val());
    }
    out.finish()
}

impl Stage for Project {
    fn name(&self) -> &'static str {
        self.name
    }

    fn work(&mut self, cx: &Cx<'_>) -> Result<Worked> {
        Ok(match self.input.work(cx)? {
            Worked::Advanced(mut member) => {
                self.shown.apply(&mut member)?;
                Worked::Advanced(member)
            }
            other => other,
        })
    }

    fn inputs(&self) -> &[Node] {
        std::slice::from_ref(&self.input)
    }

    fn inputs_mut(&mut self) -> &mut [Node] {
        std::slice::from_mut(&mut self.input)
    }

    fn describe(&self, out: &mut Builder, _counted: bool) {
        if let Some((_, text)) = &self.shown.projection {
            out.value("transformBy", Value { ty: ty::DOCUMENT, bytes: text });
        }
    }
}
