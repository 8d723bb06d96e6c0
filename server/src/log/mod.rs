//! Web server logs: Apache's and nginx's common and combined formats, read as bytes.
//!
//! [`parse_line`] turns one line into an [`Entry`] or says at which column it fails
//! ([`Malformed`]); [`LogReader`] takes lines from files or standard input and keeps count.
//! Nothing here knows about counters: see `command/ingest.rs` for what is counted.

mod combined;
mod cursor;
mod escape;
mod hits;
mod reader;
mod request;
mod time;

pub use combined::{Entry, parse_line};
pub use cursor::Malformed;
pub use hits::{LogHit, LogTotals, each_hit};
pub use reader::{LINE_LEN_MAX, LogReader, SAMPLES_MAX, Sample, open};
pub use request::{Request, page_of_target};
pub use time::{LocalMinute, LogTime};
