//! The one document with an `_id`, by the record memo or the index on it.

use std::sync::Arc;

use super::fetch::look;
use super::member::{Copied, Member};
use super::{Cx, Looked, Stage, Worked};
use crate::bson::builder::Builder;
use crate::collection::id_key::IdKey;
use crate::collection::locate::find_by_id;
use crate::error::Result;
use crate::query::Filter;

/// A lookup by `_id`.
pub struct IdHack {
    filter: Arc<Filter>,
    copied: Copied,
    is_done: bool,
    looked: Looked,
}

impl IdHack {
    /// One by the `_id` that the filter names.
    pub fn new(filter: Arc<Filter>, copied: Copied) -> IdHack {
        IdHack { filter, copied, is_done: false, looked: Looked::default() }
    }
}

impl Stage for IdHack {
    fn name(&self) -> &'static str {
        "IDHACK"
    }

    fn work(&mut self, cx: &Cx<'_>) -> Result<Worked> {
        let Some(id) = self.filter.id_equality().filter(|_| !self.is_done) else {
            return Ok(Worked::Eof);
        };
        self.is_done = true;
        let id = IdKey::from_raw(id.ty, id.bytes);
        let found = find_by_id(cx.holding, cx.open, cx.view, &id, cx.counters)?;
        // Not held while it is held once more.
        let Some(loc) = found.map(|(place, _)| place.loc) else { return Ok(Worked::Eof) };
        self.looked.keys += 1;
        let mut member = Member::at(loc);
        let filter = Some(&*self.filter);
        match look(cx, &mut member, filter, self.copied, &mut self.looked)? {
            true => Ok(Worked::Advanced(member)),
            false => Ok(Worked::NeedTime),
        }
    }

    fn describe(&self, out: &mut Builder, counted: bool) {
        if counted {
            super::describe::count(out, "keysExamined", self.looked.keys);
            super::describe::count(out, "docsExamined", self.looked.documents);
        }
    }

    fn looked(&self) -> Looked {
        self.looked
    }
}
