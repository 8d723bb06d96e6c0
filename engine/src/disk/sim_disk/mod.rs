//! A simulated disk, for tests: one that fails when it is told to, and can lose power: what is
//! left then is any state that the contract in [`crate::disk`] allows, chosen by a random
//! generator.
//!
//! Changes are numbered from 1 in the order of calls. At the number set by
//! [`SimDisk::fail_at`] the change is not made and an error returned, once or, for a power
//! failure, for ever.

mod fault;
mod fault_disk;
mod platter;

use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oorandom::Rand32;
use parking_lot::Mutex;

use super::{Access, DirEntry, Disk, DiskFile, HeapDisk, Metadata, PrivateView};
use crate::error::{Error, Result};
use crate::file_id::JOURNAL_DIR;

pub use fault::Fault;
pub use fault_disk::{Call, Done, FaultDisk, Injection, Lasting, Op};
use platter::{Pending, Platter};

/// A disk over a [`HeapDisk`] that knows what of it is persistent.
#[derive(Debug, Clone)]
pub struct SimDisk {
    seen: HeapDisk,
    state: Arc<Mutex<State>>,
    watch: Arc<Watch>,
}

/// A call that is about to change the disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// What the call does.
    pub op: &'static str,
    /// To which path.
    pub path: PathBuf,
}

/// Syncs of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syncs {
    /// Of all files and directories.
    All,
    /// Of files in the journal's directory.
    Journal,
    /// Of all other files.
    DataFiles,
    /// Of directories.
    Directories,
}

impl Syncs {
    fn has_file(self, path: &Path) -> bool {
        match self {
            Syncs::All => true,
            Syncs::Journal => path.starts_with(JOURNAL_DIR),
            Syncs::DataFiles => !path.starts_with(JOURNAL_DIR),
            Syncs::Directories => false,
        }
    }
}

type Watching = dyn FnMut(&SimDisk, &Change) + Send;

/// Who looks at the disk before each change.
#[derive(Default)]
struct Watch(Mutex<Option<Box<Watching>>>);

impl Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").finish_non_exhaustive()
    }
}

/// Something to do once, at a point of the disk's work.
#[derive(Default)]
struct Hook(Option<Box<dyn FnOnce() + Send>>);

impl Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hook").field(&self.0.is_some()).finish()
    }
}

#[derive(Debug, Default)]
struct State {
    changes: u64,
    ignored: Option<Syncs>,
    after_sync: Hook,
    fault: Option<(u64, Fault)>,
    /// Names as seen, to find the file of a rename.
    names: BTreeMap<PathBuf, Node>,
    /// Names that are persistent.
    kept: BTreeMap<PathBuf, Node>,
    /// Changes of names that are not yet: `None` is a removal.
    pending: Vec<(PathBuf, Option<Node>)>,
}

#[derive(Debug, Clone)]
enum Node {
    Dir,
    File(Arc<Mutex<Platter>>),
}

impl SimDisk {
    /// What `disk` holds is persistent.
    pub fn new(disk: HeapDisk) -> SimDisk {
        let mut state = State::default();
        let mut dirs = vec![PathBuf::new()];
        while let Some(dir) = dirs.pop() {
            for entry in disk.list(&dir).expect("heap disk") {
                let path = dir.join(&entry.name);
                let node = if entry.is_dir {
                    dirs.push(path.clone());
                    Node::Dir
                } else {
                    let synced = disk.sparse(&path).expect("listed");
                    Node::File(Arc::new(Mutex::new(Platter { synced, ..Platter::default() })))
                };
                state.names.insert(path, node);
            }
        }
        state.kept = state.names.clone();
        SimDisk { seen: disk, state: Arc::new(Mutex::new(state)), watch: Arc::default() }
    }

    /// Lets change `number` fail.
    pub fn fail_at(&self, number: u64, fault: Fault) {
        self.state.lock().fault = Some((number, fault));
    }

    /// Lets the next change fail.
    pub fn fail_next(&self, fault: Fault) {
        let mut state = self.state.lock();
        state.fault = Some((state.changes + 1, fault));
    }

    /// From now on these syncs answer `Ok` and make nothing persistent.
    pub fn ignore_syncs(&self, which: Syncs) {
        self.state.lock().ignored = Some(which);
    }

    /// Lets `watch` look at the disk before each change, at what may be left by then.
    pub fn before_each_change(&self, watch: impl FnMut(&SimDisk, &Change) + Send + 'static) {
        *self.watch.0.lock() = Some(Box::new(watch));
    }

    /// Lets the next sync of a file do `hook` after it has made its bytes persistent, before it
    /// returns.
    pub fn after_next_sync(&self, hook: impl FnOnce() + Send + 'static) {
        self.state.lock().after_sync = Hook(Some(Box::new(hook)));
    }

    /// Changes so far.
    pub fn changes(&self) -> u64 {
        self.state.lock().changes
    }

    /// What may be left after the power fails now.
    pub fn after_power_cut(&self, random: &mut Rand32) -> HeapDisk {
        let state = self.state.lock();
        // All, nothing, or each on its own: extremes find other faults than mixtures.
        let odds = random.rand_range(0..4);
        let mut persists = |random: &mut Rand32| match odds {
            0 => false,
            1 => true,
            _ => random.rand_range(0..2) == 0,
        };
        let mut names = state.kept.clone();
        for (path, node) in &state.pending {
            if persists(random) {
                match node {
                    Some(node) => names.insert(path.clone(), node.clone()),
                    None => names.remove(path),
                };
            }
        }
        let left = HeapDisk::new();
        for (path, node) in &names {
            // In order of paths a directory comes before what is in it.
            let parent = path.parent().expect("no name is empty");
            if left.metadata(parent).expect("heap disk").is_none() {
                continue;
            }
            match node {
                Node::Dir => left.create_dir_all(path).expect("heap disk"),
                Node::File(platter) => {
                    let bytes = platter.lock().after_power_cut(&mut persists, random);
                    left.add(path, bytes);
                }
            }
        }
        left
    }

    /// Counts a change of `path`, or lets it fail.
    fn change(&self, path: &Path, op: &'static str) -> Result<()> {
        if let Some(watch) = &mut *self.watch.0.lock() {
            watch(self, &Change { op, path: path.to_owned() });
        }
        let mut state = self.state.lock();
        state.changes += 1;
        let Some((at, fault)) = state.fault else { return Ok(()) };
        if state.changes < at {
            return Ok(());
        }
        if fault != Fault::PowerCut {
            state.fault = None;
        }
        let file = path.to_owned();
        match fault {
            Fault::NoSpace => Err(Error::DiskFull { file, len: 0 }),
            _ => Err(Error::Io { file, op, source: io::Error::other("injected") }),
        }
    }

    fn name(&self, path: &Path, node: Option<Node>) {
        let mut state = self.state.lock();
        match &node {
            Some(node) => state.names.insert(path.to_owned(), node.clone()),
            None => state.names.remove(path),
        };
        state.pending.push((path.to_owned(), node));
    }

    fn file(&self, path: &Path, seen: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        let state = self.state.lock();
        let Some(Node::File(platter)) = state.names.get(path) else {
            panic!("{} is no file", path.display())
        };
        let (path, platter) = (path.to_owned(), platter.clone());
        Arc::new(SimFile { disk: self.clone(), path, seen, platter })
    }
}

impl Disk for SimDisk {
    fn dbpath(&self) -> &Path {
        self.seen.dbpath()
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        self.seen.list(dir)
    }

    fn metadata(&self, path: &Path) -> Result<Option<Metadata>> {
        self.seen.metadata(path)
    }

    fn open(&self, path: &Path, access: Access) -> Result<Arc<dyn DiskFile>> {
        Ok(self.file(path, self.seen.open(path, access)?))
    }

    fn create(&self, path: &Path, len: u64) -> Result<Arc<dyn DiskFile>> {
        self.change(path, "create")?;
        let seen = self.seen.create(path, len)?;
        let pending = vec![Pending::Len(len)];
        let platter = Platter { pending, ..Platter::default() };
        self.name(path, Some(Node::File(Arc::new(Mutex::new(platter)))));
        Ok(self.file(path, seen))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.change(to, "rename to")?;
        self.seen.rename(from, to)?;
        let node = self.state.lock().names.get(from).cloned();
        self.name(to, node);
        self.name(from, None);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        self.change(path, "remove")?;
        self.seen.remove(path)?;
        self.name(path, None);
        Ok(())
    }

    fn create_dir_all(&self, dir: &Path) -> Result<()> {
        self.change(dir, "create")?;
        let mut above: Vec<_> = dir.ancestors().filter(|a| !a.as_os_str().is_empty()).collect();
        above.reverse();
        for dir in above {
            if self.seen.metadata(dir)?.is_none() {
                self.seen.create_dir_all(dir)?;
                self.name(dir, Some(Node::Dir));
            }
        }
        Ok(())
    }

    fn remove_dir_all(&self, dir: &Path) -> Result<()> {
        self.change(dir, "remove")?;
        self.seen.remove_dir_all(dir)?;
        let names: Vec<PathBuf> = {
            let state = self.state.lock();
            state.names.keys().filter(|path| path.starts_with(dir)).cloned().collect()
        };
        names.iter().rev().for_each(|path| self.name(path, None));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        self.change(dir, "sync")?;
        self.seen.sync_dir(dir)?;
        let mut state = self.state.lock();
        if matches!(state.ignored, Some(Syncs::All | Syncs::Directories)) {
            return Ok(());
        }
        let (synced, pending): (Vec<_>, Vec<_>) = std::mem::take(&mut state.pending)
            .into_iter()
            .partition(|(path, _)| path.parent() == Some(dir));
        state.pending = pending;
        for (path, node) in synced {
            match node {
                Some(node) => state.kept.insert(path, node),
                None => state.kept.remove(&path),
            };
        }
        Ok(())
    }

    fn lock(&self, path: &Path, access: Access) -> Result<Option<Arc<dyn DiskFile>>> {
        let is_new = self.seen.metadata(path)?.is_none();
        if is_new && access == Access::Write {
            self.change(path, "create")?;
        }
        let Some(seen) = self.seen.lock(path, access)? else { return Ok(None) };
        if is_new {
            self.name(path, Some(Node::File(Arc::default())));
        }
        Ok(Some(self.file(path, seen)))
    }
}

#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    path: PathBuf,
    seen: Arc<dyn DiskFile>,
    platter: Arc<Mutex<Platter>>,
}

impl DiskFile for SimFile {
    fn len(&self) -> Result<u64> {
        self.seen.len()
    }

    fn read_at(&self, ofs: u64, out: &mut [u8]) -> Result<()> {
        self.seen.read_at(ofs, out)
    }

    fn write_at(&self, ofs: u64, bytes: &[u8]) -> Result<()> {
        let done = self.disk.change(&self.path, "write");
        // A write that fails may have reached the platter in part (P7).
        self.platter.lock().pending.push(Pending::Write(ofs, bytes.to_vec()));
        done?;
        self.seen.write_at(ofs, bytes)
    }

    fn sync(&self) -> Result<()> {
        if let Err(error) = self.disk.change(&self.path, "sync") {
            self.platter.lock().sync_failed();
            return Err(error);
        }
        if self.disk.state.lock().ignored.is_some_and(|syncs| syncs.has_file(&self.path)) {
            return Ok(());
        }
        self.platter.lock().sync();
        let hook = std::mem::take(&mut self.disk.state.lock().after_sync);
        if let Some(hook) = hook.0 {
            hook();
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.disk.change(&self.path, "set the length of")?;
        self.platter.lock().pending.push(Pending::Len(len));
        self.seen.set_len(len)
    }

    fn map_private(&self) -> Result<PrivateView> {
        self.seen.map_private()
    }
}
