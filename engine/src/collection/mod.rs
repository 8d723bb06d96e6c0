//! Collections: where documents and disk meet (layer 6).
//!
//! One file per verb. [`update`](self) reads as the life of an update: a filter finds a record,
//! operators make damages, a unit of work writes them.

mod catalog;
mod compact;
mod create;
mod delete;
mod each_match;
mod file_map;
mod handle;
mod id_key;
mod increment;
mod index_build;
mod index_keys;
mod insert;
mod locate;
mod locked;
mod options;
mod record_memo;
mod salvage;
mod saved_cursors;
mod scan;
mod shapes;
mod stats;
mod stored_options;
mod truncate;
mod update;
mod update_report;
mod validate;

pub(crate) use catalog::Catalog;
pub use compact::CompactReport;
pub(crate) use create::{create_collection, drop_collection, rename_collection};
pub use file_map::{
    DatabaseMap, ExtentMap, ExtentOwner, FileMap, HoleList, NamespaceMap, SpaceUsage,
};
pub use handle::Collection;
pub use index_build::IndexInfo;
pub(crate) use index_build::finish_interrupted_builds;
pub use insert::InsertReport;
pub(crate) use locked::{CollectionCore, OpenCollection, Opening};
pub use options::CollectionOptions;
pub use salvage::{Salvage, SalvageReport};
pub use scan::{IndexEntry, IndexScan, Located, Scan};
pub use stats::{CollStats, DbStats};
pub(crate) use stored_options::StoredOptions;
pub use update::UpdateRequest;
pub use update_report::{LocatedBy, Move, UpdateReport};
pub use validate::Validation;
