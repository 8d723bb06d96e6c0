//! `logRotate`: the log file ends, and another begins.

use tallymap::bson::builder::Builder;

use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::logging;

/// Ends the log file and begins another.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    call.check_no_fields("logRotate")?;
    match logging::rotate() {
        Ok(()) => {
            tracing::info!(target: "CONTROL", "Log file begun");
            Ok(Builder::new())
        }
        Err(error) => {
            tracing::error!(target: "CONTROL", %error, "Log file not ended");
            Err(Failure::numbered(37, "FileRenameFailed", format!("Log rotation failed: {error}")))
        }
    }
}
