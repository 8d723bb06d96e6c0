//! The bytes: one file per on-disk structure, each a table of typed fields and nothing else.
//!
//! Nothing here reads a file, takes a lock or makes a decision. All numbers are little-endian,
//! all structures packed. The values that stand on disk are never renumbered.

pub mod bucket;
pub mod data_file_header;
pub mod deleted_record;
pub mod entry;
pub mod extent;
pub mod field;
pub mod journal_header;
pub mod lsn;
pub mod namespace;
pub mod record;
pub mod section;

pub use field::{Field, Row, Table, Wire};

/// Every structure's table, in the order in which `docs/format.md` shows them.
pub const TABLES: &[Table] = &[
    data_file_header::TABLE,
    extent::TABLE,
    record::TABLE,
    deleted_record::TABLE,
    namespace::node::TABLE,
    namespace::details::TABLE,
    namespace::index_details::TABLE,
    namespace::extra::TABLE,
    bucket::v1::TABLE,
    bucket::v1::key_node::TABLE,
    bucket::v0::TABLE,
    bucket::v0::key_node::TABLE,
    journal_header::TABLE,
    section::header::TABLE,
    section::footer::TABLE,
    entry::basic_write::TABLE,
    lsn::TABLE,
];
