//! Reads the documents of records, and gives on those that match.

use std::sync::Arc;

use super::member::{Copied, Member};
use super::{Cx, Looked, Node, Stage, Worked};
use crate::bson::builder::Builder;
use crate::collection::catalog::document_at;
use crate::error::Result;
use crate::query::Filter;

/// Reads the documents to which an index led.
pub struct Fetch {
    /// What is not known by the way that led to them.
    filter: Option<Arc<Filter>>,
    /// All that must hold, for records that may have changed since they were found.
    whole: Arc<Filter>,
    copied: Copied,
    input: Node,
    looked: Looked,
}

impl Fetch {
    /// One that reads the records that `input` gives.
    pub fn new(
        filter: Option<Arc<Filter>>,
        whole: Arc<Filter>,
        copied: Copied,
        input: Node,
    ) -> Fetch {
        Fetch { filter, whole, copied, input, looked: Looked::default() }
    }
}

impl Stage for Fetch {
    fn name(&self) -> &'static str {
        "FETCH"
    }

    fn work(&mut self, cx: &Cx<'_>) -> Result<Worked> {
        let mut member = match self.input.work(cx)? {
            Worked::Advanced(member) => member,
            other => return Ok(other),
        };
        let filter = match member.is_stale {
            true => Some(&*self.whole),
            false => self.filter.as_deref(),
        };
        match look(cx, &mut member, filter, self.copied, &mut self.looked)? {
            true => Ok(Worked::Advanced(member)),
            false => Ok(Worked::NeedTime),
        }
    }

    fn inputs(&self) -> &[Node] {
        std::slice::from_ref(&self.input)
    }

    fn inputs_mut(&mut self) -> &mut [Node] {
        std::slice::from_mut(&mut self.input)
    }

    fn describe(&self, out: &mut Builder, counted: bool) {
        if let Some(filter) = &self.filter {
            super::describe::filter(out, filter);
        }
        if counted {
            super::describe::count(out, "docsExamined", self.looked.documents);
            super::describe::count(out, "alreadyHasObj", 0);
        }
    }

    fn looked(&self) -> Looked {
        self.looked
    }
}

/// Reads the document of `member`, held meanwhile: does it match? If so, what is wanted of it is
/// copied, which is the only copy made of it.
pub fn look(
    cx: &Cx<'_>,
    member: &mut Member,
    filter: Option<&Filter>,
    copied: Copied,
    looked: &mut Looked,
) -> Result<bool> {
    let loc = member.loc;
    let _record = cx.holding.record(loc);
    let document = document_at(&cx.open.store, cx.view, loc)?.as_bytes();
    looked.documents += 1;
    looked.bytes += document.len() as u64;
    if let Some(filter) = filter {
        let matched = filter.find_shown_with(document, cx.variables);
        match matched.map_err(|error| error.stored_at(loc))? {
            Some(matched) => member.matched = matched,
            None => return Ok(false),
        }
    }
    if copied == Copied::Document {
        member.document = Some(document.to_vec());
    }
    Ok(true)
}
