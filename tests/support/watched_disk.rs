//! A disk that watches what is written to data files: where, that it stays inside, and whether it
//! changes anything. It can stop a recovery between the replay and the end of the journal, as a
//! crash would.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tallymap::disk::{Access, DirEntry, Disk, DiskFile, Metadata, PrivateView};
use tallymap::{Error, Result};

/// The disk's size: a longer file does not fit, bytes.
const FILE_LEN_MAX: u64 = 32 << 20;
/// The unit in which writes are noted, bytes.
const PAGE: u64 = 4096;

/// Another disk, under watch.
#[derive(Debug)]
pub struct WatchedDisk {
    below: Arc<dyn Disk>,
    seen: Arc<Mutex<Seen>>,
    keep_journal: AtomicBool,
}

/// What was done to data files.
#[derive(Debug, Default)]
struct Seen {
    /// Pages that were written to.
    pages: BTreeSet<(PathBuf, u64)>,
    /// Writes that changed a byte, files made, renamed and removed.
    changes: u64,
}

impl WatchedDisk {
    /// Watches `below`.
    pub fn new(below: Arc<dyn Disk>) -> WatchedDisk {
        WatchedDisk { below, seen: Arc::default(), keep_journal: AtomicBool::new(false) }
    }

    /// Does not let the journal be removed, or lets it again.
    pub fn keep_journal(&self, keep: bool) {
        self.keep_journal.store(keep, Ordering::Relaxed);
    }

    /// How often a data file was changed, its being made, renamed and removed included.
    pub fn changes(&self) -> u64 {
        self.seen().changes
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic holds it")
    }

    fn note(&self, path: &Path) {
        self.seen().changes += u64::from(is_data(path));
    }

    /// The pages of data files that were ever written to: file, offset.
    pub fn pages(&self) -> BTreeSet<(PathBuf, u64)> {
        self.seen().pages.clone()
    }

    /// The bytes of a page; none of a file that is gone, or that ends before.
    pub fn page(&self, (path, at): &(PathBuf, u64)) -> Vec<u8> {
        let mut bytes = vec![0; PAGE as usize];
        let read = self.below.open(path, Access::Read).and_then(|file| {
            bytes.truncate(file.len()?.saturating_sub(*at).min(PAGE) as usize);
            file.read_at(*at, &mut bytes)
        });
        read.map_or(Vec::new(), |()| bytes)
    }

    /// The names and lengths of all files but the journal's.
    pub fn files(&self) -> Vec<(String, u64)> {
        let entries = self.below.list(Path::new("")).expect("a disk in RAM");
        let len = |name: &String| {
            let metadata = self.below.metadata(Path::new(name)).expect("a disk in RAM");
            metadata.map_or(0, |metadata| metadata.len)
        };
        let mut files: Vec<_> =
            entries.into_iter().map(|entry| (len(&entry.name), entry.name)).collect();
        files.sort();
        files.into_iter().map(|(len, name)| (name, len)).collect()
    }

    fn refused(&self, path: &Path, op: &'static str) -> Result<()> {
        check(path);
        match path.starts_with("journal") && self.keep_journal.load(Ordering::Relaxed) {
            true => {
                let source = std::io::Error::other("stopped here");
                Err(Error::Io { file: path.to_owned(), op, source })
            }
            false => Ok(()),
        }
    }
}

/// A path below the dbpath.
fn check(path: &Path) {
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    assert!(inside && path.components().count() <= 2, "{} is outside", path.display());
}

/// Is it a file of a database?
fn is_data(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    extension == "ns" || extension.parse::<u32>().is_ok()
}

impl WatchedDisk {
    fn watch(&self, path: &Path, below: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(WatchedFile { path: path.to_owned(), below, seen: self.seen.clone() })
    }
}

impl Disk for WatchedDisk {
    fn dbpath(&self) -> &Path {
        self.below.dbpath()
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        self.below.list(dir)
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        check(path);
        self.below.metadata(path)
    }

    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>> {
        check(path);
        Ok(self.watch(path, self.below.open(path, access)?))
    }

    fn create(&self, path: &Path, len: u64) -> Result<Arc<dyn DiskFile>> {
        check(path);
        if len > FILE_LEN_MAX {
            return Err(Error::DiskFull { file: path.to_owned(), len });
        }
        self.note(path);
        Ok(self.watch(path, self.below.create(path, len)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        check(from);
        check(to);
        self.note(to);
        self.below.rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.refused(path, "remove")?;
        self.note(path);
        self.below.remove(path)
    }

    fn create_dir_all(&self, dir: &Path) -> Result<()> {
        check(dir);
        self.below.create_dir_all(dir)
    }

    fn remove_dir_all(&self, dir: &Path) -> Result<()> {
        self.refused(dir, "remove")?;
        self.below.remove_dir_all(dir)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.below.sync_dir(dir)
    }

    fn lock(&self, path: &Path, access: Access) -> Result<Option<Arc<dyn DiskFile>>> {
        self.below.lock(path, access)
    }
}

#[derive(Debug)]
struct WatchedFile {
    path: PathBuf,
    below: Arc<dyn DiskFile>,
    seen: Arc<Mutex<Seen>>,
}

impl DiskFile for WatchedFile {
    fn len(&self) -> Result<u64> {
        self.below.len()
    }

    fn read_at(&self, ofs: u64, out: &mut [u8]) -> Result<()> {
        self.below.read_at(ofs, out)
    }

    fn write_at(&self, ofs: u64, bytes: &[u8]) -> Result<()> {
        if is_data(&self.path) {
            let end = ofs + bytes.len() as u64;
            assert!(end <= self.below.len()?, "{} grows to {end}", self.path.display());
            let pages = (ofs / PAGE..end.div_ceil(PAGE)).map(|n| (self.path.clone(), n * PAGE));
            let mut before = vec![0; bytes.len()];
            self.below.read_at(ofs, &mut before)?;
            let mut seen = self.seen.lock().expect("no panic holds it");
            seen.changes += u64::from(before != bytes);
            seen.pages.extend(pages);
        }
        self.below.write_at(ofs, bytes)
    }

    fn sync(&self) -> Result<()> {
        self.below.sync()
    }

    fn set_len(&self, len: u64) -> Result<()> {
        assert!(!is_data(&self.path), "{} is cut", self.path.display());
        self.below.set_len(len)
    }

    fn map_private(&self) -> Result<PrivateView> {
        self.below.map_private()
    }
}
