//! From a plan to stages that have not begun.

use super::merge::Merge;
use super::or::{Eof, Or};
use super::{CollScan, Copied, Fetch, IdHack, IndexScan, Node, Sort};
use crate::bson::builder::Builder;
use crate::bson::number::Number;
use crate::query::plan::{Plan, PlanNode, Question};
use crate::query::{SortBound, SortPattern};
use crate::store::Direction;

/// What the stages are to give.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// What is copied of documents.
    pub copied: Copied,
    /// Are keys of indexes wanted?
    pub keys: bool,
    /// Are entries only counted?
    pub counts: bool,
    /// Memory that a sort may take.
    pub sort_bound: SortBound,
}

/// The stages of a plan for a question.
pub fn build(question: &Question, plan: &Plan, wanted: Wanted) -> Node {
    // A sort reads what it sorts.
    let copied = if plan.sorts { Copied::Document } else { wanted.copied };
    let keys =
        wanted.keys || !plan.fetches && question.wanted.as_ref().is_some_and(|w| !w.is_empty());
    let counts = wanted.counts && matches!(plan.root, PlanNode::IndexScan(_));
    let wanted = Wanted { copied, keys, counts, ..wanted };
    Builders { question, wanted, is_verified: false }.node(&plan.root)
}

struct Builders<'q> {
    question: &'q Question,
    wanted: Wanted,
    /// Are the documents read right behind?
    is_verified: bool,
}

impl Builders<'_> {
    fn node(&self, plan: &PlanNode) -> Node {
        let Wanted { copied, keys, counts, sort_bound } = self.wanted;
        let whole = || self.question.filter.clone();
        match plan {
            PlanNode::Eof => Node::new(Eof),
            PlanNode::CollScan { filter, backward } => {
                let direction = if *backward { Direction::Backward } else { Direction::Forward };
                Node::new(CollScan::new(filter.clone(), direction, copied))
            }
            PlanNode::IdHack => Node::new(IdHack::new(whole(), copied)),
            PlanNode::IndexScan(scan) => {
                Node::new(IndexScan::new(scan.clone(), keys, counts, self.is_verified))
            }
            PlanNode::Fetch { filter, input } => {
                let input = Builders { is_verified: true, ..*self }.node(input);
                Node::new(Fetch::new(filter.clone(), whole(), copied, input))
            }
            PlanNode::Or(inputs) => Node::new(Or::new(self.without_copies(inputs))),
            PlanNode::Merge { sort, inputs } => {
                // A record that comes from two inputs is given twice.
                let wanted = Wanted { keys: true, ..self.wanted };
                let inner = Builders { wanted, is_verified: false, ..*self };
                let nodes = inputs.iter().map(|input| inner.node(input)).collect();
                let mut paths: &[String] = &[];
                plan.each_scan(&mut |scan| paths = &scan.index.paths);
                Node::new(Merge::new(sort.clone(), sort_shown(sort), paths, nodes))
            }
            PlanNode::Sort { input } => match &self.question.sort {
                Some(sort) => {
                    let enough = self.question.enough;
                    let input = self.node(input);
                    let sort = Sort::new(sort.clone(), sort_shown(sort), enough, input);
                    Node::new(sort.bounded(sort_bound))
                }
                None => self.node(input),
            },
        }
    }

    /// Branches are read again above.
    fn without_copies(&self, inputs: &[PlanNode]) -> Vec<Node> {
        let wanted = Wanted { copied: Copied::Nothing, ..self.wanted };
        let inner = Builders { wanted, ..*self };
        inputs.iter().map(|input| inner.node(input)).collect()
    }
}

/// A sort as BSON.
pub fn sort_shown(sort: &SortPattern) -> Vec<u8> {
    let mut out = Builder::new();
    for part in sort.parts() {
        let direction = if part.descending { -1 } else { 1 };
        out.number(part.path.as_str(), Number::Int32(direction));
    }
    out.finish()
}
