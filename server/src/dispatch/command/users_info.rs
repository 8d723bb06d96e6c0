//! `usersInfo`: users by name, of a database, or of all; with what is kept of their passwords, or
//! what they may do, if that is asked for.

use bson::{RawDocumentBuf, rawdoc};
use tallymap::bson::builder::{Builder, Index};
use tallymap::bson::element::{Elements, Value, get};
use tallymap::bson::ty;
use tallymap::{Filter, Reason};

use crate::auth::name::{Kind, Name, bad, put_names};
use crate::auth::role::Sum;
use crate::auth::store::Store;
use crate::auth::user::{User, mechanism_names};
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::{Put, raw};

/// What of users is told.
#[derive(Debug, Default)]
struct Shown {
    credentials: bool,
    privileges: bool,
    restrictions: bool,
}

/// Tells.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let (mut shown, mut filter) = (Shown::default(), None);
    for field in call.fields("usersInfo")? {
        let field = field?;
        match field.name {
            "showCredentials" => shown.credentials = field.bool()?.unwrap_or(false),
            "showPrivileges" => shown.privileges = field.bool()?.unwrap_or(false),
            "showAuthenticationRestrictions" => {
                shown.restrictions = field.bool()?.unwrap_or(false);
            }
            "filter" => filter = field.object()?.map(Filter::parse).transpose()?,
            _ => return field.unknown(),
        }
    }
    let is_detailed = shown.privileges || shown.restrictions;
    let mut users = Vec::new();
    for found in found(call, is_detailed)? {
        let told = told(call, &found, &shown)?;
        if filter.as_ref().map_or(Ok(true), |filter| filter.matches(told.as_bytes()))? {
            users.push(told);
        }
    }
    let mut out = Builder::new();
    out.put_array("users", |out| {
        for (at, user) in users.iter().enumerate() {
            out.document(Index::new(at), user.as_bytes());
        }
    });
    Ok(out)
}

/// The documents of those who are asked for.
fn found(call: &Call<'_>, is_detailed: bool) -> Outcome<Vec<RawDocumentBuf>> {
    let store = Store::users(call.engine());
    let all = match call.target() {
        number if number.as_number().is_some_and(|number| number.to_f64() == 1.0) => {
            Some(rawdoc! { "db": call.common.database })
        }
        value if is_for_all_databases(value)? => Some(rawdoc! {}),
        _ => None,
    };
    if let Some(filter) = all {
        if is_detailed {
            let message = "Privilege or restriction details require exact-match usersInfo queries";
            return Err(Failure::new(Reason::IllegalOperation, message));
        }
        return store.find(&filter);
    }
    let mut found = Vec::new();
    for name in names(call)? {
        found.extend(store.get(&name)?);
    }
    Ok(found)
}

fn is_for_all_databases(value: Value<'_>) -> Outcome<bool> {
    let Some(document) = value.as_document() else { return Ok(false) };
    Ok(get(document, "forAllDBs")?.is_some_and(|field| field.val().is_true()))
}

fn names(call: &Call<'_>) -> Outcome<Vec<Name>> {
    let target = call.target();
    if target.ty != ty::ARRAY {
        return Ok(vec![Name::of_value(Kind::User, target, call.common.database)?]);
    }
    match Name::of_array(Kind::User, target.bytes, call.common.database)? {
        none if none.is_empty() => bad("$and/$or/$nor must be a nonempty array"),
        mut names => {
            names.sort();
            Ok(names)
        }
    }
}

/// What is told of a user.
fn told(call: &Call<'_>, document_of: &RawDocumentBuf, shown: &Shown) -> Outcome<RawDocumentBuf> {
    let mut out = Builder::new();
    for field in Elements::new(document_of.as_bytes())? {
        let field = field?;
        match field.name {
            b"credentials" if !shown.credentials => {}
            b"authenticationRestrictions" if !shown.restrictions => {}
            _ => drop(out.element(&field)),
        }
    }
    out.put_array("mechanisms", |out| {
        for (at, name) in mechanism_names(document_of.as_bytes()).iter().enumerate() {
            out.str(Index::new(at), name);
        }
    });
    let user =
        User::parse(document_of.as_bytes()).filter(|_| shown.privileges || shown.restrictions);
    if let Some(user) = user {
        let sum = Sum::of(call.engine(), &user.roles)?;
        put_names(&mut out, "inheritedRoles", Kind::Role, &sum.roles);
        sum.privileges.put(&mut out, "inheritedPrivileges");
        out.put_array("inheritedAuthenticationRestrictions", |_| {});
        // His own, if a mongod gave him some, are there already.
        let has_own = get(document_of.as_bytes(), "authenticationRestrictions")?.is_some();
        if shown.restrictions && !has_own {
            out.put_array("authenticationRestrictions", |_| {});
        }
    }
    Ok(raw(out))
}
