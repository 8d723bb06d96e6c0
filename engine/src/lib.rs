//! tallymap: MongoDB's MMAPv1 storage engine, rebuilt for counting in place.

#![allow(dead_code)]

pub mod bson;
mod clock;
mod collection;
mod counters;
pub mod disk;
mod disk_loc;
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
mod update;

pub use bson::field_path::FieldPath;
pub use disk_loc::{BucketLoc, DiskLoc, ExtentLoc, FileNo, RecordLoc};
pub use error::{Class, Error, Reason, Result};
pub use index::index_spec::IndexSpec;
pub use namespace_string::NamespaceString;
pub use options::{Durability, Options};
