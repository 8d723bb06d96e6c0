//! The data files of a replay. Most pages are met many times, a line here and a line there, so
//! what is written is gathered by page.
//!
//! - R1. A page that waits holds what its file has there, and all that was written since. Pages
//!   wait until there are too many, or [`DataFiles::sync`] is called.
//! - R2. Nobody reads a data file meanwhile, but to fill in a page that is to wait. A file that
//!   is removed, or made anew, forgets its pages.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use super::apply::Target;
use crate::disk::{Access, Disk, DiskFile};
use crate::disk_loc::FileNo;
use crate::error::Result;
use crate::file_id::Layout;
use crate::limits::PAGE;

/// Files held open during a replay.
const OPEN_FILES_MAX: usize = 256;

/// The data files of a dbpath, opened as they are met.
pub struct DataFiles {
    disk: Arc<dyn Disk>,
    layout: Layout,
    open: BTreeMap<String, BTreeMap<FileNo, Open>>,
    /// The pages that wait, one after the other.
    pages: Vec<u8>,
    /// How many of them, bytes. One entry of the journal may exceed it.
    waiting_max: u64,
    /// The file that was missed last: it may be missed by many entries.
    missed: Option<(String, FileNo)>,
    /// Directories in which a name was made or removed.
    dirs: BTreeSet<PathBuf>,
    /// Do files that are created and are there keep their bytes?
    keeps: bool,
}

struct Open {
    file: Arc<dyn DiskFile>,
    len: u64,
    /// Of each page that waits, its place among them, bytes.
    waiting: HashMap<u64, usize, foldhash::fast::RandomState>,
}

impl Open {
    fn new(file: Arc<dyn DiskFile>, len: u64) -> Open {
        Open { file, len, waiting: HashMap::default() }
    }

    /// Replaces bytes, which lie inside of the file.
    fn write(&mut self, mut ofs: u64, mut bytes: &[u8], pages: &mut Vec<u8>) -> Result<()> {
        while !bytes.is_empty() {
            let (page, within) = (ofs / PAGE as u64, (ofs % PAGE as u64) as usize);
            let (now, rest) = bytes.split_at(bytes.len().min(PAGE - within));
            let place = match self.waiting.get(&page) {
                Some(&place) => place,
                None => self.fill_in(page, now.len() == PAGE, pages)?,
            };
            pages[place + within..][..now.len()].copy_from_slice(now);
            (ofs, bytes) = (ofs + now.len() as u64, rest);
        }
        Ok(())
    }

    /// Lets a page wait. Gives its place.
    fn fill_in(&mut self, page: u64, is_replaced: bool, pages: &mut Vec<u8>) -> Result<usize> {
        let place = pages.len();
        pages.resize(place + PAGE, 0);
        if !is_replaced {
            let len = self.len_of(page, 1);
            self.file.read_at(page * PAGE as u64, &mut pages[place..place + len])?;
        }
        self.waiting.insert(page, place);
        Ok(place)
    }

    /// Bytes of so many pages that are inside of the file.
    fn len_of(&self, first: u64, pages: usize) -> usize {
        let rest = self.len - first * PAGE as u64;
        rest.min((pages * PAGE) as u64) as usize
    }

    /// Writes its pages that wait, in their order.
    fn flush(&mut self, pages: &[u8]) -> Result<()> {
        let mut waiting: Vec<(u64, usize)> = self.waiting.drain().collect();
        waiting.sort_unstable();
        for run in waiting.chunk_by(|a, b| (a.0 + 1, a.1 + PAGE) == *b) {
            let (first, place) = run[0];
            let bytes = &pages[place..place + self.len_of(first, run.len())];
            self.file.write_at(first * PAGE as u64, bytes)?;
        }
        Ok(())
    }
}

impl DataFiles {
    /// None is open. Pages of so many bytes may wait.
    pub fn new(disk: Arc<dyn Disk>, layout: Layout, waiting_max: u64) -> DataFiles {
        DataFiles {
            disk,
            layout,
            open: BTreeMap::new(),
            pages: Vec::new(),
            waiting_max,
            missed: None,
            dirs: BTreeSet::new(),
            keeps: false,
        }
    }

    /// Files that are created and are there keep their bytes.
    pub fn keeping(self) -> DataFiles {
        DataFiles { keeps: true, ..self }
    }

    /// Writes all pages that wait.
    fn flush(&mut self) -> Result<()> {
        let open = self.open.values_mut().flat_map(BTreeMap::values_mut);
        open.into_iter().try_for_each(|open| open.flush(&self.pages))?;
        self.pages.clear();
        Ok(())
    }

    /// Makes everything so far persistent, and closes the files.
    ///
    /// # Errors
    /// The disk's.
    pub fn sync(&mut self) -> Result<()> {
        self.flush()?;
        for open in std::mem::take(&mut self.open).into_values().flat_map(BTreeMap::into_values) {
            open.file.sync()?;
        }
        std::mem::take(&mut self.dirs).iter().try_for_each(|dir| self.disk.sync_dir(dir))
    }

    fn opened(&mut self, database: &str, no: FileNo) -> Option<&mut Open> {
        self.open.get_mut(database)?.get_mut(&no)
    }

    /// Opens a file that is not open. Answers whether there is one.
    fn open_existing(&mut self, database: &str, no: FileNo) -> Result<bool> {
        if self.missed.as_ref().is_some_and(|missed| missed.1 == no && missed.0 == database) {
            return Ok(false);
        }
        let path = self.layout.file(database, no);
        if self.disk.metadata(&path)?.is_none() {
            self.missed = Some((database.to_owned(), no));
            return Ok(false);
        }
        let file = self.disk.open(&path, Access::Write)?;
        let len = file.len()?;
        self.add(database, no, Open::new(file, len))?;
        Ok(true)
    }

    fn add(&mut self, database: &str, no: FileNo, open: Open) -> Result<()> {
        if self.open.values().map(BTreeMap::len).sum::<usize>() >= OPEN_FILES_MAX {
            self.sync()?;
        }
        self.open.entry(database.to_owned()).or_default().insert(no, open);
        Ok(())
    }
}

impl Target for DataFiles {
    fn write(&mut self, database: &str, no: FileNo, ofs: u32, bytes: &[u8]) -> Result<()> {
        if self.pages.len() as u64 >= self.waiting_max {
            self.flush()?;
        }
        if self.opened(database, no).is_none() && !self.open_existing(database, no)? {
            // It goes by an entry that comes later: the rehearsal has seen to that.
            return Ok(());
        }
        let open = self.open.get_mut(database).and_then(|files| files.get_mut(&no));
        match open {
            // As mongod has it: a write that does not lie inside of its file is passed over.
            Some(open) if u64::from(ofs) + bytes.len() as u64 <= open.len => {
                open.write(u64::from(ofs), bytes, &mut self.pages)
            }
            _ => Ok(()),
        }
    }

    fn create_file(&mut self, database: &str, no: FileNo, len: u64) -> Result<()> {
        self.missed = None;
        let path = self.layout.file(database, no);
        let dir = self.layout.directory(database);
        if let Some(found) = self.disk.metadata(&path)? {
            if self.keeps && found.len == len {
                return Ok(());
            }
            self.open.get_mut(database).and_then(|files| files.remove(&no));
            self.disk.remove(&path)?;
        }
        if self.layout == Layout::DirectoryPerDb {
            self.disk.create_dir_all(&dir)?;
            self.dirs.insert(PathBuf::new());
        }
        let file = self.disk.create(&path, len)?;
        self.dirs.insert(dir);
        self.add(database, no, Open::new(file, len))
    }

    fn drop_database(&mut self, database: &str) -> Result<()> {
        self.open.remove(database);
        for path in database_paths(&*self.disk, self.layout, database)? {
            self.disk.remove(&path)?;
        }
        let dir = self.layout.directory(database);
        if self.disk.metadata(&dir)?.is_some() {
            self.dirs.insert(dir);
        }
        Ok(())
    }
}

/// The paths of all files of a database, used or not; the `.ns` file first.
///
/// # Errors
/// Those of the disk.
pub fn database_paths(disk: &dyn Disk, layout: Layout, database: &str) -> Result<Vec<PathBuf>> {
    let dir = layout.directory(database);
    let mut found = Vec::new();
    for entry in disk.list(&dir)?.into_iter().filter(|entry| !entry.is_dir) {
        let path = dir.join(&entry.name);
        if let Some((_, no)) = layout.parse(&path).filter(|(name, _)| name == database) {
            found.push((!no.is_ns(), no, path));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, _, path)| path).collect())
}
