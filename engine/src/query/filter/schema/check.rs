//! Does a value keep to a schema?

use std::cmp::Ordering;

use super::parse::double;
use super::{Additional, Dependency, Keyword, Rule, Schema, document};
use crate::bson::builder::{Builder, Index};
use crate::bson::compare::compare_values;
use crate::bson::element::{Elements, OwnedValue, Value, get};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::Result;
use crate::query::filter::numbers;

impl Schema {
    /// Does the document keep to it?
    ///
    /// # Errors
    /// A pattern that takes too long.
    pub fn holds(&self, doc: &[u8]) -> Result<bool> {
        self.holds_for(document(doc))
    }

    pub(super) fn holds_for(&self, value: Value<'_>) -> Result<bool> {
        for rule in &self.rules {
            if !rule.holds_for(value)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Rule {
    pub(super) fn holds_for(&self, value: Value<'_>) -> Result<bool> {
        Ok(match &self.keyword {
            Keyword::AllOf(all) => {
                for one in all {
                    if !one.holds_for(value)? {
                        return Ok(false);
                    }
                }
                true
            }
            Keyword::AnyOf(any) => {
                for one in any {
                    if one.holds_for(value)? {
                        return Ok(true);
                    }
                }
                false
            }
            Keyword::OneOf(several) => held(several, value)?.len() == 1,
            Keyword::Not(schema) => !schema.holds_for(value)?,
            Keyword::Enum(values) => {
                let value = normal(value);
                values.binary_search_by(|one| order(one, &value)).is_ok()
            }
            Keyword::Type(types) => types.contains(&value.ty),
            Keyword::Minimum { limit, is_exclusive } => {
                within(value, limit, Ordering::Greater, *is_exclusive)
            }
            Keyword::Maximum { limit, is_exclusive } => {
                within(value, limit, Ordering::Less, *is_exclusive)
            }
            Keyword::MultipleOf(of) => {
                !numbers::is_number(value) || is_multiple(value, of.as_ref())
            }
            Keyword::MinLength(min) => length(value).is_none_or(|length| length >= *min),
            Keyword::MaxLength(max) => length(value).is_none_or(|length| length <= *max),
            Keyword::Pattern(pattern) => match value.as_str() {
                Some(text) => pattern.holds_text(text)?,
                None => true,
            },
            _ if value.ty == ty::ARRAY => self.holds_for_array(value.bytes)?,
            _ if value.ty == ty::DOCUMENT => self.holds_for_object(value.bytes)?,
            _ => true,
        })
    }

    fn holds_for_array(&self, array: &[u8]) -> Result<bool> {
        let count = || Ok::<_, crate::error::Error>(Elements::new(array)?.count() as u64);
        Ok(match &self.keyword {
            Keyword::MinItems(min) => count()? >= *min,
            Keyword::MaxItems(max) => count()? <= *max,
            Keyword::UniqueItems => repeated(array)?.is_none(),
            Keyword::Items(schema) => first_unlike(schema, array, 0)?.is_none(),
            Keyword::ItemsEach(schemas) => {
                for (schema, element) in schemas.iter().zip(Elements::new(array)?) {
                    if !schema.holds_for(element?.val())? {
                        return Ok(false);
                    }
                }
                true
            }
            Keyword::AdditionalItems(from, Additional::Refused) => count()? <= *from as u64,
            Keyword::AdditionalItems(from, Additional::Like(schema)) => {
                first_unlike(schema, array, *from)?.is_none()
            }
            _ => true,
        })
    }

    fn holds_for_object(&self, doc: &[u8]) -> Result<bool> {
        let count = || Ok::<_, crate::error::Error>(Elements::new(doc)?.count() as u64);
        match &self.keyword {
            Keyword::Properties(properties) => {
                for (name, schema) in properties {
                    let Some(property) = get(doc, name)? else { continue };
                    if !schema.holds_for(property.val())? {
                        return Ok(false);
                    }
                }
            }
            Keyword::PatternProperties(patterns) => {
                for element in Elements::new(doc)? {
                    let element = element?;
                    let name = element.name_lossy();
                    for (pattern, schema) in patterns {
                        if pattern.holds_text(&name)? && !schema.holds_for(element.val())? {
                            return Ok(false);
                        }
                    }
                }
            }
            Keyword::AdditionalProperties(others) => {
                for element in Elements::new(doc)? {
                    let element = element?;
                    let is_allowed = match &others.allowed {
                        Additional::Refused => false,
                        Additional::Like(schema) => schema.holds_for(element.val())?,
                    };
                    if !is_allowed && others.has(&element.name_lossy())? {
                        return Ok(false);
                    }
                }
            }
            Keyword::Required(names) => return Ok(missing(names, doc)?.is_empty()),
            Keyword::MinProperties(min) => return Ok(count()? >= *min),
            Keyword::MaxProperties(max) => return Ok(count()? <= *max),
            Keyword::Dependencies(dependencies) => {
                for (name, dependency) in dependencies {
                    if get(doc, name)?.is_some() && !dependency.holds_for(doc)? {
                        return Ok(false);
                    }
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

impl Dependency {
    pub(super) fn holds_for(&self, doc: &[u8]) -> Result<bool> {
        match self {
            Dependency::Properties(names) => Ok(missing(names, doc)?.is_empty()),
            Dependency::Schema(schema) => schema.holds(doc),
        }
    }
}

/// Which of these schemas a value keeps to.
pub(super) fn held(schemas: &[Schema], value: Value<'_>) -> Result<Vec<usize>> {
    let mut out = Vec::new();
    for (at, schema) in schemas.iter().enumerate() {
        if schema.holds_for(value)? {
            out.push(at);
        }
    }
    Ok(out)
}

/// The names that a document has not.
pub(super) fn missing<'n>(names: &'n [Box<str>], doc: &[u8]) -> Result<Vec<&'n str>> {
    let mut out = Vec::new();
    for name in names {
        if get(doc, name)?.is_none() {
            out.push(&**name);
        }
    }
    Ok(out)
}

/// The first element from `from` on that does not keep to a schema.
pub(super) fn first_unlike<'a>(
    schema: &Schema,
    array: &'a [u8],
    from: usize,
) -> Result<Option<(usize, Value<'a>)>> {
    for (at, element) in Elements::new(array)?.enumerate().skip(from) {
        let value = element?.val();
        if !schema.holds_for(value)? {
            return Ok(Some((at, value)));
        }
    }
    Ok(None)
}

/// An element that is there twice.
pub(super) fn repeated(array: &[u8]) -> Result<Option<OwnedValue>> {
    let mut values = Vec::new();
    for element in Elements::new(array)? {
        values.push(normal(element?.val()));
    }
    sort(&mut values);
    Ok(duplicate(&values))
}

/// A value that stands twice in a sorted list.
pub(super) fn duplicate(values: &[OwnedValue]) -> Option<OwnedValue> {
    values.windows(2).find(|pair| order(&pair[0], &pair[1]).is_eq()).map(|pair| pair[0].clone())
}

/// Sorts values by their order.
pub(super) fn sort(values: &mut [OwnedValue]) {
    values.sort_by(order);
}

fn order(a: &OwnedValue, b: &OwnedValue) -> Ordering {
    compare_values(a.as_ref(), b.as_ref())
}

/// The value with the fields of its documents by their names: their order does not count. The
/// nesting of documents is bounded before they come here.
pub(super) fn normal(value: Value<'_>) -> OwnedValue {
    if !matches!(value.ty, ty::DOCUMENT | ty::ARRAY) {
        return value.to_owned();
    }
    let elements = Elements::new(value.bytes).into_iter().flatten().flatten();
    let mut fields: Vec<_> = elements.map(|field| (field.name, normal(field.val()))).collect();
    let mut out = Builder::with_capacity(value.bytes.len());
    if value.ty == ty::DOCUMENT {
        fields.sort_by(|a, b| a.0.cmp(b.0));
        for (name, value) in &fields {
            out.value(name, value.as_ref());
        }
    } else {
        for (at, (_, value)) in fields.iter().enumerate() {
            out.value(Index::new(at), value.as_ref());
        }
    }
    OwnedValue { ty: value.ty, bytes: out.finish().into() }
}

/// Characters of a text.
fn length(value: Value<'_>) -> Option<u64> {
    value.as_str().map(|text| text.chars().count() as u64)
}

/// Is a number on this side of a limit, or nothing that is compared?
fn within(value: Value<'_>, limit: &OwnedValue, side: Ordering, is_exclusive: bool) -> bool {
    let limit = limit.as_ref();
    if !numbers::is_number(value) {
        return true;
    }
    if numbers::is_nan(value) || numbers::is_nan(limit) {
        return numbers::is_nan(value) && numbers::is_nan(limit) && !is_exclusive;
    }
    match compare_values(value, limit) {
        Ordering::Equal => !is_exclusive,
        found => found == side,
    }
}

/// Is it a number above 0?
pub(super) fn is_positive(value: Value<'_>) -> bool {
    double(value) > 0.0
}

fn is_multiple(value: Value<'_>, of: Value<'_>) -> bool {
    let whole = |value: Value<'_>| match value.as_number() {
        Some(Number::Int32(number)) => Some(i64::from(number)),
        Some(Number::Int64(number)) => Some(number),
        _ => None,
    };
    match (whole(value), whole(of)) {
        (Some(value), Some(of)) => value.checked_rem(of) == Some(0),
        _ => double(value) % double(of) == 0.0,
    }
}
