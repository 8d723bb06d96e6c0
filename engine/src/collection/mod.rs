//! Collections: where documents and disk meet (layer 6).
//!
//! One file per verb. [`update`](self) reads as the life of an update: a filter finds a record,
//! operators make damages, a unit of work writes them.

mod aggregate;
mod background_build;
mod building;
mod catalog;
mod compact;
mod create;
mod create_index;
mod cursor;
mod database_core;
mod delete;
mod drop_index;
mod each_match;
mod file_map;
mod find;
mod find_and_modify;
mod handle;
mod held;
mod hit_request;
mod id_key;
mod increment;
mod index_build;
mod index_facts;
mod index_keys;
mod index_upkeep;
mod insert;
mod instantiate;
mod key_runs;
mod key_sort;
mod locate;
mod locked;
mod modify_index;
mod name_table;
mod options;
mod partial_filter;
mod profile;
mod record_memo;
mod rewrite;
mod salvage;
mod saved_cursors;
mod scan;
mod search;
mod shapes;
mod shared;
mod stats;
mod stored_options;
#[cfg(test)]
mod tests;
mod truncate;
mod ttl;
mod update;
mod update_job;
mod update_report;
mod update_source;
mod validate;

pub use aggregate::Aggregate;
pub use compact::CompactReport;
pub use create_index::{CreatedIndexes, IndexInfo};
pub use cursor::Cursor;
pub(crate) use database_core::{DatabaseCore, check_not_catalogue};
pub use delete::Delete;
pub use file_map::{
    DatabaseMap, ExtentMap, ExtentOwner, FileMap, HoleList, NamespaceMap, SpaceUsage,
};
pub use find::{Find, Verbosity};
pub use find_and_modify::{FindAndModify, FoundAndModified};
pub use handle::Collection;
pub use insert::InsertReport;
pub use modify_index::ModifiedIndex;
pub(crate) use name_table::NameTable;
pub use options::CollectionOptions;
pub use profile::{Profiling, ProfilingLevel};
pub use salvage::{Salvage, SalvageReport};
pub use scan::{IndexEntry, IndexScan, Located, Scan};
pub use search::Hint;
pub(crate) use shared::EngineShared;
pub use stats::{CollStats, DbStats};
pub(crate) use stored_options::StoredOptions;
pub use update::UpdateRequest;
pub use update_report::{LocatedBy, Move, UpdateReport};
pub use validate::Validation;
