//! `createRole`, `updateRole`: roles that users made.

use tallymap::Reason;
use tallymap::bson::builder::Builder;

use super::user_fields::{check_database, check_no_restrictions, roles, target_name};
use crate::auth::built_in::is_built_in;
use crate::auth::name::{Kind, Name, bad, put_names};
use crate::auth::privilege::Privileges;
use crate::auth::role::{Role, Sum};
use crate::auth::store::Store;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::missing;
use crate::dispatch::put::raw;

/// What is said of a role.
#[derive(Debug, Default)]
struct RoleFields {
    privileges: Option<Privileges>,
    roles: Option<Vec<Name>>,
}

impl RoleFields {
    fn parse(call: &Call<'_>, path: &'static str) -> Outcome<RoleFields> {
        let mut fields = RoleFields::default();
        for field in call.fields(path)? {
            let field = field?;
            match field.name {
                "privileges" => fields.privileges = Some(Privileges::parse(&field.documents()?)?),
                "roles" => fields.roles = Some(roles(call, &field)?),
                "authenticationRestrictions" => check_no_restrictions(&field)?,
                _ => return field.unknown(),
            }
        }
        Ok(fields)
    }
}

/// Creates.
pub fn create(call: &Call<'_>) -> Outcome<Builder> {
    const PATH: &str = "createRole";
    let fields = RoleFields::parse(call, PATH)?;
    let name = target_name(call)?;
    let privileges = fields.privileges.ok_or_else(|| missing(PATH, "privileges"))?;
    let roles = fields.roles.ok_or_else(|| missing(PATH, "roles"))?;
    if name.name.is_empty() {
        return bad("Role name must be non-empty");
    }
    check_database(call, "roles")?;
    if name.db == "$external" {
        return bad("Cannot create roles in the $external database");
    }
    if is_built_in(&name) {
        return bad("Cannot create roles with the same name as a built-in role");
    }
    let _changing = call.auth().changing();
    check_granted(call, &name, &roles)?;
    check_privileges(&name, &privileges)?;
    let mut out = Builder::new();
    out.str("_id", &name.id());
    name.put(Kind::Role, &mut out);
    privileges.put(&mut out, "privileges");
    put_names(&mut out, "roles", Kind::Role, &roles);
    if !Store::roles(call.engine()).add(&raw(out))? {
        let message = format!("Role \"{name}\" already exists");
        return Err(Failure::new(Reason::Location(51002), message));
    }
    call.auth().changed();
    Ok(Builder::new())
}

/// Changes what is said of one.
pub fn update(call: &Call<'_>) -> Outcome<Builder> {
    let fields = RoleFields::parse(call, "updateRole")?;
    let name = target_name(call)?;
    if fields.privileges.is_none() && fields.roles.is_none() {
        return bad("Must specify at least one field to update in updateRole");
    }
    let _changing = call.auth().changing();
    if Store::roles(call.engine()).get(&name)?.is_none() {
        let message = match is_built_in(&name) {
            true => format!("Role {name} not found"),
            false => format!("Could not find role: {name}"),
        };
        return Err(Failure::new(Reason::RoleNotFound, message));
    }
    check_granted(call, &name, fields.roles.as_deref().unwrap_or_default())?;
    let mut set = Builder::new();
    if let Some(privileges) = &fields.privileges {
        check_privileges(&name, privileges)?;
        privileges.put(&mut set, "privileges");
    }
    if let Some(roles) = &fields.roles {
        put_names(&mut set, "roles", Kind::Role, roles);
    }
    change(call, &name, set)
}

/// Sets fields of a role's document.
///
/// # Errors
/// The engine's.
pub fn change(call: &Call<'_>, name: &Name, set: Builder) -> Outcome<Builder> {
    let mut update = Builder::new();
    update.document("$set", &set.finish());
    Store::roles(call.engine()).change(name, &raw(update))?;
    call.auth().changed();
    Ok(Builder::new())
}

/// Refuses roles for a role that it cannot have.
///
/// # Errors
/// Of another database, for a role that is not `admin`'s; of none; of itself.
pub fn check_granted(call: &Call<'_>, name: &Name, roles: &[Name]) -> Outcome<()> {
    let invalid = |message: String| Err(Failure::numbered(49, "InvalidRoleModification", message));
    for role in roles {
        if role == name {
            return invalid(format!("Cannot grant role {name} to itself."));
        }
        if name.db != "admin" && role.db != name.db {
            return invalid(format!(
                "Roles on the '{}' database cannot be granted roles from other databases",
                name.db
            ));
        }
        if Role::find(call.engine(), role)?.is_none() {
            let message = format!("Cannot grant roles to '{name}': Could not find role: {role}");
            return Err(Failure::new(Reason::RoleNotFound, message));
        }
        if Sum::of(call.engine(), std::slice::from_ref(role))?.roles.contains(name) {
            return invalid(format!(
                "Granting roles to {name} would introduce a cycle in the role graph"
            ));
        }
    }
    Ok(())
}

/// Refuses privileges for a role that it cannot have: ones elsewhere than in its database.
///
/// # Errors
/// 49.
pub fn check_privileges(name: &Name, privileges: &Privileges) -> Outcome<()> {
    let is_own = |database: Option<&str>| database == Some(&*name.db);
    match name.db == "admin" || privileges.iter().all(|(of, _)| is_own(of.database())) {
        true => Ok(()),
        false => {
            let message = format!(
                "Roles on the '{}' database cannot be granted privileges that target other \
                 databases or the cluster",
                name.db
            );
            Err(Failure::numbered(49, "InvalidRoleModification", message))
        }
    }
}
