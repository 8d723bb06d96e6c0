//! `renameCollection`: another name, in the same database.

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
    if from_ns.database() != to_ns.database() {
        let message = "renaming from one database to another is not supported";
        return Err(Failure::new(Reason::CommandNotSupported, message));
    }
    if from_ns == to_ns {
        let message = "Can't rename a collection to itself";
        return Err(Failure::new(Reason::IllegalOperation, message));
    }
    if !from.exists() {
        let message = format!("Source collection {from_ns} does not exist");
        return Err(Failure::new(Reason::NamespaceNotFound, message));
    }
    let database = call.engine().database(from_ns.database())?;
    if to.exists() {
        if !drops_target {
            return Err(Failure::new(Reason::NamespaceExists, "target namespace exists"));
        }
        database.drop_collection(to_ns.collection())?;
        call.cursors().interrupt(|ns| ns == to_ns.as_str(), DROPPED);
    }
    database.rename_collection(from_ns.collection(), to_ns.collection())?;
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
    check_not_system(database, name)?;
    call.engine().collection(ns).map_err(|_| refused())
}
