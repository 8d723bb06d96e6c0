//! What a collection is created with.

use bson::{RawDocument, RawDocumentBuf};

use crate::store::SizingPolicy;

/// Options of a new collection.
#[derive(Debug, Clone, Default)]
pub struct CollectionOptions {
    pub(crate) policy: SizingPolicy,
    pub(crate) template: Option<RawDocumentBuf>,
    pub(crate) capped: Option<Capped>,
}

/// Size of a capped collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Capped {
    pub(crate) size: i64,
    pub(crate) max: Option<i64>,
}

impl CollectionOptions {
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

    /// A capped collection of `size` bytes, in which the oldest documents make room for new ones.
    pub fn capped(mut self, size: i64) -> Self {
        let max = self.capped.take().and_then(|capped| capped.max);
        self.capped = Some(Capped { size, max });
        self
    }

    /// At most `max` documents in a capped collection.
    pub fn max_documents(mut self, max: i64) -> Self {
        let size = self.capped.take().map_or(0, |capped| capped.size);
        self.capped = Some(Capped { size, max: Some(max) });
        self
    }
}
