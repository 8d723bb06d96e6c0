//! Does a walk over an index give documents in the order of a sort?

use super::facts::IndexFacts;
use super::interval::Intervals;
use crate::query::SortPattern;

/// Which way to walk so that the sort is given; none if neither way does.
pub fn sorted_walk(index: &IndexFacts, fields: &[Intervals], sort: &SortPattern) -> Option<Walk> {
    if index.hash.is_some() || index.is_multikey && !order_is_of_documents(index, fields, sort) {
        return None;
    }
    let mut backward = None;
    let mut at = 0;
    for part in sort.parts() {
        let path = part.path.as_str();
        // What is the same everywhere is in order anyway.
        let is_fixed = |i: usize| index.paths[i] == path && fields[i].is_point();
        if !index.is_multikey && (0..fields.len()).any(is_fixed) {
            continue;
        }
        while at < fields.len() && index.paths[at] != path && fields[at].is_point() {
            at += 1;
        }
        if at == fields.len() || index.paths[at] != path {
            return None;
        }
        let this = index.descending[at] != part.descending;
        if *backward.get_or_insert(this) != this {
            return None;
        }
        at += 1;
    }
    Some(Walk { backward: backward.unwrap_or(false) })
}

/// A walk over an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Walk {
    pub backward: bool,
}

/// A document with several entries is sorted by the first of all of them: so no bounds may keep
/// that out. Bounds on other fields may, if those could lie in the same array.
fn order_is_of_documents(index: &IndexFacts, fields: &[Intervals], sort: &SortPattern) -> bool {
    let first = |path: &str| path.split('.').next().map(str::to_owned);
    sort.parts().iter().all(|part| {
        index
            .paths
            .iter()
            .zip(fields)
            .all(|(path, bounds)| bounds.is_all() || first(path) != first(part.path.as_str()))
    })
}
