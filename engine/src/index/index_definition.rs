//! What an index is: a specification that was checked (format, §5.5).
//!
//! S1. The stored form is `v`, `unique` if true, `key`, `name`, then the other fields in the
//!     order in which they came, `ns` among them; `dropDups` and `_id` are dropped.
//! S2. Options that tallymap does not act on are kept: they belong to whoever wrote them.
//! S3. What [`IndexKind`] calls a plugin's can be read but not maintained: a collection that has
//!     such an index refuses writes that would change it.

use crate::bson::builder::Builder;
use crate::bson::element::{Elements, OwnedValue, Value, get};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::disk_loc::{DiskLoc, RecordLoc};
use crate::error::{Error, Reason, Result};
use crate::index::btree::Btree;
use crate::index::index_request;
use crate::index::index_version::IndexVersion;
use crate::index::key_generator::KeyGenerator;
use crate::index::key_pattern::KeyPattern;
use crate::limits::{KEY_FIELDS_MAX, NAMESPACE_NAME_MAX};

/// Name of the index on `_id`.
pub const ID_INDEX: &str = "_id_";
/// Fields that the stored form has in a place of their own, or not at all.
const OWN_FIELDS: [&str; 7] = ["v", "unique", "key", "name", "ns", "dropDups", "_id"];

/// Name and value of a field that is kept as it came.
type Other = (Box<[u8]>, OwnedValue);

/// What an index needs in order to be kept up to date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IndexKind {
    /// The documents' values: a b-tree that tallymap maintains.
    Plain,
    /// The values of those documents that match a filter.
    Partial,
    /// Hashes of the values of one field; perhaps of those documents that match a filter.
    Hashed,
    /// What a plugin makes of the values: "2d", "text" …
    Plugin(String),
}

/// A checked specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexDefinition {
    key: KeyPattern,
    name: String,
    unique: bool,
    sparse: bool,
    version: IndexVersion,
    kind: IndexKind,
    /// The fields without a place of their own, as they came.
    others: Vec<Other>,
    /// How many of them precede `ns`.
    ns_at: usize,
}

impl IndexDefinition {
    /// The index on `_id` that every collection has.
    pub fn id() -> IndexDefinition {
        let mut doc = Builder::new();
        doc.begin(ty::DOCUMENT, "key").number("_id", Number::Int32(1)).end();
        match parse(&doc.finish()) {
            Ok(definition) => IndexDefinition {
                version: IndexVersion::V1,
                name: ID_INDEX.to_owned(),
                ..definition
            },
            Err(rule) => unreachable!("the _id index breaks: {rule}"),
        }
    }

    /// Checks a request for an index on collection `ns`.
    ///
    /// # Errors
    /// Those of [`index_request::checked`]; [`Reason::CannotCreateIndex`] for a name that is too
    /// long.
    pub fn parse_new(doc: &[u8], ns: &str) -> Result<IndexDefinition> {
        IndexDefinition::parse_restored(&index_request::checked(doc)?, ns)
    }

    /// Checks the specification of an index that collection `ns` has had, to be built again:
    /// options that nobody knows any longer stay with it.
    ///
    /// # Errors
    /// [`Reason::CannotCreateIndex`] with the rule that it breaks.
    pub fn parse_restored(doc: &[u8], ns: &str) -> Result<IndexDefinition> {
        let refused = |rule| {
            let message = format!("cannot create index on {ns}: {rule}");
            Error::refused(Reason::CannotCreateIndex, message)
        };
        let definition = parse(doc).map_err(refused)?;
        let mut definition = definition.check_ns(doc, ns, false).map_err(refused)?;
        if definition.key.paths().len() > KEY_FIELDS_MAX {
            return Err(refused("key pattern has at most 31 fields"));
        }
        if definition.is_id() {
            definition.name = ID_INDEX.to_owned();
        } else if definition.name == ID_INDEX {
            return Err(refused("name _id_ is that of the index on _id"));
        }
        if !definition.is_maintainable() {
            return Err(refused("it is of a kind that cannot be built here"));
        }
        Ok(IndexDefinition { version: IndexVersion::V1, ns_at: 0, ..definition })
    }

    /// Checks the specification of an index of collection `ns`, found at `loc`.
    ///
    /// # Errors
    /// `Corrupt` with the rule that it breaks.
    pub fn parse_stored(doc: &[u8], ns: &str, loc: RecordLoc) -> Result<IndexDefinition> {
        let definition = parse(doc).and_then(|definition| definition.check_ns(doc, ns, true));
        let definition = definition.and_then(|definition| {
            value(doc, "name")?.map(|_| definition).ok_or("name is a string")
        });
        definition.map_err(|rule| Error::corrupt(loc, "index specification", rule, 0))
    }

    fn check_ns(self, doc: &[u8], ns: &str, needed: bool) -> Result<Self, &'static str> {
        match value(doc, "ns")? {
            Some(value) if value.as_str() == Some(ns) => {}
            None if !needed => {}
            _ => return Err("ns is the collection's name"),
        }
        if self.namespace(ns).len() > NAMESPACE_NAME_MAX {
            return Err("full name has at most 127 bytes");
        }
        Ok(self)
    }

    /// Its fields.
    pub fn key(&self) -> &KeyPattern {
        &self.key
    }

    /// Its name within the collection.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// May no two documents have equal keys? True for the index on `_id`.
    pub fn is_unique(&self) -> bool {
        self.unique || self.is_id()
    }

    /// Are documents left out that have none of the fields?
    pub fn is_sparse(&self) -> bool {
        self.sparse
    }

    /// Is it the index on `_id`?
    pub fn is_id(&self) -> bool {
        self.key.is_id()
    }

    /// What it needs in order to be kept up to date (S3).
    pub fn kind(&self) -> &IndexKind {
        &self.kind
    }

    /// Can tallymap keep it up to date (S3)?
    pub fn is_maintainable(&self) -> bool {
        !matches!(self.kind, IndexKind::Plugin(_))
    }

    /// Is it kept up to date but not used to search?
    pub fn is_hidden(&self) -> bool {
        self.option("hidden").is_some_and(Value::is_true)
    }

    /// The filter of a partial index, as it is stored.
    pub fn partial_filter(&self) -> Option<&[u8]> {
        self.option("partialFilterExpression").map(|value| value.bytes)
    }

    /// Seconds after the date of a document at which that expires. Numbers count without their
    /// fraction, and not a number as 0.
    pub fn expire_after_seconds(&self) -> Option<i64> {
        let seconds = self.option("expireAfterSeconds")?.as_number()?;
        Some(seconds.to_i64().unwrap_or(seconds.to_f64() as i64))
    }

    /// An option without a place of its own.
    pub fn option(&self, name: &str) -> Option<Value<'_>> {
        let found = self.others.iter().find(|(other, _)| **other == *name.as_bytes());
        found.map(|(_, value)| value.as_ref())
    }

    /// Full name of the namespace of its buckets.
    pub fn namespace(&self, ns: &str) -> String {
        format!("{ns}.${}", self.name)
    }

    /// Its tree, whose slot is at `details`.
    pub fn btree(&self, details: DiskLoc) -> Btree {
        let (version, order) = (self.version, self.key.order());
        Btree { version, order, unique: self.is_unique(), details }
    }

    /// What makes its keys.
    pub fn key_generator(&self) -> KeyGenerator {
        KeyGenerator {
            pattern: self.key.clone(),
            version: self.version,
            sparse: self.sparse,
            name: self.name.clone(),
        }
    }

    /// The form that is stored, for collection `ns` (S1).
    pub fn to_stored(&self, ns: &str) -> Vec<u8> {
        let mut doc = Builder::new();
        doc.number("v", Number::Int32(i32::from(self.version == IndexVersion::V1)));
        if self.unique {
            doc.value("unique", Value { ty: ty::BOOL, bytes: &[1] });
        }
        doc.document("key", self.key.as_bson()).str("name", &self.name);
        for (i, (name, value)) in self.others.iter().enumerate() {
            if i == self.ns_at {
                doc.str("ns", ns);
            }
            doc.value(name, value.as_ref());
        }
        if self.others.len() == self.ns_at {
            doc.str("ns", ns);
        }
        doc.finish()
    }

    /// The form that users are shown: without the collection's name, and of the version that
    /// they are told.
    pub fn to_shown(&self) -> Vec<u8> {
        let mut doc = Builder::new();
        doc.number("v", Number::Int32(self.version.told()));
        if self.unique {
            doc.value("unique", Value { ty: ty::BOOL, bytes: &[1] });
        }
        doc.document("key", self.key.as_bson()).str("name", &self.name);
        for (name, value) in self.options() {
            doc.value(name, value);
        }
        doc.finish()
    }

    /// The same index with another value of an option, or without it.
    pub fn with_option(&self, name: &str, value: Option<Value<'_>>) -> IndexDefinition {
        let mut changed = self.clone();
        let found = self.others.iter().position(|(other, _)| **other == *name.as_bytes());
        match (found, value) {
            (Some(at), Some(value)) => changed.others[at].1 = value.to_owned(),
            (Some(at), None) => {
                changed.others.remove(at);
                changed.ns_at -= usize::from(at < self.ns_at);
            }
            (None, Some(value)) => changed.others.push((name.as_bytes().into(), value.to_owned())),
            (None, None) => {}
        }
        changed
    }

    /// The options without a place of their own, in their order.
    pub fn options(&self) -> impl Iterator<Item = (&[u8], Value<'_>)> {
        self.others.iter().map(|(name, value)| (&**name, value.as_ref()))
    }
}

/// The value of a field, or none.
fn value<'d>(doc: &'d [u8], name: &str) -> Result<Option<Value<'d>>, &'static str> {
    let element = get(doc, name).map_err(|_| "specification is an object")?;
    Ok(element.map(|element| element.val()))
}

/// Checks what every specification must keep. The error is the rule that it breaks.
fn parse(doc: &[u8]) -> Result<IndexDefinition, &'static str> {
    let version = match value(doc, "v")?.map(|value| value.as_number().map(Number::to_f64)) {
        None => IndexVersion::V0,
        Some(Some(0.0)) => IndexVersion::V0,
        Some(Some(1.0)) => IndexVersion::V1,
        Some(_) => return Err("version is 0 or 1"),
    };
    let key = value(doc, "key")?.filter(|value| value.ty == ty::DOCUMENT);
    let key = KeyPattern::parse(key.ok_or("key is an object")?.bytes)?;
    let name = match value(doc, "name")? {
        None => key.default_name(),
        Some(value) => value.as_str().ok_or("name is a string")?.to_owned(),
    };
    if name.is_empty() || name.contains('\0') {
        return Err("name is not empty and has no zero byte");
    }
    let unique = value(doc, "unique")?;
    let sparse = value(doc, "sparse")?.is_some_and(Value::is_true);
    let filter = value(doc, "partialFilterExpression")?;
    if filter.is_some_and(|filter| filter.ty != ty::DOCUMENT) {
        return Err("partialFilterExpression is an object");
    }
    if sparse && filter.is_some() {
        return Err("sparse and partial exclude each other");
    }
    let seconds = value(doc, "expireAfterSeconds")?;
    if seconds.is_some_and(|seconds| seconds.as_number().is_none()) {
        return Err("expireAfterSeconds is a number");
    }
    let not_unique = unique.is_some_and(|unique| !unique.is_true());
    if key.is_id() && (sparse || filter.is_some() || not_unique) {
        return Err("index on _id is unique, and neither sparse nor partial");
    }
    let kind = match key.plugin() {
        Some(_) if key.hashed_path().is_some() => IndexKind::Hashed,
        Some(plugin) => IndexKind::Plugin(plugin.to_owned()),
        None if filter.is_some() => IndexKind::Partial,
        None => IndexKind::Plain,
    };
    let unique = unique.is_some_and(Value::is_true);
    let (others, ns_at) = split_others(doc)?;
    Ok(IndexDefinition { key, name, unique, sparse, version, kind, others, ns_at })
}

/// The fields without a place of their own, and how many of them precede `ns`.
fn split_others(doc: &[u8]) -> Result<(Vec<Other>, usize), &'static str> {
    let (mut others, mut ns_at) = (Vec::new(), 0);
    for element in Elements::new(doc).map_err(|_| "specification is an object")? {
        let element = element.map_err(|_| "specification is an object")?;
        if element.name == b"ns" {
            ns_at = others.len();
        }
        if !OWN_FIELDS.iter().any(|name| name.as_bytes() == element.name) {
            others.push((element.name.into(), element.val().to_owned()));
        }
    }
    Ok((others, ns_at))
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;
    use crate::index::index_spec::IndexSpec;

    const LOC: RecordLoc = RecordLoc(DiskLoc { file: 0, ofs: 0x70b0 });

    fn new(doc: RawDocumentBuf) -> Result<IndexDefinition> {
        IndexDefinition::parse_new(doc.as_bytes(), "test.c")
    }

    fn stored(doc: RawDocumentBuf) -> Result<IndexDefinition> {
        IndexDefinition::parse_stored(doc.as_bytes(), "test.c", LOC)
    }

    /// The bytes of the format, §5.5.
    #[test]
    fn the_id_index_of_test_c() {
        let expected = "3d00000010760001000000036b6579000e000000105f6964000100000000\
                        026e616d6500050000005f69645f00026e730007000000746573742e630000";
        let definition = IndexDefinition::id();
        assert_eq!(new(rawdoc! { "key": { "_id": 1 } }).unwrap(), definition);
        let bytes = definition.to_stored("test.c");
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!((bytes.len(), hex.as_str()), (61, expected));
    }

    fn restored(doc: RawDocumentBuf) -> Result<IndexDefinition> {
        IndexDefinition::parse_restored(doc.as_bytes(), "test.c")
    }

    #[test]
    fn stored_fields_have_their_order() {
        let doc = rawdoc! {
            "name": "n", "sparse": true, "_id": 7, "background": true, "key": { "a": -1 },
            "dropDups": true, "unique": 1, "expireAfterSeconds": 60.0, "weird": "kept",
        };
        let definition = restored(doc).unwrap();
        let expected = rawdoc! {
            "v": 1, "unique": true, "key": { "a": -1 }, "name": "n", "ns": "test.c",
            "sparse": true, "background": true, "expireAfterSeconds": 60.0, "weird": "kept",
        };
        assert_eq!(definition.to_stored("test.c"), expected.as_bytes());
        assert!(definition.is_unique() && definition.is_sparse());
        assert_eq!(definition.namespace("test.c"), "test.c.$n");
        assert_eq!(definition.option("weird").unwrap().as_str(), Some("kept"));
        assert!(definition.option("ns").is_none());
    }

    #[test]
    fn stored_specifications_come_back_as_they_were() {
        let doc = rawdoc! {
            "v": 1, "unique": true, "key": { "a": 1.0 }, "name": "a_1", "background": true,
            "ns": "test.c", "sparse": true,
        };
        assert_eq!(stored(doc.clone()).unwrap().to_stored("test.c"), doc.as_bytes());
        let old = rawdoc! { "key": { "a": 1 }, "name": "a_1", "ns": "test.c" };
        assert_eq!(stored(old).unwrap().version, IndexVersion::V0);
    }

    #[test]
    fn knows_what_it_cannot_maintain() {
        let plain = new(rawdoc! { "key": { "a": 1 } }).unwrap();
        assert!(plain.is_maintainable());
        assert_eq!(plain.name(), "a_1");
        let hashed = new(rawdoc! { "key": { "a": "hashed" } }).unwrap();
        assert_eq!((hashed.kind(), hashed.is_maintainable()), (&IndexKind::Hashed, true));
        let text = stored(rawdoc! {
            "v": 1, "key": { "_fts": "text", "_ftsx": 1 }, "name": "t", "ns": "test.c",
        });
        let text = text.unwrap();
        assert_eq!(*text.kind(), IndexKind::Plugin("text".into()));
        assert!(!text.is_maintainable());
        let filter = rawdoc! { "b": 1 };
        let partial = new(rawdoc! { "key": { "a": 1 }, "partialFilterExpression": filter });
        let partial = partial.unwrap();
        assert_eq!((partial.kind(), partial.is_maintainable()), (&IndexKind::Partial, true));
    }

    #[test]
    fn options_change_where_they_stand() {
        let definition = stored(rawdoc! {
            "v": 1, "key": { "a": 1 }, "name": "a_1", "expireAfterSeconds": 5, "ns": "test.c",
            "sparse": true,
        });
        let ten = Value { ty: ty::INT32, bytes: &10i32.to_le_bytes() };
        let yes = Value { ty: ty::BOOL, bytes: &[1] };
        let changed = definition.unwrap().with_option("expireAfterSeconds", Some(ten));
        assert_eq!(changed.expire_after_seconds(), Some(10));
        let hidden = changed.with_option("hidden", Some(yes));
        assert!(hidden.is_hidden() && !changed.is_hidden());
        assert_eq!(hidden.with_option("hidden", None), changed);
        let without = hidden.with_option("expireAfterSeconds", None);
        let expected = rawdoc! {
            "v": 1, "key": { "a": 1 }, "name": "a_1", "ns": "test.c", "sparse": true,
            "hidden": true,
        };
        assert_eq!(without.to_stored("test.c"), expected.as_bytes());
    }

    #[test]
    fn refuses_what_breaks_a_rule() {
        let filter = rawdoc! { "a": 1 };
        for (doc, rule) in [
            (rawdoc! { "name": "a" }, "key is an object"),
            (rawdoc! { "key": {} }, "key pattern has a field"),
            (rawdoc! { "key": { "a": 1 }, "name": "" }, "name is not empty and has no zero byte"),
            (rawdoc! { "key": { "a": 1 }, "name": 5 }, "name is a string"),
            (rawdoc! { "key": { "a": 1 }, "v": 2 }, "version is 0 or 1"),
            (rawdoc! { "key": { "a": 1 }, "ns": "test.d" }, "ns is the collection's name"),
            (
                rawdoc! { "key": { "a": 1 }, "name": "_id_" },
                "name _id_ is that of the index on _id",
            ),
            (
                rawdoc! { "key": { "a": 1 }, "name": "n".repeat(120) },
                "full name has at most 127 bytes",
            ),
            (
                rawdoc! { "key": { "a": 1 }, "sparse": true, "partialFilterExpression": filter },
                "sparse and partial exclude each other",
            ),
            (
                rawdoc! { "key": { "a": 1 }, "expireAfterSeconds": "1" },
                "expireAfterSeconds is a number",
            ),
            (
                rawdoc! { "key": { "_id": 1 }, "sparse": true },
                "index on _id is unique, and neither sparse nor partial",
            ),
            (rawdoc! { "key": { "a": "2d" } }, "it is of a kind that cannot be built here"),
        ] {
            let error = restored(doc).unwrap_err().to_string();
            assert_eq!(error, format!("cannot create index on test.c: {rule}"));
        }
        let fields: Vec<String> = (0..32).map(|i| format!("f{i}")).collect();
        let fields: Vec<_> = fields.iter().map(|field| (field.as_str(), 1)).collect();
        let doc = IndexSpec::new(&fields).name("n").to_bson().unwrap();
        assert!(IndexDefinition::parse_new(&doc, "test.c").is_err());
        let doc = IndexSpec::new(&fields[1..]).name("n").to_bson().unwrap();
        assert!(IndexDefinition::parse_new(&doc, "test.c").is_ok());
        let error = stored(rawdoc! { "key": { "a": 1 }, "name": "a" }).unwrap_err();
        assert!(matches!(error, Error::Corrupt { rule: "ns is the collection's name", .. }));
        assert!(stored(rawdoc! { "key": { "a": 1 }, "ns": "test.c" }).is_err());
        assert!(IndexDefinition::parse_stored(&[1, 2, 3], "test.c", LOC).is_err());
    }
}
