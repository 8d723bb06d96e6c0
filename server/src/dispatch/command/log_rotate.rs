//! `logRotate`: the log file ends, and another begins.

use tallymap::bson::builder::Builder;

use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::logging;

/// Ends the log file and begins another.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    call.check_no_fields("logRotate")?;
    logging::rotate().map(|()| Builder::new()).map_err(|error| {
        Failure::numbered(37, "FileRenameFailed", format!("Log rotation failed: {error}"))
    })
}
