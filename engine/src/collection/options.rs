//! What a collection is created with.

use bson::{RawBsonRef, RawDocument, RawDocumentBuf};

use super::stored_options::StoredOptions;
use super::validation::ValidationRules;
use super::variables::collation_of;
use crate::error::{Error, Reason, Result};
use crate::index::index_request;
use crate::store::{CappedExtents, SizingPolicy};
use crate::update::FieldOrder;

/// Options of a new collection.
#[derive(Debug, Clone, Default)]
pub struct CollectionOptions {
    pub(crate) policy: SizingPolicy,
    pub(crate) template: Option<RawDocumentBuf>,
    pub(crate) capped: Option<Capped>,
    pub(crate) field_order: FieldOrder,
    pub(crate) no_id_index: bool,
    pub(crate) validation: ValidationRules,
    pub(crate) collation: Option<RawDocumentBuf>,
    pub(crate) storage_engine: Option<RawDocumentBuf>,
    pub(crate) index_option_defaults: Option<RawDocumentBuf>,
}

/// Size of a capped collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Capped {
    pub(crate) size: i64,
    pub(crate) max: Option<i64>,
    pub(crate) extents: CappedExtents,
}

impl CollectionOptions {
    /// Those of a collection of which the catalogue has this to say.
    pub(super) fn of_entry(entry: Option<&RawDocument>, stored: &StoredOptions) -> Self {
        let validation = ValidationRules::read(entry, stored);
        let mut options = CollectionOptions { validation, ..CollectionOptions::default() };
        let field = |name| entry.and_then(|entry| entry.get(name).ok().flatten());
        let number = |name| match field(name) {
            Some(RawBsonRef::Int32(number)) => Some(i64::from(number)),
            Some(RawBsonRef::Int64(number)) => Some(number),
            Some(RawBsonRef::Double(number)) => Some(number as i64),
            _ => None,
        };
        let kept = |name| field(name).and_then(|it| it.as_document()).map(ToOwned::to_owned);
        options.storage_engine = kept("storageEngine");
        options.index_option_defaults = kept("indexOptionDefaults");
        options.no_id_index = field("autoIndexId").and_then(|it| it.as_bool()) == Some(false);
        if field("capped").and_then(|capped| capped.as_bool()) == Some(true) {
            options = options.capped(number("size").unwrap_or_default());
            if let Some(max) = number("max") {
                options = options.max_documents(max);
            }
        }
        options
    }

    /// Without a template.
    pub fn without_template(mut self) -> Self {
        self.template = None;
        self
    }

    /// How records are sized. Default: powers of two, as since 3.0.
    pub fn policy(mut self, policy: SizingPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The document that an upsert of a missing `_id` starts from.
    ///
    /// `{"$grid": [24, 60]}` abbreviates 24 sub-documents `"0"` … `"23"` of 60 zeroed counters
    /// each; `from: 1` begins them at `"1"`, `type: "int64"` or `"double"` widens them.
    pub fn template(mut self, template: impl AsRef<RawDocument>) -> Self {
        self.template = Some(template.as_ref().to_owned());
        self
    }

    /// Whether there is an index on `_id`: always, unless told. Without, finding a document by its
    /// `_id` reads the collection.
    pub fn auto_index_id(mut self, index: bool) -> Self {
        self.no_id_index = !index;
        self
    }

    /// The order in which an update creates fields. Default: as written, as 3.x did.
    pub fn field_order(mut self, order: FieldOrder) -> Self {
        self.field_order = order;
        self
    }

    /// What its documents have to match.
    pub fn validation(mut self, rules: ValidationRules) -> Self {
        self.validation = rules;
        self
    }

    /// By which collation texts are compared unless a request says:
    /// `{ locale: "en", strength: 2 }`.
    /// Indexes, that on `_id` among them, are in the order of bytes.
    pub fn collation(mut self, collation: impl AsRef<RawDocument>) -> Self {
        self.collation = Some(collation.as_ref().to_owned());
        self
    }

    /// Options of storage engines by their names, as MongoDB has them. They are kept for who dumps
    /// the collection, and mean nothing here.
    pub fn storage_engine(mut self, options: impl AsRef<RawDocument>) -> Self {
        self.storage_engine = Some(options.as_ref().to_owned());
        self
    }

    /// The same of its indexes: `{ storageEngine: { … } }`.
    pub fn index_option_defaults(mut self, options: impl AsRef<RawDocument>) -> Self {
        self.index_option_defaults = Some(options.as_ref().to_owned());
        self
    }

    /// Checks what somebody says of its index on `_id`, as a dump does.
    ///
    /// # Errors
    /// [`Reason::BadValue`] and others, if it is another index than it will be.
    pub fn check_id_index(&self, specification: impl AsRef<RawDocument>) -> Result<()> {
        let specification = specification.as_ref();
        index_request::check_id_request(specification.as_bytes())?;
        let Ok(told) = specification.get_document("collation") else { return Ok(()) };
        let (told, own) = (collation_of(Some(told))?, collation_of(self.collation.as_deref())?);
        match told.map(|it| it.to_bson()) == own.map(|it| it.to_bson()) {
            true => Ok(()),
            false => {
                let message = "'idIndex' must have the same collation as the collection.";
                Err(Error::refused(Reason::BadValue, message))
            }
        }
    }

    /// A capped collection of `size` bytes, in which the oldest documents make room for new ones.
    pub fn capped(mut self, size: i64) -> Self {
        self.capped_mut().size = size;
        self
    }

    /// Capped, in `count` extents, each of the size.
    pub fn capped_extents(mut self, count: usize) -> Self {
        self.capped_mut().extents = CappedExtents::Count(count);
        self
    }

    /// Capped, in one extent of each of these sizes, bytes.
    pub fn capped_extent_sizes(mut self, sizes: &[i64]) -> Self {
        self.capped_mut().extents = CappedExtents::Sizes(sizes.to_vec());
        self
    }

    /// At most `max` documents in a capped collection.
    pub fn max_documents(mut self, max: i64) -> Self {
        self.capped_mut().max = Some(max);
        self
    }

    fn capped_mut(&mut self) -> &mut Capped {
        let fresh = Capped { size: 0, max: None, extents: CappedExtents::Whole };
        self.capped.get_or_insert(fresh)
    }
}
