//! `count`: how many documents there are, or how many a filter matches.

use tallymap::bson::builder::Builder;
use tallymap::bson::element::Value;
use tallymap::bson::ty;
use tallymap::{Collection, Count, Reason};

use crate::dispatch::call::{Call, document, hint};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Field, Fields, as_f64, truncated};
use crate::dispatch::put::Put;

/// An empty document.
const EMPTY: &[u8] = &[5, 0, 0, 0, 0];

/// The fields of a count.
#[derive(Debug, Default)]
pub struct Request<'a> {
    filter: Option<&'a [u8]>,
    skip: u64,
    /// Most documents that count; 0 for all.
    limit: u64,
    hint: Option<Value<'a>>,
    collation: Option<&'a [u8]>,
}

/// Counts.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut count = Request::parse(call.fields("count")?)?.count(&call.collection()?)?;
    if let Some(max_time) = call.common.max_time {
        count = count.max_time(max_time);
    }
    let mut out = Builder::new();
    out.put_integer("n", count.run()? as i64);
    Ok(out)
}

impl<'a> Request<'a> {
    /// Reads the fields of a count.
    ///
    /// # Errors
    /// For what is no field of it, or of the wrong type.
    pub fn parse(fields: Fields<'a>) -> Outcome<Request<'a>> {
        let mut count = Request::default();
        for field in fields {
            let field = field?;
            match field.name {
                "query" => count.filter = field.object()?,
                "skip" => match u64::try_from(whole(&field)?) {
                    Ok(skip) => count.skip = skip,
                    Err(_) => {
                        let skip = whole(&field)?;
                        let message = format!("Expected a positive number in: skip: {skip}");
                        return Err(Failure::new(Reason::FailedToParse, message));
                    }
                },
                // A limit below zero counts as it does above.
                "limit" => count.limit = whole(&field)?.unsigned_abs(),
                "hint" => count.hint = Some(field.hint()?),
                "collation" => count.collation = field.object()?,
                // Older drivers send a projection, which says nothing.
                "fields" => {}
                _ => return field.unknown(),
            }
        }
        Ok(count)
    }

    /// The count of the engine.
    pub fn count(&self, collection: &Collection) -> Outcome<Count> {
        let filter = document(self.filter.unwrap_or(EMPTY))?;
        let mut count = collection.count_documents(filter).skip(self.skip).limit(self.limit);
        if let Some(collation) = self.collation {
            count = count.collation(document(collation)?);
        }
        Ok(match self.hint.and_then(hint) {
            Some(hint) => count.hint(hint),
            None => count,
        })
    }
}

/// A number without a fraction, by the rule and the texts of this old command.
fn whole(field: &Field<'_>) -> Outcome<i64> {
    let name = field.name;
    let refused = |message| Err(Failure::new(Reason::FailedToParse, message));
    match (as_f64(field.value), truncated(field.value)) {
        (Some(number), _) if number.is_nan() => {
            refused(format!("Expected an integer, but found NaN in: {name}: nan.0"))
        }
        (Some(number), _) if number.is_infinite() => {
            refused(format!("Cannot represent as a 64-bit integer: {name}: {number}.0"))
        }
        (Some(number), _) if number.fract() != 0.0 => refused(match field.value.ty {
            ty::DECIMAL128 => format!("Cannot represent as a 64-bit integer: {name}: {number}"),
            _ => format!("Expected an integer: {name}: {number}"),
        }),
        (_, Some(number)) => Ok(number),
        _ => {
            let message = format!("{name} value is not a valid number");
            Err(Failure::new(Reason::BadValue, message))
        }
    }
}
