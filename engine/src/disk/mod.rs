//! Files: the one seam between the engine and an operating system.
//!
//! Whatever the engine reads or makes durable goes through a [`Disk`] and the [`DiskFile`]s that
//! it opens; no other module calls the operating system about files. [`OsDisk`] is the real one,
//! [`HeapDisk`] lives in RAM, [`OverlayDisk`] reads another disk and keeps every change to
//! itself. The simulated disk of the feature `simulation` may lose, tear and reorder exactly what
//! is said here.
//!
//! All paths are relative to the dbpath; the empty path is the dbpath itself.
//!
//! # What may persist when
//!
//! *Seen* is what later calls on the same disk answer; *persistent* is what is left after a
//! power failure. All changes are seen at once. What is persistent:
//!
//! - P1. **Bytes.** Until [`DiskFile::sync`] returns `Ok`, any subset of the 512-byte sectors
//!   of the writes since the last sync may be persistent, in any order; a sector is the old one
//!   or the new one, except in a part of the file beyond its synced length, which may hold
//!   anything.
//! - P2. **Sync.** When it returns `Ok`, all writes and length changes that were finished before
//!   it was called are persistent, for this file under any name that it has persistently.
//! - P3. **Length.** Between syncs the persistent length of a file may be any that it had.
//! - P4. **Names.** A creation, rename or removal becomes persistent on its own, in any order,
//!   until [`Disk::sync_dir`] of the directory that holds the name returns `Ok`; then all that
//!   were finished before it was called are. The same holds for a directory in its parent.
//! - P5. **Rename.** It is atomic for the target: the target's name leads to the old file or to
//!   the new one. Across directories the old name may persist beside the new one until its own
//!   directory is synced.
//! - P6. **Names and bytes are apart.** A persistent name does not make bytes persistent, nor
//!   the other way round: a new file needs both syncs.
//! - P7. **Failure.** After a failed write or sync nothing is known of the bytes since the last
//!   good sync, and a later sync that succeeds does not repair that. The engine never retries
//!   one; it stops writing.
//! - P8. **Allocation.** Bytes within a file's length made by [`Disk::create`] can be written
//!   without a further need of space.

#[cfg(test)]
mod contract;
mod heap_disk;
#[cfg(test)]
pub(crate) mod heap_files;
mod mapped_file;
mod os_disk;
mod overlay_disk;
#[cfg(any(test, feature = "simulation"))]
pub mod sim_disk;
mod sparse_bytes;
pub(crate) mod view;

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use crate::error::Result;

pub use heap_disk::HeapDisk;
pub use mapped_file::PrivateView;
pub(crate) use mapped_file::{populate, prefetch};
pub use os_disk::OsDisk;
pub use overlay_disk::OverlayDisk;
pub(crate) use view::{Edit, View};

/// For what a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read, map, and nothing else.
    Read,
    /// To read and change.
    Write,
}

/// What a name in a directory leads to. Symbolic links are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// Its name, without directory.
    pub name: String,
    /// A directory, or else a file.
    pub is_dir: bool,
}

/// What is known of a path without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metadata {
    /// Length of a file, bytes; 0 for a directory.
    pub len: u64,
    /// A directory, or else a file.
    pub is_dir: bool,
}

/// The files below one dbpath.
///
/// # Errors
/// Every method answers [`crate::Error::Io`] with the file and the operation, or
/// [`crate::Error::DiskFull`] when there is no room; after an error nothing is known to have
/// changed or not.
pub trait Disk: Send + Sync + Debug {
    /// The name of the dbpath, for messages and for the header of journal files.
    fn dbpath(&self) -> &Path;

    /// The names in a directory, in no order; none if there is no such directory. Names that
    /// are not UTF-8 are left out.
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>>;

    /// What `path` is; `None` if there is nothing.
    fn metadata(&self, path: &Path) -> Result<Option<Metadata>>;

    /// Opens an existing file.
    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>>;

    /// Creates a file of `len` zeros, really allocated (P8), and opens it for writing. The
    /// directory exists; the file does not. On an error no file is left behind.
    fn create(&self, path: &Path, len: u64) -> Result<Arc<dyn DiskFile>>;

    /// Gives a file another name, replacing the file of that name (P5). Open files stay open.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Removes a file. Whoever has it open or mapped keeps its bytes.
    fn remove(&self, path: &Path) -> Result<()>;

    /// Creates a directory and those above it that are missing.
    fn create_dir_all(&self, dir: &Path) -> Result<()>;

    /// Removes a directory with all that is in it; nothing happens if there is none.
    fn remove_dir_all(&self, dir: &Path) -> Result<()>;

    /// Makes the names in a directory persistent (P4).
    fn sync_dir(&self, dir: &Path) -> Result<()>;

    /// Takes the lock of the dbpath by its lock file, until the file returned is dropped.
    ///
    /// With [`Access::Write`] the lock excludes all others and the file is created if missing;
    /// with [`Access::Read`] it excludes writers, and a missing file is `None`.
    ///
    /// # Errors
    /// [`crate::Error::Locked`] at once if another holder excludes this one.
    fn lock(&self, path: &Path, access: Access) -> Result<Option<Arc<dyn DiskFile>>>;
}

/// An open file. It stays usable when it is renamed or removed.
///
/// # Errors
/// As those of [`Disk`].
#[expect(clippy::len_without_is_empty, reason = "a file's length costs a call and may fail")]
pub trait DiskFile: Send + Sync + Debug {
    /// Its length, bytes.
    fn len(&self) -> Result<u64>;

    /// Fills `out` from the bytes at `ofs`; an error if the file ends before.
    fn read_at(&self, ofs: u64, out: &mut [u8]) -> Result<()>;

    /// Writes all of `bytes` at `ofs`, extending the file if it ends before (P1).
    fn write_at(&self, ofs: u64, bytes: &[u8]) -> Result<()>;

    /// Makes its bytes and its length persistent (P2).
    fn sync(&self) -> Result<()>;

    /// Cuts or extends the file with zeros (P3).
    fn set_len(&self, len: u64) -> Result<()>;

    /// The whole file as private memory: what is written there never reaches the file.
    ///
    /// The view begins as the file's bytes. Bytes that are written to the file later may or may
    /// not show in pages that the view has not changed, so the engine only ever writes to a
    /// mapped file what its view holds already. A simulated disk answers
    /// [`PrivateView::from_bytes`] with a copy of the bytes seen.
    fn map_private(&self) -> Result<PrivateView>;
}
