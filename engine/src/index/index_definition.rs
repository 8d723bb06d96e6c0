//! What an index is: a specification that was checked (format, §5.5).
//!
//! S1. The stored form is `v`, `unique` if true, `key`, `name`, then the other fields in the
//!     order in which they came, `ns` among them; `dropDups` and `_id` are dropped.
//! S2. Options that tallymap does not act on are kept: they belong to whoever wrote them.
//! S3. What [`IndexKind`] calls anything but plain can be read but not maintained: a collection
//!     that has such an index refuses writes that would change it.

use crate::bson::builder::Builder;
use crate::bson::compare::{Names, compare_documents, compare_values};
use crate::bson::element::{Elements, OwnedValue, Value, get};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::disk_loc::{DiskLoc, RecordLoc};
use crate::error::{Error, Reason, Result};
use crate::index::btree::Btree;
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
    /// What a plugin makes of the values: "2d", "text", "hashed" …
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

/// How an index that is asked for relates to one that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Another index.
    Other,
    /// The same index, perhaps under another name.
    Same,
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
    /// [`Reason::CannotCreateIndex`] with the rule that it breaks.
    pub fn parse_new(doc: &[u8], ns: &str) -> Result<IndexDefinition> {
        let refused = |rule| {
            let message = format!("cannot create index on {ns}: {rule}");
            Error::refused(Reason::CannotCreateIndex, message)
        };
        let definition = parse(doc).map_err(refused)?;
        let mut definition = definition.check_ns(doc, ns, false).map_err(refused)?;
        // Without `v` a request means the current version; a stored form the first one.
        let version = value(doc, "v").map_err(refused)?;
        if version.is_some() && definition.version == IndexVersion::V0 {
            return Err(refused("version is 1"));
        }
        if definition.key.paths().len() > KEY_FIELDS_MAX {
            return Err(refused("key pattern has at most 31 fields"));
        }
        if definition.is_id() {
            definition.name = ID_INDEX.to_owned();
        } else if definition.name == ID_INDEX {
            return Err(refused("name _id_ is that of the index on _id"));
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
        self.kind == IndexKind::Plain
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

    /// How this request relates to an index that exists.
    ///
    /// # Errors
    /// [`Reason::IndexKeySpecsConflict`] if it has the name of another one;
    /// [`Reason::IndexOptionsConflict`] if the same fields are indexed with other options.
    pub fn relation_to(&self, existing: &IndexDefinition) -> Result<Relation> {
        let (key, other) = (self.key.as_bson(), existing.key.as_bson());
        let same_key = compare_documents(key, other, Names::Compared).is_eq();
        let name = &existing.name;
        match (self.name == *name, same_key) {
            (false, false) => Ok(Relation::Other),
            (true, false) => {
                let message = format!("an index named {name} exists, on other fields");
                Err(Error::refused(Reason::IndexKeySpecsConflict, message))
            }
            _ if self.has_options_of(existing) => Ok(Relation::Same),
            _ => {
                let message = format!("index {name} exists with other options");
                Err(Error::refused(Reason::IndexOptionsConflict, message))
            }
        }
    }

    fn has_options_of(&self, other: &IndexDefinition) -> bool {
        let same = |name| match (self.option(name), other.option(name)) {
            (Some(a), Some(b)) => compare_values(a, b).is_eq(),
            (a, b) => a.is_none() && b.is_none(),
        };
        self.is_unique() == other.is_unique()
            && self.sparse == other.sparse
            && same("expireAfterSeconds")
            && same("partialFilterExpression")
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

    #[test]
    fn stored_fields_have_their_order() {
        let doc = rawdoc! {
            "name": "n", "sparse": true, "_id": 7, "background": true, "key": { "a": -1 },
            "dropDups": true, "unique": 1, "expireAfterSeconds": 60.0, "weird": "kept",
        };
        let definition = new(doc).unwrap();
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
        assert_eq!(*hashed.kind(), IndexKind::Plugin("hashed".into()));
        let doc = rawdoc! { "key": { "a": 1 }, "partialFilterExpression": { "b": 1 } };
        let partial = new(doc).unwrap();
        assert_eq!((partial.kind(), partial.is_maintainable()), (&IndexKind::Partial, false));
    }

    #[test]
    fn refuses_what_breaks_a_rule() {
        let filter = rawdoc! { "a": 1 };
        for (doc, rule) in [
            (rawdoc! { "name": "a" }, "key is an object"),
            (rawdoc! { "key": 1 }, "key is an object"),
            (rawdoc! { "key": {} }, "key pattern has a field"),
            (rawdoc! { "key": { "a": 1 }, "name": "" }, "name is not empty and has no zero byte"),
            (rawdoc! { "key": { "a": 1 }, "name": 5 }, "name is a string"),
            (rawdoc! { "key": { "a": 1 }, "v": 2 }, "version is 0 or 1"),
            (rawdoc! { "key": { "a": 1 }, "v": "1" }, "version is 0 or 1"),
            (rawdoc! { "key": { "a": 1 }, "v": 0 }, "version is 1"),
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
            (
                rawdoc! { "key": { "_id": 1 }, "unique": false },
                "index on _id is unique, and neither sparse nor partial",
            ),
        ] {
            let error = new(doc).unwrap_err().to_string();
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

    #[test]
    fn relations_of_requests() {
        let existing = new(rawdoc! { "key": { "a": 1, "b": 1 }, "name": "n" }).unwrap();
        let relation = |doc| new(doc).unwrap().relation_to(&existing);
        let same = rawdoc! { "key": { "a": 1.0, "b": 1 }, "name": "other", "background": true };
        assert_eq!(relation(same).unwrap(), Relation::Same);
        let other = rawdoc! { "key": { "b": 1, "a": 1 } };
        assert_eq!(relation(other).unwrap(), Relation::Other);
        for (doc, expected) in [
            (rawdoc! { "key": { "b": 1 }, "name": "n" }, Reason::IndexKeySpecsConflict),
            (rawdoc! { "key": { "a": 1, "b": 1 }, "unique": true }, Reason::IndexOptionsConflict),
            (
                rawdoc! { "key": { "a": 1, "b": 1 }, "name": "n", "expireAfterSeconds": 5 },
                Reason::IndexOptionsConflict,
            ),
        ] {
            let error = relation(doc).unwrap_err();
            assert!(matches!(error, Error::Refused { reason, .. } if reason == expected));
        }
    }
}
