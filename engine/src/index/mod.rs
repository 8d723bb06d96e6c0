//! Indexes: b-trees of MMAPv1, their keys, and how they come to be.
//!
//! A key becomes bytes in [`key`] (form V1 in [`key_v1`], V0 in [`key_v0`]); a bucket is read by
//! [`bucket`] and edited by [`bucket_edit`]; the tree of buckets is [`btree`], walked in order by
//! [`btree_cursor`], filled at once by [`bulk_build`], examined by [`check`]. What keys a document
//! has is in [`key_generator`], of a hashed index in [`hash`]; an index as it is asked for is in
//! [`index_spec`], checked in [`index_request`], compared with others in [`index_relation`],
//! stored in [`index_definition`].
//!
//! Nothing here knows a collection or a lock: callers hold what they must.

pub mod btree;
pub mod btree_cursor;
pub mod bucket;
pub mod bucket_edit;
pub mod bucket_link;
pub mod buckets;
pub mod bulk_build;
pub mod check;
pub mod hash;
pub mod index_definition;
pub mod index_relation;
pub mod index_request;
pub mod index_spec;
pub mod index_version;
pub mod key;
pub mod key_generator;
pub mod key_pattern;
pub mod key_v0;
pub mod key_v1;
pub mod request_key;
#[cfg(test)]
pub mod test_index;
