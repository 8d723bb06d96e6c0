//! Carries out the entries of a payload, in a recovery.
//!
//! - A1. Nothing is carried out unless every entry of the payload can be read.
//! - A2. Carrying out a payload twice, or again from any earlier one on, gives the same bytes.

use super::payload::{Entry, entries};
use crate::disk_loc::FileNo;
use crate::error::Result;
use crate::file_id::Layout;

/// Where entries are carried out.
pub trait Target {
    /// Writes bytes of a file.
    fn write(&mut self, database: &str, file: FileNo, ofs: u32, bytes: &[u8]) -> Result<()>;
    /// Makes a file of zeros, in place of any of that name.
    fn create_file(&mut self, database: &str, file: FileNo, len: u64) -> Result<()>;
    /// Removes all files of a database.
    fn drop_database(&mut self, database: &str) -> Result<()>;
}

/// Why a payload was not, or not wholly, carried out.
#[derive(Debug)]
pub enum Failure {
    /// An entry breaks a rule; nothing was carried out (A1).
    Unreadable(&'static str),
    /// The target failed.
    Target(crate::Error),
}

/// Carries out `payload` on `target`.
///
/// # Errors
/// See [`Failure`].
pub fn apply(layout: Layout, payload: &[u8], target: &mut dyn Target) -> Result<(), Failure> {
    if let Some(rule) = entries(layout, payload).find_map(Result::err) {
        return Err(Failure::Unreadable(rule));
    }
    for entry in entries(layout, payload).flatten() {
        let done = match entry {
            Entry::Write { database, file, ofs, bytes } => target.write(database, file, ofs, bytes),
            Entry::FileCreated { database, file, len } => target.create_file(&database, file, len),
            Entry::DropDatabase { database } => target.drop_database(database),
        };
        done.map_err(Failure::Target)?;
    }
    Ok(())
}
