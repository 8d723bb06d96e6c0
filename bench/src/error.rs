//! What can end an experiment.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// `Result` with this program's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The engine refused or failed.
    #[error(transparent)]
    Engine(#[from] tallymap::Error),
    /// A counter is not what was counted: the figures of that round mean nothing.
    #[error("a wrong sum: {0}")]
    WrongSum(String),
    /// A case file cannot be used.
    #[error("case '{case}': {problem}")]
    Case {
        /// Its name.
        case: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A server, or a store that tallymap is compared with, refused or failed.
    #[error("{store}: {problem}")]
    Store {
        /// Its name.
        store: &'static str,
        /// What it says.
        problem: String,
    },
    /// A variant cannot run here; the others can.
    #[error("{0}")]
    LeftOut(String),
    /// A file cannot be read or written.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A file of results is none.
    #[error("{}: {source}", file.display())]
    Results {
        /// The file.
        file: PathBuf,
        /// What its reader says.
        source: serde_json::Error,
    },
    /// Everything ran, but a finding of the case did not hold.
    #[error("{0} of the findings did not hold in this run")]
    NotHeld(usize),
}

impl Error {
    /// The system's answer about `file`.
    pub fn io(file: &Path) -> impl FnOnce(std::io::Error) -> Error {
        move |source| Error::Io { file: file.to_owned(), source }
    }

    /// Does it end no more than the variant that it came of?
    pub fn leaves_out(&self) -> bool {
        matches!(self, Error::LeftOut(_))
    }

    /// The error of the store or server of this name.
    pub fn of(store: &'static str, problem: impl Display) -> Error {
        Error::Store { store, problem: problem.to_string() }
    }

    /// A problem of the case `case`.
    pub fn case(case: &str, problem: impl Into<String>) -> Error {
        Error::Case { case: case.to_owned(), problem: problem.into() }
    }
}
