//! Which plan won the trial for queries of a shape.
//!
//! It is part of what is known of an open collection, which is made anew when an index is created
//! or dropped: so what it says is of the indexes that there are.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::query::plan::IndexFacts;

/// Shapes that are remembered.
const SHAPES_MAX: usize = 1000;

/// The plans that won.
#[derive(Debug, Default)]
pub struct PlanCache(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    facts: Option<Arc<[Arc<IndexFacts>]>>,
    winners: HashMap<Box<[u8]>, Winner>,
}

/// A plan that won.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Winner {
    /// [`crate::query::plan::Plan::id`].
    pub id: String,
    /// Looks that its trial took.
    pub looks: u64,
}

impl PlanCache {
    /// What is known of the indexes, if it is what `is_current` says.
    pub fn facts(
        &self,
        is_current: impl Fn(&[Arc<IndexFacts>]) -> bool,
        make: impl FnOnce() -> Vec<Arc<IndexFacts>>,
    ) -> Arc<[Arc<IndexFacts>]> {
        let state = &mut *self.0.lock();
        if let Some(facts) = state.facts.as_ref().filter(|facts| is_current(facts)) {
            return facts.clone();
        }
        state.winners.clear();
        state.facts.insert(make().into()).clone()
    }

    /// The plan that won for this shape.
    pub fn winner(&self, shape: &[u8]) -> Option<Winner> {
        self.0.lock().winners.get(shape).cloned()
    }

    /// Remembers one.
    pub fn remember(&self, shape: Box<[u8]>, winner: Winner) {
        let winners = &mut self.0.lock().winners;
        if winners.len() >= SHAPES_MAX {
            winners.clear();
        }
        winners.insert(shape, winner);
    }

    /// Forgets one that did badly.
    pub fn forget(&self, shape: &[u8]) {
        self.0.lock().winners.remove(shape);
    }
}
