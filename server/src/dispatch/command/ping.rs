//! `ping`: is anybody there?

use tallymap::bson::builder::Builder;

use crate::dispatch::call::Call;
use crate::dispatch::failure::Outcome;

/// Answers.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    call.check_no_fields("ping")?;
    Ok(Builder::new())
}
