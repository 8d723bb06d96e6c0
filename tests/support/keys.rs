//! The keys that a document has in an index (format, §10.10), naively: paths without numbers.

use bson::{Bson, Document};

use crate::order::compare_keys;

/// An index of the model.
#[derive(Debug, Clone)]
pub struct ModelIndex {
    /// Its name.
    pub name: String,
    /// Its paths with their directions.
    pub fields: Vec<(String, i32)>,
    /// Are equal keys refused?
    pub unique: bool,
    /// Are documents without the fields left out?
    pub sparse: bool,
    /// Has some document had more than one key since it was built?
    pub multikey: bool,
}

/// Two fields of an index lead into two different arrays.
#[derive(Debug)]
pub struct ParallelArrays;

/// How far a field of the index has been resolved.
#[derive(Clone)]
enum Resolved {
    Value(Bson),
    Missing,
    /// An array, with the path that is left behind it, and where it stands.
    Array(Vec<Bson>, Vec<String>, String),
}

fn resolve(doc: &Document, path: &[String], walked: &str) -> Resolved {
    let at = format!("{walked}.{}", path[0]);
    match (doc.get(&path[0]), path.len()) {
        (None, _) => Resolved::Missing,
        (Some(Bson::Array(array)), _) => Resolved::Array(array.clone(), path[1..].to_vec(), at),
        (Some(value), 1) => Resolved::Value(value.clone()),
        (Some(Bson::Document(below)), _) => resolve(below, &path[1..], &at),
        (Some(_), _) => Resolved::Missing,
    }
}

impl ModelIndex {
    /// The directions of its fields.
    pub fn directions(&self) -> Vec<i32> {
        self.fields.iter().map(|(_, direction)| *direction).collect()
    }

    /// The keys of a document, each once.
    ///
    /// # Errors
    /// If two fields lead into different arrays.
    pub fn keys(&self, doc: &Document) -> Result<Vec<Vec<Bson>>, ParallelArrays> {
        let paths =
            self.fields.iter().map(|(path, _)| path.split('.').map(str::to_owned).collect());
        let start: Vec<Resolved> = paths.map(|path: Vec<String>| resolve(doc, &path, "")).collect();
        let mut keys = Vec::new();
        self.expand(start, &mut keys)?;
        let directions = self.directions();
        keys.sort_by(|a, b| compare_keys(a, b, &directions));
        keys.dedup_by(|a, b| compare_keys(a, b, &directions).is_eq());
        Ok(keys)
    }

    fn expand(&self, at: Vec<Resolved>, keys: &mut Vec<Vec<Bson>>) -> Result<(), ParallelArrays> {
        let mut array: Option<(Vec<Bson>, String)> = None;
        for field in &at {
            match (field, &array) {
                (Resolved::Array(_, _, place), Some((_, other))) if place != other => {
                    return Err(ParallelArrays);
                }
                (Resolved::Array(elements, _, place), _) => {
                    array = Some((elements.clone(), place.clone()));
                }
                _ => {}
            }
        }
        let Some((elements, place)) = array else {
            if !(self.sparse && at.iter().all(|field| matches!(field, Resolved::Missing))) {
                keys.push(at.into_iter().map(finished).collect());
            }
            return Ok(());
        };
        // An empty array stands for one undefined element.
        let elements = if elements.is_empty() { vec![Bson::Undefined] } else { elements };
        for element in &elements {
            let step = |field: &Resolved| match field {
                Resolved::Array(_, rest, _) if rest.is_empty() => Resolved::Value(element.clone()),
                Resolved::Array(_, rest, _) => match element {
                    Bson::Document(below) => resolve(below, rest, &place),
                    _ => Resolved::Missing,
                },
                other => other.clone(),
            };
            self.expand(at.iter().map(step).collect(), keys)?;
        }
        Ok(())
    }
}

fn finished(field: Resolved) -> Bson {
    match field {
        Resolved::Value(value) => value,
        Resolved::Missing | Resolved::Array(..) => Bson::Null,
    }
}
