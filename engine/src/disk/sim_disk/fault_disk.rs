//! A disk whose calls fail when they are told to: one of them, or all from it on.
//!
//! It knows nothing of power failures: put it over a [`super::SimDisk`] for those.
//!
//! - I1. All calls are numbered, from 1, in the order in which they come: those that only read,
//!   and those of open files, too.
//! - I2. A call that is to fail does nothing, a part of its work, or all of it: whoever gets an
//!   error knows none of these ([`Disk`], P7).
//! - I3. On a disk without space every call fails that needs some; bytes inside of a file's
//!   length can be written (P8).

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::Fault;
use crate::disk::{Access, DirEntry, Disk, DiskFile, Metadata, PrivateView};
use crate::error::{Error, Result};

/// What a call does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is the method of its name")]
pub enum Op {
    List,
    Metadata,
    Open,
    Create,
    Rename,
    Remove,
    CreateDirAll,
    RemoveDirAll,
    SyncDir,
    Lock,
    Len,
    ReadAt,
    WriteAt,
    Sync,
    SetLen,
    MapPrivate,
}

impl Op {
    /// As errors name it.
    fn name(self) -> &'static str {
        match self {
            Op::List => "list",
            Op::Metadata | Op::Len => "look at",
            Op::Open => "open",
            Op::Create | Op::CreateDirAll => "create",
            Op::Rename => "rename to",
            Op::Remove | Op::RemoveDirAll => "remove",
            Op::SyncDir | Op::Sync => "sync",
            Op::Lock => "lock",
            Op::ReadAt => "read",
            Op::WriteAt => "write",
            Op::SetLen => "set the length of",
            Op::MapPrivate => "map",
        }
    }
}

/// A call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What it does.
    pub op: Op,
    /// With what.
    pub file: PathBuf,
    /// Does it need space on the disk?
    pub needs_space: bool,
}

/// How long a fault lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// That one call fails.
    Once,
    /// It fails, and so do later calls of the same [`Op`].
    OfItsKind,
    /// It fails, and so do all later calls.
    All,
}

/// What was done when the error is returned (I2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    /// Nothing.
    Nothing,
    /// Of a write, its first half; else nothing.
    Half,
    /// All.
    All,
}

/// A fault, and where it begins. One of space that lasts has all calls fail that need some (I3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Injection {
    /// The number of the call.
    pub at: u64,
    /// How it fails.
    pub fault: Fault,
    /// How long.
    pub lasting: Lasting,
    /// How much is done.
    pub done: Done,
}

/// Another disk, with faults.
#[derive(Debug, Clone)]
pub struct FaultDisk {
    below: Arc<dyn Disk>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    calls: Vec<Call>,
    injection: Option<Injection>,
    failed: Vec<Call>,
}

impl FaultDisk {
    /// `below`, without a fault so far.
    pub fn new(below: Arc<dyn Disk>) -> FaultDisk {
        FaultDisk { below, state: Arc::default() }
    }

    /// Lets calls fail from now on, instead of any that were to fail before.
    pub fn inject(&self, injection: Injection) {
        self.state.lock().injection = Some(injection);
    }

    /// Nothing fails any more: somebody has changed the disk, or made room on it.
    pub fn mend(&self) {
        self.state.lock().injection = None;
    }

    /// The calls that have failed, in order.
    pub fn failed(&self) -> Vec<Call> {
        self.state.lock().failed.clone()
    }

    /// The calls so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.state.lock().calls.clone()
    }

    /// Notes a call that is about to be made; the error that it is to end with, if it is.
    fn note(&self, call: Call, len: u64) -> Option<(Done, Error)> {
        let state = &mut *self.state.lock();
        state.calls.push(call);
        let number = state.calls.len() as u64;
        let call = state.calls.last()?;
        let injection = state.injection.filter(|injection| {
            let first = state.calls.get(injection.at as usize - 1);
            number >= injection.at
                && match (injection.lasting, injection.fault) {
                    (Lasting::Once, _) => number == injection.at,
                    (_, Fault::NoSpace) => call.needs_space,
                    (Lasting::OfItsKind, _) => first.is_some_and(|first| first.op == call.op),
                    (Lasting::All, _) => true,
                }
        })?;
        state.failed.push(call.clone());
        let (file, op) = (call.file.clone(), call.op.name());
        let error = match injection.fault {
            Fault::NoSpace => Error::DiskFull { file, len },
            Fault::Io | Fault::PowerCut => {
                Error::Io { file, op, source: io::Error::from_raw_os_error(EIO) }
            }
        };
        Some((injection.done, error))
    }

    /// Makes a call, unless it is to fail.
    fn call<R>(&self, op: Op, file: &Path, work: impl FnOnce() -> Result<R>) -> Result<R> {
        self.call_for_space(op, file, None, work)
    }

    /// Makes a call that makes `file` as long as `len`, if that is given.
    fn call_for_space<R>(
        &self,
        op: Op,
        file: &Path,
        len: Option<u64>,
        work: impl FnOnce() -> Result<R>,
    ) -> Result<R> {
        let call = Call { op, file: file.to_owned(), needs_space: len.is_some() };
        let Some((done, error)) = self.note(call, len.unwrap_or(0)) else { return work() };
        if done == Done::All {
            // Whatever comes of it, the caller gets the error that was injected.
            let _ = work();
        }
        Err(error)
    }

    fn file(&self, path: &Path, below: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(FaultFile { disk: self.clone(), path: path.to_owned(), below })
    }
}

/// Linux's number of an input/output error.
const EIO: i32 = 5;

impl Disk for FaultDisk {
    fn dbpath(&self) -> &Path {
        self.below.dbpath()
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        self.call(Op::List, dir, || self.below.list(dir))
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        self.call(Op::Metadata, path, || self.below.metadata(path))
    }

    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>> {
        let file = self.call(Op::Open, path, || self.below.open(path, access))?;
        Ok(self.file(path, file))
    }

    fn create(&self, path: &Path, len: u64) -> Result<Arc<dyn DiskFile>> {
        let create = || self.below.create(path, len);
        let file = self.call_for_space(Op::Create, path, Some(len), create)?;
        Ok(self.file(path, file))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.call(Op::Rename, to, || self.below.rename(from, to))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.call(Op::Remove, path, || self.below.remove(path))
    }

    fn create_dir_all(&self, dir: &Path) -> Result<()> {
        let is_there = self.below.metadata(dir)?.is_some();
        let len = (!is_there).then_some(0);
        self.call_for_space(Op::CreateDirAll, dir, len, || self.below.create_dir_all(dir))
    }

    fn remove_dir_all(&self, dir: &Path) -> Result<()> {
        self.call(Op::RemoveDirAll, dir, || self.below.remove_dir_all(dir))
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.call(Op::SyncDir, dir, || self.below.sync_dir(dir))
    }

    fn lock(&self, path: &Path, access: Access) -> Result<Option<Arc<dyn DiskFile>>> {
        let is_there = self.below.metadata(path)?.is_some();
        let len = (!is_there && access == Access::Write).then_some(0);
        let lock = || self.below.lock(path, access);
        let file = self.call_for_space(Op::Lock, path, len, lock)?;
        Ok(file.map(|file| self.file(path, file)))
    }
}

/// An open file of such a disk, by the name that it was opened with.
#[derive(Debug)]
struct FaultFile {
    disk: FaultDisk,
    path: PathBuf,
    below: Arc<dyn DiskFile>,
}

impl FaultFile {
    /// What the call needs that makes the file at least `len` bytes long.
    fn growth(&self, len: u64) -> Result<Option<u64>> {
        Ok((len > self.below.len()?).then_some(len))
    }
}

impl DiskFile for FaultFile {
    fn len(&self) -> Result<u64> {
        self.disk.call(Op::Len, &self.path, || self.below.len())
    }

    fn read_at(&self, ofs: u64, out: &mut [u8]) -> Result<()> {
        self.disk.call(Op::ReadAt, &self.path, || self.below.read_at(ofs, out))
    }

    fn write_at(&self, ofs: u64, bytes: &[u8]) -> Result<()> {
        let len = self.growth(ofs + bytes.len() as u64)?;
        let call = Call { op: Op::WriteAt, file: self.path.clone(), needs_space: len.is_some() };
        let Some((done, error)) = self.disk.note(call, len.unwrap_or(0)) else {
            return self.below.write_at(ofs, bytes);
        };
        let written = match done {
            Done::Nothing => 0,
            Done::Half => bytes.len() / 2,
            Done::All => bytes.len(),
        };
        if written > 0 {
            self.below.write_at(ofs, &bytes[..written])?;
        }
        Err(error)
    }

    fn sync(&self) -> Result<()> {
        self.disk.call(Op::Sync, &self.path, || self.below.sync())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let growth = self.growth(len)?;
        let set = || self.below.set_len(len);
        self.disk.call_for_space(Op::SetLen, &self.path, growth, set)
    }

    fn map_private(&self) -> Result<PrivateView> {
        self.disk.call(Op::MapPrivate, &self.path, || self.below.map_private())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::HeapDisk;

    fn disk(fault: Fault, lasting: Lasting, done: Done) -> FaultDisk {
        let disk = FaultDisk::new(Arc::new(HeapDisk::new()));
        disk.inject(Injection { at: 3, fault, lasting, done });
        disk
    }

    /// Creates a file of 8 bytes, reads it, writes into it, behind it, and into it.
    fn use_it(disk: &FaultDisk) -> [bool; 5] {
        let file = disk.create(Path::new("f"), 8).expect("made");
        let read = file.read_at(0, &mut [0; 8]).is_ok();
        let inside = file.write_at(0, b"abcd").is_ok();
        let behind = file.write_at(8, b"efgh").is_ok();
        [read, inside, behind, file.write_at(4, b"ijkl").is_ok(), file.sync().is_ok()]
    }

    fn contents(disk: &FaultDisk) -> Vec<u8> {
        disk.mend();
        let file = disk.open(Path::new("f"), Access::Read).expect("there");
        let mut bytes = vec![0; file.len().expect("looks") as usize];
        file.read_at(0, &mut bytes).expect("reads");
        bytes
    }

    #[test]
    fn a_fault_lasts_as_long_as_it_is_told_to() {
        let outcome = |fault, lasting| use_it(&disk(fault, lasting, Done::Nothing));
        assert_eq!(outcome(Fault::Io, Lasting::Once), [true, false, true, true, true]);
        assert_eq!(outcome(Fault::Io, Lasting::OfItsKind), [true, false, false, false, true]);
        assert_eq!(outcome(Fault::Io, Lasting::All), [true, false, false, false, false]);
        assert_eq!(outcome(Fault::NoSpace, Lasting::All), [true, true, false, true, true]);
        let disk = disk(Fault::Io, Lasting::All, Done::Nothing);
        use_it(&disk);
        let ops: Vec<Op> = disk.failed().iter().map(|call| call.op).collect();
        assert_eq!(ops, [Op::WriteAt, Op::WriteAt, Op::WriteAt, Op::Sync]);
        assert_eq!(disk.calls().len(), 6);
    }

    #[test]
    fn what_fails_has_done_as_much_as_it_is_told_to() {
        for (done, left) in [
            (Done::Nothing, b"\0\0\0\0ijklefgh"),
            (Done::Half, b"ab\0\0ijklefgh"),
            (Done::All, b"abcdijklefgh"),
        ] {
            let disk = disk(Fault::Io, Lasting::Once, done);
            use_it(&disk);
            assert_eq!(contents(&disk), left, "{done:?}");
        }
    }
}
