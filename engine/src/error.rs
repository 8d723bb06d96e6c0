//! What can go wrong, once, with enough said to act on it.
//!
//! [`Error::class`] says what to do. The variants name what was met; where MongoDB has a name
//! for a refusal, [`Reason`] bears that name, so that a server needs no table of texts.

use std::io;
use std::path::{Path, PathBuf};

use crate::disk_loc::DiskLoc;
pub use crate::reason::Reason;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that the engine refuses or fails at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes in a data file break a rule of the format. Nothing was changed.
    #[error("corrupt {structure} at {}{loc}: {rule} (found {found})",
            database.as_deref().map(|d| format!("{d}.")).unwrap_or_default())]
    Corrupt {
        /// The database, where it is known.
        database: Option<Box<str>>,
        /// Where the damaged structure lies.
        loc: DiskLoc,
        /// Which structure it is, by the format's name.
        structure: &'static str,
        /// The rule that it breaks.
        rule: &'static str,
        /// The value that breaks it.
        found: i64,
    },
    /// A journal or bookkeeping file of the directory cannot be used.
    #[error("{}: {problem}", file.display())]
    BadFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it, and what to do.
        problem: &'static str,
    },
    /// The operating system refused an operation on a file.
    #[error("cannot {op} {}: {source}{}", file.display(), advice(source))]
    Io {
        /// The file.
        file: PathBuf,
        /// What was tried: "read", "sync" …
        op: &'static str,
        /// Its answer.
        source: io::Error,
    },
    /// No room on the disk for a file that an operation needs. Nothing was changed.
    #[error("{}; free some space and try again", full(file, *len))]
    DiskFull {
        /// The file that was to be made or extended.
        file: PathBuf,
        /// The length that it was to have, bytes; 0 if that is not known.
        len: u64,
    },
    /// The directory is in use by another process.
    #[error("{} is in use by another process", dbpath.display())]
    Locked {
        /// The directory.
        dbpath: PathBuf,
    },
    /// The engine takes no writes: it was opened so, it is closed, or a write failed that it
    /// cannot do without.
    #[error("read-only: {why}")]
    ReadOnly {
        /// Why, and what to do if something can be done.
        why: String,
    },
    /// A namespace name breaks the rules for names.
    #[error("invalid namespace '{name}': {rule}")]
    InvalidNamespace {
        /// The name as given.
        name: String,
        /// The rule that it breaks.
        rule: &'static str,
    },
    /// No such database, collection or index.
    #[error("{what} '{name}' not found")]
    NotFound {
        /// "database", "collection" or "index".
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The collection exists already.
    #[error("namespace '{ns}' already exists")]
    NamespaceExists {
        /// Its full name.
        ns: String,
    },
    /// The `.ns` file has no free node within the probe window.
    #[error("too many namespaces in database '{database}': no room in its .ns file")]
    TooManyNamespaces {
        /// The database.
        database: String,
    },
    /// A unique index holds this key already (11000).
    #[error("E11000 duplicate key error collection: {ns} index: {index} dup key: {key}")]
    DuplicateKey {
        /// Full name of the collection.
        ns: String,
        /// Name of the index.
        index: String,
        /// The key, as text.
        key: String,
        /// The fields of the index, as BSON.
        pattern: Box<[u8]>,
        /// The key by the names of those fields, as BSON.
        value: Box<[u8]>,
    },
    /// A document is longer than [`crate::limits::DOCUMENT_LEN_MAX`].
    #[error("document of {len} bytes is larger than {max}")]
    DocumentTooLarge {
        /// Its length, bytes.
        len: usize,
        /// The limit, bytes.
        max: usize,
    },
    /// Bytes given as a document are not BSON.
    #[error("invalid BSON at byte {at}: {rule}")]
    InvalidBson {
        /// Offset in the document given.
        at: usize,
        /// The rule that they break.
        rule: &'static str,
    },
    /// An index key is longer than [`crate::limits::KEY_LEN_MAX`] (17280).
    #[error("index key of {len} bytes for '{index}' is longer than {max}")]
    KeyTooLong {
        /// Name of the index.
        index: String,
        /// Length of the encoded key, bytes.
        len: usize,
        /// The limit, bytes.
        max: usize,
    },
    /// The collection's validator does not let the document in (121).
    #[error("Document failed validation")]
    DocumentInvalid {
        /// Which document, and why: MongoDB's `errInfo`, as BSON.
        info: Box<[u8]>,
    },
    /// The request breaks a rule of the query, update or index language, or of a collection.
    #[error("{message}")]
    Refused {
        /// The rule's name.
        reason: Reason,
        /// The text for the user.
        message: String,
    },
    /// No data file has room for an extent. Never leaves the engine: the unit of work is rolled
    /// back, a file is added with no lock held, and the operation runs again.
    #[error("a data file with room for an extent of {extent_len} bytes is needed")]
    NeedsDataFile {
        /// Length of the extent, bytes.
        extent_len: i32,
    },
}

/// What there was no room for.
fn full(file: &Path, len: u64) -> String {
    match len {
        0 => format!("the disk is full: no room for {}", file.display()),
        _ => format!("the disk is full: no room for {} of {len} bytes", file.display()),
    }
}

/// What to do about the operating system's refusal, where that does not say it itself.
fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists => "",
        io::ErrorKind::PermissionDenied => "; allow it to this user and try again",
        io::ErrorKind::ReadOnlyFilesystem => "; mount it for writing and try again",
        _ => "; check the disk and try again",
    }
}

/// How a stopped engine comes back.
const AGAIN: &str = "open the directory again, which recovers all that was durable";

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The request is wrong; it will fail again.
    Caller,
    /// Something else must change first (space, another process); then it may succeed.
    Retry,
    /// The engine takes no more writes until it is opened again.
    Stop,
    /// The files are damaged: `validate`, then `repair` or a backup.
    Restore,
}

impl Error {
    /// MongoDB's number for it: that of 5.0, and 17280 of the versions that had MMAPv1.
    pub fn code(&self) -> i32 {
        self.reason().code()
    }

    /// MongoDB's name for it.
    pub fn code_name(&self) -> String {
        self.reason().name()
    }

    fn reason(&self) -> Reason {
        match self {
            Error::Corrupt { .. } | Error::BadFile { .. } => Reason::Location(50883),
            Error::Io { .. } => Reason::FileStreamFailed,
            Error::DiskFull { .. } => Reason::OutOfDiskSpace,
            Error::Locked { .. } => Reason::DBPathInUse,
            Error::ReadOnly { .. } => Reason::NotWritablePrimary,
            Error::InvalidNamespace { .. } => Reason::InvalidNamespace,
            Error::NotFound { what: "index", .. } => Reason::IndexNotFound,
            Error::NotFound { .. } => Reason::NamespaceNotFound,
            Error::NamespaceExists { .. } => Reason::NamespaceExists,
            Error::TooManyNamespaces { .. } => Reason::Location(10081),
            Error::DuplicateKey { .. } => Reason::DuplicateKey,
            // "object to insert too large"; other verbs have numbers of their own.
            Error::DocumentTooLarge { .. } => Reason::BadValue,
            Error::InvalidBson { .. } => Reason::InvalidBSON,
            Error::KeyTooLong { .. } => Reason::Location(17280),
            Error::DocumentInvalid { .. } => Reason::DocumentValidationFailure,
            Error::Refused { reason, .. } => *reason,
            Error::NeedsDataFile { .. } => Reason::InternalError,
        }
    }

    /// What a caller can do about it.
    pub fn class(&self) -> Class {
        match self {
            Error::Corrupt { .. } | Error::BadFile { .. } => Class::Restore,
            Error::Io { .. } | Error::DiskFull { .. } | Error::Locked { .. } => Class::Retry,
            Error::ReadOnly { .. } => Class::Stop,
            Error::NeedsDataFile { .. } => Class::Retry,
            _ => Class::Caller,
        }
    }

    /// Why an engine takes no more writes after this failure, and what to do.
    pub(crate) fn stops_because(&self) -> String {
        let (fact, first) = match self {
            Error::Io { file, op, source } => {
                let fact = format!("cannot {op} {}: {source}", file.display());
                (fact, "check the disk")
            }
            Error::DiskFull { file, len } => (full(file, *len), "free some space"),
            other => return format!("{other}; {AGAIN}"),
        };
        format!("{fact}; {first} and {AGAIN}")
    }

    /// A rule of the format that the structure at `loc` breaks.
    pub(crate) fn corrupt(
        loc: impl Into<DiskLoc>,
        structure: &'static str,
        rule: &'static str,
        found: impl Into<i64>,
    ) -> Error {
        Error::Corrupt { database: None, loc: loc.into(), structure, rule, found: found.into() }
    }

    /// The same error for somebody else who meets its cause.
    #[cold]
    pub(crate) fn again(&self) -> Error {
        match self {
            Error::Corrupt { database, loc, structure, rule, found } => Error::Corrupt {
                database: database.clone(),
                loc: *loc,
                structure,
                rule,
                found: *found,
            },
            Error::Refused { reason, message } => Error::refused(*reason, message.clone()),
            other => Error::refused(Reason::IllegalOperation, other.to_string()),
        }
    }

    /// The same error, naming the database if it names a place without one.
    pub(crate) fn in_database(mut self, name: &str) -> Error {
        if let Error::Corrupt { database: database @ None, .. } = &mut self {
            *database = Some(name.into());
        }
        self
    }

    /// The same error, of a document that is stored at `loc` and not one that was given.
    pub(crate) fn stored_at(self, loc: impl Into<DiskLoc>) -> Error {
        match self {
            Error::InvalidBson { at, rule } => Error::corrupt(loc, "document", rule, at as i64),
            other => other,
        }
    }

    /// Bytes given as a document that break `rule` at offset `at`.
    pub(crate) fn invalid_bson(at: usize, rule: &'static str) -> Error {
        Error::InvalidBson { at, rule }
    }

    /// A refusal that made something else fail.
    pub(crate) fn caused(self, what: &str) -> Error {
        match self {
            Error::Refused { reason, message } => {
                Error::refused(reason, format!("{what} :: caused by :: {message}"))
            }
            other => other,
        }
    }

    /// A refusal with MongoDB's name for it.
    pub(crate) fn refused(reason: Reason, message: impl Into<String>) -> Error {
        Error::Refused { reason, message: message.into() }
    }

    /// A failed operation on a file.
    pub(crate) fn io(
        file: impl Into<PathBuf>,
        op: &'static str,
    ) -> impl FnOnce(io::Error) -> Error {
        let file = file.into();
        move |source| Error::Io { file, op, source }
    }
}
