//! Writes a document anew with the effects of an update (format, §8.4).
//!
//! Fields keep their order; new ones follow at the end of their parent, in the order that the
//! collection has chosen. What no effect concerns is copied as it stands, whole runs at a time.
//! An array that is written anew has its elements numbered anew.

use super::field_order::FieldOrder;
use super::operators::Effect;
use super::path_tree::PathTree;
use crate::bson::builder::{Builder, Index};
use crate::bson::document;
use crate::bson::element::{Element, Elements};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::limits::NESTING_MAX;

/// Most nulls that one operator may put before a new element of an array.
const BACKFILL_MAX: usize = 1_500_000;

/// `doc` with the effect of each operator of `tree`. Every operator that changes anything has
/// found its field, or that it can be made.
pub fn rebuild(
    doc: &[u8],
    tree: &PathTree,
    effects: &[Effect<'_>],
    order: FieldOrder,
) -> Result<Vec<u8>> {
    let rebuild = Rebuild { tree, effects, order, first_change: first_changes(tree, effects) };
    let mut out = Builder::with_capacity(doc.len() + 64);
    rebuild.level(doc, ty::DOCUMENT, PathTree::ROOT, &mut out)?;
    let new = out.finish();
    document::check_len(new.len())?;
    Ok(new)
}

struct Rebuild<'a> {
    tree: &'a PathTree,
    effects: &'a [Effect<'a>],
    order: FieldOrder,
    /// For each node, the first operator at or below it that changes anything.
    first_change: Vec<Option<usize>>,
}

fn first_changes(tree: &PathTree, effects: &[Effect<'_>]) -> Vec<Option<usize>> {
    let mut first = vec![None; tree.len()];
    // Children come after their parents, so backwards each node is done before its parent.
    for id in (0..tree.len()).rev() {
        let node = tree.node(id);
        if let Some(operator) = node.operator
            && effects[operator] != Effect::Keep
        {
            first[id] = Some(operator);
        }
        if let Some(operator) = first[id] {
            let above: &mut Option<usize> = &mut first[node.parent];
            *above = Some(above.map_or(operator, |other| other.min(operator)));
        }
    }
    first
}

impl Rebuild<'_> {
    /// Copies the elements of the container `doc`, the field of node `id`, with the changes at
    /// and below that node.
    fn level(&self, doc: &[u8], ty: u8, id: usize, out: &mut Builder) -> Result<()> {
        let node = self.tree.node(id);
        // Children that nothing changes are as good as met.
        let unchanged = |child: &usize| self.first_change[*child].is_none();
        let mut met: Vec<bool> = node.children.iter().map(unchanged).collect();
        let mut left = met.iter().filter(|met| !**met).count();
        let is_array = ty == ty::ARRAY;
        let mut count = 0;
        // What lies before here has been copied.
        let mut copied = 4;
        for element in Elements::new(doc)? {
            if left == 0 && !is_array {
                break;
            }
            let element = element?;
            let position = self.tree.child_for(id, ty, count, element.name);
            match position.filter(|position| !met[*position]) {
                Some(position) => {
                    met[position] = true;
                    left -= 1;
                    if !is_array {
                        out.raw(&doc[copied..element.ofs]);
                    }
                    self.changed(&element, node.children[position], is_array, count, out)?;
                    copied = element.end();
                }
                None if is_array => {
                    out.value(Index::new(count), element.val());
                }
                None => {}
            }
            count += 1;
        }
        if !is_array {
            out.raw(&doc[copied..document::doc_len(doc)? - 1]);
        }
        let missing = node.children.iter().zip(&met).filter(|(_, met)| !**met);
        let missing = missing.map(|(child, _)| *child).collect();
        if is_array { self.backfill(missing, count, out) } else { self.append(missing, out) }
    }

    /// Writes an element that the operators at or below node `id` change.
    fn changed(
        &self,
        element: &Element<'_>,
        id: usize,
        in_array: bool,
        index: usize,
        out: &mut Builder,
    ) -> Result<()> {
        let number = Index::new(index);
        let name = if in_array { number.as_ref() } else { element.name };
        match self.tree.node(id).operator {
            Some(operator) if self.effects[operator] == Effect::Remove => {
                if in_array {
                    out.null(name);
                }
            }
            Some(operator) => put(&self.effects[operator], name, out)?,
            // Only a container can have had the field, or room for it.
            None => {
                out.begin(element.ty, name);
                self.level(element.value, element.ty, id, out)?;
                out.end();
            }
        }
        Ok(())
    }

    /// Appends new fields to a document: by name, or in the order in which the operators make
    /// them.
    fn append(&self, mut missing: Vec<usize>, out: &mut Builder) -> Result<()> {
        missing.sort_by(|a, b| {
            let by_name = self.order.compare(self.tree.node(*a).name(), self.tree.node(*b).name());
            by_name.then_with(|| self.first_change[*a].cmp(&self.first_change[*b]))
        });
        for child in missing {
            self.create(child, self.tree.node(child).name().as_bytes(), out)?;
        }
        Ok(())
    }

    /// Appends new elements to an array of `count`, and nulls in the places before them.
    fn backfill(&self, missing: Vec<usize>, mut count: usize, out: &mut Builder) -> Result<()> {
        let indexed = missing
            .iter()
            .filter_map(|child| self.tree.node(*child).array_index().map(|index| (index, *child)));
        let mut indexed: Vec<(usize, usize)> = indexed.collect();
        indexed.sort_unstable();
        for (index, child) in indexed {
            if index.saturating_sub(count) > BACKFILL_MAX {
                let message = format!("can't backfill more than {BACKFILL_MAX} elements");
                return Err(Error::refused(Reason::CannotBackfillArray, message));
            }
            while count < index {
                out.null(Index::new(count));
                count += 1;
            }
            document::check_len(out.len())?;
            self.create(child, Index::new(index).as_ref(), out)?;
            count += 1;
        }
        Ok(())
    }

    /// Writes a new field: a value, or documents around the values below node `id`.
    fn create(&self, id: usize, name: &[u8], out: &mut Builder) -> Result<()> {
        let node = self.tree.node(id);
        if let Some(operator) = node.operator {
            return put(&self.effects[operator], name, out);
        }
        check_depth(out.depth() + 1)?;
        out.begin(ty::DOCUMENT, name);
        let changed = |child: &usize| self.first_change[*child].is_some();
        self.append(node.children.iter().copied().filter(changed).collect(), out)?;
        out.end();
        Ok(())
    }
}

fn put(effect: &Effect<'_>, name: &[u8], out: &mut Builder) -> Result<()> {
    match effect {
        Effect::Put(value) => {
            document::check_depth(out.depth(), *value)?;
            out.value(name, *value);
        }
        Effect::PutOwned(value) => {
            let value = value.as_ref();
            document::check_depth(out.depth(), value)?;
            out.value(name, value);
        }
        Effect::PutNumber(number) => {
            out.number(name, *number);
        }
        // There is nothing to remove or keep where a field is new.
        Effect::Remove | Effect::Keep => {}
    }
    Ok(())
}

fn check_depth(depth: usize) -> Result<()> {
    if depth > NESTING_MAX {
        let message = format!("Document exceeds maximum nesting depth of {NESTING_MAX}");
        return Err(Error::refused(Reason::Overflow, message));
    }
    Ok(())
}
