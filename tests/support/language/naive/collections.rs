//! Documents by collection, and the indexes that may refuse them.

use std::collections::BTreeMap;

use bson::{Bson, Document};

use super::filter::matches;
use super::sort::SortOrder;
use super::{NO_OPINION, Naive};
use crate::order::compare;

/// An index, as far as it can refuse documents.
#[derive(Debug, Clone)]
struct Index {
    spec: Document,
    order: SortOrder,
}

/// A collection.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    /// Its documents, in the order in which they came.
    pub documents: Vec<Document>,
    indexes: Vec<Index>,
}

/// Collections by name.
#[derive(Debug, Clone, Default)]
pub struct Collections {
    all: BTreeMap<String, Contents>,
}

impl Collections {
    /// The documents of a collection.
    pub fn documents(&self, name: &str) -> &[Document] {
        self.all.get(name).map_or(&[], |contents| &contents.documents)
    }

    /// A collection, to be changed.
    pub fn get(&mut self, name: &str) -> &mut Contents {
        self.all.entry(name.to_owned()).or_default()
    }
}

impl Index {
    fn flag(&self, name: &str) -> bool {
        self.spec.get_bool(name).unwrap_or(false)
    }

    /// The keys of a document; none if it is left out.
    fn keys(&self, doc: &Document) -> Naive<Vec<Vec<Bson>>> {
        let partial = self.spec.get_document("partialFilterExpression").ok();
        if partial.map_or(Ok(true), |filter| matches(doc, filter))? {
            return self.order.keys(doc, self.flag("sparse"));
        }
        Ok(vec![])
    }
}

impl Contents {
    /// May `doc` stand there, in the place of the one at `at`?
    ///
    /// # Errors
    /// 11000; 171 for parallel arrays.
    pub fn admit(&self, doc: &Document, at: Option<usize>) -> Naive<()> {
        let others = || self.documents.iter().enumerate().filter(|(n, _)| Some(*n) != at);
        let id = doc.get("_id").ok_or(NO_OPINION)?;
        let same_id = |other: &Document| compare(&other["_id"], id).is_eq();
        for index in &self.indexes {
            let keys = index.keys(doc)?;
            if index.flag("unique") {
                for (_, other) in others() {
                    if index.order.clash(&keys, &index.keys(other)?) {
                        return Err(11000);
                    }
                }
            }
        }
        if others().any(|(_, other)| same_id(other)) { Err(11000) } else { Ok(()) }
    }

    /// Adds an index. Answers how many there were before.
    ///
    /// # Errors
    /// No opinion on most that may be refused.
    pub fn create_index(&mut self, spec: &Document) -> Naive<(i32, i32)> {
        let known = ["key", "name", "unique", "sparse", "partialFilterExpression"];
        let key = spec.get_document("key").map_err(|_| NO_OPINION)?;
        let before = self.indexes.len() as i32 + 1;
        let partial = spec.get("partialFilterExpression");
        let flags = ["unique", "sparse"].iter().filter_map(|name| spec.get(name));
        if flags.into_iter().any(|flag| !matches!(flag, Bson::Boolean(_)))
            || partial
                .is_some_and(|filter| filter.as_document().is_none_or(|f| f.contains_key("a")))
            || spec.keys().any(|name| !known.contains(&name.as_str()))
            || key.is_empty()
            || key.keys().any(|path| path.split('.').any(str::is_empty))
            || key.contains_key("_id")
            || spec.get_str("name").map_or(true, str::is_empty)
            || self.indexes.iter().any(|index| index.spec != *spec)
        {
            return Err(NO_OPINION);
        }
        if !self.indexes.is_empty() {
            return Ok((before, before));
        }
        let index = Index { spec: spec.clone(), order: SortOrder::parse(key)? };
        let mut grown = self.clone();
        grown.indexes.push(index);
        // All keys are made before they are compared.
        for doc in &self.documents {
            grown.indexes[0].keys(doc)?;
        }
        for (at, doc) in self.documents.iter().enumerate() {
            grown.admit(doc, Some(at))?;
        }
        *self = grown;
        Ok((before, before + 1))
    }
}
