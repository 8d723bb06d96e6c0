//! `renameCollection`: another name, in the same database or in another one.

use tallymap::bson::builder::Builder;
use tallymap::{Collection, Reason};

use super::drop::DROPPED;
use crate::dispatch::call::{Call, check_not_system, collection_name};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::missing;

/// Renames.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    const PATH: &str = "renameCollection";
    let (mut to, mut drops_target) = (None, false);
    for field in call.fields(PATH)? {
        let field = field?;
        match field.name {
            "to" => to = field.string()?,
            "dropTarget" => drops_target = field.bool()?.unwrap_or(false),
            "stayTemp" => drop(field.bool()?),
            _ => return field.unknown(),
        }
    }
    let from = collection_name(call.target())?;
    let to = to.ok_or_else(|| missing(PATH, "to"))?;
    let from = named(call, from, "Invalid namespace specified")?;
    let to = named(call, to, "Invalid target namespace:")?;
    let (from_ns, to_ns) = (from.namespace(), to.namespace());
    if from_ns == to_ns {
        let message = "Can't rename a collection to itself";
        return Err(Failure::new(Reason::IllegalOperation, message));
    }
    if from.view()?.is_some() {
        let message = format!("cannot rename view: {from_ns}");
        return Err(Failure::new(Reason::CommandNotSupportedOnView, message));
    }
    if to.view()?.is_some() {
        let message = format!("a view already exists with that name: {to_ns}");
        return Err(Failure::new(Reason::NamespaceExists, message));
    }
    if !from.exists() {
        let message = match from_ns.database() == to_ns.database() {
            true => format!("Source collection {from_ns} does not exist"),
            false => "source namespace does not exist".to_owned(),
        };
        return Err(Failure::new(Reason::NamespaceNotFound, message));
    }
    let there_was_one = to.exists();
    if there_was_one && !drops_target {
        return Err(Failure::new(Reason::NamespaceExists, "target namespace exists"));
    }
    from.move_to(&to, drops_target)?;
    if there_was_one {
        call.cursors().interrupt(|ns| ns == to_ns.as_str(), DROPPED);
    }
    for ns in [from_ns, to_ns] {
        call.top().forget(ns.database(), Some(ns.collection()));
    }
    let why = format!("collection renamed from '{from_ns}' to '{to_ns}'");
    call.cursors().interrupt(|ns| ns == from_ns.as_str(), &why);
    Ok(Builder::new())
}

fn named(call: &Call<'_>, ns: &str, refusal: &str) -> Outcome<Collection> {
    let refused = || {
        let shown = if refusal.ends_with(':') { ns.to_owned() } else { format!("'{ns}'") };
        Failure::new(Reason::InvalidNamespace, format!("{refusal} {shown}"))
    };
    let (database, name) = ns.split_once('.').ok_or_else(refused)?;
    let is_target = refusal.ends_with(':');
    let told = |failure: Failure| match is_target {
        true => Failure::new(
            Reason::IllegalOperation,
            format!("error with target namespace: {}", failure.message()),
        ),
        false => failure,
    };
    check_not_system(database, name).map_err(told)?;
    if name.contains('$') {
        let message = format!("Invalid collection name: {name}");
        return Err(told(Failure::new(Reason::InvalidNamespace, message)));
    }
    call.engine().collection(ns).map_err(|_| refused())
}
