//! The keys that a document has in an index of the model (format, §10.10).

use bson::{Bson, Document};

use crate::language::naive::sort::SortOrder;

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
    /// Has one of its paths met an array since it was built?
    pub multikey: bool,
}

/// Two fields of an index lead into two different arrays.
#[derive(Debug)]
pub struct ParallelArrays;

impl ModelIndex {
    /// The directions of its fields.
    pub fn directions(&self) -> Vec<i32> {
        self.fields.iter().map(|(_, direction)| *direction).collect()
    }

    /// Does one of its paths meet an array in the document, however many keys that makes?
    pub fn meets_array(&self, doc: &Document) -> bool {
        self.fields.iter().any(|(path, _)| {
            let mut doc = Some(doc);
            path.split('.').any(|part| match doc.and_then(|doc| doc.get(part)) {
                Some(Bson::Array(_)) => true,
                below => {
                    doc = below.and_then(Bson::as_document);
                    false
                }
            })
        })
    }

    /// The keys of a document, each once.
    ///
    /// # Errors
    /// If two fields lead into different arrays.
    pub fn keys(&self, doc: &Document) -> Result<Vec<Vec<Bson>>, ParallelArrays> {
        let fields = self.fields.iter().map(|(path, way)| (path.clone(), Bson::Int32(*way)));
        let order = SortOrder::parse(&fields.collect()).expect("paths without numbers");
        order.keys(doc, self.sparse).map_err(|_| ParallelArrays)
    }
}
