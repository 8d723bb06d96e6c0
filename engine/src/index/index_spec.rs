//! An index as its user asks for it. Nothing is checked before it is used: what it then
//! becomes, or why not, is [`crate::index::index_definition`]'s.

use bson::RawDocument;

use crate::bson::builder::Builder;
use crate::bson::element::{OwnedValue, Value};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::index::index_request::FIELDS;

/// A request for an index.
///
/// ```
/// use tallymap::IndexSpec;
///
/// let by_site = IndexSpec::new(&[("metadata.site", 1), ("metadata.date", -1)]).sparse(true);
/// let by_email = IndexSpec::new(&[("email", 1)]).unique(true).name("one_account_each");
/// # drop((by_site, by_email));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct IndexSpec {
    fields: Vec<(String, OwnedValue)>,
    name: Option<String>,
    options: Vec<(&'static str, OwnedValue)>,
}

impl IndexSpec {
    /// An index on these fields: dotted paths, with 1 for ascending and −1 for descending.
    pub fn new(fields: &[(&str, i32)]) -> IndexSpec {
        let field = |(path, direction): &(&str, i32)| {
            let bytes = direction.to_le_bytes();
            (path.to_string(), Value { ty: ty::INT32, bytes: &bytes }.to_owned())
        };
        IndexSpec { fields: fields.iter().map(field).collect(), name: None, options: Vec::new() }
    }

    /// An index on hashes of what is at this path: for equality alone.
    pub fn hashed(path: &str) -> IndexSpec {
        let kind = Value { ty: ty::STRING, bytes: b"\x07\0\0\0hashed\0" };
        let fields = vec![(path.to_owned(), kind.to_owned())];
        IndexSpec { fields, name: None, options: Vec::new() }
    }

    /// May a request for an index have a field of this name?
    pub fn may_have(field: &[u8]) -> bool {
        FIELDS.contains(&field)
    }

    /// Its name; by default the fields and their directions: `site_1_date_-1`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// May no two documents have equal keys? Documents without the fields count as null.
    pub fn unique(self, unique: bool) -> Self {
        self.option("unique", Value { ty: ty::BOOL, bytes: &[u8::from(unique)] })
    }

    /// Shall documents that have none of the fields be left out?
    pub fn sparse(self, sparse: bool) -> Self {
        self.option("sparse", Value { ty: ty::BOOL, bytes: &[u8::from(sparse)] })
    }

    /// Shall only documents have entries that this filter matches? It may say that fields are
    /// equal to values, greater or less, that they exist, of which types they are.
    pub fn partial_filter(self, filter: impl AsRef<RawDocument>) -> Self {
        let bytes = filter.as_ref().as_bytes();
        self.option("partialFilterExpression", Value { ty: ty::DOCUMENT, bytes })
    }

    /// May others write to the collection while the index is built? So it is unless told.
    pub fn background(self, background: bool) -> Self {
        self.option("background", Value { ty: ty::BOOL, bytes: &[u8::from(background)] })
    }

    /// Shall it be kept up to date but not be used?
    pub fn hidden(self, hidden: bool) -> Self {
        self.option("hidden", Value { ty: ty::BOOL, bytes: &[u8::from(hidden)] })
    }

    /// Seconds after the date in the field at which a document is deleted.
    pub fn expire_after_seconds(self, seconds: i32) -> Self {
        let bytes = seconds.to_le_bytes();
        self.option("expireAfterSeconds", Value { ty: ty::INT32, bytes: &bytes })
    }

    fn option(mut self, name: &'static str, value: Value<'_>) -> Self {
        self.options.retain(|(other, _)| *other != name);
        self.options.push((name, value.to_owned()));
        self
    }

    /// The request as `createIndexes` takes it: `{key, name, …}`.
    ///
    /// # Errors
    /// [`Reason::CannotCreateIndex`] for a name that BSON cannot hold.
    pub fn to_bson(&self) -> Result<Vec<u8>> {
        let mut doc = Builder::new();
        doc.begin(ty::DOCUMENT, "key");
        for (path, direction) in &self.fields {
            if path.contains('\0') {
                let message = "field names of an index hold no zero byte";
                return Err(Error::refused(Reason::CannotCreateIndex, message));
            }
            doc.value(path, direction.as_ref());
        }
        doc.end();
        if let Some(name) = &self.name {
            doc.str("name", name);
        }
        for (name, value) in &self.options {
            doc.value(name, value.as_ref());
        }
        Ok(doc.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::rawdoc;

    #[test]
    fn is_what_a_driver_would_send() {
        let spec = IndexSpec::new(&[("a.b", 1), ("c", -1)])
            .unique(true)
            .name("n")
            .sparse(true)
            .unique(false)
            .expire_after_seconds(60);
        let expected = rawdoc! {
            "key": { "a.b": 1, "c": -1 }, "name": "n",
            "sparse": true, "unique": false, "expireAfterSeconds": 60,
        };
        assert_eq!(spec.to_bson().unwrap(), expected.as_bytes());
    }

    #[test]
    fn has_all_kinds_and_options() {
        let spec = IndexSpec::hashed("a.b").partial_filter(rawdoc! { "c": { "$gt": 1 } });
        let expected = rawdoc! {
            "key": { "a.b": "hashed" }, "partialFilterExpression": { "c": { "$gt": 1 } },
            "background": false, "hidden": true,
        };
        let spec = spec.background(false).hidden(true).to_bson();
        assert_eq!(spec.unwrap(), expected.as_bytes());
    }

    #[test]
    fn zero_bytes_are_refused() {
        assert!(IndexSpec::new(&[("a\0", 1)]).to_bson().is_err());
    }
}
