//! An index with the bounds that a filter gives it.
//!
//! I1. Every match has an entry within the bounds (B1 of [`super::test_bounds`], for each
//!     field): of an index with several entries per document, only one condition bounds a field,
//!     and of fields that may lie in one array only one, unless they are of one element.

use super::conditions::{Condition, Conjuncts, is_positional};
use super::facts::IndexFacts;
use super::interval::Intervals;
use super::test_bounds::Exactness;
use crate::bson::element::Value;
use crate::bson::ty;

/// What a filter makes of an index.
#[derive(Debug, Clone)]
pub struct Bounded {
    /// The bounds of each of its fields, whichever way they go.
    pub fields: Vec<Intervals>,
    /// For each clause: what an entry within the bounds says of it.
    pub clauses: Vec<Exactness>,
    /// Is a field bounded at all?
    pub is_bounded: bool,
}

/// The bounds that the conditions give the index; none if some matches may have no entry.
pub fn bound(index: &IndexFacts, conjuncts: &Conjuncts<'_>) -> Option<Bounded> {
    if !index.is_usable || !has_all(index, conjuncts) {
        return None;
    }
    let mut out = Bounded {
        fields: vec![Intervals::all(); index.paths.len()],
        clauses: vec![Exactness::ByDocument; conjuncts.clauses.len()],
        is_bounded: false,
    };
    if let Some(hash) = index.hash {
        bound_by_hash(index, hash, conjuncts, &mut out);
        return Some(out);
    }
    let mut chosen: Vec<(usize, Option<usize>)> = vec![];
    for (i, path) in index.paths.iter().enumerate() {
        let mut here: Vec<_> = conjuncts
            .conditions
            .iter()
            .filter(|condition| condition.path == *path)
            .filter(|condition| !index.is_multikey || may_join(index, &chosen, i, condition))
            .collect();
        if index.is_multikey {
            here.sort_by_key(|condition| rank(&condition.bounds));
            match here.first().map(|first| (first.joins, first.group)) {
                Some((true, group)) => here.retain(|one| one.joins && one.group == group),
                _ => here.truncate(1),
            }
        }
        for condition in here {
            out.fields[i] = out.fields[i].intersection(&condition.bounds);
            out.clauses[condition.clause] = match condition.group {
                None if condition.negates && index.is_multikey => Exactness::ByDocument,
                None => condition.exactness,
                Some(_) => Exactness::ByDocument,
            };
            out.is_bounded = true;
            if !condition.bounds.is_all() {
                chosen.push((i, condition.group));
            }
        }
    }
    Some(out)
}

/// Has the index entries of all matches?
fn has_all(index: &IndexFacts, conjuncts: &Conjuncts<'_>) -> bool {
    let known = |path: &String| index.knows_positions || !is_positional(path);
    let needed =
        |condition: &Condition<'_>| condition.needs_field && index.paths.contains(&condition.path);
    index.paths.iter().all(known)
        && (!index.is_sparse || conjuncts.conditions.iter().any(needed))
        && index.partial.as_ref().is_none_or(|filter| conjuncts.imply(filter.clauses()))
}

/// Can the condition bound field `i`, given those that bound fields before it (I1)?
fn may_join(
    index: &IndexFacts,
    chosen: &[(usize, Option<usize>)],
    i: usize,
    condition: &Condition<'_>,
) -> bool {
    let first = |path: &str| path.split('.').next().map(str::to_owned);
    chosen.iter().all(|(other, group)| {
        let apart = first(&index.paths[*other]) != first(&index.paths[i]);
        apart || condition.group.is_some() && condition.group == *group
    })
}

/// Which bounds are the better ones, by what they are.
fn rank(bounds: &Intervals) -> usize {
    match bounds {
        _ if bounds.is_point() => 0,
        _ if bounds.is_all() => usize::MAX,
        _ if bounds.are_points() => 1 + bounds.as_slice().len(),
        _ => usize::MAX - 1,
    }
}

/// Hashes are bounded by equality alone, and lead to other values, too.
fn bound_by_hash(
    index: &IndexFacts,
    hash: fn(Value<'_>) -> i64,
    conjuncts: &Conjuncts<'_>,
    out: &mut Bounded,
) {
    let path = &index.paths[0];
    for condition in conjuncts.conditions.iter().filter(|condition| condition.path == *path) {
        if !condition.bounds.are_points() {
            continue;
        }
        let hashes = condition.bounds.as_slice().iter().map(|point| {
            let value = point.low.as_ref();
            // Arrays are not hashed; what is missing is hashed as null.
            let value =
                if value.ty == ty::UNDEFINED { super::interval::bare(ty::NULL) } else { value };
            let bytes = hash(value).to_le_bytes();
            super::interval::Interval::point(Value { ty: ty::INT64, bytes: &bytes })
        });
        let hashes = Intervals::union_of(hashes.collect::<Vec<_>>());
        out.fields[0] = out.fields[0].intersection(&hashes);
        out.is_bounded = true;
    }
}
