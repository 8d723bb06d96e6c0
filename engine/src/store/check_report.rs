//! What a check of a namespace found: figures as `validate` shows them, and findings
//! (format, §12.3). Finding them is [`super::check`]'s.

use std::fmt;

use crate::disk_loc::{DiskLoc, ExtentLoc, RecordLoc};
use crate::error::Error;
use crate::store::namespace_details::Stats;
use crate::store::padding::BUCKETS;

/// Findings kept; the rest is only counted.
const FINDINGS_MAX: usize = 1000;

/// Figures and findings of one namespace.
#[derive(Debug, Default)]
pub struct CheckReport {
    /// What is counted in the namespace's details.
    pub stats: Stats,
    /// `lastExtentSize` of the details, bytes.
    pub last_extent_size: i32,
    /// The extents, in the order of their chain.
    pub extents: Vec<ExtentDump>,
    /// Capped: most documents, if limited.
    pub max_docs: Option<i32>,
    /// Is it capped?
    pub is_capped: bool,
    /// Capped and never looped: records whose place is before that of the one before.
    pub capped_out_of_order: Option<u64>,
    /// Live records met.
    pub objects_found: u64,
    /// Of these, records of a length that 3.x makes.
    pub quantized: u64,
    /// Their bytes, headers included.
    pub bytes_with_headers: u64,
    /// Their bytes, headers not included.
    pub bytes_without_headers: u64,
    /// Deleted records, as mongod counts them: the current extent's of a capped namespace twice.
    pub deleted_count: u64,
    /// Their bytes, counted likewise.
    pub deleted_size: u64,
    /// Deleted records by list, counted likewise.
    pub del_bucket_sizes: [u64; BUCKETS],
    /// What is wrong or worth a note, in the order met.
    pub findings: Vec<Finding>,
    /// Findings that are not in [`Self::findings`], which is full.
    pub findings_dropped: u64,
    has_errors: bool,
}

/// One extent as `validate` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtentDump {
    /// Where it is.
    pub loc: ExtentLoc,
    /// The next one, or null.
    pub next: DiskLoc,
    /// The one before, or null.
    pub prev: DiskLoc,
    /// The namespace it was given to.
    pub ns_diagnostic: String,
    /// Bytes.
    pub len: i32,
    /// First record, or null.
    pub first_record: DiskLoc,
    /// Last record, or null.
    pub last_record: DiskLoc,
}

/// One thing that a check found.
#[derive(Debug)]
pub struct Finding {
    /// Does it make the namespace invalid?
    pub is_error: bool,
    /// What it is.
    pub problem: Problem,
}

/// What may be found.
#[derive(Debug)]
pub enum Problem {
    /// A structure breaks a rule of its own.
    Broken(Error),
    /// An extent is shorter than 3.x makes them.
    ShortExtent(ExtentLoc),
    /// `lastExtent` of the details is not the last of the chain.
    LastExtent {
        /// Recorded.
        recorded: DiskLoc,
        /// Met.
        found: DiskLoc,
    },
    /// Bytes of an extent that are in no record, live or deleted.
    Gap {
        /// Where they begin.
        at: DiskLoc,
        /// How many.
        len: i32,
    },
    /// Two records share bytes.
    Overlap {
        /// The record that begins inside of another.
        at: RecordLoc,
        /// By how many bytes.
        by: i32,
    },
    /// A live record is in a deleted list.
    LiveAndDeleted(RecordLoc),
    /// A deleted record is listed twice, or its list is a circle.
    ListedTwice(RecordLoc),
    /// A deleted record stands in a list for other lengths.
    WrongList {
        /// The record.
        at: RecordLoc,
        /// The list it is in.
        list: usize,
        /// The list it belongs to.
        belongs: usize,
    },
    /// A deleted record names an extent that is not one of the namespace's.
    ForeignExtent(RecordLoc),
    /// A count of the details is not what was met.
    Count {
        /// "nrecords" or "datasize".
        what: &'static str,
        /// Recorded.
        recorded: i64,
        /// Met.
        found: i64,
    },
    /// Capped: an extent has no deleted record.
    NoDeletedRecord(ExtentLoc),
    /// Capped: the list of deleted records is not in the order of the extents.
    ListOrder(RecordLoc),
    /// Capped and never looped: the records are not in the order of their places.
    OutOfOrder(u64),
    /// Capped: current extent, first new record or list 1 are not where they should be.
    CappedState(&'static str),
}

impl CheckReport {
    /// Is nothing wrong?
    pub fn is_valid(&self) -> bool {
        !self.has_errors
    }

    pub(super) fn error(&mut self, problem: Problem) {
        self.has_errors = true;
        self.find(Finding { is_error: true, problem });
    }

    pub(super) fn note(&mut self, problem: Problem) {
        self.find(Finding { is_error: false, problem });
    }

    fn find(&mut self, finding: Finding) {
        match self.findings.len() < FINDINGS_MAX {
            true => self.findings.push(finding),
            false => self.findings_dropped += 1,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Broken(error) => error.fmt(f),
            Problem::ShortExtent(at) => write!(f, "extent {at} is shorter than 4096 bytes"),
            Problem::LastExtent { recorded, found } => {
                write!(f, "lastExtent is {recorded}, but the chain ends at {found}")
            }
            Problem::Gap { at, len } => write!(f, "{len} bytes at {at} are in no record"),
            Problem::Overlap { at, by } => {
                write!(f, "the record at {at} begins {by} bytes before the end of another")
            }
            Problem::LiveAndDeleted(at) => write!(f, "the live record {at} is in a deleted list"),
            Problem::ListedTwice(at) => write!(f, "the deleted record {at} is listed twice"),
            Problem::WrongList { at, list, belongs } => {
                write!(f, "the deleted record {at} is in list {list} and belongs to {belongs}")
            }
            Problem::ForeignExtent(at) => {
                write!(f, "the deleted record {at} is in no extent of the namespace")
            }
            Problem::Count { what, recorded, found } => {
                write!(f, "{what} is recorded as {recorded}, but {found} was found")
            }
            Problem::NoDeletedRecord(at) => write!(f, "extent {at} has no deleted record"),
            Problem::ListOrder(at) => {
                write!(f, "the deleted record {at} is listed among those of another extent")
            }
            Problem::OutOfOrder(n) => write!(f, "{n} records are out of order"),
            Problem::CappedState(rule) => write!(f, "{rule}"),
        }
    }
}
