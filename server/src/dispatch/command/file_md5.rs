//! `filemd5`: the MD5 sum of a file of GridFS, for drivers that compare it with their own.

use bson::{RawBsonRef, RawDocument, rawdoc};
use md5::{Digest, Md5};
use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Value;
use tallymap::bson::ty;

use super::data_size::hex;
use crate::dispatch::call::{Call, document};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;
use crate::dispatch::request::Request;

/// Sums up the chunks of a file in their order.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let field = |name| call.request.field(name);
    if field("root").is_some_and(|root| root.ty != ty::STRING) {
        return Err(Failure::new(Reason::InvalidNamespace, "'root' must be of type String"));
    }
    if field("partialOk").is_some_and(Value::is_true) {
        let message = "filemd5 of a part of a file is not supported";
        return Err(Failure::new(Reason::CommandNotSupported, message));
    }
    let collection = call.collection_named(&chunks(call.request))?;
    let (mut sum, mut count) = (Md5::new(), 0_i32);
    if collection.exists() {
        let mut filter = Builder::new();
        filter.begin(ty::DOCUMENT, "files_id").value("$eq", call.target()).end();
        filter.begin(ty::DOCUMENT, "n").value("$gte", ZERO).end();
        let filter = filter.finish();
        let order = rawdoc! { "files_id": 1, "n": 1 };
        for chunk in collection.find(document(&filter)?).sort(order).run()? {
            sum.update(data(&chunk?, count)?);
            count += 1;
        }
    }
    let mut out = Builder::new();
    out.put_i32("numChunks", count);
    out.str("md5", &hex(&sum.finalize()));
    Ok(out)
}

const ZERO: Value<'_> = Value { ty: ty::INT32, bytes: &[0; 4] };

/// The collection of the chunks that a request is about.
pub fn chunks(request: &Request<'_>) -> String {
    let root = request.field("root").and_then(Value::as_str).filter(|root| !root.is_empty());
    format!("{}.chunks", root.unwrap_or("fs"))
}

/// What a chunk holds, which has to have this number.
fn data(chunk: &RawDocument, number: i32) -> Outcome<&[u8]> {
    let failed = |code, why: String| {
        let message = format!("Executor error during filemd5 command :: caused by :: {why}");
        Failure::new(Reason::Location(code), message)
    };
    let value = |name| chunk.get(name).ok().flatten();
    let found = match value("n") {
        Some(RawBsonRef::Int32(n)) => Some(i64::from(n)),
        Some(RawBsonRef::Int64(n)) => Some(n),
        Some(RawBsonRef::Double(n)) => Some(n as i64),
        _ => None,
    };
    if found != Some(i64::from(number)) {
        return Err(failed(10040, "chunks out of order".to_owned()));
    }
    let clean = "The element that calls binDataClean() must be type of BinData, but type of";
    match value("data") {
        Some(RawBsonRef::Binary(binary)) => Ok(binary.bytes),
        None => Err(failed(50848, format!("{clean} misisng found. Field name is required"))),
        Some(other) => {
            let name = ty::name(other.element_type() as u8);
            Err(failed(50849, format!("{clean} {name} found.")))
        }
    }
}
