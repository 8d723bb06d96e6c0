//! A replay that changes nothing: it shows whether everything that the journal writes to is there,
//! before any of it is carried out.
//!
//! - R1. A file that is written to was there before the replay, or is made by it; or it goes by an
//!   entry that comes later: a replay that was broken off may have removed it already.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::apply::Target;
use crate::disk::Disk;
use crate::disk_loc::FileNo;
use crate::error::{Error, Result};
use crate::file_id::Layout;

/// The files of a dbpath as they would be.
pub struct Rehearsal {
    disk: Arc<dyn Disk>,
    layout: Layout,
    databases: BTreeMap<String, Files>,
    /// The file that the last entry wrote to: most of the next ones do too.
    last: Option<(String, FileNo)>,
}

/// What is known of the files of one database.
#[derive(Default)]
struct Files {
    /// Those that were there before the replay are gone.
    dropped: bool,
    there: BTreeSet<FileNo>,
    /// Were written to and are not there.
    missing: BTreeSet<FileNo>,
}

impl Rehearsal {
    /// Nothing was carried out yet.
    pub fn new(disk: Arc<dyn Disk>, layout: Layout) -> Rehearsal {
        Rehearsal { disk, layout, databases: BTreeMap::new(), last: None }
    }

    /// At the end nothing may be missing that was not dropped or made anew (R1).
    ///
    /// # Errors
    /// [`Error::BadFile`] with one that is.
    pub fn check_missing(&self) -> Result<()> {
        let missing = |(name, files): (&String, &Files)| {
            files.missing.first().map(|&no| self.layout.file(name, no))
        };
        let Some(file) = self.databases.iter().find_map(missing) else { return Ok(()) };
        let problem = "missing, but the journal holds changes of it: put it back, or restore a \
                       backup";
        Err(Error::BadFile { file, problem })
    }

    fn files(&mut self, database: &str) -> &mut Files {
        if !self.databases.contains_key(database) {
            self.databases.insert(database.to_owned(), Files::default());
        }
        self.databases.get_mut(database).expect("just inserted")
    }
}

impl Target for Rehearsal {
    fn write(&mut self, database: &str, no: FileNo, _: u32, _: &[u8]) -> Result<()> {
        if self.last.as_ref().is_some_and(|last| last.1 == no && last.0 == database) {
            return Ok(());
        }
        self.last = Some((database.to_owned(), no));
        let files = self.files(database);
        if files.there.contains(&no) || files.missing.contains(&no) {
            return Ok(());
        }
        let may_be_there = !files.dropped;
        let path = self.layout.file(database, no);
        let there = may_be_there && self.disk.metadata(&path)?.is_some();
        let files = self.files(database);
        let known = if there { &mut files.there } else { &mut files.missing };
        known.insert(no);
        Ok(())
    }

    fn create_file(&mut self, database: &str, no: FileNo, _: u64) -> Result<()> {
        let files = self.files(database);
        files.missing.remove(&no);
        files.there.insert(no);
        Ok(())
    }

    fn drop_database(&mut self, database: &str) -> Result<()> {
        self.last = None;
        *self.files(database) = Files { dropped: true, ..Files::default() };
        Ok(())
    }
}
