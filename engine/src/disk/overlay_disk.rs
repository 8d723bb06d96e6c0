//! A disk that shows another one as changed, without changing a byte of it.
//!
//! Opening a crashed dbpath read-only runs the ordinary recovery on an overlay: the journal is
//! replayed into memory. Nothing of it is ever persistent, and no sync does anything.
//!
//! - Y1. The base is only ever listed, looked at, opened with [`Access::Read`] and locked with
//!   [`Access::Read`].
//! - Y2. Memory is taken for pages that were changed and for files that were made, not for
//!   what is read: the view of a changed file is the base's own map, with the changed pages
//!   written into it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::sparse_bytes::SparseBytes;
use super::{Access, DirEntry, Disk, DiskFile, Metadata, PrivateView};
use crate::error::{Error, Result};
use crate::limits::PAGE;

/// Another disk, and what was changed on top of it.
#[derive(Debug)]
pub struct OverlayDisk {
    base: Arc<dyn Disk>,
    changes: Mutex<Changes>,
}

#[derive(Debug, Default)]
struct Changes {
    /// Files that were opened or made here, by their present name.
    files: BTreeMap<PathBuf, Arc<OverlayFile>>,
    dirs: BTreeSet<PathBuf>,
    /// Paths of the base that are no longer seen, with all below them.
    hidden: BTreeSet<PathBuf>,
}

impl OverlayDisk {
    /// Shows `base`, and keeps all changes in memory.
    pub fn new(base: Arc<dyn Disk>) -> OverlayDisk {
        OverlayDisk { base, changes: Mutex::default() }
    }
}

fn failed(path: &Path, op: &'static str, kind: io::ErrorKind) -> Error {
    Error::Io { file: path.to_owned(), op, source: io::Error::from(kind) }
}

impl Changes {
    fn shows_base(&self, path: &Path) -> bool {
        !path.ancestors().any(|above| self.hidden.contains(above))
    }

    fn metadata(&self, base: &dyn Disk, path: &Path) -> Result<Option<Metadata>> {
        if let Some(file) = self.files.get(path) {
            return Ok(Some(Metadata { len: file.len()?, is_dir: false }));
        }
        if self.dirs.contains(path) {
            return Ok(Some(Metadata { len: 0, is_dir: true }));
        }
        if self.shows_base(path) { base.metadata(path) } else { Ok(None) }
    }

    /// The file of this name, opened from the base if it was not met yet.
    fn file(&mut self, base: &dyn Disk, path: &Path) -> Result<Arc<OverlayFile>> {
        if let Some(file) = self.files.get(path) {
            return Ok(file.clone());
        }
        if !self.shows_base(path) {
            return Err(failed(path, "open", io::ErrorKind::NotFound));
        }
        let below = base.open(path, Access::Read)?;
        let bytes = SparseBytes::zeros(below.len()?);
        let kept = bytes.len();
        let state = RwLock::new(State { bytes, kept });
        let file = Arc::new(OverlayFile { path: path.to_owned(), below: Some(below), state });
        self.files.insert(path.to_owned(), file.clone());
        Ok(file)
    }

    fn check_parent(&self, base: &dyn Disk, path: &Path) -> Result<()> {
        let parent = path.parent().unwrap_or(Path::new(""));
        match self.metadata(base, parent)? {
            Some(Metadata { is_dir: true, .. }) => Ok(()),
            _ => Err(failed(path, "create", io::ErrorKind::NotFound)),
        }
    }
}

impl Disk for OverlayDisk {
    fn dbpath(&self) -> &Path {
        self.base.dbpath()
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        let changes = self.changes.lock();
        let mut names = BTreeMap::new();
        if changes.shows_base(dir) {
            for entry in self.base.list(dir)? {
                if changes.shows_base(&dir.join(&entry.name)) {
                    names.insert(entry.name, entry.is_dir);
                }
            }
        }
        let dirs = changes.dirs.iter().map(|path| (path, true));
        let files = changes.files.keys().map(|path| (path, false));
        for (path, is_dir) in dirs.chain(files) {
            if let (true, Some(name)) = (path.parent() == Some(dir), path.file_name()) {
                names.insert(name.to_string_lossy().into_owned(), is_dir);
            }
        }
        Ok(names.into_iter().map(|(name, is_dir)| DirEntry { name, is_dir }).collect())
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        self.changes.lock().metadata(&*self.base, path)
    }

    fn open(&self, path: &Path, _: Access) -> Result<Arc<dyn DiskFile>> {
        Ok(self.changes.lock().file(&*self.base, path)?)
    }

    fn create(&self, path: &Path, len: u64) -> Result<Arc<dyn DiskFile>> {
        let mut changes = self.changes.lock();
        changes.check_parent(&*self.base, path)?;
        if changes.metadata(&*self.base, path)?.is_some() {
            return Err(failed(path, "create", io::ErrorKind::AlreadyExists));
        }
        let state = RwLock::new(State { bytes: SparseBytes::zeros(len), kept: 0 });
        let file = Arc::new(OverlayFile { path: path.to_owned(), below: None, state });
        changes.files.insert(path.to_owned(), file.clone());
        Ok(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut changes = self.changes.lock();
        changes.check_parent(&*self.base, to)?;
        let file = changes.file(&*self.base, from)?;
        changes.files.remove(from);
        changes.hidden.insert(from.to_owned());
        changes.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let mut changes = self.changes.lock();
        match changes.metadata(&*self.base, path)? {
            Some(Metadata { is_dir: false, .. }) => {
                changes.files.remove(path);
                changes.hidden.insert(path.to_owned());
                Ok(())
            }
            _ => Err(failed(path, "remove", io::ErrorKind::NotFound)),
        }
    }

    fn create_dir_all(&self, dir: &Path) -> Result<()> {
        let mut changes = self.changes.lock();
        for above in dir.ancestors().filter(|a| !a.as_os_str().is_empty()) {
            if changes.metadata(&*self.base, above)?.is_none() {
                changes.dirs.insert(above.to_owned());
            }
        }
        Ok(())
    }

    fn remove_dir_all(&self, dir: &Path) -> Result<()> {
        let mut changes = self.changes.lock();
        changes.files.retain(|path, _| !path.starts_with(dir));
        changes.dirs.retain(|path| !path.starts_with(dir));
        changes.hidden.insert(dir.to_owned());
        Ok(())
    }

    fn sync_dir(&self, _: &Path) -> Result<()> {
        Ok(())
    }

    fn lock(&self, path: &Path, access: Access) -> Result<Option<Arc<dyn DiskFile>>> {
        // The lock is the base's (Y1) and lasts as long as the file returned; what a recovery
        // writes into the lock file stays here.
        let Some(held) = self.base.lock(path, Access::Read)? else {
            return match access {
                Access::Read => Ok(None),
                Access::Write => self.create(path, 0).map(Some),
            };
        };
        let bytes = SparseBytes::zeros(held.len()?);
        let kept = bytes.len();
        let state = RwLock::new(State { bytes, kept });
        let file = Arc::new(OverlayFile { path: path.to_owned(), below: Some(held), state });
        Ok(Some(file))
    }
}

/// A file of the base with its changes, or one made here.
#[derive(Debug)]
struct OverlayFile {
    path: PathBuf,
    below: Option<Arc<dyn DiskFile>>,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    /// The changed pages, and the present length.
    bytes: SparseBytes,
    /// How many of the base's first bytes are still seen where no page was changed.
    kept: u64,
}

/// Fills `piece` from the base's bytes at `ofs`, as far as they are kept, then with zeros.
fn fill(below: Option<&dyn DiskFile>, kept: u64, ofs: u64, piece: &mut [u8]) -> Result<()> {
    let n = kept.saturating_sub(ofs).min(piece.len() as u64) as usize;
    if let (Some(below), true) = (below, n > 0) {
        below.read_at(ofs, &mut piece[..n])?;
    }
    piece[n..].fill(0);
    Ok(())
}

impl DiskFile for OverlayFile {
    fn len(&self) -> Result<u64> {
        Ok(self.state.read().bytes.len())
    }

    fn read_at(&self, ofs: u64, out: &mut [u8]) -> Result<()> {
        let state = self.state.read();
        match ofs.checked_add(out.len() as u64) {
            Some(end) if end <= state.bytes.len() => {}
            _ => return Err(failed(&self.path, "read", io::ErrorKind::UnexpectedEof)),
        }
        let below = self.below.as_deref();
        state.bytes.read_with(ofs, out, |at, piece| fill(below, state.kept, at, piece))
    }

    fn write_at(&self, ofs: u64, bytes: &[u8]) -> Result<()> {
        let mut state = self.state.write();
        let (below, kept) = (self.below.as_deref(), state.kept);
        state
            .bytes
            .write_with(ofs, bytes, |page, fresh| fill(below, kept, page * PAGE as u64, fresh))
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut state = self.state.write();
        state.bytes.set_len(len);
        state.kept = state.kept.min(len);
        Ok(())
    }

    fn map_private(&self) -> Result<PrivateView> {
        let state = self.state.read();
        let len = state.bytes.len();
        let view = match &self.below {
            Some(below) if state.kept == len && below.len()? == len => below.map_private()?,
            None => PrivateView::zeros(len as usize),
            below => {
                let mut all = vec![0; len as usize];
                fill(below.as_deref(), state.kept, 0, &mut all)?;
                PrivateView::from_bytes(all)
            }
        };
        for (ofs, page) in state.bytes.pages() {
            // Nobody else has the view yet, so this write needs no lock.
            if view.write(ofs as usize, page).is_none() {
                return Err(failed(&self.path, "map", io::ErrorKind::UnexpectedEof));
            }
        }
        Ok(view)
    }
}
