//! Sorting: what a document is sorted by, and the keys that it has in an index.

use std::cmp::Ordering;

use bson::{Bson, Document};

use super::paths::place;
use super::{NO_OPINION, Naive};
use crate::order::{compare, compare_keys, float};

/// Paths with their directions.
#[derive(Debug, Clone)]
pub struct SortOrder {
    paths: Vec<Vec<String>>,
    directions: Vec<i32>,
}

/// How far a path has been resolved.
#[derive(Debug, Clone)]
enum At {
    Value(Bson),
    Missing,
    /// An array, the path left behind it, and where it stands.
    Array(Vec<Bson>, Vec<String>, String),
}

impl SortOrder {
    /// Parses `{ a: 1, "b.c": -1 }`.
    ///
    /// # Errors
    /// None of its own: it has no opinion on what it does not understand.
    pub fn parse(sort: &Document) -> Naive<SortOrder> {
        let (mut paths, mut directions) = (vec![], vec![]);
        for (path, direction) in sort {
            let direction = float(direction).filter(|n| n.abs() == 1.0).ok_or(NO_OPINION)?;
            if path.is_empty() || path.starts_with('$') {
                return Err(NO_OPINION);
            }
            paths.push(path.split('.').map(str::to_owned).collect());
            directions.push(direction as i32);
        }
        Ok(SortOrder { paths, directions })
    }

    /// Every key of a document in an index on these paths, in order; those that have none of the
    /// fields are left out of a sparse one.
    ///
    /// # Errors
    /// 171 if two paths lead into different arrays.
    pub fn keys(&self, doc: &Document, sparse: bool) -> Naive<Vec<Vec<Bson>>> {
        let start = self.paths.iter().map(|path| resolve(doc, path, "")).collect::<Result<_, _>>();
        let mut keys = vec![];
        expand(start?, sparse, &mut keys)?;
        keys.sort_by(|a, b| compare_keys(a, b, &self.directions));
        keys.dedup_by(|a, b| compare_keys(a, b, &self.directions).is_eq());
        Ok(keys)
    }

    /// What a document is sorted by: the first of its keys.
    pub fn key(&self, doc: &Document) -> Naive<Vec<Bson>> {
        let keys = self.keys(doc, false).map_err(|code| if code == 171 { 2 } else { code })?;
        keys.into_iter().next().ok_or(NO_OPINION)
    }

    /// Which of two documents comes first; equal where there is no telling.
    pub fn compare(&self, a: &Document, b: &Document) -> Ordering {
        match (self.key(a), self.key(b)) {
            (Ok(a), Ok(b)) => compare_keys(&a, &b, &self.directions),
            _ => Ordering::Equal,
        }
    }

    /// The documents in order; equal ones stay.
    pub fn sort(&self, documents: Vec<Document>) -> Naive<Vec<Document>> {
        let keyed = documents.into_iter().map(|doc| Ok((self.key(&doc)?, doc)));
        let mut keyed: Vec<(Vec<Bson>, Document)> = keyed.collect::<Naive<_>>()?;
        keyed.sort_by(|(a, _), (b, _)| compare_keys(a, b, &self.directions));
        Ok(keyed.into_iter().map(|(_, doc)| doc).collect())
    }

    /// Are two documents in each other's way in a unique index?
    pub fn clash(&self, a: &[Vec<Bson>], b: &[Vec<Bson>]) -> bool {
        let equal = |a: &[Bson], b: &[Bson]| a.iter().zip(b).all(|(a, b)| compare(a, b).is_eq());
        a.iter().any(|a| b.iter().any(|b| equal(a, b)))
    }
}

fn resolve(doc: &Document, path: &[String], walked: &str) -> Naive<At> {
    let at = format!("{walked}.{}", path[0]);
    match doc.get(&path[0]) {
        None => Ok(At::Missing),
        Some(value) => below(value, &path[1..], at),
    }
}

fn below(value: &Bson, rest: &[String], at: String) -> Naive<At> {
    match value {
        Bson::Array(array) => {
            let has_name = |v: &Bson| v.as_document().is_some_and(|d| d.contains_key(&rest[0]));
            if rest.first().is_some_and(|part| place(part).is_some()) && array.iter().any(has_name)
            {
                return Err(NO_OPINION);
            }
            Ok(At::Array(array.clone(), rest.to_vec(), at))
        }
        value if rest.is_empty() => Ok(At::Value(value.clone())),
        Bson::Document(inner) => resolve(inner, rest, &at),
        _ => Ok(At::Missing),
    }
}

fn expand(at: Vec<At>, sparse: bool, keys: &mut Vec<Vec<Bson>>) -> Naive<()> {
    let mut array: Option<(Vec<Bson>, String)> = None;
    for field in &at {
        match (field, &array) {
            (At::Array(_, _, place), Some((_, other))) if place != other => return Err(171),
            (At::Array(elements, _, place), _) => array = Some((elements.clone(), place.clone())),
            _ => {}
        }
    }
    let Some((elements, place)) = array else {
        if sparse && at.iter().all(|field| matches!(field, At::Missing)) {
            return Ok(());
        }
        let finished = |field: At| match field {
            At::Value(value) => value,
            _ => Bson::Null,
        };
        keys.push(at.into_iter().map(finished).collect());
        return Ok(());
    };
    // An empty array stands for one undefined element, but has no fields below it.
    let elements = if elements.is_empty() { vec![Bson::Undefined] } else { elements };
    for element in &elements {
        let step = |field: &At| match field {
            At::Array(_, rest, _) if rest.is_empty() => Ok(At::Value(element.clone())),
            At::Array(all, rest, _) => {
                // A number leads to one element, whichever of them it is the turn of.
                let at = super::paths::place(&rest[0]).and_then(|at| all.get(at));
                match (at, element) {
                    // What it leads to is not opened in its turn.
                    (Some(Bson::Array(inner)), _) if rest.len() == 1 && inner.is_empty() => {
                        Ok(At::Value(Bson::Undefined))
                    }
                    (Some(at), _) if rest.len() == 1 => Ok(At::Value(at.clone())),
                    (Some(at), _) => below(at, &rest[1..], format!("{place}.{}", rest[0])),
                    (None, Bson::Document(inner)) => resolve(inner, rest, &place),
                    (None, _) => Ok(At::Missing),
                }
            }
            other => Ok(other.clone()),
        };
        expand(at.iter().map(step).collect::<Naive<_>>()?, sparse, keys)?;
    }
    Ok(())
}
