//! `updateUser`, `grantRolesToUser`, `revokeRolesFromUser`: a user is changed. It holds for the
//! next command of every connection.

use bson::RawDocumentBuf;
use tallymap::bson::builder::Builder;

use super::user_fields::{
    UserFields, check_roles, credentials_document, no_user, roles, target_name,
};
use crate::auth::name::{Kind, Name, bad, put_names};
use crate::auth::scram::Mechanism;
use crate::auth::store::Store;
use crate::auth::user::User;
use crate::dispatch::call::Call;
use crate::dispatch::failure::Outcome;
use crate::dispatch::fields::missing;
use crate::dispatch::put::{Put, raw};

/// Changes what is said of a user.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let fields = UserFields::parse(call, "updateUser")?;
    let name = target_name(call)?;
    if fields.password.is_none()
        && fields.custom_data.is_none()
        && fields.roles.is_none()
        && fields.mechanisms.is_none()
    {
        return bad("Must specify at least one field to update in updateUser");
    }
    if fields.password.is_some() && name.db == "$external" {
        return bad("Cannot set the password for users defined on the '$external' database");
    }
    let credentials = match fields.password {
        Some(password) => {
            let mechanisms = fields.mechanisms.clone().unwrap_or(Mechanism::ALL.to_vec());
            Some(fields.credentials(&name.name, password, &mechanisms)?)
        }
        None => None,
    };
    let _changing = call.auth().changing();
    check_roles(call, fields.roles.as_deref().unwrap_or_default())?;
    let not_found = || no_user(format!("User {name} not found"));
    let mut set = Builder::new();
    match (&credentials, &fields.mechanisms) {
        (Some(credentials), _) => put_set(&mut set, &credentials_document(credentials)),
        (None, Some(kept)) => {
            let user = find(call, &name)?.ok_or_else(not_found)?;
            put_set(&mut set, &credentials_document(&narrowed(user, kept)?));
        }
        (None, None) => {}
    }
    if let Some(data) = fields.custom_data {
        set.document("customData", data);
    }
    if let Some(roles) = &fields.roles {
        put_names(&mut set, "roles", Kind::Role, roles);
    }
    let changed = Store::users(call.engine()).change(&name, &update(&set.finish()))?;
    call.auth().changed();
    changed.then(Builder::new).ok_or_else(not_found)
}

fn put_set(set: &mut Builder, credentials: &[u8]) {
    set.put_fields_of(credentials);
}

fn update(set: &[u8]) -> RawDocumentBuf {
    let mut out = Builder::new();
    out.document("$set", set);
    raw(out)
}

fn find(call: &Call<'_>, name: &Name) -> Outcome<Option<User>> {
    let found = Store::users(call.engine()).get(name)?;
    Ok(found.and_then(|document| User::parse(document.as_bytes())))
}

/// Fewer ways to log in: those that are left need no password.
fn narrowed(
    user: User,
    kept: &[Mechanism],
) -> Outcome<Vec<(Mechanism, crate::auth::scram::Credential)>> {
    if kept.iter().any(|mechanism| user.credential(*mechanism).is_none()) {
        return bad("mechanisms field must be a subset of previously set mechanisms");
    }
    let credentials = user.credentials.into_iter();
    Ok(credentials.filter(|(mechanism, _)| kept.contains(mechanism)).collect())
}

/// Gives a user roles.
pub fn grant(call: &Call<'_>) -> Outcome<Builder> {
    change_roles(call, |granted, roles| {
        granted
            .extend(roles.into_iter().filter(|role| !granted.contains(role)).collect::<Vec<_>>());
    })
}

/// Takes roles from a user.
pub fn revoke(call: &Call<'_>) -> Outcome<Builder> {
    change_roles(call, |granted, roles| granted.retain(|role| !roles.contains(role)))
}

fn change_roles(
    call: &Call<'_>,
    change: impl FnOnce(&mut Vec<Name>, Vec<Name>),
) -> Outcome<Builder> {
    let named = named_roles(call)?;
    let name = target_name(call)?;
    let _changing = call.auth().changing();
    let user = find(call, &name)?.ok_or_else(|| {
        no_user(format!("Could not find user \"{}\" for db \"{}\"", name.name, name.db))
    })?;
    check_roles(call, &named)?;
    let mut granted = user.roles;
    change(&mut granted, named);
    let mut set = Builder::new();
    put_names(&mut set, "roles", Kind::Role, &granted);
    Store::users(call.engine()).change(&name, &update(&set.finish()))?;
    call.auth().changed();
    Ok(Builder::new())
}

/// The roles of a command that has nothing else.
pub fn named_roles(call: &Call<'_>) -> Outcome<Vec<Name>> {
    let mut named = None;
    for field in call.fields(call.name)? {
        let field = field?;
        match field.name {
            "roles" => named = Some(roles(call, &field)?),
            _ => return field.unknown(),
        }
    }
    match named.ok_or_else(|| missing(call.name, "roles"))? {
        none if none.is_empty() => {
            bad(format!("{} command requires a non-empty \"roles\" array", call.name))
        }
        named => Ok(named),
    }
}
