//! Stages at work on a collection that is let go from time to time.

use super::{Cx, Node, Worked};
use crate::collection::locked::OpenCollection;
use crate::collection::scan::check_generation;
use crate::error::Result;

/// Stages, and the state of the collection in which they began.
#[derive(Debug)]
pub struct Run {
    pub root: Node,
    generation: u64,
    rests: bool,
}

impl Run {
    /// Stages that have not begun.
    pub fn new(root: Node, open: &OpenCollection) -> Run {
        Run { root, generation: open.generation, rests: false }
    }

    /// The collection is held: goes on.
    ///
    /// # Errors
    /// [`crate::Reason::CursorNotFound`] if it was emptied or rebuilt meanwhile,
    /// [`crate::Reason::QueryPlanKilled`] if an index was dropped.
    pub fn resume(&mut self, cx: &Cx<'_>) -> Result<()> {
        check_generation(cx.open, self.generation)?;
        if std::mem::take(&mut self.rests) {
            self.root.resume(cx)?;
        }
        Ok(())
    }

    /// Does one look's worth.
    pub fn work(&mut self, cx: &Cx<'_>) -> Result<Worked> {
        self.root.work(cx)
    }

    /// The collection is about to be let go.
    pub fn rest(&mut self) {
        if !self.rests {
            self.rests = true;
            self.root.rest();
        }
    }
}
