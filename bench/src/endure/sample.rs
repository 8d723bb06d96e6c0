//! What is looked at every few seconds of a long run.

use std::fmt;
use std::path::Path;

use tallymap::{Engine, Error, Lengths};

use crate::memory;
use crate::rate::micros;

/// The state of a run at one moment, and the hits since the last.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Since the run began.
    pub seconds: f64,
    /// Pages of the maps that are private copies, bytes.
    pub private: u64,
    /// All memory of the process that is resident, bytes.
    pub resident: u64,
    /// Length of all data files, bytes.
    pub files: u64,
    /// Length of all journal files, bytes.
    pub journal: u64,
    /// Bytes in extents of the collection in which documents come and go.
    pub storage: i64,
    pub hits: Lengths,
    /// Seconds since the last sample.
    pub interval: f64,
    pub commits: u64,
    pub syncs: u64,
    pub moves: u64,
}

/// Names of the columns of [`Sample::row`].
pub const COLUMNS: [&str; 14] = [
    "seconds",
    "private_bytes",
    "resident_bytes",
    "data_file_bytes",
    "journal_bytes",
    "events_storage_bytes",
    "hits_per_second",
    "p50_ns",
    "p99_ns",
    "p999_ns",
    "max_ns",
    "commits",
    "data_file_syncs",
    "moves",
];

impl Sample {
    /// The numbers, as in [`COLUMNS`].
    pub fn row(&self) -> [f64; 14] {
        let quantile = |share| self.hits.quantile(share).as_nanos() as f64;
        [
            self.seconds.round(),
            self.private as f64,
            self.resident as f64,
            self.files as f64,
            self.journal as f64,
            self.storage as f64,
            (self.hits.count() as f64 / self.interval).round(),
            quantile(0.5),
            quantile(0.99),
            quantile(0.999),
            self.hits.max().as_nanos() as f64,
            self.commits as f64,
            self.syncs as f64,
            self.moves as f64,
        ]
    }

    /// Looks at a run.
    ///
    /// # Errors
    /// The system's and the engine's.
    pub fn take(
        engine: &Engine,
        seconds: f64,
        interval: f64,
        hits: Lengths,
    ) -> Result<Sample, Error> {
        let dir = engine.dbpath();
        let memory = memory::of_maps(dir).map_err(io(Path::new("/proc/self/smaps")))?;
        let counters = engine.counters();
        Ok(Sample {
            seconds,
            interval,
            private: memory.private,
            resident: memory.resident,
            files: memory::data_files(dir).map_err(io(dir))?,
            journal: memory::journal_files(dir).map_err(io(dir))?,
            storage: engine.collection(super::load::EVENTS)?.stats()?.storage_size(),
            hits,
            commits: counters.commits.get(),
            syncs: counters.data_file_syncs.get(),
            moves: counters.moves.get(),
        })
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        write!(
            f,
            "{:>7.0} {:>5.1} MiB {:>5.0} MiB {:>5.0} MiB {:>9.0} {:>9.2} {:>9.2} {:>9.2} {:>9.0}",
            self.seconds,
            mib(self.private),
            mib(self.files),
            mib(self.journal),
            self.hits.count() as f64 / self.interval,
            micros(self.hits.quantile(0.5)),
            micros(self.hits.quantile(0.99)),
            micros(self.hits.quantile(0.999)),
            micros(self.hits.max())
        )
    }
}

/// An error of the system about a file.
pub fn io(file: &Path) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { file: file.to_owned(), op: "look at", source }
}
