//! tallymap: MongoDB's MMAPv1 storage engine, rebuilt for counting in place.
//!
//! An [`Engine`] opens a directory of databases whose files are MMAPv1's own. A [`Collection`]
//! holds BSON documents and their indexes; updates that keep every value's width change bytes
//! where they lie, and each says what it cost ([`UpdateReport`]). [`reports`] has the schemas
//! that this is best at, ready made.
//!
//! ```
//! # let data = tempfile::tempdir()?;
//! # std::env::set_current_dir(&data)?;
//! use tallymap::{Engine, reports::{Day, Minute, PageViews}};
//!
//! let engine = Engine::open("data")?;
//! let views = PageViews::open(&engine, "stats")?;
//! let at = Minute::new("2000-10-10".parse()?, 20, 55).expect("a time of day");
//!
//! views.log_hit(at, "site-1", "/apache_pb.gif")?; // one document per page and day
//! let today = at.day().start()..at.day().plus(1).start();
//! println!("{:?}", views.hourly("site-1", "/apache_pb.gif", today)?.counts);
//!
//! let daily = engine.collection("stats.daily")?; // the same, by hand
//! let report = daily.update_one(
//!     bson::rawdoc! { "_id": "20001010/site-1/apache_pb.gif" },
//!     bson::rawdoc! { "$inc": { "hourly.20": 1, "minute.20.55": 1 } },
//! )?.upsert(true).run()?;
//! println!("{} fields skipped, moved: {:?}", report.fields_skipped, report.moved);
//! engine.close()?;
//! # assert!(report.in_place);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Durability
//!
//! A call that returns has changed memory; the journal has it at most one commit interval
//! (100 ms) later, and [`Engine::wait_durable`] waits for that. What a crash can take is what was
//! not waited for, a document or an index entry never by half. [`Engine::close`] leaves files
//! that MongoDB 3.2 opens.
//!
//! # Testing what embeds it
//!
//! An engine takes any [`disk::Disk`]: [`disk::HeapDisk`] lives in RAM. The feature `simulation`
//! adds a disk that fails and loses power on demand.
//!
//! # Inside
//!
//! Documents are the left column, files the right; they meet in `collection`. Each module
//! imports from lower layers of its own column only, which a test holds it to.
//!
//! | layer | documents | disk |
//! |--:|---|---|
//! | 7 | `engine` `database` `reports` `threads` | ← same |
//! | 6 | `collection` | ← same |
//! | 5 · 4 | | `index` · `store` |
//! | 3 · 2 · 1 | `update` · `query` · [`bson`] | `journal` · [`disk`] · [`mod@format`] |

mod aggregate;
pub mod bson;
mod clock;
mod collection;
mod counters;
mod database;
pub mod disk;
mod disk_loc;
mod engine;
mod error;
mod expression;
mod file_id;
pub mod format;
mod holds;
mod index;
pub mod interrupt;
mod journal;
pub mod limits;
mod locks;
mod namespace_string;
mod options;
mod query;
mod reason;
pub mod reports;
#[cfg(test)]
mod rounds;
mod salvager;
mod store;
mod sync;
mod threads;
mod update;

pub use bson::field_path::FieldPath;
pub use clock::Clock;
pub use collection::{
    Aggregate, AskedBy, CollStats, Collection, CollectionOptions, CompactReport, Count,
    CreatedIndexes, Cursor, DatabaseMap, DbStats, Delete, Distinct, Examined, ExplainWrite,
    ExtentMap, ExtentOwner, FileMap, Find, FindAndModify, FoundAndModified, Hint, HoleList,
    IndexEntry, IndexInfo, IndexScan, InsertReport, Located, LocatedBy, ModifiedIndex, Move,
    NamespaceMap, Profiling, ProfilingLevel, Salvage, SalvageReport, Scan, SpaceUsage,
    UpdateReport, UpdateRequest, Validation, ValidationAction, ValidationLevel, ValidationRules,
    Verbosity, View, check_stages,
};
pub use counters::{Counter, Counters, Gauge, PerThread};
pub use database::Database;
pub use disk_loc::{BucketLoc, DiskLoc, ExtentLoc, FileNo, RecordLoc};
pub use engine::{Engine, EngineBuilder};
pub use error::{Class, Error, Reason, Result};
pub use holds::{Holds, Lengths};
pub use index::index_spec::IndexSpec;
pub use interrupt::Interrupt;
pub use journal::Mapped;
pub use namespace_string::NamespaceString;
pub use options::{Durability, Options};
pub use query::Filter;
pub use salvager::Salvager;
pub use store::{CompactPadding, Direction, SizingPolicy};
pub use update::FieldOrder;
