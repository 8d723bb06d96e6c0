//! `createIndexes`: indexes, all of them or none.

use tallymap::Reason;
use tallymap::bson::builder::Builder;

use super::index_spec;
use crate::dispatch::call::{Call, document};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::missing;
use crate::dispatch::put::Put;

/// Creates.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    const PATH: &str = "createIndexes";
    let (mut specs, mut ignores_unknown) = (None, false);
    for field in call.fields(PATH)? {
        let field = field?;
        match field.name {
            "indexes" => specs = Some(field.documents()?),
            "ignoreUnknownIndexOptions" => {
                ignores_unknown = field.number_or_bool()?.unwrap_or(false);
            }
            "commitQuorum" => {
                if field.value.as_str().is_some() || field.integer()?.is_some() {
                    let message = "Standalones can't specify commitQuorum";
                    return Err(Failure::new(Reason::BadValue, message));
                }
            }
            _ => return field.unknown(),
        }
    }
    let specs: Vec<_> = specs
        .ok_or_else(|| missing(PATH, "indexes"))?
        .into_iter()
        .map(|spec| index_spec::prepared(spec, ignores_unknown))
        .collect::<Outcome<_>>()?;
    let collection = call.writable_collection()?;
    let specs = specs.iter().map(|spec| document(spec)).collect::<Outcome<Vec<_>>>()?;
    let created = collection.create_indexes_from(specs)?;
    let mut out = Builder::new();
    out.put_integer("numIndexesBefore", created.before as i64);
    out.put_integer("numIndexesAfter", created.after as i64);
    match created.before == created.after {
        true => drop(out.str("note", "all indexes already exist")),
        false => out.put_bool("createdCollectionAutomatically", created.created_collection),
    }
    Ok(out)
}
