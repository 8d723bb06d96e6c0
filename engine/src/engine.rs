//! [`Engine`]: opens a directory, hands out its databases, closes it.

mod own_writes;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use parking_lot::{Mutex, RwLock};

use crate::bson::object_id::ObjectIdMaker;
use crate::bson::timestamp::TimestampMaker;
use crate::clock::{Clock, OsClock};
use crate::collection::{Collection, DatabaseCore, EngineShared, NameTable, Profiling, Thresholds};
use crate::counters::Counters;
use crate::database::Database;
use crate::disk::{Disk, OsDisk};
use crate::error::{Error, Result};
use crate::holds::Holds;
use crate::journal::{Environment, Journal, Mapped};
use crate::namespace_string::{NamespaceString, check_database_name};
use crate::options::{Durability, Options};
use crate::salvager::Salvager;
use crate::threads::Threads;
use crate::update::FieldOrder;

/// An open directory of databases. Cheap to clone, and to be shared by threads.
///
/// Dropping the last handle closes it as [`Engine::close`] does, but errors are only logged.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<EngineShared>,
    dbpath: PathBuf,
    databases: Arc<Mutex<Databases>>,
    threads: Mutex<Option<Threads>>,
    closed: Mutex<bool>,
}

/// Opens an engine with other options than the default.
#[derive(Debug, Clone)]
pub struct EngineBuilder {
    dbpath: PathBuf,
    options: Options,
    disk: Option<Arc<dyn Disk>>,
    clock: Arc<dyn Clock>,
    journal_file_len: Option<u64>,
    field_order: FieldOrder,
}

impl Engine {
    /// Opens the databases in `dbpath`, which is created if it is missing. A directory that was
    /// not closed cleanly is recovered from its journal.
    ///
    /// # Errors
    /// [`Error::Locked`] if another process has it open; [`Error::BadFile`] for files that must
    /// not be opened, with what to do; [`Error::Corrupt`]; the disk's.
    pub fn open(dbpath: impl AsRef<Path>) -> Result<Engine> {
        Engine::builder(dbpath).open()
    }

    /// Chooses options first.
    pub fn builder(dbpath: impl AsRef<Path>) -> EngineBuilder {
        EngineBuilder {
            dbpath: dbpath.as_ref().to_owned(),
            options: Options::default(),
            disk: None,
            clock: Arc::new(OsClock::new()),
            journal_file_len: None,
            field_order: FieldOrder::default(),
        }
    }

    /// The directory.
    pub fn dbpath(&self) -> &Path {
        &self.inner.dbpath
    }

    /// The options that it was opened with; how the files are laid out is filled in.
    pub fn options(&self) -> &Options {
        &self.inner.shared.options
    }

    /// Names of the databases that exist, sorted.
    pub fn database_names(&self) -> Vec<String> {
        let cores: Vec<_> =
            self.inner.databases.lock().iter().map(|(_, core)| core.clone()).collect();
        let exist = cores.iter().filter(|core| core.exists());
        let mut names: Vec<_> = exist.map(|core| core.name.clone()).collect();
        names.sort();
        names
    }

    /// A database by name. It need not exist yet: the first insert creates it.
    ///
    /// # Errors
    /// [`Error::InvalidNamespace`].
    pub fn database(&self, name: &str) -> Result<Database> {
        check_database_name(name)?;
        let mut databases = self.inner.databases.lock();
        if let Some(core) = databases.get(name) {
            return Ok(Database::new(core.clone()));
        }
        let core = DatabaseCore::new(name, self.inner.shared.clone());
        databases.add(name, core.clone());
        Ok(Database::new(core))
    }

    /// A collection by its full name, such as `stats.daily`. It need not exist yet.
    ///
    /// # Errors
    /// [`Error::InvalidNamespace`]; `Corrupt` if it exists and cannot be opened.
    pub fn collection(&self, ns: &str) -> Result<Collection> {
        let ns = NamespaceString::parse(ns)?;
        self.database(ns.database())?.collection(ns.collection())
    }

    /// Waits until everything acknowledged so far is in the journal, safe from power failure:
    /// what MongoDB calls `j: true`. All who wait at one time share one sync.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] after the journal could not be written.
    pub fn wait_durable(&self) -> Result<()> {
        let journal = &self.inner.shared.journal;
        journal.wait_durable(journal.ticket())
    }

    /// Writes everything to the data files and syncs them; the journal is cut short.
    ///
    /// # Errors
    /// As [`Engine::wait_durable`].
    pub fn sync(&self) -> Result<()> {
        self.inner.shared.journal.truncate_journal()
    }

    /// Deletes the documents that have expired by now, as indexes with `expireAfterSeconds` say.
    /// Answers how many. A thread does so every minute, unless there are none.
    ///
    /// # Errors
    /// [`Error::ReadOnly`] if the engine takes no writes.
    pub fn expire_now(&self) -> Result<u64> {
        expire(&self.inner.shared, &self.inner.databases, false)
    }

    /// Does it still take writes?
    ///
    /// # Errors
    /// [`Error::ReadOnly`], with the reason: it was opened so or closed, or the journal failed.
    pub fn check_writes(&self) -> Result<()> {
        self.inner.shared.journal.check_writes()
    }

    /// Tells the profilers of all databases, those to come too, which operations to describe.
    ///
    /// # Errors
    /// As [`Database::set_profiling`].
    pub fn set_default_profiling(&self, told: Profiling) -> Result<()> {
        let cores: Vec<_> =
            self.inner.databases.lock().iter().map(|(_, core)| core.clone()).collect();
        for core in cores {
            core.profiler.tell(&self.inner.shared.profiled, told)?;
        }
        self.inner.shared.profiled.set_default(told);
        Ok(())
    }

    /// From what time on an operation is slow, as the profilers were told.
    #[inline]
    pub fn slow_after(&self) -> Duration {
        self.inner.shared.profiled.slow()
    }

    /// The share of slow operations that is to be told of, as the profilers were told.
    pub fn slow_sample_rate(&self) -> f64 {
        self.inner.shared.profiled.sample_rate()
    }

    /// Switches the gate off: from now on, after so many writes within units of work, a commit
    /// takes along what is half done. A simulation that does not notice is none.
    #[cfg(feature = "simulation")]
    pub fn commit_within_units(&self, every: u32) {
        let shared = Arc::downgrade(&self.inner.shared);
        let commit = move || {
            if let Some(shared) = shared.upgrade() {
                let _ = shared.journal.commit();
            }
        };
        self.inner.shared.journal.commit_within_units(every, commit);
    }

    /// Work done since it was opened.
    pub fn counters(&self) -> &Counters {
        &self.inner.shared.counters
    }

    /// How often writers were held since it was opened, and for how long.
    pub fn holds(&self) -> Holds {
        self.inner.shared.journal.holds()
    }

    /// How much memory its files take.
    pub fn mapped(&self) -> Mapped {
        self.inner.shared.journal.mapped()
    }

    /// Closes the directory cleanly: everything is in the synced data files, the journal is
    /// gone, the lock is empty and free. Other handles of this engine are read-only from then on.
    ///
    /// # Errors
    /// The disk's. What was acknowledged and durable is still in the journal then.
    pub fn close(self) -> Result<()> {
        self.inner.close()
    }
}

impl Inner {
    fn close(&self) -> Result<()> {
        let mut closed = self.closed.lock();
        if std::mem::replace(&mut *closed, true) {
            return Ok(());
        }
        drop(self.threads.lock().take());
        self.shared.journal.close()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, dbpath = %self.dbpath.display(), "not closed cleanly");
        }
    }
}

impl EngineBuilder {
    /// Opens without changing a byte of the directory; the journal of a crashed one is replayed
    /// in memory.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.options.read_only = read_only;
        self
    }

    /// Journaled or not.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.options.durability = durability;
        self
    }

    /// Time between group commits, 1–500 ms; 100 ms unless told.
    pub fn commit_interval(mut self, interval: Duration) -> Self {
        self.options.commit_interval = interval;
        self
    }

    /// Time between syncs of the data files; 60 s unless told.
    pub fn sync_interval(mut self, interval: Duration) -> Self {
        self.options.sync_interval = interval;
        self
    }

    /// Time between deletions of documents that have expired; 60 s unless told.
    pub fn ttl_interval(mut self, interval: Duration) -> Self {
        self.options.ttl_interval = interval;
        self
    }

    /// Private memory above which clean pages are given back, bytes; 256 MiB unless told. As much
    /// may a recovery use.
    pub fn private_budget(mut self, bytes: u64) -> Self {
        self.options.private_budget = bytes;
        self
    }

    /// Changed pages at which a commit begins before its time, bytes; 64 MiB unless told, or a
    /// quarter of the budget of private memory if that is more, up to 256 MiB. At four times as
    /// much, operations wait for one.
    pub fn dirty_max(mut self, bytes: u64) -> Self {
        self.options.dirty_max = Some(bytes);
        self
    }

    /// Memory in which the keys of a new index are sorted, bytes; 100 MiB unless told. More of
    /// them are sorted through a file in the directory, as long as the keys are together.
    pub fn index_build_memory(mut self, bytes: u64) -> Self {
        self.options.index_build_memory = bytes;
        self
    }

    /// Data files of 16 MiB doubling to 512 MiB (unless told), or of 64 MiB doubling to 2 GiB.
    pub fn small_files(mut self, small: bool) -> Self {
        self.options.small_files = small;
        self
    }

    /// One directory per database, or all files side by side. Unless told, an existing directory
    /// is opened as it was made, and a new one has all files side by side.
    pub fn directory_per_db(mut self, apart: bool) -> Self {
        self.options.directory_per_db = Some(apart);
        self
    }

    /// Size of new `.ns` files, MiB, 1–2047; 16 unless told.
    pub fn ns_size_mib(mut self, mib: u32) -> Self {
        self.options.ns_size_mib = mib;
        self
    }

    /// Whether records and layouts are remembered. Without, every update shows the raw cost.
    pub fn memos(mut self, memos: bool) -> Self {
        self.options.memos = memos;
        self
    }

    /// The order in which updates create fields, in collections that were created without one:
    /// as they are written, unless told.
    pub fn field_order(mut self, order: FieldOrder) -> Self {
        self.field_order = order;
        self
    }

    /// Whether threads commit, sync and delete what has expired. Without them nothing is durable
    /// until [`Engine::wait_durable`] or [`Engine::sync`], and nothing expires until
    /// [`Engine::expire_now`].
    pub fn background(mut self, background: bool) -> Self {
        self.options.background = background;
        self
    }

    /// Length after which the journal goes on in another file, bytes; 128 MiB with small files,
    /// else 1 GiB, unless a simulation wants to see it sooner.
    #[cfg(feature = "simulation")]
    pub fn journal_file_len(mut self, bytes: u64) -> Self {
        self.journal_file_len = Some(bytes);
        self
    }

    /// Another disk than the operating system's.
    pub fn disk(mut self, disk: Arc<dyn Disk>) -> Self {
        self.disk = Some(disk);
        self
    }

    /// Another clock than the operating system's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Opens what is left of a damaged directory, to read documents out of it; only the disk
    /// and the layout of its files count of the options.
    ///
    /// # Errors
    /// [`Error::Locked`] if a process has it open to write; the disk's.
    pub fn salvage(self) -> Result<Salvager> {
        let disk = match self.disk {
            Some(disk) => disk,
            None => Arc::new(OsDisk::open(&self.dbpath)?),
        };
        Salvager::open(disk, self.options.directory_per_db)
    }

    /// Opens it.
    ///
    /// # Errors
    /// As [`Engine::open`]; options outside of their range.
    pub fn open(self) -> Result<Engine> {
        let EngineBuilder { dbpath, mut options, disk, clock, journal_file_len, field_order } =
            self;
        options.check()?;
        let disk = match disk {
            Some(disk) => disk,
            None => Arc::new(match options.read_only {
                true => OsDisk::open(&dbpath)?,
                false => OsDisk::create(&dbpath)?,
            }),
        };
        let counters = Arc::new(Counters::default());
        let environment = Environment {
            disk,
            clock: clock.clone(),
            counters: counters.clone(),
            rotation_len: journal_file_len,
        };
        let (journal, names) = Journal::open(&environment, &options)?;
        options.directory_per_db = Some(journal.is_directory_per_db());
        let shared = Arc::new(EngineShared {
            journal,
            options,
            counters,
            clock,
            samples: Arc::default(),
            object_ids: ObjectIdMaker::new(),
            timestamps: TimestampMaker::default(),
            moving: Mutex::default(),
            spares_expired: AtomicBool::new(false),
            is_silent: AtomicBool::new(false),
            own_writes: RwLock::default(),
            profiled: Thresholds::default(),
            field_order,
        });
        let (databases, threads) = match start(&dbpath, &shared, names) {
            Ok(started) => started,
            Err(error) => {
                // So that what could not be opened does not pass for a crash. The first error is
                // what counts; if this fails too, it does.
                let _ = shared.journal.close();
                return Err(error);
            }
        };
        let inner = Inner {
            shared,
            dbpath,
            databases,
            threads: Mutex::new(threads),
            closed: Mutex::new(false),
        };
        Ok(Engine { inner: Arc::new(inner) })
    }
}

type Databases = NameTable<DatabaseCore>;

/// Opens the databases `names` and starts the threads.
fn start(
    dbpath: &Path,
    shared: &Arc<EngineShared>,
    names: Vec<String>,
) -> Result<(Arc<Mutex<Databases>>, Option<Threads>)> {
    let mut databases = NameTable::new(DatabaseCore::is_needed);
    for name in names {
        let core = DatabaseCore::open(&name, shared.clone())?;
        databases.add(&name, core);
    }
    let databases = Arc::new(Mutex::new(databases));
    let threads = match shared.options.background && !shared.options.read_only {
        true => {
            let (engine, expiring) = (shared.clone(), databases.clone());
            let expire = move || match engine.spares_expired() {
                true => Ok(()),
                false => expire(&engine, &expiring, true).map(|_| ()),
            };
            Some(Threads::start(shared, expire).map_err(Error::io(dbpath, "start threads for"))?)
        }
        false => None,
    };
    Ok((databases, threads))
}

/// Deletes what has expired in any database; if nobody asked for that, as long as it may be.
/// Answers how many documents that were.
fn expire(shared: &EngineShared, databases: &Mutex<Databases>, is_own_write: bool) -> Result<u64> {
    let cores: Vec<_> = databases.lock().iter().map(|(_, core)| core.clone()).collect();
    let now = shared.clock.unix_ms();
    let mut deleted = 0;
    for core in cores {
        deleted += core.expire(now, is_own_write)?;
    }
    shared.counters.ttl_passes.add(1);
    Ok(deleted)
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({})", self.inner.dbpath.display())
    }
}

#[cfg(test)]
mod tests;
