//! Where `serve` keeps the data, and how safely.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use tallymap::{Durability, Engine, EngineBuilder, FieldOrder};

use super::parameters::Parameters;
use crate::error::CliError;

/// Options of the files.
#[derive(Debug, Args)]
#[command(next_help_heading = "Storage")]
pub struct Storage {
    /// The data directory; made if it is missing
    #[arg(long, value_name = "DIR")]
    pub dbpath: Option<PathBuf>,
    /// Keep a journal: what was committed survives a crash (the default)
    #[arg(long, alias = "dur", value_parser = BoolishValueParser::new())]
    pub journal: bool,
    /// Keep none: after a crash the directory has to be repaired
    #[arg(long, alias = "nodur", value_parser = BoolishValueParser::new())]
    pub nojournal: bool,
    /// Time between two commits of the journal, 1 to 500 ms
    #[arg(
        long = "journalCommitInterval",
        value_name = "MS",
        default_value_t = 100,
        value_parser = clap::value_parser!(u64).range(1..=500)
    )]
    pub journal_commit_interval: u64,
    /// Time between two syncs of the data files
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = seconds)]
    pub syncdelay: f64,
    /// Data files of 16 MiB doubling to 512 MiB (the default), or, with false, four times that
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value_t = true,
        default_missing_value = "true",
        action = clap::ArgAction::Set,
        value_parser = BoolishValueParser::new()
    )]
    pub smallfiles: bool,
    /// Size of the .ns file of a new database, 1 to 2047 MiB
    #[arg(
        long,
        value_name = "MIB",
        default_value_t = 16,
        value_parser = clap::value_parser!(u32).range(1..=2047)
    )]
    pub nssize: u32,
    /// A directory for each database; an existing data directory stays as it was made
    #[arg(long, value_parser = BoolishValueParser::new())]
    pub directoryperdb: bool,
    /// Private memory above which clean pages are given back to the system
    #[arg(
        long = "privateMemory",
        value_name = "MIB",
        default_value_t = 256,
        value_parser = clap::value_parser!(u64).range(16..=1 << 20)
    )]
    pub private_memory: u64,
}

impl Storage {
    /// The data directory.
    ///
    /// # Errors
    /// If nobody named it.
    pub fn dbpath(&self) -> Result<&Path, CliError> {
        let missing = "the data directory is missing: --dbpath DIR, the variable \
                       TALLYMAP_DBPATH, or dbpath in the file of --config";
        self.dbpath.as_deref().ok_or_else(|| CliError::Usage(missing.to_owned()))
    }

    /// What the engine is told.
    ///
    /// # Errors
    /// As [`Storage::dbpath`].
    pub fn builder(&self, parameters: &Parameters) -> Result<EngineBuilder, CliError> {
        let durability = if self.nojournal { Durability::None } else { Durability::Journaled };
        let builder = Engine::builder(self.dbpath()?)
            // As 5.0 orders them.
            .field_order(FieldOrder::Numeric)
            .durability(durability)
            .commit_interval(Duration::from_millis(self.journal_commit_interval))
            .sync_interval(Duration::from_secs_f64(self.syncdelay))
            .ttl_interval(parameters.ttl_interval)
            .small_files(self.smallfiles)
            .ns_size_mib(self.nssize)
            .private_budget(self.private_memory << 20);
        Ok(match self.directoryperdb {
            true => builder.directory_per_db(true),
            false => builder,
        })
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.001..=1e9).contains(&seconds) => Ok(seconds),
        Ok(0.0) => Err("0, never, would let the journal grow without end".to_owned()),
        _ => Err("expected a number of seconds above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_above_zero() {
        assert_eq!((seconds("60"), seconds("0.5")), (Ok(60.0), Ok(0.5)));
        for text in ["0", "-1", "NaN", "inf", "", "1e300"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
