//! Real files below a real directory. Linux and what else `rustix` knows of Unix.
//!
//! - O1. A file that is created has its blocks: `fallocate`, or zeros where the file system
//!   cannot do that, so that no later write into it needs space.
//! - O2. The dbpath lock is `flock` on the lock file, as mongod takes it; it ends with the
//!   process, however that ends, and when the file returned is dropped: at once, even while a
//!   process that was just forked still has a copy of it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FallocateFlags, FlockOperation};
use rustix::io::Errno;

use super::{Access, DirEntry, Disk, DiskFile, Metadata, PrivateView};
use crate::error::{Error, Result};

/// Zeros written at a time where a file cannot be allocated at once, bytes.
const ZEROS: usize = 1 << 20;

/// The files below a directory of the operating system.
#[derive(Debug)]
pub struct OsDisk {
    dbpath: PathBuf,
}

impl OsDisk {
    /// The files below `dbpath`, which exists.
    ///
    /// # Errors
    /// [`Error::Io`] if it is not a directory that can be read.
    pub fn open(dbpath: impl Into<PathBuf>) -> Result<OsDisk> {
        let disk = OsDisk { dbpath: dbpath.into() };
        fs::read_dir(&disk.dbpath).map_err(Error::io(&disk.dbpath, "open"))?;
        Ok(disk)
    }

    /// As [`OsDisk::open`]; the directory is made if it is missing.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be made or read.
    pub fn create(dbpath: impl Into<PathBuf>) -> Result<OsDisk> {
        let dbpath = dbpath.into();
        if !dbpath.exists() {
            fs::create_dir_all(&dbpath).map_err(Error::io(&dbpath, "create"))?;
            let parent = match dbpath.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            sync_directory(parent).map_err(Error::io(parent, "sync"))?;
        }
        OsDisk::open(dbpath)
    }

    fn full(&self, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() { self.dbpath.clone() } else { self.dbpath.join(path) }
    }

    fn file(&self, path: &Path, file: File) -> Arc<dyn DiskFile> {
        Arc::new(OsFile { path: self.full(path), file })
    }

    fn take_lock(&self, path: &Path, access: Access) -> Result<Option<LockFile>> {
        let full = self.full(path);
        let mut options = OpenOptions::new();
        options.read(true).write(access == Access::Write).create(access == Access::Write);
        let file = match options.truncate(false).open(&full) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && access == Access::Read => {
                return Ok(None);
            }
            Err(error) => return Err(failed(&full, "open", 0)(error)),
        };
        let operation = match access {
            Access::Read => FlockOperation::NonBlockingLockShared,
            Access::Write => FlockOperation::NonBlockingLockExclusive,
        };
        match rustix::fs::flock(&file, operation) {
            Ok(()) => Ok(Some(LockFile(OsFile { path: full, file }))),
            Err(Errno::WOULDBLOCK) => Err(Error::Locked { dbpath: self.dbpath.clone() }),
            Err(error) => Err(Error::io(&full, "lock")(error.into())),
        }
    }
}

/// An error for `op` on `path`; no space is told apart. `len` is what the file was to have.
fn failed(path: &Path, op: &'static str, len: u64) -> impl FnOnce(io::Error) -> Error {
    let file = path.to_owned();
    move |source| match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { file, len },
        _ => Error::Io { file, op, source },
    }
}

fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Allocates `len` zeros in an empty file (O1).
fn allocate(file: &File, len: u64) -> io::Result<()> {
    if len == 0 {
        return Ok(());
    }
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, len) {
        Ok(()) => return Ok(()),
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {}
        Err(error) => return Err(error.into()),
    }
    let zeros = vec![0; ZEROS];
    let mut ofs = 0;
    while ofs < len {
        let n = (len - ofs).min(ZEROS as u64);
        file.write_all_at(&zeros[..n as usize], ofs)?;
        ofs += n;
    }
    Ok(())
}

impl Disk for OsDisk {
    fn dbpath(&self) -> &Path {
        &self.dbpath
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        let dir = self.full(dir);
        let names = match fs::read_dir(&dir) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io(&dir, "list")(error)),
        };
        let mut entries = Vec::new();
        for name in names {
            let name = name.map_err(Error::io(&dir, "list"))?;
            let Ok(text) = name.file_name().into_string() else { continue };
            // A link that leads nowhere is neither: it is listed as a file, and fails to open.
            let is_dir = fs::metadata(name.path()).is_ok_and(|m| m.is_dir());
            entries.push(DirEntry { name: text, is_dir });
        }
        Ok(entries)
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        let path = self.full(path);
        match fs::metadata(&path) {
            Ok(m) if m.is_dir() => Ok(Some(Metadata { len: 0, is_dir: true })),
            Ok(m) => Ok(Some(Metadata { len: m.len(), is_dir: false })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io(&path, "look at")(error)),
        }
    }

    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>> {
        let full = self.full(path);
        let file = OpenOptions::new().read(true).write(access == Access::Write).open(&full);
        Ok(self.file(path, file.map_err(Error::io(&full, "open"))?))
    }

    fn create(&self, path: &Path, len: u64) -> Result<Arc<dyn DiskFile>> {
        let full = self.full(path);
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&full);
        let file = file.map_err(failed(&full, "create", len))?;
        if let Err(error) = allocate(&file, len) {
            // The allocation's error is what the caller needs; the scratch directory is swept
            // at the next start if even the removal fails.
            let _ = fs::remove_file(&full);
            return Err(failed(&full, "allocate", len)(error));
        }
        Ok(self.file(path, file))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let to = self.full(to);
        fs::rename(self.full(from), &to).map_err(failed(&to, "rename to", 0))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let path = self.full(path);
        fs::remove_file(&path).map_err(Error::io(&path, "remove"))
    }

    fn create_dir_all(&self, dir: &Path) -> Result<()> {
        let dir = self.full(dir);
        fs::create_dir_all(&dir).map_err(failed(&dir, "create", 0))
    }

    fn remove_dir_all(&self, dir: &Path) -> Result<()> {
        let dir = self.full(dir);
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(&dir, "remove")(error))
            }
            _ => Ok(()),
        }
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let dir = self.full(dir);
        sync_directory(&dir).map_err(failed(&dir, "sync", 0))
    }

    fn lock(&self, path: &Path, access: Access) -> Result<Option<Arc<dyn DiskFile>>> {
        let lock = self.take_lock(path, access)?;
        Ok(lock.map(|lock| Arc::new(lock) as Arc<dyn DiskFile>))
    }
}

/// An open file and its whole path, for messages.
#[derive(Debug)]
struct OsFile {
    path: PathBuf,
    file: File,
}

impl DiskFile for OsFile {
    fn len(&self) -> Result<u64> {
        Ok(self.file.metadata().map_err(Error::io(&self.path, "look at"))?.len())
    }

    fn read_at(&self, ofs: u64, out: &mut [u8]) -> Result<()> {
        self.file.read_exact_at(out, ofs).map_err(Error::io(&self.path, "read"))
    }

    fn write_at(&self, ofs: u64, bytes: &[u8]) -> Result<()> {
        let end = ofs + bytes.len() as u64;
        self.file.write_all_at(bytes, ofs).map_err(failed(&self.path, "write", end))
    }

    fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(failed(&self.path, "sync", 0))
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.file.set_len(len).map_err(failed(&self.path, "set the length of", len))
    }

    fn map_private(&self) -> Result<PrivateView> {
        PrivateView::map(&self.file, self.len()?).map_err(Error::io(&self.path, "map"))
    }
}

/// A file that is locked for as long as this lives (O2).
#[derive(Debug)]
struct LockFile(OsFile);

impl Drop for LockFile {
    fn drop(&mut self) {
        // Closing would do, were this the only descriptor; if unlocking fails, that is left.
        let _ = rustix::fs::flock(&self.0.file, FlockOperation::Unlock);
    }
}

impl DiskFile for LockFile {
    fn len(&self) -> Result<u64> {
        self.0.len()
    }

    fn read_at(&self, ofs: u64, out: &mut [u8]) -> Result<()> {
        self.0.read_at(ofs, out)
    }

    fn write_at(&self, ofs: u64, bytes: &[u8]) -> Result<()> {
        self.0.write_at(ofs, bytes)
    }

    fn sync(&self) -> Result<()> {
        self.0.sync()
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.0.set_len(len)
    }

    fn map_private(&self) -> Result<PrivateView> {
        self.0.map_private()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_with_its_file_whoever_else_has_it_open() {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = OsDisk::open(dir.path()).expect("opens");
        let path = Path::new("mongod.lock");
        let lock = disk.take_lock(path, Access::Write).expect("free").expect("made");
        // What a process inherits that is forked now.
        let inherited = lock.0.file.try_clone().expect("duplicated");
        assert!(matches!(disk.take_lock(path, Access::Write), Err(Error::Locked { .. })));
        assert!(matches!(disk.take_lock(path, Access::Read), Err(Error::Locked { .. })));
        drop(lock);
        let again = disk.take_lock(path, Access::Read).expect("free");
        let beside = disk.take_lock(path, Access::Read).expect("readers share");
        assert!(matches!(disk.take_lock(path, Access::Write), Err(Error::Locked { .. })));
        drop((again, beside));
        assert!(disk.take_lock(path, Access::Write).is_ok());
        drop(inherited);
    }
}
