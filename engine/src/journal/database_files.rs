//! The open files of one database: the `.ns` file and the data files, in a table that only
//! grows and is read without a lock.
//!
//! It knows lengths and versions, not extents or namespaces.
//!
//! - F1. File `n` is in the table only when its header is written in the view, and file `n − 1`
//!   is there.
//! - F2. A new file has its blocks, is all zeros and persistent under its name before anything
//!   in memory or in the journal names it.
//! - F3. The journal's note of a new file is in the same gather as its header.

use std::path::Path;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::{Mutex, MutexGuard};

use super::file_growth::{self, bad_file};
use super::startup;
use super::tracked_file::TrackedFile;
use super::write_side::{CreatedFile, WriteSide};
use crate::disk::{Access, Disk, DiskFile};
use crate::disk_loc::{DiskLoc, FileNo};
use crate::error::{Error, Reason, Result};
use crate::file_id::Layout;
use crate::format::{Wire, data_file_header as header};
use crate::limits::DATA_FILES_MAX;
use crate::namespace_string::check_database_name;

/// Files of one chunk of the table.
const CHUNK: usize = 128;
const _: () = assert!((DATA_FILES_MAX as usize).is_multiple_of(CHUNK));

type Chunk = Box<[OnceLock<TrackedFile>]>;

/// How files of databases are laid out and sized.
#[derive(Debug, Clone, Copy)]
pub struct FileRules {
    /// Where they lie.
    pub layout: Layout,
    /// Sizes by the smaller table.
    pub small_files: bool,
    /// Length of a new `.ns` file, bytes.
    pub ns_len: u64,
}

/// Whether files may still be added.
#[derive(Debug, PartialEq, Eq)]
enum Growing {
    Allowed,
    Dropped,
}

/// The open files of one database.
#[derive(Debug)]
pub struct DatabaseFiles {
    name: Arc<str>,
    rules: FileRules,
    disk: Arc<dyn Disk>,
    side: Arc<WriteSide>,
    ns: TrackedFile,
    data: Box<[OnceLock<Chunk>]>,
    count: AtomicI32,
    /// Level 6 of the lock order.
    extents: Mutex<()>,
    /// One thread at a time adds a file; none once the database is dropped.
    growing: Mutex<Growing>,
}

impl DatabaseFiles {
    /// Opens the files of an existing database, up to the first data file that is missing,
    /// shorter than a header, or not initialised.
    ///
    /// # Errors
    /// [`Error::BadFile`] for a length or version that the format does not have;
    /// [`Error::InvalidNamespace`]; those of the disk.
    pub fn open(
        disk: Arc<dyn Disk>,
        side: Arc<WriteSide>,
        name: &str,
        rules: FileRules,
    ) -> Result<DatabaseFiles> {
        check_database_name(name)?;
        let path = rules.layout.file(name, FileNo::NS);
        let name: Arc<str> = name.into();
        let ns = disk.open(&path, Access::Write)?;
        file_growth::check_ns_len(ns.len()?).map_err(bad_file(&path))?;
        let files = DatabaseFiles {
            name: name.clone(),
            rules,
            ns: TrackedFile::map(FileNo::NS, name.clone(), path, ns)?,
            disk,
            side,
            data: (0..DATA_FILES_MAX as usize / CHUNK).map(|_| OnceLock::new()).collect(),
            count: AtomicI32::new(0),
            extents: Mutex::new(()),
            growing: Mutex::new(Growing::Allowed),
        };
        for n in 0..DATA_FILES_MAX {
            let Some(file) = files.open_data_file(FileNo(n))? else { break };
            files.publish(file);
        }
        Ok(files)
    }

    /// Creates the `.ns` file of a new database, then opens it.
    ///
    /// # Errors
    /// [`Error::NamespaceExists`]; [`Error::BadFile`] if data files of that name lie about;
    /// [`Error::DiskFull`]; [`Error::InvalidNamespace`]; those of the disk.
    pub fn create(
        disk: Arc<dyn Disk>,
        side: Arc<WriteSide>,
        name: &str,
        rules: FileRules,
    ) -> Result<DatabaseFiles> {
        side.check()?;
        check_database_name(name)?;
        let path = rules.layout.file(name, FileNo::NS);
        if startup::is_half_made(&*disk, rules.layout, name)? {
            // By an attempt that failed. It is not known which of its steps will last (P7).
            startup::remove_half_made(&*disk, rules.layout, name)?;
        }
        if disk.metadata(&path)?.is_some() {
            return Err(Error::NamespaceExists { ns: name.to_owned() });
        }
        let orphan = rules.layout.file(name, FileNo::FIRST);
        if disk.metadata(&orphan)?.is_some() {
            let problem = "a data file without an .ns file: restore that, or move this one away";
            return Err(Error::BadFile { file: orphan, problem });
        }
        make_file(&*disk, name, rules.layout, FileNo::NS, rules.ns_len)?;
        let inside = side.enter()?;
        side.created.lock().push(CreatedFile { path, len: rules.ns_len });
        drop(inside);
        side.counters.files_created.add(1);
        DatabaseFiles::open(disk, side, name, rules)
    }

    /// Name of the database.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What units of work and commits share.
    #[inline]
    pub fn side(&self) -> &Arc<WriteSide> {
        &self.side
    }

    /// Number of data files.
    pub fn count(&self) -> i32 {
        self.count.load(Ordering::Acquire)
    }

    /// A file by its number.
    #[inline]
    pub fn file(&self, no: FileNo) -> Option<&TrackedFile> {
        if no.is_ns() {
            return Some(&self.ns);
        }
        let n = usize::try_from(no.0).ok()?;
        self.data.get(n / CHUNK)?.get()?.get(n % CHUNK)?.get()
    }

    /// All files: data files in order, then the `.ns` file. This is the order of their numbers.
    pub fn files(&self) -> impl Iterator<Item = &TrackedFile> {
        (0..self.count()).filter_map(|n| self.file(FileNo(n))).chain([&self.ns])
    }

    /// These places, at offsets from `loc`, are about to be read and changed. Changes nothing, but
    /// all of them are fetched from memory at once.
    #[inline(always)]
    pub fn foresee(&self, loc: DiskLoc, places: impl Iterator<Item = usize>) {
        let Some(file) = self.file(loc.file_no()) else { return };
        let start = loc.ofs as usize;
        places.for_each(|ofs| file.foresee(start.wrapping_add(ofs), &self.side));
    }

    /// The `len` bytes at `loc`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if they are not all inside of a file.
    #[inline]
    pub fn bytes(&self, loc: DiskLoc, len: usize) -> Result<&[u8]> {
        match self.file(loc.file_no()).and_then(|file| file.bytes(loc.ofs, len)) {
            Some(bytes) => Ok(bytes),
            None => Err(self.outside(loc, len)),
        }
    }

    /// The bytes at `loc` of which the first four say how many they are; none if that is less
    /// than none.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if they are not all inside of a file.
    #[inline]
    pub fn measured(&self, loc: DiskLoc) -> Result<&[u8]> {
        let measured = self.file(loc.file_no()).and_then(|file| file.measured(loc.ofs));
        match measured {
            Some(bytes) => Ok(bytes),
            None => Err(self.outside(loc, i32::WIDTH)),
        }
    }

    /// The error for `len` bytes at `loc` that are not inside of a file.
    #[cold]
    pub fn outside(&self, loc: DiskLoc, len: usize) -> Error {
        Error::corrupt(loc, "location", "lies outside of its file", len as i64)
            .in_database(&self.name)
    }

    /// Takes the extents of the database (level 6).
    pub fn claim_extents(&self) -> MutexGuard<'_, ()> {
        self.extents.lock()
    }

    /// Adds a data file with room for an extent of `extent_len` bytes, unless the database has
    /// grown beyond `seen_count` files since the caller looked. The caller holds no lock.
    ///
    /// # Errors
    /// [`Error::DiskFull`], and nothing has changed; [`Error::ReadOnly`]; `IllegalOperation` at
    /// the largest number of files; those of the disk.
    pub fn add_data_file(&self, extent_len: i32, seen_count: i32) -> Result<()> {
        let growing = self.growing.lock();
        if *growing == Growing::Dropped {
            return Err(Error::NotFound { what: "database", name: self.name.to_string() });
        }
        let n = self.count();
        if n > seen_count {
            return Ok(());
        }
        self.side.check()?;
        if n == DATA_FILES_MAX {
            let message = format!("database '{}' has {n} files, the most there can be", self.name);
            return Err(Error::refused(Reason::IllegalOperation, message));
        }
        let no = FileNo(n);
        let len = self.next_len(no, extent_len)?;
        let file = make_file(&*self.disk, &self.name, self.rules.layout, no, len as u64)?;
        let path = self.rules.layout.file(&self.name, no);
        let file = TrackedFile::map(no, self.name.clone(), path.clone(), file)?;

        let _inside = self.side.enter()?;
        let bytes = header::fresh(no, len as i32);
        let changed = file.change(0, &bytes, &self.side, |_, _| {});
        let (_, fresh) = changed.ok_or_else(|| self.outside(DiskLoc::new(no, 0), bytes.len()))?;
        self.side.created.lock().push(CreatedFile { path, len: len as u64 });
        self.publish(file);
        self.side.count_dirty(fresh);
        self.side.counters.files_created.add(1);
        Ok(())
    }

    /// Adds no more files: the database is about to be dropped, and its names may be used anew.
    /// Waits for a file that is being added.
    pub fn end_growth(&self) {
        *self.growing.lock() = Growing::Dropped;
    }

    /// Length of the next data file. An unused file of its name is removed: what takes its
    /// place has its length, if that will do, and is zero for certain.
    fn next_len(&self, no: FileNo, extent_len: i32) -> Result<i64> {
        let path = self.rules.layout.file(&self.name, no);
        let previous_len = self.file(FileNo(no.0 - 1)).map_or(0, |file| file.len() as i64);
        let fresh =
            file_growth::data_file_len(no.0, extent_len, previous_len, self.rules.small_files);
        let Some(unused) = self.disk.metadata(&path)? else { return Ok(fresh) };
        self.disk.remove(&path)?;
        Ok(file_growth::reusable_len(unused.len, extent_len).unwrap_or(fresh))
    }

    /// Opens data file `no`; `None` if the database ends before it.
    fn open_data_file(&self, no: FileNo) -> Result<Option<TrackedFile>> {
        let path = self.rules.layout.file(&self.name, no);
        match self.disk.metadata(&path)? {
            Some(m) if !m.is_dir && m.len >= file_growth::DATA_FILE_LEN_MIN => {}
            _ => return Ok(None),
        }
        let file = self.disk.open(&path, Access::Write)?;
        let mut versions = [0; header::VERSION_MINOR.end()];
        file.read_at(0, &mut versions)?;
        let major = header::VERSION_MAJOR.get(&versions);
        if major == 0 {
            return Ok(None);
        }
        file_growth::check_len(file.len()?).map_err(bad_file(&path))?;
        if no == FileNo::FIRST {
            // Only the first file's version speaks for the database.
            let minor = header::VERSION_MINOR.get(&versions);
            file_growth::check_version(major, minor).map_err(bad_file(&path))?;
        }
        TrackedFile::map(no, self.name.clone(), path, file).map(Some)
    }

    /// Puts the next file into the table (F1).
    fn publish(&self, file: TrackedFile) {
        let n = file.no.0 as usize;
        let chunk =
            self.data[n / CHUNK].get_or_init(|| (0..CHUNK).map(|_| OnceLock::new()).collect());
        let placed = chunk[n % CHUNK].set(file);
        assert!(placed.is_ok(), "file {n} is added once");
        self.count.store(n as i32 + 1, Ordering::Release);
    }
}

/// Makes a file of a database: zeros under a scratch name, synced, renamed, its name synced
/// (F2).
fn make_file(
    disk: &dyn Disk,
    database: &str,
    layout: Layout,
    no: FileNo,
    len: u64,
) -> Result<Arc<dyn DiskFile>> {
    let (dir, tmp) = (layout.directory(database), layout.tmp(database));
    let path = layout.file(database, no);
    disk.create_dir_all(&tmp)?;
    if layout == Layout::DirectoryPerDb {
        disk.sync_dir(Path::new(""))?;
    }
    let scratch = tmp.join(path.file_name().unwrap_or_default());
    if disk.metadata(&scratch)?.is_some() {
        disk.remove(&scratch)?;
    }
    let made = disk.create(&scratch, len).and_then(|file| file.sync());
    let made = made.and_then(|()| disk.rename(&scratch, &path));
    if let Err(error) = made {
        // What is left is swept at the next start; the first error is what counts.
        let _ = disk.remove(&scratch);
        return Err(error);
    }
    disk.sync_dir(&dir)?;
    disk.open(&path, Access::Write)
}
