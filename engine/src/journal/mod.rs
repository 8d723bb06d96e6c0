//! Durability: units of work, group commit, journal, recovery, the files of databases.
//!
//! A write marks lines of a private view (`unit_of_work`, `unit_in_place`, `tracked_file`,
//! `dirty_lines`); the commit gathers them (`gate`, `gathering`, `commit_job`) into a payload
//! (`payload`), makes a section of it (`section`), appends and syncs that (`journal_writer`),
//! releases those who wait (`commit_ticket`), and writes some pages back to the data files
//! (`write_back`). Later the files are synced and old journal files retired (`data_file_sync`,
//! `journal_dir`). At open, `startup` decides and `recovery` replays; `lifecycle` puts the steps in
//! order.
//!
//! Nothing here spawns a thread: the engine calls [`Journal::commit`] every commit interval and
//! [`Journal::sync_data_files`] every sync interval.

mod apply;
mod commit_job;
mod commit_ticket;
mod damaged;
mod data_file_sync;
mod database_files;
mod dirty_lines;
mod file_growth;
mod gate;
mod gathering;
#[cfg(feature = "simulation")]
mod interruption;
mod journal_dir;
mod journal_writer;
mod lifecycle;
mod lsn_file;
#[cfg(all(test, loom))]
mod models;
mod payload;
mod recovery;
mod rehearsal;
mod replay_files;
mod scratch_file;
mod section;
mod startup;
mod storage_file;
#[cfg(test)]
mod tests;
mod tracked_file;
mod unit_in_place;
mod unit_of_work;
mod write_back;
mod write_side;

pub use commit_job::{Journal, Mapped};
pub use damaged::{DamagedDirectory, DamagedFiles};
pub use database_files::DatabaseFiles;
pub use lifecycle::Environment;
pub use scratch_file::ScratchFile;
pub use unit_in_place::UnitInPlace;
pub use unit_of_work::{ReadView, UnitOfWork};

/// Buffers that grew beyond this are not kept for the next commit, bytes.
const BUFFER_KEPT_MAX: usize = 16 << 20;
