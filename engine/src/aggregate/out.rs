//! `$out` as it is specified; who runs the pipeline writes.

use crate::bson::element::{Elements, Value};
use crate::bson::ty;
use crate::error::Result;
use crate::expression::location;

/// Where the documents go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Out {
    /// Another database than the pipeline's, perhaps.
    pub database: Option<Box<str>>,
    pub collection: Box<str>,
}

impl Out {
    pub fn parse(value: Value<'_>) -> Result<Out> {
        if let Some(collection) = value.as_str() {
            return Ok(Out { database: None, collection: collection.into() });
        }
        if value.ty != ty::DOCUMENT {
            let name = ty::name(value.ty);
            let message =
                format!("$out only supports a string or object argument, but found {name}");
            return Err(location(16990, message));
        }
        let (mut database, mut collection, mut others) = (None, None, 0);
        for element in Elements::new(value.bytes)? {
            let element = element?;
            match element.name {
                b"db" => database = element.val().as_str(),
                b"coll" => collection = element.val().as_str(),
                _ => others += 1,
            }
        }
        let (Some(database), Some(collection), 0) = (database, collection, others) else {
            let message =
                "If an object is passed to $out it must have exactly 2 fields: 'db' and 'coll'";
            return Err(location(16994, message));
        };
        Ok(Out { database: Some(database.into()), collection: collection.into() })
    }
}
