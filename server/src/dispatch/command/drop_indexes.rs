//! `dropIndexes`: by name, by fields, several, or all but that on `_id`.

use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Elements, Value};
use tallymap::bson::ty;
use tallymap::{Error, Reason};

use crate::dispatch::call::{Call, document};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::missing;
use crate::dispatch::put::Put;

const PATH: &str = "dropIndexes";

/// Drops.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let mut which = None;
    for field in call.fields(PATH)? {
        let field = field?;
        match field.name {
            "index" if matches!(field.value.ty, ty::STRING | ty::DOCUMENT | ty::ARRAY) => {
                which = Some(field.value);
            }
            "index" => return field.wrong_type("types '[string, object']"),
            _ => return field.unknown(),
        }
    }
    let collection = call.writable_collection()?;
    let which = which.ok_or_else(|| missing(PATH, "index"))?;
    let names = names(which)?;
    collection.check_no_view()?;
    if !collection.exists() {
        let message = format!("ns not found {}", collection.namespace());
        return Err(Failure::new(Reason::NamespaceNotFound, message));
    }
    let dropped = match which.ty {
        ty::DOCUMENT => collection.drop_index_by_key(document(which.bytes)?),
        _ => collection.drop_indexes(&names),
    };
    let before = dropped.map_err(|error| match &error {
        Error::NotFound { what: "index", name } => {
            Failure::new(Reason::IndexNotFound, format!("index not found with name [{name}]"))
        }
        _ => error.into(),
    })?;
    let mut out = Builder::new();
    out.put_integer("nIndexesWas", before as i64);
    if which.as_str() == Some("*") {
        out.str("msg", "non-_id indexes dropped for collection");
    }
    Ok(out)
}

/// The names that are given.
fn names(which: Value<'_>) -> Outcome<Vec<&str>> {
    if which.ty != ty::ARRAY {
        return Ok(which.as_str().into_iter().collect());
    }
    let mut names = Vec::new();
    for element in Elements::new(which.bytes)? {
        let element = element?;
        names.push(element.val().as_str().ok_or_else(|| {
            let (at, found) = (element.name_lossy(), ty::name(element.ty));
            let message = format!(
                "BSON field '{PATH}.index.{at}' is the wrong type '{found}', expected type \
                 'string'"
            );
            Failure::new(Reason::TypeMismatch, message)
        })?);
    }
    Ok(names)
}
