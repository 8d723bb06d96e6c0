//! The paths of an update as a tree, so that one walk over a document serves all of them.
//!
//! T1. A node has either children or an operator, never both: no path begins another.
//! T2. A walk passes over each element of a level at most once, however many paths there are,
//!     and counts for each path what a scan for it alone would have passed over.

use std::collections::HashMap;

use super::update_path::array_filter;
use crate::bson::builder::Index;
use crate::bson::element::Elements;
use crate::bson::field::{FieldPath, FieldSpan, Skips};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// Children above which names are looked up in a map.
const LINEAR_MAX: usize = 16;

/// The tree. Node 0 is the document itself.
#[derive(Debug, Clone)]
pub struct PathTree {
    nodes: Vec<Node>,
}

#[derive(Debug, Clone)]
pub struct Node {
    /// A path through this node; its component at the node's depth is the node's name.
    path: Option<FieldPath>,
    depth: usize,
    /// The node above; the document is its own.
    pub parent: usize,
    /// Nodes below, in the order in which paths first named them.
    pub children: Vec<usize>,
    /// Position in `children` by name, once they are many.
    by_name: HashMap<Box<str>, usize>,
    /// The operator that is for this field.
    pub operator: Option<usize>,
}

/// Where an operator's field was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// There it is.
    Found {
        /// The element.
        span: FieldSpan,
        /// Is its parent an array?
        in_array: bool,
    },
    /// It can be made.
    Missing,
    /// A value that cannot have it.
    Blocked {
        /// The value that cannot have it.
        by: FieldSpan,
        /// The component it cannot have, counted from 0.
        depth: usize,
    },
}

impl Default for PathTree {
    fn default() -> Self {
        PathTree { nodes: vec![Node::new(None, 0, 0)] }
    }
}

impl Node {
    fn new(path: Option<FieldPath>, depth: usize, parent: usize) -> Node {
        let (children, by_name) = (vec![], HashMap::new());
        Node { path, depth, parent, children, by_name, operator: None }
    }

    /// The field's name; the document has none.
    pub fn name(&self) -> &str {
        self.path.as_ref().map_or("", |path| path.component(self.depth - 1))
    }

    /// The place in an array that the name stands for.
    pub fn array_index(&self) -> Option<usize> {
        self.path.as_ref()?.array_index(self.depth - 1).map(|index| index as usize)
    }
}

impl PathTree {
    /// The document's node.
    pub const ROOT: usize = 0;

    /// The node `id`.
    pub fn node(&self, id: usize) -> &Node {
        &self.nodes[id]
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Adds the path of operator number `operator`.
    pub fn insert(&mut self, path: &FieldPath, operator: usize) -> Result<()> {
        self.try_insert(path, operator).map_err(|depth| {
            let at = path.prefix(depth);
            let message = format!("Updating the path '{path}' would create a conflict at '{at}'");
            Error::refused(Reason::ConflictingUpdateOperators, message)
        })
    }

    /// The same; where the path cannot be, as another one is there, the error is its depth.
    pub fn try_insert(&mut self, path: &FieldPath, operator: usize) -> Result<(), usize> {
        let mut id = PathTree::ROOT;
        for depth in 1..=path.depth() {
            let is_filter = array_filter(path.component(depth - 1)).is_some();
            if self.has_filters(id).is_some_and(|filters| filters != is_filter) {
                return Err(depth - 1);
            }
            id = match self.child_named(id, path.component(depth - 1).as_bytes()) {
                Some(position) => self.nodes[id].children[position],
                None => self.add_child(id, path, depth),
            };
            let node = &self.nodes[id];
            if node.operator.is_some() || (depth == path.depth() && !node.children.is_empty()) {
                return Err(depth);
            }
        }
        self.nodes[id].operator = Some(operator);
        Ok(())
    }

    /// Are array filters below node `id`, or names? Never both; none if nothing is below it.
    pub fn has_filters(&self, id: usize) -> Option<bool> {
        let first = self.nodes[id].children.first()?;
        Some(array_filter(self.nodes[*first].name()).is_some())
    }

    fn add_child(&mut self, parent: usize, path: &FieldPath, depth: usize) -> usize {
        let id = self.nodes.len();
        self.nodes.push(Node::new(Some(path.clone()), depth, parent));
        let children = &mut self.nodes[parent].children;
        children.push(id);
        // A level that grows past the limit is mapped whole, then child by child.
        let first = match children.len() {
            len if len == LINEAR_MAX + 1 => 0,
            len => len - 1,
        };
        if children.len() > LINEAR_MAX {
            for position in first..self.nodes[parent].children.len() {
                let child = self.nodes[parent].children[position];
                let name = self.nodes[child].name().into();
                self.nodes[parent].by_name.insert(name, position);
            }
        }
        id
    }

    /// Position among the children of node `id` of the one with this name.
    pub fn child_named(&self, id: usize, name: &[u8]) -> Option<usize> {
        let node = &self.nodes[id];
        if node.children.len() > LINEAR_MAX {
            return node.by_name.get(std::str::from_utf8(name).ok()?).copied();
        }
        node.children.iter().position(|&child| self.nodes[child].name().as_bytes() == name)
    }

    /// Position among the children of node `id` of the one that is for element `index`, named
    /// `name`, of a document or array.
    pub fn child_for(&self, id: usize, ty: u8, index: usize, name: &[u8]) -> Option<usize> {
        match ty {
            ty::ARRAY => self.child_named(id, Index::new(index).as_ref()),
            _ => self.child_named(id, name),
        }
    }

    /// Where the field of each of `operators` operators is, and what was passed over for all
    /// of them together.
    pub fn locate(&self, doc: &[u8], operators: usize) -> Result<(Vec<Place>, Skips)> {
        let places = vec![Place::Missing; operators];
        let mut walk = Walk { tree: self, doc, places, skips: Skips::default() };
        let document = FieldSpan { element_ofs: 0, value_ofs: 0, value_len: 0, ty: ty::DOCUMENT };
        walk.level(PathTree::ROOT, document, Skips::default())?;
        Ok((walk.places, walk.skips))
    }
}

struct Walk<'a> {
    tree: &'a PathTree,
    doc: &'a [u8],
    places: Vec<Place>,
    skips: Skips,
}

impl Walk<'_> {
    /// Walks the container `span`, which is the field of node `id`. To come here `before` was
    /// passed over. Depth is bounded by the longest path.
    fn level(&mut self, id: usize, span: FieldSpan, before: Skips) -> Result<()> {
        let (tree, ofs) = (self.tree, span.value_ofs as usize);
        let node = tree.node(id);
        let is_place = |child: &usize| tree.node(*child).array_index().is_some();
        let mut met: Vec<bool> = match span.ty {
            ty::ARRAY => node.children.iter().map(|child| !is_place(child)).collect(),
            _ => vec![false; node.children.len()],
        };
        for (&child, _) in node.children.iter().zip(&met).filter(|(_, met)| **met) {
            self.give(child, Place::Blocked { by: span, depth: node.depth }, before);
        }
        let mut left = met.iter().filter(|met| !**met).count();
        let mut passed = before;
        for (i, element) in Elements::new(&self.doc[ofs..])?.enumerate() {
            if left == 0 {
                break;
            }
            let element = element?;
            if let Some(position) = tree.child_for(id, span.ty, i, element.name)
                && !met[position]
            {
                met[position] = true;
                left -= 1;
                let found = FieldSpan {
                    element_ofs: (ofs + element.ofs) as u32,
                    value_ofs: (ofs + element.value_ofs) as u32,
                    value_len: element.value.len() as u32,
                    ty: element.ty,
                };
                self.meet(node.children[position], found, span.ty == ty::ARRAY, passed)?;
            }
            passed += Skips { fields: 1, bytes: (element.end() - element.ofs) as u32 };
        }
        for (&child, _) in node.children.iter().zip(&met).filter(|(_, met)| !**met) {
            self.give(child, Place::Missing, passed);
        }
        Ok(())
    }

    /// The field of node `id` is `span`.
    fn meet(&mut self, id: usize, span: FieldSpan, in_array: bool, passed: Skips) -> Result<()> {
        let node = self.tree.node(id);
        if node.operator.is_some() {
            self.give(id, Place::Found { span, in_array }, passed);
        } else if ty::is_container(span.ty) {
            self.level(id, span, passed)?;
        } else {
            self.give(id, Place::Blocked { by: span, depth: node.depth }, passed);
        }
        Ok(())
    }

    /// The same place for every operator at or below node `id`.
    fn give(&mut self, id: usize, place: Place, passed: Skips) {
        let node = self.tree.node(id);
        if let Some(operator) = node.operator {
            self.places[operator] = place;
            self.skips += passed;
        }
        for &child in &node.children {
            self.give(child, place, passed);
        }
    }
}
