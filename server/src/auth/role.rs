//! Roles: the built-in ones, and those that users made (`admin.system.roles`); what they come to
//! together.

use std::collections::BTreeSet;

use tallymap::Engine;
use tallymap::bson::element::{Elements, get};
use tallymap::bson::ty;

use super::built_in;
use super::name::{Kind, Name};
use super::privilege::Privileges;
use super::store::Store;
use super::user::is_restricted;
use crate::dispatch::failure::Outcome;

/// A role.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Its name.
    pub name: Name,
    /// What it allows itself.
    pub privileges: Privileges,
    /// Whose privileges it has beside.
    pub roles: Vec<Name>,
    /// Does it hold for some addresses only? They are not looked at here: it allows nothing.
    pub is_restricted: bool,
}

/// What roles come to, with all that they have from others.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sum {
    /// The roles, each once, those asked for among them.
    pub roles: BTreeSet<Name>,
    /// What they allow.
    pub privileges: Privileges,
}

impl Role {
    /// The role of this name.
    ///
    /// # Errors
    /// The engine's.
    pub fn find(engine: &Engine, name: &Name) -> Outcome<Option<Role>> {
        if let Some(privileges) = built_in::privileges(name) {
            let (name, roles) = (name.clone(), Vec::new());
            return Ok(Some(Role { name, privileges, roles, is_restricted: false }));
        }
        let found = Store::roles(engine).get(name)?;
        Ok(found.and_then(|document| Role::parse(document.as_bytes())))
    }

    /// Reads a document; none if it is not a role's.
    pub fn parse(document: &[u8]) -> Option<Role> {
        let text = |name| get(document, name).ok().flatten()?.val().as_str();
        let array = |name| {
            let found = get(document, name).ok().flatten();
            found.filter(|found| found.ty == ty::ARRAY).map(|found| found.value)
        };
        let name = Name::new(text("role")?, text("db")?);
        let roles = array("roles").map(|roles| Name::of_array(Kind::Role, roles, &name.db));
        let mut privileges = Vec::new();
        for privilege in array("privileges").into_iter().flat_map(Elements::new).flatten() {
            privileges.push(privilege.ok()?.val().as_document()?);
        }
        let privileges = Privileges::parse(&privileges).ok()?;
        let roles = roles.transpose().ok()?.unwrap_or_default();
        Some(Role { name, privileges, roles, is_restricted: is_restricted(document) })
    }
}

impl Sum {
    /// What these roles come to. Those that are gone, or restricted, count for nothing.
    ///
    /// # Errors
    /// The engine's.
    pub fn of(engine: &Engine, roles: &[Name]) -> Outcome<Sum> {
        let mut sum = Sum::default();
        let mut rest = roles.to_vec();
        while let Some(name) = rest.pop() {
            // Each is looked at once, even if they are granted in a circle.
            if sum.roles.contains(&name) {
                continue;
            }
            if let Some(role) = Role::find(engine, &name)?.filter(|role| !role.is_restricted) {
                sum.privileges.add_all(&role.privileges);
                rest.extend(role.roles);
                sum.roles.insert(name);
            }
        }
        Ok(sum)
    }
}
