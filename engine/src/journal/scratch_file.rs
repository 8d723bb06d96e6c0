//! A file for what does not fit into memory. It is removed when it is dropped, or else by the
//! next open: what is in it is of use to nobody after a crash, and never synced.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::commit_job::Journal;
use crate::disk::{Disk, DiskFile};
use crate::error::{Error, Result};

/// A file in the scratch directory of a database.
#[derive(Debug)]
pub struct ScratchFile {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    len: u64,
}

impl Journal {
    /// Makes the scratch file `suffix` of a database; its caller sees to it that there is only one
    /// by that name. No file of a database has a suffix of letters but `ns`.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn scratch_file(&self, database: &str, suffix: &str) -> Result<ScratchFile> {
        let dir = self.rules.layout.tmp(database);
        ScratchFile::create(self.disk.clone(), &dir, &format!("{database}.{suffix}"))
    }
}

impl ScratchFile {
    /// Makes the file, and its directory if that is missing.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn create(disk: Arc<dyn Disk>, dir: &Path, name: &str) -> Result<ScratchFile> {
        let path = dir.join(name);
        disk.create_dir_all(dir)?;
        if disk.metadata(&path)?.is_some() {
            // One that could not be removed.
            disk.remove(&path)?;
        }
        let file = disk.create(&path, 0)?;
        Ok(ScratchFile { disk, path, file, len: 0 })
    }

    /// Bytes that were appended.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Puts bytes at its end.
    ///
    /// # Errors
    /// [`Error::DiskFull`], and others of the disk: the file is of no more use then.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_at(self.len, bytes)?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Fills `out` from the bytes at `ofs`.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn read_at(&self, ofs: u64, out: &mut [u8]) -> Result<()> {
        self.file.read_at(ofs, out)
    }

    /// The error for bytes that are not those appended.
    pub fn damaged(&self) -> Error {
        let problem = "it does not hold what was written to it: check the disk and try again";
        Error::BadFile { file: self.path.clone(), problem }
    }
}

impl Drop for ScratchFile {
    fn drop(&mut self) {
        // If it stays it is in nobody's way, and goes at the next open.
        let _ = self.disk.remove(&self.path);
    }
}
