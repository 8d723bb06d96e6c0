//! `createIndexes`: indexes, all of them or none.

use tallymap::Reason;
use tallymap::bson::builder::Builder;

use super::index_spec;
use crate::dispatch::call::{Call, document};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Field, missing, truncated};
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
            "commitQuorum" => refuse_quorum(&field)?,
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
    let nothing_new = created.before == created.after;
    if created.created_collection || !nothing_new {
        out.put_bool("createdCollectionAutomatically", created.created_collection);
    }
    if nothing_new {
        out.str("note", "all indexes already exist");
    }
    Ok(out)
}

/// A server that is alone has nobody to agree with.
fn refuse_quorum(field: &Field<'_>) -> Outcome<()> {
    const MEMBERS_MAX: i64 = 50;
    let wrong = |message: &str| Err(Failure::new(Reason::FailedToParse, message));
    match (field.value.as_str(), truncated(field.value)) {
        (Some(""), _) => return wrong("commitQuorum can't be an empty string"),
        (Some(_), _) | (_, Some(0..=MEMBERS_MAX)) => {}
        (_, Some(_)) => {
            let message = "commitQuorum has to be a non-negative number and not greater than 50";
            return wrong(message);
        }
        _ if field.is_null() => return Ok(()),
        _ => return field.wrong_type("types '[long, int, decimal, double, string']"),
    }
    Err(Failure::new(Reason::BadValue, "Standalones can't specify commitQuorum"))
}
