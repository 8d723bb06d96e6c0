//! Plans: the ways in which a query's documents can be found, by what is known of the indexes.
//!
//! Pure: nothing is read here. A filter becomes [`conditions`] on fields; an index with them
//! becomes [`bounded`]; [`candidates`] makes the plans that are worth a trial. Who runs them is
//! the collection.

mod bounded;
mod candidates;
mod conditions;
mod either;
mod facts;
mod interval;
mod order;
pub mod shape;
pub mod shown;
mod test_bounds;
#[cfg(test)]
mod tests;
mod type_range;

use std::sync::Arc;

pub use candidates::candidates;
pub use facts::{Hinted, IndexFacts, KeyRange, Question};
pub use interval::{Interval, Intervals};

use super::{Filter, SortPattern};

/// A way to find a query's documents, in its order.
#[derive(Debug, Clone)]
pub struct Plan {
    pub root: PlanNode,
    /// Is what is found sorted in memory?
    pub sorts: bool,
    /// Are documents read, and not entries alone?
    pub fetches: bool,
    /// Tells it from other plans for queries of the same shape.
    pub id: String,
}

/// A step of a plan.
#[derive(Debug, Clone)]
pub enum PlanNode {
    /// Nothing can match.
    Eof,
    /// The collection is read.
    CollScan { filter: Option<Arc<Filter>>, backward: bool },
    /// The one document with this `_id`.
    IdHack,
    /// The entries of an index within bounds.
    IndexScan(IndexScan),
    /// The documents to which entries lead, as far as they match what the entries do not tell.
    Fetch { filter: Option<Arc<Filter>>, input: Box<PlanNode> },
    /// What one or the other gives, once.
    Or(Vec<PlanNode>),
    /// What several give in order, in order.
    Merge { sort: SortPattern, inputs: Vec<PlanNode> },
    /// All that comes, sorted.
    Sort { input: Box<PlanNode> },
}

/// A walk over a part of an index.
#[derive(Debug, Clone)]
pub struct IndexScan {
    pub index: Arc<IndexFacts>,
    /// The bounds of its fields, whichever way they go.
    pub fields: Vec<Intervals>,
    pub range: KeyRange,
    pub backward: bool,
    /// What an entry has to match, its values being the fields of a document.
    pub filter: Option<Arc<Filter>>,
}

impl PlanNode {
    /// Calls `each` with every walk over an index.
    pub fn each_scan<'p>(&'p self, each: &mut dyn FnMut(&'p IndexScan)) {
        match self {
            PlanNode::Eof | PlanNode::CollScan { .. } | PlanNode::IdHack => {}
            PlanNode::IndexScan(scan) => each(scan),
            PlanNode::Fetch { input, .. } | PlanNode::Sort { input } => input.each_scan(each),
            PlanNode::Or(inputs) | PlanNode::Merge { inputs, .. } => {
                inputs.iter().for_each(|input| input.each_scan(each));
            }
        }
    }
}
