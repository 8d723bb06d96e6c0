//! `fsync`: everything into the data files.

use tallymap::Reason;
use tallymap::bson::builder::Builder;

use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;

/// Syncs.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    for field in call.fields("fsync")? {
        let field = field?;
        if field.name == "lock" && field.value.is_true() {
            let message = "fsync with lock is not supported";
            return Err(Failure::new(Reason::CommandNotSupported, message));
        }
    }
    call.engine().sync()?;
    let mut out = Builder::new();
    out.put_i32("numFiles", call.engine().database_names().len() as i32);
    Ok(out)
}
