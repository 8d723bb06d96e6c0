//! [`Salvager`]: reads what is left of a directory that an engine may refuse to open.

use std::sync::Arc;

use crate::collection::SalvageReport;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::journal::DamagedDirectory;

/// A damaged directory, opened to read documents out of it. Nothing in it changes.
///
/// It believes nothing: files may be cut or gone, the catalogue and the journal broken. Whatever
/// single field, sector or length of a file is wrong, every document that the damage did not
/// touch is found, and none that was deleted; of what is wrong in many places, what can be told.
/// Where the chain through an extent is broken, documents may come up again that were once in it
/// and went without being deleted one by one, by a drop, a truncation or a compaction.
#[derive(Debug)]
pub struct Salvager {
    directory: DamagedDirectory,
}

impl Salvager {
    pub(crate) fn open(disk: Arc<dyn Disk>, directory_per_db: Option<bool>) -> Result<Salvager> {
        Ok(Salvager { directory: DamagedDirectory::open(disk, directory_per_db)? })
    }

    /// Names of the databases of which there is a file, sorted.
    pub fn database_names(&self) -> &[String] {
        &self.directory.names
    }

    /// Has each database a directory of its own?
    pub fn is_directory_per_db(&self) -> bool {
        self.directory.is_directory_per_db()
    }

    /// What is wrong with the directory itself and with its journal.
    pub fn problems(&self) -> &[String] {
        &self.directory.problems
    }

    /// What can still be read of a database.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the disk's. Damage is in the report.
    pub fn database(&self, name: &str) -> Result<SalvageReport> {
        if !self.directory.names.iter().any(|found| found == name) {
            return Err(Error::NotFound { what: "database", name: name.to_owned() });
        }
        let (files, problems) = self.directory.files(name)?;
        Ok(SalvageReport::read(name, files, problems))
    }
}
