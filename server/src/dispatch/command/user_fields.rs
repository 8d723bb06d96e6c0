//! What `createUser` and `updateUser` say of a user, and `createRole` and `updateRole` of a role.

use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Elements;
use tallymap::bson::ty;

use crate::auth::built_in;
use crate::auth::name::{Kind, Name, bad};
use crate::auth::role::Role;
use crate::auth::scram::{Credential, Mechanism};
use crate::auth::user::put_credentials;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::Field;

/// What may be said of a user. It has a password: it is not to be shown.
#[derive(Default)]
pub struct UserFields<'a> {
    /// The password, as it is or digested.
    pub password: Option<&'a str>,
    /// Whatever somebody wants to know of the user.
    pub custom_data: Option<&'a [u8]>,
    /// The roles that are granted.
    pub roles: Option<Vec<Name>>,
    /// The ways to log in.
    pub mechanisms: Option<Vec<Mechanism>>,
    /// Is the password digested as SCRAM-SHA-1 has it?
    pub is_digested: bool,
}

impl<'a> UserFields<'a> {
    /// Reads them.
    ///
    /// # Errors
    /// For what is none, or of the wrong type.
    pub fn parse(call: &Call<'a>, path: &'static str) -> Outcome<UserFields<'a>> {
        let mut fields = UserFields::default();
        for field in call.fields(path)? {
            let field = field?;
            match field.name {
                "pwd" => fields.password = field.string()?,
                "customData" => fields.custom_data = field.object()?,
                "roles" => fields.roles = Some(roles(call, &field)?),
                "digestPassword" => fields.is_digested = !field.bool()?.unwrap_or(true),
                "mechanisms" => fields.mechanisms = Some(mechanisms(&field)?),
                "authenticationRestrictions" => check_no_restrictions(&field)?,
                _ => return field.unknown(),
            }
        }
        if fields.mechanisms.as_ref().is_some_and(Vec::is_empty) {
            return bad("mechanisms field must not be empty");
        }
        Ok(fields)
    }

    /// What is kept of the password, for each of these ways to log in.
    ///
    /// # Errors
    /// If the password cannot be one.
    pub fn credentials(
        &self,
        user: &str,
        password: &str,
        mechanisms: &[Mechanism],
    ) -> Outcome<Vec<(Mechanism, Credential)>> {
        if self.is_digested && mechanisms.contains(&Mechanism::Sha256) {
            return bad("Use of SCRAM-SHA-256 requires undigested passwords");
        }
        let one = |mechanism: &Mechanism| {
            let credential = mechanism.credential(user, password, self.is_digested)?;
            Ok((*mechanism, credential))
        };
        mechanisms.iter().map(one).collect()
    }
}

fn mechanisms(field: &Field<'_>) -> Outcome<Vec<Mechanism>> {
    let mut found = Vec::new();
    for name in Elements::new(field.array()?)? {
        let name = name?;
        let text = name.val().as_str();
        match text.and_then(Mechanism::named) {
            Some(mechanism) if !found.contains(&mechanism) => found.push(mechanism),
            Some(_) => {}
            None => {
                let shown = text.unwrap_or_else(|| ty::name(name.ty));
                return bad(format!("Unknown auth mechanism '{shown}'"));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// From where somebody may log in is not checked here, so that nobody may ask for it.
pub fn check_no_restrictions(field: &Field<'_>) -> Outcome<()> {
    match Elements::new(field.array()?)?.next() {
        None => Ok(()),
        Some(_) => {
            let message = "authenticationRestrictions are not supported";
            Err(Failure::new(Reason::CommandNotSupported, message))
        }
    }
}

/// The roles that an array names.
pub fn roles(call: &Call<'_>, field: &Field<'_>) -> Outcome<Vec<Name>> {
    Name::of_array(Kind::Role, field.array()?, call.common.database)
}

/// Refuses a role that is not there.
pub fn check_roles(call: &Call<'_>, roles: &[Name]) -> Outcome<()> {
    for role in roles {
        if Role::find(call.engine(), role)?.is_none() {
            let message = format!("Could not find role: {role}");
            return Err(Failure::new(Reason::RoleNotFound, message));
        }
    }
    Ok(())
}

/// The refusal of a user that is not there.
pub fn no_user(message: String) -> Failure {
    Failure::new(Reason::UserNotFound, message)
}

/// The name in the first field of a command on a user or a role.
pub fn target_name(call: &Call<'_>) -> Outcome<Name> {
    let field = Field::of_target(call.name, call.name, call.target());
    match field.value.as_str() {
        Some(name) => Ok(Name::new(name, call.common.database)),
        None => field.wrong_type("type 'string'"),
    }
}

/// Refuses to change a role that is built in.
pub fn check_not_built_in(name: &Name) -> Outcome<()> {
    match built_in::is_built_in(name) {
        true => bad(format!("{name} is a built-in role and cannot be modified")),
        false => Ok(()),
    }
}

/// Refuses to make users where they would belong to nobody.
pub fn check_database(call: &Call<'_>, what: &str) -> Outcome<()> {
    match call.common.database {
        "local" => bad(format!("Cannot create {what} in the local database")),
        _ => Ok(()),
    }
}

/// The documents of what is kept of a password, as a field of an update.
pub fn credentials_document(credentials: &[(Mechanism, Credential)]) -> Vec<u8> {
    let mut out = Builder::new();
    put_credentials(&mut out, credentials);
    out.finish()
}
