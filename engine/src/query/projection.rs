//! Which fields of a document are given back.
//!
//! A projection is a tree of names, at each a [`Rule`](tree::Rule); one walk over the document
//! writes what is left. What is kept stays in its place; what is computed comes behind it, in
//! the order in which the projection says it.

mod apply;
mod parse;
mod slice;
#[cfg(test)]
mod tests;
mod tree;

use std::sync::Arc;

use super::filter::{Filter, Matched};
use crate::error::Result;
use crate::expression::{Scope, Variables};
use tree::{Mode, Node, Rule};

/// A parsed projection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Projection {
    tree: Arc<Tree>,
}

#[derive(Debug)]
struct Tree {
    /// What becomes of a field that no rule names.
    mode: Mode,
    root: Node,
}

/// Where a projection stands, which decides what it may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// In a find: positional `$`, `$slice` and `$elemMatch` too.
    Find,
    /// In a `$project` stage.
    Aggregate,
}

impl Projection {
    /// Parses a projection. What a positional `$` stands for is not decided by the filter's
    /// text but by how it matched, so the filter is not looked at.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn parse(
        projection: &[u8],
        policy: Policy,
        filter: Option<&Filter>,
        scope: &Scope,
    ) -> Result<Projection> {
        let tree = scope.constants_last("", |scope| parse::tree(projection, policy, filter, scope));
        let (mode, root) = tree?;
        Ok(Projection { tree: Arc::new(Tree { mode, root }) })
    }

    /// What is given back of `doc`. `matched` is how it matched the filter, for a positional `$`.
    ///
    /// # Errors
    /// Those of expressions; [`crate::Reason::Location`] 51246 and 51247 if a positional `$` has
    /// nothing to stand for.
    pub fn apply<'a>(
        &'a self,
        doc: &'a [u8],
        matched: Option<&Matched>,
        vars: &Variables<'a>,
    ) -> Result<Vec<u8>> {
        if self.is_identity() {
            return Ok(doc.to_vec());
        }
        let position = matched.and_then(|matched| matched.position);
        apply::Application { doc, mode: self.tree.mode, position, vars }.run(&self.tree.root)
    }

    /// Does it give back every document as it is?
    pub fn is_identity(&self) -> bool {
        self.tree.mode == Mode::Exclusion && self.tree.root.rules().is_empty()
    }

    /// Must the filter say how a document matched it?
    pub fn needs_match(&self) -> bool {
        self.tree.root.has_positional
    }

    /// The top-level or dotted fields that it reads, if it reads no others: those that an index
    /// has to hold in order to cover it. None if it needs the whole document.
    pub fn fields(&self) -> Option<Vec<&str>> {
        fn collect<'n>(node: &'n Node, fields: &mut Vec<&'n str>) -> bool {
            node.rules().iter().all(|named| match &named.rule {
                Rule::Include => {
                    fields.push(&named.path);
                    true
                }
                Rule::Exclude => true,
                Rule::Below(node) => collect(node, fields),
                Rule::Slice(_) | Rule::Positional | Rule::ElemMatch(_) | Rule::Computed(_) => false,
            })
        }
        let mut fields = vec![];
        let only_fields =
            self.tree.mode == Mode::Inclusion && collect(&self.tree.root, &mut fields);
        only_fields.then_some(fields)
    }
}
