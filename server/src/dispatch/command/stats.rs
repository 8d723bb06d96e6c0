//! `collStats` and `dbStats`: figures, in units of `scale` bytes.

use bson::{Bson, Document, RawDocumentBuf};
use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Value;
use tallymap::bson::ty;

use crate::dispatch::call::{Call, collection_name};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::truncated;
use crate::dispatch::put::Put;

/// The figures of a collection that are sizes.
const SIZES: [&str; 5] = ["size", "storageSize", "lastExtentSize", "totalIndexSize", "maxSize"];

/// The figures of a collection; zeros if it does not exist.
pub fn collection(call: &Call<'_>) -> Outcome<Builder> {
    let mut scale = 1;
    for field in call.fields("collStats")? {
        let field = field?;
        if field.name == "scale" {
            scale = positive(field.integer()?.unwrap_or(1))?;
        }
    }
    let name = collection_name(call.target())
        .map_err(|failure| Failure::new(Reason::InvalidNamespace, failure.message()))?;
    let collection = call.collection_named(name)?;
    collection.check_no_view()?;
    let mut figures = match collection.exists() {
        true => collection.stats()?.to_document(),
        false => nothing(collection.namespace().as_str()),
    };
    let total = size(&figures, "storageSize") + size(&figures, "totalIndexSize");
    figures.insert("totalSize", integer(total));
    for name in SIZES.into_iter().chain(["totalSize"]) {
        scale_down(&mut figures, name, scale);
    }
    if let Some(Bson::Document(sizes)) = figures.get_mut("indexSizes") {
        let names: Vec<String> = sizes.keys().cloned().collect();
        names.iter().for_each(|name| scale_down(sizes, name, scale));
    }
    figures.insert("scaleFactor", integer(scale));
    reply(&figures)
}

/// The figures of a database; zeros if it does not exist.
pub fn database(call: &Call<'_>) -> Outcome<Builder> {
    let mut scale = 1;
    for field in call.fields("dbStats")? {
        let field = field?;
        if field.name == "scale" {
            scale = match truncated(field.value) {
                // Of 32 bits, as with mongod.
                Some(scale) if scale as i32 > 0 => i64::from(scale as i32),
                Some(_) => return Err(Failure::unnumbered("scale has to be > 0")),
                None if field.is_null() || is_false(field.value) => 1,
                None => return Err(Failure::unnumbered("scale has to be a number > 0")),
            };
        }
    }
    // A name here is not looked at but for that.
    if let Some(name) = call.target().as_str() {
        let message = format!("Invalid db name: {}.{name}", call.common.database);
        return Err(Failure::new(Reason::InvalidNamespace, message));
    }
    let database = call.database()?;
    let stats = database.stats()?;
    let mut figures = stats.to_document();
    figures.insert("views", integer(database.views()?.len() as i64));
    figures.insert("totalSize", integer(stats.storage_size + stats.index_size));
    let exists = stats.file_size > 0;
    // Of a database that is there everything but counts is a double.
    let shown = |size: f64| if exists { Bson::Double(size) } else { Bson::Int32(0) };
    for name in ["dataSize", "storageSize", "indexSize", "fileSize", "totalSize"] {
        let size = size(&figures, name) as f64;
        figures.insert(name, shown(size / scale as f64));
    }
    if !exists {
        figures.insert("avgObjSize", 0);
    }
    let scale_factor = if exists { Bson::Double(scale as f64) } else { integer(scale) };
    figures.insert("scaleFactor", scale_factor);
    reply(&figures)
}

fn is_false(value: Value<'_>) -> bool {
    value.ty == ty::BOOL && value.bytes == [0]
}

fn positive(scale: i64) -> Outcome<i64> {
    match scale {
        1.. => Ok(scale),
        _ => {
            let message = format!("BSON field 'scale' value must be >= 1, actual value '{scale}'");
            Err(Failure::new(Reason::Location(51024), message))
        }
    }
}

/// The figures of a collection that does not exist.
fn nothing(ns: &str) -> Document {
    bson::doc! {
        "ns": ns, "size": 0, "count": 0, "storageSize": 0, "nindexes": 0, "totalIndexSize": 0,
        "indexDetails": {}, "indexSizes": {},
    }
}

fn size(figures: &Document, name: &str) -> i64 {
    match figures.get(name) {
        Some(Bson::Int32(size)) => i64::from(*size),
        Some(Bson::Int64(size)) => *size,
        Some(Bson::Double(size)) => *size as i64,
        _ => 0,
    }
}

fn integer(value: i64) -> Bson {
    i32::try_from(value).map_or(Bson::Int64(value), Bson::Int32)
}

fn scale_down(figures: &mut Document, name: &str, scale: i64) {
    if scale > 1 && figures.contains_key(name) {
        figures.insert(name, integer(size(figures, name) / scale));
    }
}

/// A reply of these fields.
pub fn reply(figures: &Document) -> Outcome<Builder> {
    let raw = RawDocumentBuf::try_from(figures)
        .map_err(|error| Failure::new(Reason::InternalError, error.to_string()))?;
    let mut out = Builder::new();
    out.put_fields_of(raw.as_bytes());
    Ok(out)
}
