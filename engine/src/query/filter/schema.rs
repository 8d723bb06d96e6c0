//! `$jsonSchema`: what a document has to be like, by the keywords of JSON Schema, draft 4, as
//! MongoDB takes them: `bsonType` beside `type`; no references, formats and defaults.
//!
//! A keyword about values of one type says nothing of others. Names lead into documents only, and
//! never through arrays.

mod check;
mod parse;
mod told;
mod type_names;

use super::Pattern;
use crate::bson::element::{OwnedValue, Value};

/// Deepest nesting of schemas.
const DEPTH_MAX: usize = 100;

/// A parsed schema: every rule must hold.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    rules: Vec<Rule>,
}

/// One keyword, or several that belong together.
#[derive(Debug, Clone)]
struct Rule {
    keyword: Keyword,
    /// The fields of the schema that it was read from, as BSON; of one with schemas its name.
    source: Box<[u8]>,
}

#[derive(Debug, Clone)]
enum Keyword {
    AllOf(Vec<Schema>),
    AnyOf(Vec<Schema>),
    OneOf(Vec<Schema>),
    Not(Schema),
    Enum(Vec<OwnedValue>),
    Minimum {
        limit: OwnedValue,
        is_exclusive: bool,
    },
    Maximum {
        limit: OwnedValue,
        is_exclusive: bool,
    },
    MultipleOf(OwnedValue),
    MinLength(u64),
    MaxLength(u64),
    Pattern(Box<Pattern>),
    MinItems(u64),
    MaxItems(u64),
    UniqueItems,
    /// Of all elements.
    Items(Schema),
    /// Of each of the first elements.
    ItemsEach(Vec<Schema>),
    /// Of the elements behind so many.
    AdditionalItems(usize, Additional),
    Properties(Vec<(Box<str>, Schema)>),
    PatternProperties(Vec<(Pattern, Schema)>),
    AdditionalProperties(Others),
    Required(Vec<Box<str>>),
    MinProperties(u64),
    MaxProperties(u64),
    Dependencies(Vec<(Box<str>, Dependency)>),
    /// `type` or `bsonType`.
    Type(Vec<u8>),
}

/// What is behind that which is described.
#[derive(Debug, Clone)]
enum Additional {
    Refused,
    Like(Schema),
}

/// The properties that neither `properties` nor `patternProperties` describe.
#[derive(Debug, Clone)]
struct Others {
    named: Vec<Box<str>>,
    patterns: Vec<Pattern>,
    allowed: Additional,
}

/// What has to be there beside a property.
#[derive(Debug, Clone)]
enum Dependency {
    Properties(Vec<Box<str>>),
    Schema(Schema),
}

impl Others {
    /// Is it one of them?
    fn has(&self, name: &str) -> crate::error::Result<bool> {
        if self.named.iter().any(|known| **known == *name) {
            return Ok(false);
        }
        for pattern in &self.patterns {
            if pattern.holds_text(name)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A document as a value.
fn document(bytes: &[u8]) -> Value<'_> {
    Value { ty: crate::bson::ty::DOCUMENT, bytes }
}
