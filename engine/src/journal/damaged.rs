//! The files of a damaged directory, mapped as far as they go: nothing that they say is
//! believed, and what is missing is made up of zeros, in memory.
//!
//! Q1. Nothing of the directory changes; all errors but the disk's own become problems.
//! Q2. The journal is replayed as far as it can be: a section is applied whole or not at all.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::{journal_dir, recovery, startup};
use crate::disk::{Access, Disk, DiskFile, OverlayDisk, PrivateView, View};
use crate::disk_loc::{DiskLoc, FileNo};
use crate::error::{Error, Result};
use crate::file_id::{LOCK_FILE, Layout, lsn_file};
use crate::limits::{DATA_FILES_MAX, PAGE};
use crate::namespace_string::check_database_name;

/// Length of an `.ns` file that is made up: bytes, the least that there is.
const NS_LEN: u64 = 1 << 20;

/// A damaged directory, locked for reading.
#[derive(Debug)]
pub struct DamagedDirectory {
    disk: Arc<dyn Disk>,
    layout: Layout,
    /// Holds the lock.
    _lock_file: Option<Arc<dyn DiskFile>>,
    /// What was wrong on the way.
    pub problems: Vec<String>,
    /// The databases of which there is a file, sorted.
    pub names: Vec<String>,
}

impl DamagedDirectory {
    /// Opens it. `directory_per_db` says how it is laid out, if that is known.
    ///
    /// # Errors
    /// [`Error::Locked`] if a process writes to it; those of the disk.
    pub fn open(disk: Arc<dyn Disk>, directory_per_db: Option<bool>) -> Result<DamagedDirectory> {
        let disk: Arc<dyn Disk> = Arc::new(OverlayDisk::new(disk));
        let lock_file = disk.lock(Path::new(LOCK_FILE), Access::Read)?;
        let mut problems = Vec::new();
        let mut layout = match startup::layout(&*disk, directory_per_db) {
            Ok(layout) => layout,
            Err(error) => {
                problems.push(error.to_string());
                startup::layout_as_found(&*disk)?
            }
        };
        let mut names = databases(&*disk, layout)?;
        if names.is_empty() && directory_per_db.is_none() {
            layout = startup::layout_as_found(&*disk)?;
            names = databases(&*disk, layout)?;
        }
        let mut directory =
            DamagedDirectory { disk, layout, _lock_file: lock_file, problems, names };
        directory.replay()?;
        Ok(directory)
    }

    fn replay(&mut self) -> Result<()> {
        let mut note = |error: Error| self.problems.push(format!("journal: {error}"));
        if let Err(error) = journal_dir::read_lsn(&*self.disk) {
            // Without it the journal is replayed from its beginning, to the same end.
            note(error);
            self.disk.remove(&lsn_file())?;
        }
        let replayed = journal_dir::numbers(&*self.disk).and_then(|numbers| match numbers.len() {
            0 => Ok(()),
            _ => recovery::recover(&self.disk, self.layout, &numbers).map(drop),
        });
        replayed.unwrap_or_else(note);
        Ok(())
    }

    /// Has each database a directory of its own?
    pub fn is_directory_per_db(&self) -> bool {
        self.layout == Layout::DirectoryPerDb
    }

    /// Maps the files of database `name`, and says what was wrong with them.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn files(&self, name: &str) -> Result<(DamagedFiles, Vec<String>)> {
        let numbers = data_files(&*self.disk, self.layout, name)?;
        let mut problems = Vec::new();
        let mut map = |no: FileNo, made_up: u64| {
            let path = self.layout.file(name, no);
            let found = self.disk.metadata(&path)?.filter(|found| !found.is_dir);
            if found.is_some_and(|found| (1..1 << 31).contains(&found.len)) {
                return self.disk.open(&path, Access::Read)?.map_private();
            }
            problems.push(match found {
                None => format!("{} is missing", path.display()),
                Some(found) => format!("{} has {} bytes", path.display(), found.len),
            });
            if found.is_some() {
                self.disk.remove(&path)?;
            }
            self.disk.create(&path, made_up)?.map_private()
        };
        let ns = map(FileNo::NS, NS_LEN)?;
        let count = numbers.last().map_or(0, |last| last + 1);
        let data = (0..count).map(|n| map(FileNo(n), PAGE as u64));
        let data = data.collect::<Result<Vec<_>>>()?;
        Ok((DamagedFiles { ns, data }, problems))
    }
}

/// Numbers of the data files of `name` that are there.
fn data_files(disk: &dyn Disk, layout: Layout, name: &str) -> Result<BTreeSet<i32>> {
    let mut numbers = BTreeSet::new();
    for entry in disk.list(&layout.directory(name))? {
        let suffix = entry.name.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
        let number = suffix.and_then(|suffix| suffix.parse().ok());
        numbers.extend(number.filter(|n| (0..DATA_FILES_MAX).contains(n)));
    }
    Ok(numbers)
}

/// The databases by their `.ns` files, and by their data files where that is lost.
fn databases(disk: &dyn Disk, layout: Layout) -> Result<Vec<String>> {
    let mut names = BTreeSet::from_iter(startup::databases(disk, layout)?);
    for entry in disk.list(Path::new(""))? {
        let name = match layout {
            Layout::Flat => entry.name.rsplit_once('.').map(|(name, _)| name),
            Layout::DirectoryPerDb => Some(entry.name.as_str()).filter(|_| entry.is_dir),
        };
        let Some(name) = name.filter(|name| check_database_name(name).is_ok()) else { continue };
        if !data_files(disk, layout, name)?.is_empty() {
            names.insert(name.to_owned());
        }
    }
    Ok(names.into_iter().collect())
}

/// The files of one damaged database.
#[derive(Debug)]
pub struct DamagedFiles {
    ns: PrivateView,
    data: Vec<PrivateView>,
}

impl DamagedFiles {
    fn file(&self, no: FileNo) -> Option<&PrivateView> {
        if no.is_ns() { Some(&self.ns) } else { self.data.get(usize::try_from(no.0).ok()?) }
    }
}

impl View for DamagedFiles {
    fn bytes(&self, loc: DiskLoc, len: usize) -> Result<&[u8]> {
        let file = self.file(loc.file_no());
        let ofs = usize::try_from(loc.ofs).ok();
        file.zip(ofs)
            .and_then(|(file, ofs)| file.bytes(ofs, len))
            .ok_or_else(|| Error::corrupt(loc, "location", "lies outside of its file", len as i64))
    }

    fn file_count(&self) -> i32 {
        self.data.len() as i32
    }

    fn file_len(&self, file: FileNo) -> u64 {
        self.file(file).map_or(0, |file| file.len() as u64)
    }
}
