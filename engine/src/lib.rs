//! tallymap: MongoDB's MMAPv1 storage engine, rebuilt for counting in place.

pub mod bson;
mod clock;
mod collection;
mod counters;
mod database;
pub mod disk;
mod disk_loc;
mod engine;
mod error;
mod file_id;
pub mod format;
mod index;
mod journal;
pub mod limits;
mod locks;
mod namespace_string;
mod options;
mod query;
pub mod reports;
mod store;
mod threads;
mod update;

pub use bson::field_path::FieldPath;
pub use collection::{
    CollStats, Collection, CollectionOptions, CompactReport, DatabaseMap, DbStats, ExtentMap,
    ExtentOwner, FileMap, HoleList, IndexEntry, IndexInfo, IndexScan, InsertReport, Located,
    LocatedBy, Move, NamespaceMap, Salvage, SalvageReport, Scan, SpaceUsage, UpdateReport,
    UpdateRequest, Validation,
};
pub use counters::{Counter, Counters};
pub use database::Database;
pub use disk_loc::{BucketLoc, DiskLoc, ExtentLoc, FileNo, RecordLoc};
pub use engine::{Engine, EngineBuilder};
pub use error::{Class, Error, Reason, Result};
pub use index::index_spec::IndexSpec;
pub use namespace_string::NamespaceString;
pub use options::{Durability, Options};
pub use store::{CompactPadding, Direction, SizingPolicy};
