//! A request for an index, checked as `createIndexes` of MongoDB 5.0 checks it: which fields there
//! may be, of which types, with which numbers they are refused.
//!
//! Q1. A request that passes has a `key` of which an index can be made and, if it has no name, the
//!     one that drivers give.
//! Q2. What is kept of it is what 5.0 keeps: flags are booleans, seconds are whole, what says
//!     nothing (`hidden: false`, the simple collation, `ns`) is left out.
//!
//! What 5.0 has and MMAPv1 has no form for is refused by name: collations, wildcard indexes,
//! hashed ones of several fields. The filter of a partial index is looked at elsewhere.

use crate::bson::builder::Builder;
use crate::bson::collation::OPTIONS as COLLATION_OPTIONS;
use crate::bson::decimal::Decimal;
use crate::bson::element::{Element, Elements, Value, get};
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::index::hash::integer;
use crate::index::request_key;

/// Every field that a request may have.
pub const FIELDS: [&[u8]; 26] = [
    b"v",
    b"key",
    b"name",
    b"ns",
    b"_id",
    b"unique",
    b"background",
    b"sparse",
    b"hidden",
    b"dropDups",
    b"expireAfterSeconds",
    b"partialFilterExpression",
    b"collation",
    b"storageEngine",
    b"weights",
    b"default_language",
    b"language_override",
    b"textIndexVersion",
    b"2dsphereIndexVersion",
    b"bits",
    b"min",
    b"max",
    b"bucketSize",
    b"coarsestIndexedLevel",
    b"finestIndexedLevel",
    b"wildcardProjection",
];
/// Those of a request for the index on `_id`.
const ID_FIELDS: [&[u8]; 6] = [b"v", b"key", b"name", b"ns", b"_id", b"collation"];

/// Checks a request and gives it back as it is kept: `{key, name, …}`.
///
/// # Errors
/// [`Reason::InvalidIndexSpecificationOption`], [`Reason::CannotCreateIndex`],
/// [`Reason::TypeMismatch`] and others, each with 5.0's number.
pub fn checked(request: &[u8]) -> Result<Vec<u8>> {
    let in_request = |shown: String| {
        move |error: Error| match error {
            Error::Refused { reason, message } => {
                let message = format!("Error in specification {shown} :: caused by :: {message}");
                Error::refused(reason, message)
            }
            other => other,
        }
    };
    check_fields(request).map_err(in_request(text::document(request)))?;
    let key = get(request, "key")?.map(|key| key.value).unwrap_or_default();
    let is_id = request_key::is_id(key);
    if is_id {
        check_id(request, key)?;
    }
    check_seconds(request, key)?;
    let name = request_key::name(request, key)?;
    if !is_id {
        request_key::check_name(&name, key)?;
    }
    check_together(request, key, &name).map_err(in_request(with_version(request)))?;
    kept(request, key, &name)
}

/// Checks what is said of the index on `_id` where the collection is created.
///
/// # Errors
/// As [`checked`], and for one without a name.
pub fn check_id_request(request: &[u8]) -> Result<()> {
    check_fields(request)?;
    if get(request, "name")?.is_none() {
        let message = "The 'name' field is a required property of an index specification";
        return refused(Reason::FailedToParse, message);
    }
    check_id(request, get(request, "key")?.map(|key| key.value).unwrap_or_default())
}

/// The request as it is shown once it is known to be sound field by field: with a version.
fn with_version(request: &[u8]) -> String {
    let mut out = Builder::new();
    for element in Elements::new(request).into_iter().flatten().flatten() {
        out.element(&element);
    }
    if let Ok(None) = get(request, "v") {
        out.number("v", Number::Int32(2));
    }
    text::document(&out.finish())
}

fn refused<T>(reason: Reason, message: impl Into<String>) -> Result<T> {
    Err(Error::refused(reason, message))
}

/// The fields one by one, in their order; unknown ones before all others.
fn check_fields(request: &[u8]) -> Result<()> {
    for element in Elements::new(request)? {
        let element = element?;
        if !FIELDS.contains(&element.name) {
            let message = format!(
                "The field '{}' is not valid for an index specification. Specification: {}",
                element.name_lossy(),
                text::document(request)
            );
            return refused(Reason::InvalidIndexSpecificationOption, message);
        }
    }
    for element in Elements::new(request)? {
        let element = element?;
        check_type(&element)?;
        check_value(&element, request)?;
    }
    if get(request, "key")?.is_none() {
        let message = "The 'key' field is a required property of an index specification";
        return refused(Reason::FailedToParse, message);
    }
    Ok(())
}

/// Is the field of a type that it may have?
fn check_type(field: &Element<'_>) -> Result<()> {
    let name = field.name_lossy();
    let is_number = integer(field.val()).is_some();
    let must_be = |what: &str| {
        let message = format!("The field '{name}' must be {what}, but got {}", ty::name(field.ty));
        refused(Reason::TypeMismatch, message)
    };
    match field.name {
        b"weights" if !matches!(field.ty, ty::DOCUMENT | ty::ARRAY | ty::STRING) => {
            must_be("an object")
        }
        b"key" | b"partialFilterExpression" | b"collation" if field.ty != ty::DOCUMENT => {
            must_be("an object")
        }
        b"name" | b"default_language" | b"language_override" if field.ty != ty::STRING => {
            must_be("a string")
        }
        b"v" | b"textIndexVersion" | b"2dsphereIndexVersion" | b"bits" | b"min" | b"max"
            if !is_number =>
        {
            must_be("a number")
        }
        // The text names another field than it means: so does 5.0's.
        b"hidden" if field.ty != ty::BOOL => {
            let got = ty::name(field.ty);
            let message = format!("The field 'name' must be a bool, but got {got}");
            refused(Reason::TypeMismatch, message)
        }
        b"unique" | b"sparse" | b"background" | b"dropDups"
            if field.ty != ty::BOOL && !is_number =>
        {
            let value = text::named(field.name, field.val());
            let message =
                format!("The field '{name} has value {value}, which is not convertible to bool");
            refused(Reason::TypeMismatch, message)
        }
        _ => Ok(()),
    }
}

/// Is the field's value one that it may have, looked at alone?
fn check_value(field: &Element<'_>, request: &[u8]) -> Result<()> {
    let invalid = |cause: String| {
        let request = text::document(request);
        let message = format!("Invalid index specification {request}; {cause}");
        refused(Reason::CannotCreateIndex, message)
    };
    match field.name {
        b"key" => request_key::check(field.value),
        b"v" => match check_version(field.val())? {
            1 | 2 => Ok(()),
            version => invalid(format!("cannot create an index with v={version}")),
        },
        b"collation" if Elements::new(field.value)?.next().is_none() => {
            refused(Reason::BadValue, "The field 'collation' cannot be an empty object.")
        }
        b"weights" => {
            invalid("the field 'weights' can only be specified with text indexes".to_owned())
        }
        b"bucketSize" => refused(
            Reason::CannotCreateIndex,
            "The 'bucketSize' parameter is disallowed because geoHaystack indexes are no longer \
             supported in version 4.9 and above",
        ),
        b"wildcardProjection" => refused(
            Reason::BadValue,
            "The field 'wildcardProjection' is only allowed in an 'wildcard' index",
        ),
        _ => Ok(()),
    }
}

/// The version that is asked for. Drivers say 1 or 2, which means: today's.
fn check_version(version: Value<'_>) -> Result<i32> {
    let is_exactly = |whole: i32| {
        let whole = Decimal::of_number(Number::Int32(whole));
        Decimal::of(version).is_some_and(|version| version.compare(&whole).is_eq())
    };
    match integer(version).map(i32::try_from) {
        Some(Ok(whole)) if is_exactly(whole) => Ok(whole),
        _ => {
            let message = format!(
                "Index version must be representable as a 32-bit integer, but got {}",
                text::value(version)
            );
            refused(Reason::BadValue, message)
        }
    }
}

/// `expireAfterSeconds` is a number of at least 0, of an index on one field.
fn check_seconds(request: &[u8], key: &[u8]) -> Result<()> {
    let Some(seconds) = get(request, "expireAfterSeconds")? else { return Ok(()) };
    let bad = |cause: String| {
        let message = format!("{cause}ndex spec: {}", text::document(request));
        refused(Reason::CannotCreateIndex, message)
    };
    let Some(number) = integer(seconds.val()) else {
        let got = ty::name(seconds.ty);
        return bad(format!(
            "TTL index 'expireAfterSeconds' option must be numeric, but received a type of \
             '{got}'. I"
        ));
    };
    if number < 0 {
        let cause = "TTL index 'expireAfterSeconds' option cannot be less than 0";
        return bad(format!("{cause}i"));
    }
    if Elements::new(key)?.count() > 1 {
        let cause = "TTL indexes are single-field indexes, compound indexes do not support TTL.";
        return bad(format!("{cause} I"));
    }
    Ok(())
}

fn check_id(request: &[u8], key: &[u8]) -> Result<()> {
    for element in Elements::new(request)? {
        let element = element?;
        if !ID_FIELDS.contains(&element.name) {
            let message = format!(
                "The field '{}' is not valid for an _id index specification. Specification: {}",
                element.name_lossy(),
                with_version(request)
            );
            return refused(Reason::InvalidIndexSpecificationOption, message);
        }
    }
    if !request_key::is_id(key) || !request_key::is_ascending_id(key) {
        let message = format!(
            "The field 'key' for an _id index must be {{_id: 1}}, but got {}",
            text::document(key)
        );
        return refused(Reason::BadValue, message);
    }
    Ok(())
}

/// What fields that are each right are not together.
fn check_together(request: &[u8], key: &[u8], name: &str) -> Result<()> {
    let field = |name| get(request, name).map(|field| field.map(|field| field.val()));
    if name.is_empty() {
        return refused(Reason::CannotCreateIndex, "index name cannot be empty");
    }
    if name.contains('\0') {
        return refused(Reason::CannotCreateIndex, "index name cannot contain NUL bytes");
    }
    if let Some(collation) = field("collation")? {
        check_collation(collation.bytes)?;
    }
    if let Some(engine) = field("storageEngine")? {
        check_storage_engine(engine)?;
    }
    let sparse = field("sparse")?.is_some_and(Value::is_true);
    if sparse && field("partialFilterExpression")?.is_some() {
        let message = "cannot mix \"partialFilterExpression\" and \"sparse\" options";
        return refused(Reason::CannotCreateIndex, message);
    }
    request_key::check_kind(key, name, field("unique")?.is_some_and(Value::is_true))
}

/// The order of bytes is the only one.
fn check_collation(collation: &[u8]) -> Result<()> {
    for element in Elements::new(collation)? {
        let element = element?;
        if !COLLATION_OPTIONS.contains(&element.name) {
            let name = element.name_lossy();
            let message = format!("BSON field 'collation.{name}' is an unknown field.");
            return refused(Reason::Location(40415), message);
        }
    }
    let Some(locale) = get(collation, "locale")?.map(|locale| locale.val()) else {
        let message = "BSON field 'collation.locale' is missing but a required field";
        return refused(Reason::Location(40414), message);
    };
    match locale.as_str() {
        Some("simple") => Ok(()),
        Some(other) => {
            let message = format!("collation of locale '{other}' is not supported");
            refused(Reason::CannotCreateIndex, message)
        }
        None => {
            let message = format!(
                "BSON field 'collation.locale' is the wrong type '{}', expected type 'string'",
                ty::name(locale.ty)
            );
            refused(Reason::TypeMismatch, message)
        }
    }
}

fn check_storage_engine(engine: Value<'_>) -> Result<()> {
    if engine.ty != ty::DOCUMENT {
        let message = "\"storageEngine\" options must be a document if present";
        return refused(Reason::CannotCreateIndex, message);
    }
    if Elements::new(engine.bytes)?.next().is_none() {
        return refused(
            Reason::CannotCreateIndex,
            "Empty \"storageEngine\" options are invalid. Please remove the field or include \
             valid options.",
        );
    }
    check_engines(engine.bytes)
}

/// Options of storage engines are documents by their names: of this one, and of the one that wrote
/// what is restored here. They mean nothing, and are kept for who dumps it again.
///
/// # Errors
/// [`Reason::BadValue`], and [`Reason::InvalidOptions`] for any other engine.
pub fn check_engines(options: &[u8]) -> Result<()> {
    for engine in Elements::new(options)? {
        let engine = engine?;
        let name = engine.name_lossy();
        if engine.ty != ty::DOCUMENT {
            let message = format!("'storageEngine.{name}' has to be an embedded document.");
            return refused(Reason::BadValue, message);
        }
        if !matches!(engine.name, b"mmapv1" | b"wiredTiger") {
            let message = format!("{name} is not a registered storage engine for this server");
            return refused(Reason::InvalidOptions, message);
        }
    }
    Ok(())
}

/// The request as it is kept (Q2).
fn kept(request: &[u8], key: &[u8], name: &str) -> Result<Vec<u8>> {
    let flag = |set| Value { ty: ty::BOOL, bytes: if set { &[1] } else { &[0] } };
    let mut out = Builder::new();
    out.document("key", key).str("name", name);
    for element in Elements::new(request)? {
        let element = element?;
        let value = element.val();
        match element.name {
            b"v" | b"key" | b"name" | b"ns" | b"_id" | b"dropDups" | b"collation" => {}
            b"unique" | b"hidden" if !value.is_true() => {}
            b"unique" | b"hidden" | b"sparse" | b"background" => {
                out.value(element.name, flag(value.is_true()));
            }
            b"expireAfterSeconds" => {
                let seconds = integer(value).unwrap_or_default();
                let is_whole = value.as_number().is_some_and(|n| n.to_i64() == Some(seconds));
                match is_whole {
                    true => out.element(&element),
                    false => out.number("expireAfterSeconds", Number::integer(seconds)),
                };
            }
            _ => {
                out.element(&element);
            }
        }
    }
    Ok(out.finish())
}

#[cfg(test)]
mod tests;
