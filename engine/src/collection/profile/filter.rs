//! The filter of a profiler: of the operations that are profiled if they are slow, those whose
//! entry matches, be they slow or not.

use bson::{Document, RawDocumentBuf};

use crate::bson::element::Elements;
use crate::error::{Error, Reason, Result};
use crate::expression::Variables;
use crate::query::filter::Filter;
use crate::query::plan::shown;

/// What entries can have, mongod's and ours. A filter of anything else would match none.
#[rustfmt::skip]
const FIELDS: [&str; 56] = [
    "allUsers", "appName", "authorization", "client", "command", "cursorExhausted", "cursorid",
    "dataThroughputAverage", "dataThroughputLastSecond", "docsExamined", "durationMillis",
    "errCode", "errMsg", "errName", "execStats", "exhaust", "fastmod", "flowControl",
    "fromMultiPlanner", "hasSortStage", "keysDeleted", "keysExamined", "keysInserted", "locks",
    "micros", "millis", "moved", "nMatched", "nModified", "nShards", "nUpserted", "ndeleted",
    "ninserted", "nmoved", "nreturned", "ns", "numYield", "ok", "op", "originatingCommand",
    "planCacheKey", "planSummary", "prepareReadConflicts", "protocol", "queryHash",
    "remoteOpWaitMillis", "replanReason", "replanned", "responseLength", "storage", "tallymap",
    "ts", "usedDisk", "user", "writeConcern", "writeConflicts",
];

/// A filter of entries.
#[derive(Debug)]
pub struct ProfileFilter {
    filter: Filter,
    /// As it is told of.
    shown: RawDocumentBuf,
}

impl ProfileFilter {
    /// Parses the bytes of a checked document.
    ///
    /// # Errors
    /// The filter's; 4910200 if it asks for what no entry has.
    pub fn parse(filter: &[u8]) -> Result<ProfileFilter> {
        let source = filter;
        let filter = Filter::parse(source)?;
        let mut unknown = Vec::new();
        let canonical = shown::filter(&filter);
        let is_whole = put_unknown(&canonical, &mut unknown)?;
        if unknown.is_empty() {
            let shown = if is_whole { canonical } else { source.to_vec() };
            let shown = RawDocumentBuf::from_bytes(shown).unwrap_or_default();
            return Ok(ProfileFilter { filter, shown });
        }
        let unknown = unknown.join(", ");
        let message = format!("No such field (or fields) available for profile filter: {unknown}");
        Err(Error::refused(Reason::Location(4_910_200), message))
    }

    /// As it is told of.
    pub fn shown(&self) -> RawDocumentBuf {
        self.shown.clone()
    }

    /// Is an entry to be written? One that an expression fails on is not.
    pub fn admits(&self, entry: &Document, now_ms: i64) -> bool {
        let entry = RawDocumentBuf::try_from(entry).unwrap_or_default();
        let matched = self.filter.matches_with(entry.as_bytes(), &Variables::new(now_ms));
        matched.unwrap_or(false)
    }
}

/// Adds the fields of a filter, as it is shown, that no entry has. What expressions and schemas
/// look at is not known here: answers whether there are none.
fn put_unknown(filter: &[u8], unknown: &mut Vec<String>) -> Result<bool> {
    let mut is_whole = true;
    for clause in Elements::new(filter)? {
        let clause = clause?;
        let name = clause.name_lossy();
        match &*name {
            "$and" | "$or" | "$nor" => {
                for branch in Elements::new(clause.value)? {
                    is_whole &= put_unknown(branch?.value, unknown)?;
                }
            }
            "$expr" | "$jsonSchema" => is_whole = false,
            name if name.starts_with('$') => {}
            path => {
                let first = path.split('.').next().unwrap_or(path);
                if !FIELDS.contains(&first) && !unknown.iter().any(|it| it == first) {
                    unknown.push(first.to_owned());
                }
            }
        }
    }
    Ok(is_whole)
}
