//! `collMod`: other options for an index.

use tallymap::bson::builder::Builder;
use tallymap::{Collection, ModifiedIndex, Reason};

use super::create::{VALIDATION_ACTIONS, VALIDATION_LEVELS};
use crate::dispatch::call::{Call, document};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::Fields;
use crate::dispatch::put::Put;

/// What of an index is to be changed.
#[derive(Debug, Default)]
struct Change<'a> {
    name: Option<&'a str>,
    key: Option<&'a [u8]>,
    expire_after_seconds: Option<i64>,
    hidden: Option<bool>,
}

/// Changes options.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut index = None;
    for field in call.fields("collMod")? {
        let field = field?;
        match field.name {
            "index" => index = field.object()?.map(Change::parse).transpose()?,
            "validator" if field.object()?.is_none_or(|validator| validator.len() <= 5) => {}
            "validator" | "viewOn" | "pipeline" | "timeseries" => {
                let message = format!("'{}' is not supported", field.name);
                return Err(Failure::new(Reason::CommandNotSupported, message));
            }
            "validationLevel" => drop(field.one_of(&VALIDATION_LEVELS)?),
            "validationAction" => drop(field.one_of(&VALIDATION_ACTIONS)?),
            _ => return field.unknown(),
        }
    }
    let collection = call.writable_collection()?;
    if !collection.exists() {
        return Err(Failure::new(Reason::NamespaceNotFound, "ns does not exist"));
    }
    let mut out = Builder::new();
    if let Some(change) = index {
        put_modified(&mut out, &change.run(&collection)?);
    }
    Ok(out)
}

impl<'a> Change<'a> {
    fn parse(index: &'a [u8]) -> Outcome<Change<'a>> {
        let mut change = Change::default();
        for field in Fields::of("collMod.index", index)? {
            let field = field?;
            match field.name {
                "name" => change.name = field.string()?,
                "keyPattern" => change.key = field.object()?,
                "expireAfterSeconds" => change.expire_after_seconds = field.integer()?,
                "hidden" => change.hidden = field.number_or_bool()?,
                _ => return field.unknown(),
            }
        }
        Ok(change)
    }

    fn run(&self, collection: &Collection) -> Outcome<ModifiedIndex> {
        let (seconds, hidden) = (self.expire_after_seconds, self.hidden);
        let refused = |message| Err(Failure::new(Reason::InvalidOptions, message));
        match (self.name, self.key) {
            (Some(_), Some(_)) => refused("Cannot specify both key pattern and name."),
            (None, None) => refused("Must specify either index name or key pattern."),
            (Some(name), None) => Ok(collection.modify_index(name, seconds, hidden)?),
            (None, Some(key)) => {
                Ok(collection.modify_index_by_key(document(key)?, seconds, hidden)?)
            }
        }
    }
}

fn put_modified(out: &mut Builder, modified: &ModifiedIndex) {
    if let Some((before, after)) = modified.expire_after_seconds {
        out.put_integer("expireAfterSeconds_old", before);
        out.put_integer("expireAfterSeconds_new", after);
    }
    if let Some((before, after)) = modified.hidden {
        out.put_bool("hidden_old", before);
        out.put_bool("hidden_new", after);
    }
}
