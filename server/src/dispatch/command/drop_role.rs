//! `dropRole`, `dropAllRolesFromDatabase`, `invalidateUserCache`: roles are gone, and nobody has
//! them any more.

use bson::{RawDocument, rawdoc};
use tallymap::Reason;
use tallymap::bson::builder::Builder;

use super::user_fields::{check_not_built_in, target_name};
use crate::auth::store::Store;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;

/// Drops one.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    call.check_no_fields("dropRole")?;
    let name = target_name(call)?;
    check_not_built_in(&name)?;
    let _changing = call.auth().changing();
    if Store::roles(call.engine()).get(&name)?.is_none() {
        let message = format!("Could not find role: {name}");
        return Err(Failure::new(Reason::RoleNotFound, message));
    }
    let granted = rawdoc! { "role": name.name.as_str(), "db": name.db.as_str() };
    drop_from_all(call, &rawdoc! { "_id": name.id() }, &granted)?;
    Ok(Builder::new())
}

/// Drops all of a database.
pub fn all(call: &Call<'_>) -> Outcome<Builder> {
    call.check_no_fields("dropAllRolesFromDatabase")?;
    let _changing = call.auth().changing();
    let db = call.common.database;
    let roles = Store::roles(call.engine());
    let mut dropped = 0;
    for found in roles.find(&rawdoc! { "db": db })? {
        let name = found.get_str("role").unwrap_or_default();
        let id = rawdoc! { "_id": format!("{db}.{name}") };
        dropped += drop_from_all(call, &id, &rawdoc! { "role": name, "db": db })?;
    }
    let mut out = Builder::new();
    out.put_integer("n", dropped as i64);
    Ok(out)
}

/// Drops a role after it was taken from all who have it.
fn drop_from_all(call: &Call<'_>, id: &RawDocument, granted: &RawDocument) -> Outcome<u64> {
    let (users, roles) = (Store::users(call.engine()), Store::roles(call.engine()));
    let have_it = rawdoc! { "roles": { "$elemMatch": granted.to_owned() } };
    let take_it = rawdoc! { "$pull": { "roles": granted.to_owned() } };
    users.change_all(&have_it, &take_it)?;
    roles.change_all(&have_it, &take_it)?;
    let dropped = roles.remove(id)?;
    call.auth().changed();
    Ok(dropped)
}

/// What connections know of users is read again.
pub fn invalidate(call: &Call<'_>) -> Outcome<Builder> {
    call.check_no_fields("invalidateUserCache")?;
    call.auth().changed();
    Ok(Builder::new())
}
