//! Why a command ends without success, and with which exit code.
//!
//! X1: 0 done; 1 the data is wrong or not there; 2 the command was asked for something that cannot
//! be; 3 the machine or the engine failed. X2: whoever closes our standard output has read enough:
//! that is success, and quiet.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tallymap::Class;

use crate::client::ClientError;
use crate::output;
use crate::wire::ListenError;

/// Exit code where the data is wrong, or not there.
pub const EXIT_DATA: u8 = 1;
/// Exit code where the request is wrong. `clap` uses the same.
pub const EXIT_USAGE: u8 = 2;
/// Exit code where the machine or the engine failed.
pub const EXIT_FAILED: u8 = 3;

/// Why a command stopped.
#[derive(Debug)]
pub enum CliError {
    /// The request makes no sense, in spite of its syntax.
    Usage(String),
    /// What was asked for is not in the data.
    NotThere(String),
    /// The engine refused or failed.
    Engine(tallymap::Error),
    /// A file of ours, such as a log, cannot be read.
    File {
        /// The file.
        file: PathBuf,
        /// The answer of the operating system.
        source: io::Error,
    },
    /// Nobody can be listened to.
    Listen(ListenError),
    /// The system does not give us its signals.
    Signals(io::Error),
    /// A server cannot be asked, or refused.
    Client(ClientError),
    /// Standard output cannot be written.
    Output(io::Error),
}

impl CliError {
    /// `source` happened to `file`.
    pub fn file(file: &Path) -> impl FnOnce(io::Error) -> CliError {
        let file = file.to_owned();
        move |source| CliError::File { file, source }
    }

    /// Did the reader of our standard output go away?
    pub fn is_closed_output(&self) -> bool {
        matches!(self, CliError::Output(source) if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code, by X1 and X2.
    pub fn code(&self) -> u8 {
        match self {
            error if error.is_closed_output() => 0,
            CliError::Usage(_) => EXIT_USAGE,
            CliError::NotThere(_) => EXIT_DATA,
            CliError::Engine(error) => match error.class() {
                Class::Caller => EXIT_USAGE,
                Class::Restore => EXIT_DATA,
                Class::Retry | Class::Stop => EXIT_FAILED,
            },
            CliError::File { .. }
            | CliError::Listen(_)
            | CliError::Signals(_)
            | CliError::Client(_)
            | CliError::Output(_) => EXIT_FAILED,
        }
    }

    /// Says on standard error what happened, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        if !self.is_closed_output() {
            output::say(&format!("tallymap: {self}"));
        }
        ExitCode::from(self.code())
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CliError::Usage(message) | CliError::NotThere(message) => f.write_str(message),
            CliError::Engine(error) => {
                write!(f, "{error}")?;
                match error {
                    // Of another engine, or damaged beyond what `repair` reads; it says what to do.
                    tallymap::Error::BadFile { file, .. } if file.ends_with("storage.bson") => {
                        Ok(())
                    }
                    error if error.class() == Class::Restore => {
                        f.write_str("\nhint: see `tallymap repair --help`")
                    }
                    _ => Ok(()),
                }
            }
            CliError::File { file, source } => write!(f, "{}: {source}", file.display()),
            CliError::Listen(error) => error.fmt(f),
            CliError::Signals(source) => write!(f, "cannot take signals: {source}"),
            CliError::Client(error) => error.fmt(f),
            CliError::Output(source) => write!(f, "standard output: {source}"),
        }
    }
}

impl std::error::Error for CliError {}

impl From<ListenError> for CliError {
    fn from(error: ListenError) -> CliError {
        CliError::Listen(error)
    }
}

impl From<tallymap::Error> for CliError {
    fn from(error: tallymap::Error) -> CliError {
        CliError::Engine(error)
    }
}

impl From<ClientError> for CliError {
    fn from(error: ClientError) -> CliError {
        CliError::Client(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_tell_whose_fault_it_is() {
        let output = |kind: io::ErrorKind| CliError::Output(kind.into());
        assert_eq!(output(io::ErrorKind::BrokenPipe).code(), 0);
        assert_eq!(output(io::ErrorKind::StorageFull).code(), 3);
        let missing = CliError::file(Path::new("a.log"))(io::ErrorKind::NotFound.into());
        assert_eq!(missing.code(), 3);
        assert!(missing.to_string().starts_with("a.log: "));
        assert_eq!(CliError::Usage(String::new()).code(), 2);
        let engine = |error| CliError::Engine(error).code();
        assert_eq!(engine(tallymap::Error::Locked { dbpath: "x".into() }), 3);
        assert_eq!(engine(tallymap::Error::NotFound { what: "database", name: "x".into() }), 2);
        assert_eq!(engine(tallymap::Error::BadFile { file: "x".into(), problem: "cut" }), 1);
    }
}
