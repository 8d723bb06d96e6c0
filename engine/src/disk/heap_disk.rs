//! A disk in RAM: for tests, for Miri, and for a database that is to leave nothing behind.
//!
//! It loses nothing by itself: a sync does nothing, all that was written is there. What a
//! killed process leaves behind is [`HeapDisk::image`]; a power failure needs a simulated disk.
//!
//! - H1. Clones share the files; an image shares nothing.
//! - H2. A file stays usable through open handles when its name is removed or given away.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::sparse_bytes::SparseBytes;
use super::{Access, DirEntry, Disk, DiskFile, Metadata, PrivateView};
use crate::error::{Error, Result};

/// Files in RAM.
#[derive(Debug, Clone, Default)]
pub struct HeapDisk {
    tree: Arc<Mutex<Tree>>,
}

#[derive(Debug, Default)]
struct Tree {
    files: BTreeMap<PathBuf, Arc<RwLock<SparseBytes>>>,
    dirs: BTreeSet<PathBuf>,
    /// Paths on which a lock is held, and how: how many readers, or a writer.
    locks: BTreeMap<PathBuf, Holders>,
}

#[derive(Debug, Clone, Copy)]
enum Holders {
    Readers(usize),
    Writer,
}

impl HeapDisk {
    /// A disk without files.
    pub fn new() -> HeapDisk {
        HeapDisk::default()
    }

    /// What the disk holds now, as another disk, unlocked: what a killed process leaves behind.
    pub fn image(&self) -> HeapDisk {
        let tree = self.tree.lock();
        let copy = |(path, bytes): (&PathBuf, &Arc<RwLock<SparseBytes>>)| {
            (path.clone(), Arc::new(RwLock::new(bytes.read().clone())))
        };
        let files = tree.files.iter().map(copy).collect();
        let image = Tree { files, dirs: tree.dirs.clone(), locks: BTreeMap::new() };
        HeapDisk { tree: Arc::new(Mutex::new(image)) }
    }

    /// The bytes of a file, for a test's disk that keeps them too.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn sparse(&self, path: &Path) -> Option<SparseBytes> {
        self.tree.lock().files.get(path).map(|bytes| bytes.read().clone())
    }

    /// Adds a file of these bytes, for a test's disk that made them up.
    #[cfg(any(test, feature = "simulation"))]
    pub(super) fn add(&self, path: &Path, bytes: SparseBytes) {
        self.tree.lock().files.insert(path.to_owned(), Arc::new(RwLock::new(bytes)));
    }

    fn file(&self, path: &Path, bytes: Arc<RwLock<SparseBytes>>) -> HeapFile {
        HeapFile { path: path.to_owned(), bytes, locked: None }
    }
}

fn failed(path: &Path, op: &'static str, kind: io::ErrorKind) -> Error {
    Error::Io { file: path.to_owned(), op, source: io::Error::from(kind) }
}

impl Tree {
    fn has_dir(&self, dir: &Path) -> bool {
        dir.as_os_str().is_empty() || self.dirs.contains(dir)
    }

    fn check_parent(&self, path: &Path, op: &'static str) -> Result<()> {
        match path.parent() {
            Some(parent) if self.has_dir(parent) => Ok(()),
            _ => Err(failed(path, op, io::ErrorKind::NotFound)),
        }
    }
}

impl Disk for HeapDisk {
    fn dbpath(&self) -> &Path {
        Path::new("(in memory)")
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        let tree = self.tree.lock();
        let entry = |path: &PathBuf, is_dir| {
            let name = path.file_name()?.to_str()?.to_owned();
            (path.parent() == Some(dir)).then_some(DirEntry { name, is_dir })
        };
        let files = tree.files.keys().filter_map(|path| entry(path, false));
        let dirs = tree.dirs.iter().filter_map(|path| entry(path, true));
        Ok(files.chain(dirs).collect())
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        let tree = self.tree.lock();
        if tree.has_dir(path) {
            return Ok(Some(Metadata { len: 0, is_dir: true }));
        }
        let file = tree.files.get(path);
        Ok(file.map(|bytes| Metadata { len: bytes.read().len(), is_dir: false }))
    }

    fn open(&self, path: &Path, _: Access) -> Result<Arc<dyn DiskFile>> {
        let tree = self.tree.lock();
        let bytes = tree.files.get(path);
        let bytes = bytes.ok_or_else(|| failed(path, "open", io::ErrorKind::NotFound))?;
        Ok(Arc::new(self.file(path, bytes.clone())))
    }

    fn create(&self, path: &Path, len: u64) -> Result<Arc<dyn DiskFile>> {
        let mut tree = self.tree.lock();
        tree.check_parent(path, "create")?;
        if tree.files.contains_key(path) || tree.has_dir(path) {
            return Err(failed(path, "create", io::ErrorKind::AlreadyExists));
        }
        let bytes = Arc::new(RwLock::new(SparseBytes::zeros(len)));
        tree.files.insert(path.to_owned(), bytes.clone());
        Ok(Arc::new(self.file(path, bytes)))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut tree = self.tree.lock();
        tree.check_parent(to, "rename to")?;
        let bytes = tree.files.remove(from);
        let bytes = bytes.ok_or_else(|| failed(from, "rename", io::ErrorKind::NotFound))?;
        tree.files.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        match self.tree.lock().files.remove(path) {
            Some(_) => Ok(()),
            None => Err(failed(path, "remove", io::ErrorKind::NotFound)),
        }
    }

    fn create_dir_all(&self, dir: &Path) -> Result<()> {
        let above = dir.ancestors().filter(|a| !a.as_os_str().is_empty());
        self.tree.lock().dirs.extend(above.map(Path::to_owned));
        Ok(())
    }

    fn remove_dir_all(&self, dir: &Path) -> Result<()> {
        let mut tree = self.tree.lock();
        tree.files.retain(|path, _| !path.starts_with(dir));
        tree.dirs.retain(|path| !path.starts_with(dir));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        match self.tree.lock().has_dir(dir) {
            true => Ok(()),
            false => Err(failed(dir, "sync", io::ErrorKind::NotFound)),
        }
    }

    fn lock(&self, path: &Path, access: Access) -> Result<Option<Arc<dyn DiskFile>>> {
        let mut tree = self.tree.lock();
        let holders = match (access, tree.locks.get(path)) {
            (Access::Write, None) => Holders::Writer,
            (Access::Read, None) => Holders::Readers(1),
            (Access::Read, Some(Holders::Readers(n))) => Holders::Readers(n + 1),
            _ => return Err(Error::Locked { dbpath: self.dbpath().to_owned() }),
        };
        if access == Access::Write {
            tree.check_parent(path, "lock")?;
            tree.files.entry(path.to_owned()).or_default();
        }
        let Some(bytes) = tree.files.get(path).cloned() else { return Ok(None) };
        tree.locks.insert(path.to_owned(), holders);
        let mut file = self.file(path, bytes);
        file.locked = Some(self.clone());
        Ok(Some(Arc::new(file)))
    }
}

/// An open file.
#[derive(Debug)]
struct HeapFile {
    path: PathBuf,
    bytes: Arc<RwLock<SparseBytes>>,
    /// The disk on which this handle holds the lock of its path.
    locked: Option<HeapDisk>,
}

impl DiskFile for HeapFile {
    fn len(&self) -> Result<u64> {
        Ok(self.bytes.read().len())
    }

    fn read_at(&self, ofs: u64, out: &mut [u8]) -> Result<()> {
        let bytes = self.bytes.read();
        match ofs.checked_add(out.len() as u64) {
            Some(end) if end <= bytes.len() => bytes.read(ofs, out),
            _ => return Err(failed(&self.path, "read", io::ErrorKind::UnexpectedEof)),
        }
        Ok(())
    }

    fn write_at(&self, ofs: u64, bytes: &[u8]) -> Result<()> {
        self.bytes.write().write(ofs, bytes);
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.bytes.write().set_len(len);
        Ok(())
    }

    fn map_private(&self) -> Result<PrivateView> {
        let bytes = self.bytes.read();
        let view = PrivateView::zeros(bytes.len() as usize);
        for (ofs, page) in bytes.pages() {
            // Nobody else has the view yet, so this write needs no lock.
            if view.write(ofs as usize, page).is_none() {
                return Err(failed(&self.path, "map", io::ErrorKind::UnexpectedEof));
            }
        }
        Ok(view)
    }
}

impl Drop for HeapFile {
    fn drop(&mut self) {
        let Some(disk) = &self.locked else { return };
        let mut tree = disk.tree.lock();
        match tree.locks.remove(&self.path) {
            Some(Holders::Readers(n)) if n > 1 => {
                tree.locks.insert(self.path.clone(), Holders::Readers(n - 1));
            }
            _ => {}
        }
    }
}
