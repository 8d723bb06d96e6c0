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
/// Bytes of a shape and of its plan's name beyond which nothing is remembered: a filter of many
/// branches has both of them as long as itself.
const LEN_MAX: usize = 4096;

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

    /// Remembers one, but for shapes that are very long.
    pub fn remember(&self, shape: Box<[u8]>, winner: Winner) {
        if shape.len() + winner.id.len() > LEN_MAX {
            return;
        }
        let winners = &mut self.0.lock().winners;
        if winners.len() >= SHAPES_MAX {
            winners.clear();
        }
        winners.insert(shape, winner);
    }

    /// Forgets all of them.
    pub fn forget_all(&self) {
        self.0.lock().winners.clear();
    }

    /// Forgets one that did badly.
    pub fn forget(&self, shape: &[u8]) {
        self.0.lock().winners.remove(shape);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_many_shapes_nor_long_ones() {
        let cache = PlanCache::default();
        let shape = |n: usize, len: usize| n.to_le_bytes().repeat(len / 8).into_boxed_slice();
        let winner = |name_len| Winner { id: "x".repeat(name_len), looks: 1 };
        for (len, name_len, remembered) in
            [(64, 10, true), (LEN_MAX, 1, false), (64, LEN_MAX, false)]
        {
            cache.remember(shape(len, len), winner(name_len));
            assert_eq!(cache.winner(&shape(len, len)).is_some(), remembered, "{len} {name_len}");
            cache.forget(&shape(len, len));
        }
        for n in 0..3 * SHAPES_MAX {
            cache.remember(shape(n, 64), winner(1));
            assert!(cache.0.lock().winners.len() <= SHAPES_MAX);
        }
    }
}
