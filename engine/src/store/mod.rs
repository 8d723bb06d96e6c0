//! The files' structure below documents: namespaces, extents, records, and the space between
//! them (layer 4). Knows bytes and places, no BSON; everything is written against
//! [`crate::disk::View`] and [`crate::disk::Edit`].

pub mod best_fit;
pub mod capped;
mod capped_order;
pub mod check;
mod check_capped;
pub mod check_report;
pub mod compact;
pub mod data_file;
pub mod deleted_lists;
pub mod extent;
pub mod extent_manager;
pub mod file_sizes;
pub mod index_slots;
pub mod namespace_details;
pub mod namespace_index;
pub mod new_database;
pub mod padding;
pub mod padding_factor;
pub mod record;
pub mod record_scan;
mod record_space;
pub mod record_store;
pub mod upgrade;

pub use capped::CappedExtents;
pub use check::check;
pub use check_report::{CheckReport, ExtentDump};
pub use compact::{CompactPadding, CompactStep, Compaction};
pub use file_sizes::FileSizes;
pub use index_slots::IndexSlot;
pub use namespace_details::{NamespaceDetails, NewNamespace};
pub use namespace_index::NamespaceIndex;
pub use padding::SizingPolicy;
pub use padding_factor::{Outcome, PaddingSamples};
pub use record_scan::{Direction, RecordScan};
pub use record_store::{RecordStore, StoreOptions};

#[cfg(test)]
mod tests;
