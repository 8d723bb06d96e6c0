//! Walks the entries of an index that are within bounds, from one part of them to the next.

use std::collections::HashSet;
use std::sync::Arc;

use super::bounds_check::{BoundsCheck, SeekKey, Verdict};
use super::coll_scan::direction_name;
use super::describe::{count, filter, index_bounds};
use super::member::Member;
use super::{Cx, Looked, Stage, Worked};
use crate::bson::builder::Builder;
use crate::bson::element::{OwnedValue, Value};
use crate::collection::index_keys::Index;
use crate::collection::planning::index_dropped;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::index::btree::Btree;
use crate::index::btree_cursor::BtreeCursor;
use crate::index::key;
use crate::query::{Filter, plan};
use crate::store::Direction;

/// A walk over a part of an index.
pub struct IndexScan {
    scan: plan::IndexScan,
    check: BoundsCheck,
    /// Is the key of each entry given on?
    with_key: bool,
    /// Are only entries counted that are counted alone?
    counts: bool,
    /// Is what it gives looked at once more, document by document?
    is_verified: bool,
    /// Has the index become multikey since the plan was made?
    has_turned: bool,
    walk: Option<Walk>,
    /// Records that were given, of an index that leads to them several times.
    given: Option<HashSet<RecordLoc>>,
    looked: Looked,
    seeks: u64,
    dropped: u64,
}

/// A walk in progress.
struct Walk {
    tree: Btree,
    cursor: BtreeCursor,
    /// The key at which it ends, and whether that belongs to it; else each key is asked.
    end: Option<(Vec<u8>, bool)>,
    /// The state of the indexes that it knows.
    generation: u64,
}

impl IndexScan {
    /// A walk that has not begun. `with_key`: whether keys are given on; `is_verified`: whether
    /// the documents are read behind it.
    pub fn new(
        scan: plan::IndexScan,
        with_key: bool,
        counts: bool,
        is_verified: bool,
    ) -> IndexScan {
        let check = BoundsCheck::new(&scan);
        let given = scan.index.is_multikey.then(HashSet::new);
        let looked = Looked::default();
        IndexScan {
            scan,
            check,
            with_key,
            counts,
            is_verified,
            has_turned: false,
            walk: None,
            given,
            looked,
            seeks: 0,
            dropped: 0,
        }
    }

    fn direction(&self) -> Direction {
        if self.scan.backward { Direction::Backward } else { Direction::Forward }
    }

    /// Begins; not at all if nothing can be within.
    fn begin(&mut self, index: &Index, generation: u64) -> bool {
        let tree = index.tree;
        let (range, backward) = (&self.scan.range, self.scan.backward);
        let encoded = |key: &SeekKey| (encode(tree, &key.values), key.inclusive);
        let (first, end) = match range.is_open() {
            true => (self.check.first().map(|key| encoded(&key)), self.check.end()),
            false => {
                let min = range.min.as_ref().map(|min| (encode_bson(tree, min), true));
                let max = range.max.as_ref().map(|max| (encode_bson(tree, max), false));
                let (first, end) = if backward { (max, min) } else { (min, max) };
                let cursor = match first {
                    Some((key, inclusive)) => {
                        BtreeCursor::seek(tree, self.direction(), &key, inclusive)
                    }
                    None => BtreeCursor::new(tree, self.direction()),
                };
                self.walk = Some(Walk { tree, cursor, end, generation });
                return true;
            }
        };
        let Some((key, inclusive)) = first else { return false };
        let cursor = BtreeCursor::seek(tree, self.direction(), &key, inclusive);
        let end = end.as_ref().map(encoded);
        self.walk = Some(Walk { tree, cursor, end, generation });
        true
    }

    /// The plan was made for the index as it was. Where it has become multikey since, an entry
    /// says less of its document, and there are others that lead to it.
    fn check_multikey(&mut self, cx: &Cx<'_>, index: &Index) -> Result<()> {
        if self.scan.index.is_multikey
            || self.has_turned
            || !index.is_multikey(cx.view, cx.open.details())?
        {
            return Ok(());
        }
        if !self.is_verified {
            let message = format!("index '{}' became multikey", self.scan.index.name);
            return Err(Error::refused(Reason::QueryPlanKilled, message));
        }
        self.has_turned = true;
        self.given = Some(HashSet::new());
        Ok(())
    }

    /// The entry on which the walk stands: is it given on?
    fn look(&mut self, loc: RecordLoc) -> Result<Worked> {
        let Some(walk) = &mut self.walk else { return Ok(Worked::Eof) };
        let tree = walk.tree;
        let is_range = !self.scan.range.is_open();
        let mut decoded = None;
        match &walk.end {
            Some((end, inclusive)) => {
                let order = key::compare(tree.version, walk.cursor.key(), end, tree.order);
                let order = if self.scan.backward { order.reverse() } else { order };
                if order.is_gt() || order.is_eq() && !inclusive {
                    return Ok(Worked::Eof);
                }
                self.looked.keys += 1;
            }
            None if is_range => self.looked.keys += 1,
            None => {
                self.looked.keys += 1;
                let key = key::decode(tree.version, walk.cursor.key());
                match self.check.check(&key) {
                    Verdict::Within => decoded = Some(key),
                    Verdict::Done => return Ok(Worked::Eof),
                    Verdict::Seek(to) => {
                        self.seeks += 1;
                        let direction = if self.scan.backward {
                            Direction::Backward
                        } else {
                            Direction::Forward
                        };
                        let to_key = encode(tree, &to.values);
                        walk.cursor = BtreeCursor::seek(tree, direction, &to_key, to.inclusive);
                        return Ok(Worked::NeedTime);
                    }
                }
            }
        }
        let mut member = Member::at(loc);
        member.is_stale = self.has_turned;
        if self.with_key || self.scan.filter.is_some() {
            let key = decoded.unwrap_or_else(|| key::decode(tree.version, walk.cursor.key()));
            if let Some(filter) = self.scan.filter.as_ref().filter(|_| !self.has_turned)
                && !filter.matches(&as_document(&self.scan.index.paths, &key)?)?
            {
                return Ok(Worked::NeedTime);
            }
            member.key = Some(key);
        }
        if let Some(given) = &mut self.given
            && !given.insert(loc)
        {
            self.dropped += 1;
            return Ok(Worked::NeedTime);
        }
        Ok(Worked::Advanced(member))
    }
}

/// A key to search for.
fn encode(tree: Btree, values: &[OwnedValue]) -> Vec<u8> {
    let values: Vec<Value<'_>> = values.iter().map(OwnedValue::as_ref).collect();
    let mut out = vec![];
    key::encode_bound(tree.version, &values, &mut out);
    out
}

/// The same from BSON with or without names.
fn encode_bson(tree: Btree, doc: &[u8]) -> Vec<u8> {
    let elements = crate::bson::element::Elements::new(doc).into_iter().flatten();
    let values: Vec<_> = elements.map_while(Result::ok).map(|element| element.val()).collect();
    let mut out = vec![];
    key::encode_bound(tree.version, &values, &mut out);
    out
}

/// A key as the document whose fields have its values: sub-documents where paths have dots.
pub fn as_document(paths: &[String], key: &[u8]) -> Result<Vec<u8>> {
    let mut values = vec![];
    for (path, element) in paths.iter().zip(crate::bson::element::Elements::new(key)?) {
        values.push((path.as_str(), element?.val()));
    }
    let mut out = Builder::new();
    nest(&mut out, &values);
    Ok(out.finish())
}

/// Appends values at their paths, those that begin alike in one sub-document.
fn nest(out: &mut Builder, values: &[(&str, Value<'_>)]) {
    for (i, (path, value)) in values.iter().enumerate() {
        let Some((first, _)) = path.split_once('.') else {
            out.value(path, *value);
            continue;
        };
        // Those that begin alike go in with the first of them.
        if values[..i].iter().any(|(earlier, _)| below(earlier, first).is_some()) {
            continue;
        }
        out.begin(crate::bson::ty::DOCUMENT, first);
        let inner: Vec<(&str, Value<'_>)> = values[i..]
            .iter()
            .filter_map(|(path, value)| Some((below(path, first)?, *value)))
            .collect();
        nest(out, &inner);
        out.end();
    }
}

/// The rest of a path that begins with this component.
fn below<'p>(path: &'p str, first: &str) -> Option<&'p str> {
    path.strip_prefix(first)?.strip_prefix('.')
}

impl Stage for IndexScan {
    fn name(&self) -> &'static str {
        if self.counts { "COUNT_SCAN" } else { "IXSCAN" }
    }

    fn work(&mut self, cx: &Cx<'_>) -> Result<Worked> {
        if self.walk.is_none() {
            let index = find_index(cx, &self.scan)?;
            self.check_multikey(cx, index)?;
            if !self.begin(index, cx.open.index_generation) {
                return Ok(Worked::Eof);
            }
            self.seeks += 1;
        }
        let Some(walk) = &mut self.walk else { return Ok(Worked::Eof) };
        match walk.cursor.next(cx.view)? {
            Some(loc) => self.look(loc),
            None => Ok(Worked::Eof),
        }
    }

    fn rest(&mut self) {
        if let Some(walk) = &mut self.walk {
            walk.cursor.forget_place();
        }
    }

    fn resume(&mut self, cx: &Cx<'_>) -> Result<()> {
        let generation = cx.open.index_generation;
        if self.walk.is_none() {
            return Ok(());
        }
        let index = find_index(cx, &self.scan)?;
        self.check_multikey(cx, index)?;
        if let Some(walk) = self.walk.as_mut().filter(|walk| walk.generation != generation) {
            walk.cursor.go_on_in(index.tree);
            (walk.tree, walk.generation) = (index.tree, generation);
        }
        Ok(())
    }

    fn describe(&self, out: &mut Builder, counted: bool) {
        let index = &self.scan.index;
        if let Some(by_key) = &self.scan.filter {
            filter(out, by_key);
        }
        super::describe::index(out, index);
        out.str("direction", direction_name(self.direction()));
        index_bounds(out, &self.scan);
        if counted {
            count(out, "keysExamined", self.looked.keys);
            count(out, "seeks", self.seeks);
            let tested = if self.given.is_some() { self.looked.keys } else { 0 };
            count(out, "dupsTested", tested);
            count(out, "dupsDropped", self.dropped);
        }
    }

    fn looked(&self) -> Looked {
        self.looked
    }
}

/// The index of a scan, as it is now. One of the same name and fields that lacks other documents
/// is another one.
fn find_index<'o>(cx: &Cx<'o>, scan: &plan::IndexScan) -> Result<&'o Index> {
    let wanted = &scan.index;
    let found = cx.open.indexes.iter().find(|index| {
        let definition = &index.definition;
        wanted.is(definition.name(), definition.key().as_bson())
    });
    let shown = |filter: &Arc<Filter>| plan::shown::filter(filter);
    let is_same = |index: &&Index| {
        let partial = (index.partial_filter(), wanted.partial.as_ref());
        index.definition.is_sparse() == wanted.is_sparse
            && match partial {
                (Some(own), Some(known)) => Arc::ptr_eq(own, known) || shown(own) == shown(known),
                (own, known) => own.is_none() && known.is_none(),
            }
    };
    found.filter(is_same).ok_or_else(|| index_dropped(&wanted.name))
}
