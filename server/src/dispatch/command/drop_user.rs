//! `dropUser`, `dropAllUsersFromDatabase`: users are gone, wherever they are logged in.

use bson::rawdoc;
use tallymap::bson::builder::Builder;

use super::user_fields::{no_user, target_name};
use crate::auth::store::Store;
use crate::dispatch::call::Call;
use crate::dispatch::failure::Outcome;
use crate::dispatch::put::Put;

/// Drops one.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    call.check_no_fields("dropUser")?;
    let name = target_name(call)?;
    let _changing = call.auth().changing();
    let dropped = Store::users(call.engine()).remove(&rawdoc! { "_id": name.id() })?;
    call.auth().changed();
    match dropped {
        0 => Err(no_user(format!("User '{name}' not found"))),
        _ => Ok(Builder::new()),
    }
}

/// Drops all of a database.
pub fn all(call: &Call<'_>) -> Outcome<Builder> {
    call.check_no_fields("dropAllUsersFromDatabase")?;
    let _changing = call.auth().changing();
    let users = Store::users(call.engine());
    let dropped = users.remove(&rawdoc! { "db": call.common.database })?;
    call.auth().changed();
    let mut out = Builder::new();
    out.put_integer("n", dropped as i64);
    Ok(out)
}
