//! What commands on users and roles need: who gives or takes a role has to be allowed to on the
//! role's database.

use tallymap::bson::element::{Elements, Value};
use tallymap::bson::ty;

use super::{Asked, elements};
use crate::auth::action::Action as A;
use crate::auth::name::{Kind, Name};
use crate::auth::privilege::{Privileges, Resource};
use crate::dispatch::failure::Outcome;

impl Asked<'_> {
    fn may_on(&self, database: &str, action: A) -> bool {
        self.may(Resource::Database(database), action)
    }

    /// The names that a field has. Ones that are none are refused here as the command does it.
    fn names(&self, kind: Kind, field: &str) -> Outcome<Vec<Name>> {
        match self.field(field).filter(|value| value.ty == ty::ARRAY) {
            Some(array) => Name::of_array(kind, array.bytes, self.checked.database),
            None => Ok(Vec::new()),
        }
    }

    /// May these roles be given, or taken?
    fn may_roles(&self, action: A) -> Outcome<bool> {
        let roles = self.names(Kind::Role, "roles")?;
        Ok(roles.iter().all(|role| self.may_on(&role.db, action)))
    }

    /// The privileges of the command. Ones on the server are `admin`'s to give.
    fn may_privileges(&self, action: A) -> Outcome<bool> {
        let documents: Vec<_> = self
            .field("privileges")
            .into_iter()
            .flat_map(elements)
            .filter_map(Value::as_document)
            .collect();
        let privileges = Privileges::parse(&documents)?;
        let mut databases =
            privileges.iter().map(|(pattern, _)| pattern.database().unwrap_or("admin"));
        Ok(databases.all(|database| self.may_on(database, action)))
    }

    fn is_own_user(&self, name: &Name) -> bool {
        self.state.names().contains(name)
    }

    fn has(&self, field: &str) -> bool {
        self.field(field).is_some()
    }

    /// Who is told where from users may log in decides that, too.
    fn may_restrict(&self) -> bool {
        !self.has("authenticationRestrictions")
            || self.may(self.database(), A::SetAuthenticationRestriction)
    }
}

/// The user, and his roles.
pub fn create_user(asked: &Asked<'_>) -> Outcome<bool> {
    Ok(asked.may(asked.database(), A::CreateUser)
        && asked.may_restrict()
        && asked.may_roles(A::GrantRole)?)
}

/// His password, his data, and his roles, which are taken from him wherever they are from.
pub fn update_user(asked: &Asked<'_>) -> Outcome<bool> {
    let name = asked.checked.target.as_str().unwrap_or_default();
    let is_own = asked.is_own_user(&Name::new(name, asked.checked.database));
    let may =
        |any, own| asked.may(asked.database(), any) || is_own && asked.may(asked.database(), own);
    let changes_login = asked.has("pwd") || asked.has("mechanisms");
    if changes_login && !may(A::ChangePassword, A::ChangeOwnPassword) {
        return Ok(false);
    }
    if asked.has("customData") && !may(A::ChangeCustomData, A::ChangeOwnCustomData) {
        return Ok(false);
    }
    let replaces = !asked.has("roles")
        || asked.may(Resource::AllCollections, A::RevokeRole) && asked.may_roles(A::GrantRole)?;
    Ok(replaces && asked.may_restrict())
}

/// To whomever.
pub fn grant_roles(asked: &Asked<'_>) -> Outcome<bool> {
    asked.may_roles(A::GrantRole)
}

/// From whomever.
pub fn revoke_roles(asked: &Asked<'_>) -> Outcome<bool> {
    asked.may_roles(A::RevokeRole)
}

/// To a role.
pub fn grant_privileges(asked: &Asked<'_>) -> Outcome<bool> {
    asked.may_privileges(A::GrantRole)
}

/// From a role.
pub fn revoke_privileges(asked: &Asked<'_>) -> Outcome<bool> {
    asked.may_privileges(A::RevokeRole)
}

/// The role, and what it has.
pub fn create_role(asked: &Asked<'_>) -> Outcome<bool> {
    Ok(asked.may(asked.database(), A::CreateRole)
        && asked.may_restrict()
        && asked.may_roles(A::GrantRole)?
        && asked.may_privileges(A::GrantRole)?)
}

/// What it has is taken from it wherever that is from.
pub fn update_role(asked: &Asked<'_>) -> Outcome<bool> {
    Ok(asked.may(Resource::AllCollections, A::RevokeRole)
        && asked.may_restrict()
        && asked.may_roles(A::GrantRole)?
        && asked.may_privileges(A::GrantRole)?)
}

/// Who comes along may have any role: so it takes who may give and take all of them, and may read
/// where they come from.
pub fn merge(asked: &Asked<'_>) -> Outcome<bool> {
    let may_read = |field| {
        let source = asked.field(field).and_then(Value::as_str).filter(|name| !name.is_empty());
        source
            .and_then(|name| name.split_once('.'))
            .is_none_or(|(database, name)| asked.may(Resource::Collection(database, name), A::Find))
    };
    let actions =
        [A::CreateUser, A::DropUser, A::CreateRole, A::DropRole, A::GrantRole, A::RevokeRole];
    Ok(asked.may_all(Resource::AllCollections, &actions)
        && may_read("tempUsersCollection")
        && may_read("tempRolesCollection"))
}

/// Users that are asked for by name: everybody may look at himself.
pub fn users_info(asked: &Asked<'_>) -> Outcome<bool> {
    let (database, target) = (asked.checked.database, asked.checked.target);
    let is_for_all = target.as_document().is_some_and(|document| {
        let mut fields = Elements::new(document).into_iter().flatten().map_while(Result::ok);
        fields.any(|field| field.name == b"forAllDBs")
    });
    if is_for_all {
        return Ok(asked.may(Resource::Cluster, A::ViewUser));
    }
    if target.as_number().is_some() {
        return Ok(asked.may_on(database, A::ViewUser));
    }
    let names = named(Kind::User, target, database)?;
    let may = |name: &Name| asked.is_own_user(name) || asked.may_on(&name.db, A::ViewUser);
    Ok(names.iter().all(may))
}

/// Roles that are asked for by name: everybody may look at his own.
pub fn roles_info(asked: &Asked<'_>) -> Outcome<bool> {
    let (database, target) = (asked.checked.database, asked.checked.target);
    if target.as_number().is_some() {
        return Ok(asked.may_on(database, A::ViewRole));
    }
    let names = named(Kind::Role, target, database)?;
    let is_own = |name: &Name| asked.state.roles().any(|own| own == name);
    Ok(names.iter().all(|name| is_own(name) || asked.may_on(&name.db, A::ViewRole)))
}

fn named(kind: Kind, target: Value<'_>, database: &str) -> Outcome<Vec<Name>> {
    match target.ty {
        ty::ARRAY => Name::of_array(kind, target.bytes, database),
        _ => Name::of_value(kind, target, database).map(|name| vec![name]),
    }
}
