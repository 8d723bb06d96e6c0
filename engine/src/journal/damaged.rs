//! The files of a damaged directory, mapped as they are: nothing that they say is believed, and
//! one that is missing has no bytes.
//!
//! Q1. Nothing of the directory changes. Only what the operating system refuses is an error; all
//!     else that is wrong is a problem.
//! Q2. The journal is replayed in memory; a section that is damaged is passed over. A file that
//!     is there and that the journal creates keeps its bytes: they may be all that there is of
//!     what a lost section wrote.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::lsn_file::Lsn;
use super::{journal_dir, recovery, startup};
use crate::disk::{Access, Disk, DiskFile, OverlayDisk, PrivateView, View};
use crate::disk_loc::{DiskLoc, FileNo};
use crate::error::{Error, Result};
use crate::file_id::{LOCK_FILE, Layout, lsn_file};
use crate::limits::DATA_FILES_MAX;
use crate::namespace_string::check_database_name;

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
        let layout = match startup::layout(&*disk, directory_per_db) {
            Ok(layout) => layout,
            Err(error @ Error::Io { .. }) => return Err(error),
            Err(error) => {
                problems.push(error.to_string());
                Layout::Flat
            }
        };
        let mut directory = DamagedDirectory {
            layout: if directory_per_db.is_some() { layout } else { as_found(&*disk, layout)? },
            disk,
            _lock_file: lock_file,
            problems,
            names: Vec::new(),
        };
        directory.replay()?;
        directory.names = databases(&*directory.disk, directory.layout)?;
        Ok(directory)
    }

    fn replay(&mut self) -> Result<()> {
        let note = |error: Error| match error {
            Error::Io { .. } => Err(error),
            error => Ok(format!("journal: {error}")),
        };
        if let Err(error) = Lsn::read(&*self.disk) {
            // Without it the journal is replayed from its beginning, to the same end.
            self.problems.push(note(error)?);
            self.disk.remove(&lsn_file())?;
        }
        let replayed = journal_dir::numbers(&*self.disk).and_then(|numbers| match numbers.len() {
            0 => Ok(false),
            _ => recovery::recover_keeping(&self.disk, self.layout, &numbers).map(|done| done.torn),
        });
        match replayed {
            Ok(false) => {}
            Ok(true) => {
                let torn = "journal: not all of it is whole, by a crash at its end, or by damage";
                self.problems.push(torn.to_owned());
            }
            Err(error) => self.problems.push(note(error)?),
        }
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
        let mut found = BTreeSet::new();
        for entry in self.disk.list(&self.layout.directory(name))? {
            let path = self.layout.directory(name).join(&entry.name);
            let file = self.layout.parse(&path).filter(|(database, _)| database == name);
            found.extend(file.map(|(_, no)| no).filter(|no| no.is_ns() || no.0 < DATA_FILES_MAX));
        }
        let (mut files, mut problems) = (DamagedFiles::default(), Vec::new());
        if !found.contains(&FileNo::NS) {
            problems.push(format!("{} is missing", self.layout.file(name, FileNo::NS).display()));
        }
        for no in found {
            let path = self.layout.file(name, no);
            let len = self.disk.metadata(&path)?.filter(|found| !found.is_dir).map(|f| f.len);
            let len = len.unwrap_or(0);
            if !(1..1 << 31).contains(&len) {
                problems.push(format!("{} has {len} bytes: not looked into", path.display()));
                continue;
            }
            files.0.insert(no, self.disk.open(&path, Access::Read)?.map_private()?);
        }
        let count = files.file_count();
        let missing = (0..count).filter(|n| !files.0.contains_key(&FileNo(*n))).count();
        if missing > 0 {
            problems.push(format!("{missing} of {count} data files of {name} cannot be read"));
        }
        Ok((files, problems))
    }
}

/// The layout, or the other one if only there databases are found.
fn as_found(disk: &dyn Disk, layout: Layout) -> Result<Layout> {
    let other = match layout {
        Layout::Flat => Layout::DirectoryPerDb,
        Layout::DirectoryPerDb => Layout::Flat,
    };
    let is_other = databases(disk, layout)?.is_empty() && !databases(disk, other)?.is_empty();
    Ok(if is_other { other } else { layout })
}

/// The databases of which there is any file, sorted.
fn databases(disk: &dyn Disk, layout: Layout) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    for entry in disk.list(Path::new(""))? {
        let dir = Path::new(&entry.name);
        let paths = match (layout, entry.is_dir) {
            (Layout::Flat, false) => vec![dir.to_owned()],
            (Layout::DirectoryPerDb, true) => {
                disk.list(dir)?.iter().map(|entry| dir.join(&entry.name)).collect()
            }
            _ => continue,
        };
        names.extend(paths.iter().filter_map(|path| Some(layout.parse(path)?.0)));
    }
    Ok(names.into_iter().filter(|name| check_database_name(name).is_ok()).collect())
}

/// The files of one damaged database.
#[derive(Debug, Default)]
pub struct DamagedFiles(BTreeMap<FileNo, PrivateView>);

impl View for DamagedFiles {
    fn bytes(&self, loc: DiskLoc, len: usize) -> Result<&[u8]> {
        let file = self.0.get(&loc.file_no());
        let ofs = usize::try_from(loc.ofs).ok();
        file.zip(ofs)
            .and_then(|(file, ofs)| file.bytes(ofs, len))
            .ok_or_else(|| Error::corrupt(loc, "location", "lies outside of its file", len as i64))
    }

    fn file_count(&self) -> i32 {
        // The .ns file has the greatest number.
        self.0.keys().rfind(|no| !no.is_ns()).map_or(0, |last| last.0 + 1)
    }

    fn file_len(&self, file: FileNo) -> u64 {
        self.0.get(&file).map_or(0, |file| file.len() as u64)
    }
}
