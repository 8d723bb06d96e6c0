//! `rolesInfo`: roles by name, or those of a database; with their privileges, if that is asked for.

use bson::rawdoc;
use tallymap::Reason;
use tallymap::bson::builder::{Builder, Index};
use tallymap::bson::ty;

use crate::auth::built_in;
use crate::auth::name::{Kind, Name, put_names};
use crate::auth::role::{Role, Sum};
use crate::auth::store::Store;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;

/// What of roles is told.
#[derive(Debug, Default)]
struct Shown {
    privileges: bool,
    built_in: bool,
    restrictions: bool,
    /// As one sum, in the form in which it belongs to a user?
    as_fragment: bool,
}

/// Tells.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut shown = Shown::default();
    for field in call.fields("rolesInfo")? {
        let field = field?;
        match field.name {
            "showPrivileges" if field.value.as_str() == Some("asUserFragment") => {
                shown.as_fragment = true;
            }
            "showPrivileges" => shown.privileges = field.bool()?.unwrap_or(false),
            "showBuiltinRoles" => shown.built_in = field.bool()?.unwrap_or(false),
            "showAuthenticationRestrictions" => {
                shown.restrictions = field.bool()?.unwrap_or(false);
            }
            _ => return field.unknown(),
        }
    }
    let is_all = call.target().as_number().is_some_and(|number| number.to_f64() == 1.0);
    let roles = match is_all {
        true => of_database(call, &shown)?,
        false => by_name(call)?,
    };
    if shown.as_fragment {
        return fragment(call, &roles);
    }
    let mut out = Builder::new();
    out.begin(ty::ARRAY, "roles");
    for (at, role) in roles.iter().enumerate() {
        out.begin(ty::DOCUMENT, Index::new(at));
        put(call, &mut out, role, &shown)?;
        out.end();
    }
    out.end();
    Ok(out)
}

fn of_database(call: &Call<'_>, shown: &Shown) -> Outcome<Vec<Role>> {
    if shown.as_fragment {
        let message = "Cannot get user fragment for all roles in a database";
        return Err(Failure::new(Reason::IllegalOperation, message));
    }
    let db = call.common.database;
    let found = Store::roles(call.engine()).find(&rawdoc! { "db": db })?;
    let mut roles: Vec<_> =
        found.iter().filter_map(|document| Role::parse(document.as_bytes())).collect();
    if shown.built_in {
        for name in built_in::names(db) {
            roles.extend(Role::find(call.engine(), &name)?);
        }
    }
    Ok(roles)
}

fn by_name(call: &Call<'_>) -> Outcome<Vec<Role>> {
    let (target, db) = (call.target(), call.common.database);
    let names = match target.ty {
        ty::ARRAY => Name::of_array(Kind::Role, target.bytes, db)?,
        ty::STRING | ty::DOCUMENT => vec![Name::of_value(Kind::Role, target, db)?],
        _ => {
            let message = "invalid parameter: expected an object (rolesInfo)";
            return Err(Failure::new(Reason::Location(10065), message));
        }
    };
    let mut roles = Vec::new();
    for name in names {
        roles.extend(Role::find(call.engine(), &name)?);
    }
    Ok(roles)
}

fn put(call: &Call<'_>, out: &mut Builder, role: &Role, shown: &Shown) -> Outcome<()> {
    let is_built_in = built_in::is_built_in(&role.name);
    let inherited = Sum::of(call.engine(), &role.roles)?;
    if !is_built_in {
        out.str("_id", &role.name.id());
    }
    role.name.put(Kind::Role, out);
    if shown.privileges {
        role.privileges.put(out, "privileges");
    }
    put_names(out, "roles", Kind::Role, &role.roles);
    put_names(out, "inheritedRoles", Kind::Role, &inherited.roles);
    if shown.privileges {
        let mut all = inherited.privileges;
        all.add_all(&role.privileges);
        all.put(out, "inheritedPrivileges");
    }
    if shown.restrictions {
        out.put_array("authenticationRestrictions", |_| {});
        out.put_array("inheritedAuthenticationRestrictions", |_| {});
    }
    out.put_bool("isBuiltin", is_built_in);
    Ok(())
}

/// What the roles are to a user who has them.
fn fragment(call: &Call<'_>, roles: &[Role]) -> Outcome<Builder> {
    let names: Vec<_> = roles.iter().map(|role| role.name.clone()).collect();
    let sum = Sum::of(call.engine(), &names)?;
    let mut out = Builder::new();
    out.put_document("userFragment", |out| {
        put_names(out, "roles", Kind::Role, &names);
        put_names(out, "inheritedRoles", Kind::Role, &sum.roles);
        sum.privileges.put(out, "inheritedPrivileges");
    });
    Ok(out)
}
