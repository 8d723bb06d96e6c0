//! `createUser`.

use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Value;
use tallymap::bson::ty;

use super::user_fields::{UserFields, check_database, check_roles, target_name};
use crate::auth::name::{Kind, Name, bad, put_names};
use crate::auth::scram::{Credential, Mechanism};
use crate::auth::store::Store;
use crate::auth::user::put_credentials;
use crate::auth::uuid;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::missing;
use crate::dispatch::put::raw;
use crate::dispatch::sessions::SessionId;

/// Creates.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    const PATH: &str = "createUser";
    let fields = UserFields::parse(call, PATH)?;
    let name = target_name(call)?;
    let roles = fields.roles.as_ref().ok_or_else(|| missing(PATH, "roles"))?;
    check_database(call, "users")?;
    check_name(&name)?;
    let mechanisms = fields.mechanisms.clone().unwrap_or(Mechanism::ALL.to_vec());
    let credentials = match (fields.password, name.db.as_str()) {
        (Some(_), "$external") => {
            return bad("Cannot set the password for users defined on the '$external' database");
        }
        (None, "$external") => Vec::new(),
        (None, _) => {
            return bad("Must provide a 'pwd' field for all user documents, except those with \
                        '$external' as the user's source db");
        }
        // Before the lock: it takes its time.
        (Some(password), _) => fields.credentials(&name.name, password, &mechanisms)?,
    };
    let _changing = call.auth().changing();
    check_is_first(call)?;
    check_roles(call, roles)?;
    let document = document(&name, &credentials, fields.custom_data, roles)?;
    if !Store::users(call.engine()).add(&raw(document))? {
        let message = format!("User \"{name}\" already exists");
        return Err(Failure::new(Reason::Location(51003), message));
    }
    call.auth().note_user();
    call.auth().changed();
    Ok(Builder::new())
}

fn check_name(name: &Name) -> Outcome<()> {
    match name.name.as_str() {
        "" => bad("User document needs 'user' field to be non-empty"),
        name if name.contains('\0') => bad("Username cannot contain NULL characters"),
        _ => Ok(()),
    }
}

/// Two may want to be the first at a time: looked at again when nobody else can become it.
fn check_is_first(call: &Call<'_>) -> Outcome<()> {
    let (auth, login) = (call.auth(), &call.client.login);
    let is_somebody = !login.state(auth, call.engine())?.names().is_empty();
    match !auth.is_enabled() || is_somebody || auth.is_first(call.client, call.engine())? {
        true => Ok(()),
        false => {
            let message = "command createUser requires authentication";
            Err(Failure::new(Reason::Unauthorized, message))
        }
    }
}

fn document(
    name: &Name,
    credentials: &[(Mechanism, Credential)],
    custom_data: Option<&[u8]>,
    roles: &[Name],
) -> Outcome<Builder> {
    let mut out = Builder::new();
    out.str("_id", &name.id());
    let id = SessionId::new(uuid()?).to_binary();
    out.value("userId", Value { ty: ty::BINARY, bytes: &id });
    name.put(Kind::User, &mut out);
    put_credentials(&mut out, credentials);
    if let Some(data) = custom_data {
        out.document("customData", data);
    }
    put_names(&mut out, "roles", Kind::Role, roles);
    Ok(out)
}
