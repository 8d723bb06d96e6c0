//! Reads the collection in natural order, or against it.

use std::sync::Arc;

use super::fetch::look;
use super::member::{Copied, Member};
use super::{Cx, Looked, Stage, Worked};
use crate::bson::builder::Builder;
use crate::collection::saved_cursors::Position;
use crate::error::Result;
use crate::query::Filter;
use crate::store::{Direction, RecordScan};

/// A scan of the collection.
pub struct CollScan {
    filter: Option<Arc<Filter>>,
    direction: Direction,
    copied: Copied,
    /// Where it stands, known to those who remove records, once it has begun.
    position: Option<Position>,
    looked: Looked,
}

impl CollScan {
    /// A scan that has not begun.
    pub fn new(filter: Option<Arc<Filter>>, direction: Direction, copied: Copied) -> CollScan {
        CollScan { filter, direction, copied, position: None, looked: Looked::default() }
    }
}

impl Stage for CollScan {
    fn name(&self) -> &'static str {
        "COLLSCAN"
    }

    fn work(&mut self, cx: &Cx<'_>) -> Result<Worked> {
        let position = self.position.get_or_insert_with(|| {
            cx.open.cursors.register(RecordScan::new(cx.open.details(), self.direction))
        });
        let Some(loc) = position.lock().next(cx.view)? else { return Ok(Worked::Eof) };
        let mut member = Member::at(loc);
        let filter = self.filter.as_deref();
        match look(cx, &mut member, filter, self.copied, &mut self.looked)? {
            true => Ok(Worked::Advanced(member)),
            false => Ok(Worked::NeedTime),
        }
    }

    fn describe(&self, out: &mut Builder, counted: bool) {
        if let Some(filter) = &self.filter {
            super::describe::filter(out, filter);
        }
        out.str("direction", direction_name(self.direction));
        if counted {
            super::describe::count(out, "docsExamined", self.looked.documents);
        }
    }

    fn looked(&self) -> Looked {
        self.looked
    }
}

/// The direction's name in explanations.
pub fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::Forward => "forward",
        Direction::Backward => "backward",
    }
}
