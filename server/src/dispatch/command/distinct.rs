//! `distinct`: the values of a field, each once.

use tallymap::bson::builder::{Builder, Index};
use tallymap::bson::ty;
use tallymap::{Collection, Distinct};

use super::write_batch::put_bson;

use crate::dispatch::call::{Call, document};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Fields, missing};

const PATH: &str = "distinct";

/// The fields of a distinct.
#[derive(Debug)]
pub struct Request<'a> {
    key: &'a str,
    filter: Option<&'a [u8]>,
    collation: Option<&'a [u8]>,
}

/// Finds the values.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let (request, collection) = (Request::parse(call.fields(PATH)?)?, call.collection()?);
    let mut distinct = request.distinct(&collection)?;
    if let Some(max_time) = call.common.max_time {
        distinct = distinct.max_time(max_time);
    }
    let values = distinct.run().map_err(|error| {
        let failure = Failure::from(error);
        // Views are looked at before.
        let is_met = failure.code() != 167
            && !failure.is_end()
            && request.distinct(&collection).is_ok_and(|again| again.check_request().is_ok());
        match is_met {
            true => failure.during("Executor error during distinct command"),
            false => failure,
        }
    })?;
    let mut out = Builder::new();
    out.begin(ty::ARRAY, "values");
    for (at, value) in values.iter().enumerate() {
        put_bson(&mut out, Index::new(at), value);
    }
    out.end();
    Ok(out)
}

impl<'a> Request<'a> {
    /// Reads the fields of a distinct.
    ///
    /// # Errors
    /// For what is no field of it, or of the wrong type.
    pub fn parse(fields: Fields<'a>) -> Outcome<Request<'a>> {
        let (mut key, mut filter, mut collation) = (None, None, None);
        for field in fields {
            let field = field?;
            match field.name {
                "key" => key = field.string()?,
                "query" => filter = field.object()?,
                "collation" => collation = field.object()?,
                _ => return field.unknown(),
            }
        }
        Ok(Request { key: key.ok_or_else(|| missing(PATH, "key"))?, filter, collation })
    }

    /// The search of the engine.
    pub fn distinct(&self, collection: &Collection) -> Outcome<Distinct> {
        let filter = document(self.filter.unwrap_or(&[5, 0, 0, 0, 0]))?;
        let distinct = collection.distinct(self.key, filter);
        Ok(match self.collation {
            Some(collation) => distinct.collation(document(collation)?),
            None => distinct,
        })
    }
}
