//! `grantRolesToRole`, `revokeRolesFromRole`, `grantPrivilegesToRole`, `revokePrivilegesFromRole`:
//! what a role has is made more or less.

use tallymap::Reason;
use tallymap::bson::builder::Builder;

use super::create_role::{change, check_granted, check_privileges};
use super::update_user::named_roles;
use super::user_fields::{check_not_built_in, target_name};
use crate::auth::name::{Kind, Name, bad, put_names};
use crate::auth::privilege::Privileges;
use crate::auth::role::Role;
use crate::auth::store::Store;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::missing;

/// The role that is changed, which is not built in.
fn role(call: &Call<'_>) -> Outcome<Role> {
    let name = target_name(call)?;
    check_not_built_in(&name)?;
    let found = Store::roles(call.engine()).get(&name)?;
    let role = found.and_then(|document| Role::parse(document.as_bytes()));
    role.ok_or_else(|| Failure::new(Reason::RoleNotFound, format!("Role {name} not found")))
}

fn set_roles(call: &Call<'_>, name: &Name, roles: &[Name]) -> Outcome<Builder> {
    let mut set = Builder::new();
    put_names(&mut set, "roles", Kind::Role, roles);
    change(call, name, set)
}

/// Gives it roles.
pub fn grant_roles(call: &Call<'_>) -> Outcome<Builder> {
    let named = named_roles(call)?;
    let _changing = call.auth().changing();
    let Role { name, mut roles, .. } = role(call)?;
    check_granted(call, &name, &named)?;
    for role in named {
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    set_roles(call, &name, &roles)
}

/// Takes roles from it.
pub fn revoke_roles(call: &Call<'_>) -> Outcome<Builder> {
    let named = named_roles(call)?;
    let _changing = call.auth().changing();
    let Role { name, mut roles, .. } = role(call)?;
    roles.retain(|role| !named.contains(role));
    set_roles(call, &name, &roles)
}

/// The privileges of a command that has nothing else.
fn named_privileges(call: &Call<'_>) -> Outcome<Privileges> {
    let mut named = None;
    for field in call.fields(call.name)? {
        let field = field?;
        match field.name {
            "privileges" => named = Some(Privileges::parse(&field.documents()?)?),
            _ => return field.unknown(),
        }
    }
    match named.ok_or_else(|| missing(call.name, "privileges"))? {
        none if none.is_empty() => {
            bad(format!("{} command requires a non-empty \"privileges\" array", call.name))
        }
        named => Ok(named),
    }
}

fn set_privileges(call: &Call<'_>, name: &Name, privileges: &Privileges) -> Outcome<Builder> {
    let mut set = Builder::new();
    privileges.put(&mut set, "privileges");
    change(call, name, set)
}

/// Gives it privileges.
pub fn grant_privileges(call: &Call<'_>) -> Outcome<Builder> {
    let named = named_privileges(call)?;
    let _changing = call.auth().changing();
    let Role { name, mut privileges, .. } = role(call)?;
    check_privileges(&name, &named)?;
    privileges.add_all(&named);
    set_privileges(call, &name, &privileges)
}

/// Takes privileges from it.
pub fn revoke_privileges(call: &Call<'_>) -> Outcome<Builder> {
    let named = named_privileges(call)?;
    let _changing = call.auth().changing();
    let Role { name, privileges, .. } = role(call)?;
    set_privileges(call, &name, &privileges.without(&named))
}
