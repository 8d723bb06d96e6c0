//! Parses a filter into what [`super::matcher`] runs and what plans and upserts read.
//!
//! One enum, [`Test`], names every operator on a field. A new one is a variant here, a line in
//! [`operator`] and an arm in the matcher.

use crate::bson::compare::compare_values;
use crate::bson::element::{Element, Elements, OwnedValue, Value};
use crate::bson::field::FieldPath;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

/// Deepest nesting of `$and`.
const DEPTH_MAX: usize = 100;

/// A parsed filter: every clause must hold.
#[derive(Debug, Clone)]
pub struct Filter {
    clauses: Vec<Clause>,
}

/// A condition on a document.
#[derive(Debug, Clone)]
pub enum Clause {
    /// All of them hold.
    And(Vec<Clause>),
    /// A field passes a test.
    Field {
        /// The field.
        path: FieldPath,
        /// Its test.
        test: Test,
    },
}

/// A condition on the values at a path.
#[derive(Debug, Clone)]
pub enum Test {
    /// Equal in the canonical order; null also matches a missing field.
    Eq(OwnedValue),
    /// Greater, within the same canonical type.
    Gt(OwnedValue),
    /// Greater or equal.
    Gte(OwnedValue),
    /// Less.
    Lt(OwnedValue),
    /// Less or equal.
    Lte(OwnedValue),
    /// Equal to one of these.
    In(Vec<OwnedValue>),
    /// There is such a field, or there is none.
    Exists(bool),
}

/// How a document matched a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Matched {
    /// The place in an array that the last condition through an array met first: what a
    /// positional `$` stands for.
    pub position: Option<u32>,
}

impl Filter {
    /// Parses the bytes of a checked document.
    pub fn parse(filter: &[u8]) -> Result<Filter> {
        let mut clauses = vec![];
        parse_clauses(filter, DEPTH_MAX, &mut clauses)?;
        Ok(Filter { clauses })
    }

    /// What must hold, all of it.
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// The value that `_id` must equal, if the filter says so plainly, inside `$and`, or by
    /// `$in` with one element. The rest of the filter must still be matched.
    pub fn id_equality(&self) -> Option<Value<'_>> {
        let mut found = None;
        self.each_equality(&mut |path, value| {
            if found.is_none() && path.as_str() == "_id" && value.ty != ty::ARRAY {
                found = Some(value);
            }
        });
        found
    }

    /// The fields that an upsert copies into a new document, in the order written: plain
    /// equality, equality inside `$and`, `$in` with one element.
    pub fn equalities(&self) -> Result<Vec<(&FieldPath, Value<'_>)>> {
        let mut found: Vec<(&FieldPath, Value<'_>)> = vec![];
        self.each_equality(&mut |path, value| found.push((path, value)));
        // Sorted, a path that is a beginning of another lies next to one that it begins.
        let mut paths: Vec<&FieldPath> = found.iter().map(|(path, _)| *path).collect();
        paths.sort_by(|a, b| a.components().cmp(b.components()));
        match paths.windows(2).find(|pair| pair[0].overlaps(pair[1])) {
            Some(pair) => Err(matched_twice(pair[0], pair[1])),
            None => Ok(found),
        }
    }

    fn each_equality<'a>(&'a self, each: &mut dyn FnMut(&'a FieldPath, Value<'a>)) {
        fn walk<'a>(clauses: &'a [Clause], each: &mut dyn FnMut(&'a FieldPath, Value<'a>)) {
            for clause in clauses {
                match clause {
                    Clause::And(clauses) => walk(clauses, each),
                    Clause::Field { path, test: Test::Eq(value) } => each(path, value.as_ref()),
                    Clause::Field { path, test: Test::In(values) } if values.len() == 1 => {
                        each(path, values[0].as_ref());
                    }
                    Clause::Field { .. } => {}
                }
            }
        }
        walk(&self.clauses, each);
    }
}

fn matched_twice(a: &FieldPath, b: &FieldPath) -> Error {
    let message = if a == b {
        format!("cannot infer query fields to set, path '{a}' is matched twice")
    } else {
        format!("cannot infer query fields to set, both paths '{a}' and '{b}' are matched")
    };
    Error::refused(Reason::NotSingleValueField, message)
}

fn bad_value(message: impl Into<String>) -> Error {
    Error::refused(Reason::BadValue, message)
}

fn parse_clauses(filter: &[u8], levels_left: usize, out: &mut Vec<Clause>) -> Result<()> {
    if levels_left == 0 {
        let message = format!("exceeded maximum query tree depth of {DEPTH_MAX}");
        return Err(bad_value(message));
    }
    for element in Elements::new(filter)? {
        let element = element?;
        match element.name {
            b"$and" => out.push(Clause::And(parse_and(&element, levels_left - 1)?)),
            b"$comment" => {}
            name if name.starts_with(b"$") => {
                let name = element.name_lossy();
                return Err(bad_value(format!("unknown top level operator: {name}")));
            }
            _ => parse_field(&element, out)?,
        }
    }
    Ok(())
}

fn parse_and(and: &Element<'_>, levels_left: usize) -> Result<Vec<Clause>> {
    let refused = || bad_value("$and must be a nonempty array");
    if and.ty != ty::ARRAY {
        return Err(refused());
    }
    let mut clauses = vec![];
    let mut count = 0;
    for element in Elements::new(and.value)? {
        let element = element?;
        if element.ty != ty::DOCUMENT {
            return Err(bad_value("$or/$and/$nor entries need to be full objects"));
        }
        parse_clauses(element.value, levels_left, &mut clauses)?;
        count += 1;
    }
    if count == 0 { Err(refused()) } else { Ok(clauses) }
}

fn parse_field(field: &Element<'_>, out: &mut Vec<Clause>) -> Result<()> {
    let name = std::str::from_utf8(field.name)
        .map_err(|_| Error::invalid_bson(field.ofs + 1, "text is UTF-8"))?;
    let path = FieldPath::parse_for_filter(name)?;
    if !is_operators(field.val())? {
        let test = Test::Eq(operand(field)?);
        out.push(Clause::Field { path, test });
        return Ok(());
    }
    for element in Elements::new(field.value)? {
        let test = operator(&element?)?;
        out.push(Clause::Field { path: path.clone(), test });
    }
    Ok(())
}

/// Is it a document of operators and not a value to be equal to? A reference (`$ref`, `$id`)
/// is a value.
fn is_operators(value: Value<'_>) -> Result<bool> {
    if value.ty != ty::DOCUMENT {
        return Ok(false);
    }
    let first = Elements::new(value.bytes)?.next().transpose()?;
    Ok(first.is_some_and(|first| {
        first.name.starts_with(b"$") && !matches!(first.name, b"$ref" | b"$id" | b"$db")
    }))
}

/// Every operator on a field, by its name.
fn operator(element: &Element<'_>) -> Result<Test> {
    Ok(match element.name {
        b"$eq" => Test::Eq(operand(element)?),
        b"$gt" => Test::Gt(operand(element)?),
        b"$gte" => Test::Gte(operand(element)?),
        b"$lt" => Test::Lt(operand(element)?),
        b"$lte" => Test::Lte(operand(element)?),
        b"$in" => Test::In(operands(element)?),
        b"$exists" => Test::Exists(element.val().is_true()),
        _ => return Err(bad_value(format!("unknown operator: {}", element.name_lossy()))),
    })
}

/// A value that fields are compared with.
fn operand(element: &Element<'_>) -> Result<OwnedValue> {
    match element.ty {
        ty::REGEX => Err(bad_value("unknown operator: $regex")),
        ty::UNDEFINED => Err(bad_value("cannot compare to undefined")),
        _ => Ok(element.val().to_owned()),
    }
}

fn operands(array: &Element<'_>) -> Result<Vec<OwnedValue>> {
    if array.ty != ty::ARRAY {
        return Err(bad_value("$in needs an array"));
    }
    let mut values = vec![];
    for element in Elements::new(array.value)? {
        let element = element?;
        if is_operators(element.val())? {
            let value = text::value(element.val());
            return Err(bad_value(format!("cannot nest $ under $in: {value}")));
        }
        values.push(operand(&element)?);
    }
    // One value said twice is one value, which an upsert copies.
    if let Some((first, rest)) = values.split_first()
        && rest.iter().all(|other| compare_values(first.as_ref(), other.as_ref()).is_eq())
    {
        values.truncate(1);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::bson::{RawDocumentBuf, rawdoc};

    fn parse(filter: RawDocumentBuf) -> Result<Filter> {
        Filter::parse(filter.as_bytes())
    }

    fn equalities(filter: RawDocumentBuf) -> Result<String> {
        let filter = parse(filter)?;
        let shown = filter.equalities()?;
        let shown = shown.iter().map(|(path, v)| format!("{path}={}", text::value(*v)));
        Ok(shown.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn equalities_for_upserts() {
        let copied = equalities(rawdoc! {
            "b": 1, "m": { "x": 1, "y": 2 }, "n.z": { "$eq": 3 }, "a": { "$in": [5, 5.0] },
            "$and": [{ "c": 4 }, { "$and": [{ "d": "q" }] }], "_id": "k",
            "e": { "$gt": 1 }, "f": { "$in": [1, 2] }, "g": { "$exists": true },
        });
        assert_eq!(copied.unwrap(), "b=1 m={ x: 1, y: 2 } n.z=3 a=5 c=4 d=\"q\" _id=\"k\"");
    }

    #[test]
    fn equalities_that_exclude_each_other() {
        for (filter, paths) in [
            (rawdoc! { "m": 1, "a": 1, "m.b": 2 }, "both paths 'm' and 'm.b' are matched"),
            (rawdoc! { "m.b.c": 1, "mm": 0, "m.b": 2 }, "both paths 'm.b' and 'm.b.c' are"),
            (rawdoc! { "$and": [{ "a": 1 }, { "a": 1 }] }, "path 'a' is matched twice"),
        ] {
            match equalities(filter) {
                Err(Error::Refused { reason: Reason::NotSingleValueField, message }) => {
                    assert!(message.contains(paths), "{message}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(equalities(rawdoc! { "a": 1, "a!": 1, "a.b": 1 }).is_err());
        assert!(equalities(rawdoc! { "a!": 1, "ab": 1, "a.b": 1, "a.bb": 1 }).is_ok());
    }

    #[test]
    fn id_equality() {
        let id = |filter| parse(filter).unwrap().id_equality().map(text::value);
        assert_eq!(id(rawdoc! { "x": 1, "_id": "k" }).as_deref(), Some("\"k\""));
        assert_eq!(id(rawdoc! { "_id": { "$in": [7] } }).as_deref(), Some("7"));
        assert_eq!(id(rawdoc! { "$and": [{ "_id": { "$eq": 7 } }] }).as_deref(), Some("7"));
        assert_eq!(id(rawdoc! { "_id": { "$gt": 7 } }), None);
        assert_eq!(id(rawdoc! { "_id": { "$in": [7, 8] } }), None);
        assert_eq!(id(rawdoc! { "_id.x": 1 }), None);
        assert_eq!(id(rawdoc! {}), None);
    }

    #[test]
    fn refusals() {
        let refused = |filter, text: &str| match parse(filter) {
            Err(Error::Refused { reason: Reason::BadValue, message }) => {
                assert!(message.contains(text), "{message}");
            }
            other => panic!("{text}: {other:?}"),
        };
        refused(rawdoc! { "a": { "$foo": 1 } }, "unknown operator: $foo");
        refused(rawdoc! { "$foo": 1 }, "unknown top level operator: $foo");
        refused(rawdoc! { "a": { "$gt": 1, "b": 2 } }, "unknown operator: b");
        refused(rawdoc! { "$and": [] }, "$and must be a nonempty array");
        refused(rawdoc! { "$and": { "a": 1 } }, "$and must be a nonempty array");
        refused(rawdoc! { "$and": [1] }, "need to be full objects");
        refused(rawdoc! { "a": { "$in": 1 } }, "$in needs an array");
        refused(rawdoc! { "a": { "$in": [{ "$gt": 1 }] } }, "cannot nest $ under $in");
        refused(rawdoc! { "a": ::bson::RawBson::Undefined }, "cannot compare to undefined");
        let deep = (0..DEPTH_MAX).fold(rawdoc! { "a": 1 }, |inner, _| rawdoc! { "$and": [inner] });
        refused(deep, "exceeded maximum query tree depth");
        assert!(parse(rawdoc! { "": 1, "a..b": 1, "r": { "$ref": "c", "$id": 1 } }).is_ok());
    }
}
