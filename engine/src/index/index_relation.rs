//! How an index that is asked for relates to those that there are, by the rules of 5.0.
//!
//! What makes an index is its key, whether it is unique and sparse, and the conditions of its
//! filter, in whichever order they are written. All else is an option of it, but for what only
//! says how it is built or used.

use std::cmp::Ordering;

use crate::bson::compare::{Names, compare_documents, compare_values};
use crate::bson::element::{Elements, OwnedValue, Value};
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::index::index_definition::IndexDefinition;

/// Options that are no part of what an index is.
const NOT_COMPARED: [&[u8]; 4] = [b"background", b"hidden", b"partialFilterExpression", b"sparse"];

/// A condition of a filter: path, operator, operand.
type Condition = (Box<[u8]>, Box<[u8]>, OwnedValue);

impl IndexDefinition {
    /// The index that a request asks for, if it is one of `existing`.
    ///
    /// # Errors
    /// [`Reason::IndexKeySpecsConflict`] if another index has its name;
    /// [`Reason::IndexOptionsConflict`] if it is there under another name or with other options.
    pub fn find_in<'e>(
        &self,
        existing: impl Iterator<Item = &'e IndexDefinition> + Clone,
    ) -> Result<Option<&'e IndexDefinition>> {
        if let Some(same_name) = existing.clone().find(|other| other.name() == self.name()) {
            return match (self.is_same_index(same_name), self.has_options_of(same_name)) {
                (true, true) => Ok(Some(same_name)),
                (true, false) => Err(self.conflict(
                    same_name,
                    Reason::IndexOptionsConflict,
                    "An equivalent index already exists with the same name but different options.",
                )),
                (false, _) => Err(self.conflict(
                    same_name,
                    Reason::IndexKeySpecsConflict,
                    "An existing index has the same name as the requested index. When index names \
                     are not specified, they are auto generated and can cause conflicts. Please \
                     refer to our documentation.",
                )),
            };
        }
        let mut existing = existing;
        match existing.find(|other| self.is_same_index(other)) {
            None => Ok(None),
            Some(other) if self.has_options_of(other) => {
                let message =
                    format!("Index already exists with a different name: {}", other.name());
                Err(Error::refused(Reason::IndexOptionsConflict, message))
            }
            Some(other) => Err(self.conflict(
                other,
                Reason::IndexOptionsConflict,
                "An equivalent index already exists with a different name and options.",
            )),
        }
    }

    fn conflict(&self, other: &IndexDefinition, reason: Reason, what: &str) -> Error {
        let (requested, existing) = (self.describe(), other.describe());
        let message = format!("{what} Requested index: {requested}, existing index: {existing}");
        Error::refused(reason, message)
    }

    /// Its specification as text, for messages.
    pub fn describe(&self) -> String {
        text::document(&self.to_shown())
    }

    /// Is its key just this one, direction for direction?
    pub fn has_key(&self, key: &[u8]) -> bool {
        compare_documents(self.key().as_bson(), key, Names::Compared).is_eq()
    }

    fn is_same_index(&self, other: &IndexDefinition) -> bool {
        let conditions = |index: &IndexDefinition| index.partial_filter().map(conditions);
        self.has_key(other.key().as_bson())
            && self.is_unique() == other.is_unique()
            && self.is_sparse() == other.is_sparse()
            && match (conditions(self), conditions(other)) {
                (None, None) => true,
                (Some(a), Some(b)) => {
                    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| compare(a, b).is_eq())
                }
                _ => false,
            }
    }

    fn has_options_of(&self, other: &IndexDefinition) -> bool {
        let compared = |index: &'_ IndexDefinition| {
            index.options().filter(|(name, _)| !NOT_COMPARED.contains(name)).count()
        };
        let has = |name: &[u8], value: Value<'_>| {
            let mut options = other.options();
            options.any(|(other, its)| other == name && compare_values(its, value).is_eq())
        };
        compared(self) == compared(other)
            && self
                .options()
                .filter(|(name, _)| !NOT_COMPARED.contains(name))
                .all(|(name, value)| has(name, value))
    }
}

/// The conditions of a partial index's filter, in an order of their own.
fn conditions(filter: &[u8]) -> Vec<Condition> {
    let mut all = Vec::new();
    gather(filter, true, &mut all);
    all.sort_by(compare);
    all.dedup_by(|a, b| compare(a, b).is_eq());
    all
}

fn gather(filter: &[u8], is_top: bool, all: &mut Vec<Condition>) {
    let elements = |doc| Elements::new(doc).into_iter().flatten().flatten();
    let mut add = |path: &[u8], operator: &[u8], value: Value<'_>| {
        all.push((path.into(), operator.into(), value.to_owned()));
    };
    let mut inner = Vec::new();
    for field in elements(filter) {
        match field.name {
            b"$comment" => {}
            b"$and" if is_top && field.ty == ty::ARRAY => {
                inner.extend(elements(field.value).filter(|clause| clause.ty == ty::DOCUMENT));
            }
            path if is_operators(field.val()) => {
                for operator in elements(field.value) {
                    match operator.name {
                        b"$exists" => {
                            let yes = Value { ty: ty::BOOL, bytes: &[1] };
                            add(path, b"$exists", yes);
                        }
                        b"$all" if operator.ty == ty::ARRAY => elements(operator.value)
                            .for_each(|value| add(path, b"$eq", value.val())),
                        b"$type" => {
                            let types = types_of(operator.val());
                            add(path, b"$type", Value { ty: ty::STRING, bytes: &types });
                        }
                        name => add(path, name, operator.val()),
                    }
                }
            }
            path => add(path, b"$eq", field.val()),
        }
    }
    inner.iter().for_each(|clause| gather(clause.value, false, all));
}

/// The types that an operand names, by number or name, one or several, as one text.
fn types_of(operand: Value<'_>) -> Vec<u8> {
    let mut names: Vec<String> = Vec::new();
    let mut add = |value: Value<'_>| {
        let number = value.as_number().map(|number| number.to_f64());
        names.push(match (value.as_str(), number) {
            (Some(name), _) => name.to_owned(),
            (None, Some(number)) if number < 0.0 => ty::name(ty::MIN_KEY).to_owned(),
            (None, number) => ty::name(number.unwrap_or_default() as u8).to_owned(),
        });
    };
    match operand.ty {
        ty::ARRAY => Elements::new(operand.bytes)
            .into_iter()
            .flatten()
            .flatten()
            .for_each(|one| add(one.val())),
        _ => add(operand),
    }
    names.sort_unstable();
    names.dedup();
    let text = names.join(" ");
    let len = (text.len() as i32 + 1).to_le_bytes();
    [&len, text.as_bytes(), b"\0"].concat()
}

/// Is it a document of operators and not a value to be equal to?
fn is_operators(value: Value<'_>) -> bool {
    let first = match value.ty {
        ty::DOCUMENT => Elements::new(value.bytes).into_iter().flatten().flatten().next(),
        _ => None,
    };
    first.is_some_and(|first| {
        first.name.starts_with(b"$") && !matches!(first.name, b"$ref" | b"$id" | b"$db")
    })
}

fn compare(a: &Condition, b: &Condition) -> Ordering {
    let by_operator = (&a.0, &a.1).cmp(&(&b.0, &b.1));
    by_operator.then_with(|| compare_values(a.2.as_ref(), b.2.as_ref()))
}

#[cfg(test)]
mod tests {
    use bson::{RawBson, RawDocumentBuf, rawbson, rawdoc};

    use super::*;

    fn new(doc: &RawDocumentBuf) -> IndexDefinition {
        IndexDefinition::parse_new(doc.as_bytes(), "test.c").expect("a request")
    }

    /// What mongod 5.0 says to a request where there are these indexes: a number, or 0 for the
    /// index that is there, or −1 for another one.
    fn relation(existing: &[RawDocumentBuf], request: &RawDocumentBuf) -> i32 {
        let existing: Vec<_> = existing.iter().map(new).collect();
        match new(request).find_in(existing.iter()) {
            Ok(Some(_)) => 0,
            Ok(None) => -1,
            Err(error) => error.code(),
        }
    }

    #[test]
    fn conflicts_as_mongod_has_them() {
        let a = |name: &str| rawdoc! { "key": { "a": 1 }, "name": name };
        let with = |mut doc: RawDocumentBuf, more: RawDocumentBuf| {
            more.iter().flatten().for_each(|(name, value)| doc.append(name, value));
            doc
        };
        let partial = |name: &str, filter: RawDocumentBuf| {
            with(a(name), rawdoc! { "partialFilterExpression": filter })
        };
        let b_n = rawdoc! { "key": { "b": 1 }, "name": "n" };
        let b_m = rawdoc! { "key": { "b": 1 }, "name": "m" };
        for (existing, request, expected) in [
            (a("n"), a("n"), 0),
            (a("n"), b_n, 86),
            (a("n"), a("m"), 85),
            (a("n"), with(a("n"), rawdoc! { "unique": true }), 86),
            (a("n"), with(a("m"), rawdoc! { "unique": true }), -1),
            (a("n"), with(a("n"), rawdoc! { "sparse": true }), 86),
            (a("n"), with(a("m"), rawdoc! { "sparse": true }), -1),
            (a("n"), with(a("n"), rawdoc! { "expireAfterSeconds": 5 }), 85),
            (a("n"), with(a("m"), rawdoc! { "expireAfterSeconds": 5 }), 85),
            (
                with(a("n"), rawdoc! { "expireAfterSeconds": 5 }),
                with(a("n"), rawdoc! { "expireAfterSeconds": 6 }),
                85,
            ),
            (
                with(a("n"), rawdoc! { "expireAfterSeconds": 5 }),
                with(a("n"), rawdoc! { "expireAfterSeconds": 5.0 }),
                0,
            ),
            (a("n"), partial("n", rawdoc! { "a": 1 }), 86),
            (a("n"), partial("m", rawdoc! { "a": 1 }), -1),
            (partial("n", rawdoc! { "a": 1 }), partial("m", rawdoc! { "a": 1.0 }), 85),
            (partial("n", rawdoc! { "a": 1 }), partial("m", rawdoc! { "a": { "$eq": 1 } }), 85),
            (partial("n", rawdoc! { "a": 1 }), partial("m", rawdoc! { "a": 2 }), -1),
            (
                partial("n", rawdoc! { "a": 1, "b": 1 }),
                partial("n", rawdoc! { "b": 1, "a": 1, "$comment": "x" }),
                0,
            ),
            (
                partial("n", rawdoc! { "a": { "$gt": 1, "$lt": 3 } }),
                partial("n", rawdoc! { "$and": [{ "a": { "$lt": 3 } }, { "a": { "$gt": 1 } }] }),
                0,
            ),
            (
                partial("n", rawdoc! { "a": { "$exists": true } }),
                partial("n", rawdoc! { "a": { "$exists": 1 } }),
                0,
            ),
            (partial("n", rawdoc! { "a": { "$all": [1] } }), partial("n", rawdoc! { "a": 1 }), 0),
            (a("n"), with(a("n"), rawdoc! { "hidden": true }), 0),
            (a("n"), with(a("m"), rawdoc! { "hidden": true }), 85),
            (a("n"), with(a("n"), rawdoc! { "background": true }), 0),
            (a("n"), with(a("n"), rawdoc! { "v": 2 }), 0),
            (a("n"), with(a("n"), rawdoc! { "unique": false, "sparse": false }), 0),
            (a("n"), rawdoc! { "key": { "a": 1.0 }, "name": "n" }, 0),
            (a("n"), rawdoc! { "key": { "a": 2 }, "name": "n" }, 86),
            (a("n"), rawdoc! { "key": { "a": 2 }, "name": "m" }, -1),
            (a("n"), rawdoc! { "key": { "a": "hashed" }, "name": "h" }, -1),
            (with(a("n"), rawdoc! { "bits": 1 }), with(a("n"), rawdoc! { "bits": 2 }), 85),
            (a("n"), with(a("n"), rawdoc! { "bits": 2 }), 85),
            (rawdoc! { "key": { "_id": 1 } }, rawdoc! { "key": { "_id": 1.0 }, "name": "x" }, 0),
        ] {
            let found = relation(std::slice::from_ref(&existing), &request);
            assert_eq!(found, expected, "{existing:?} {request:?}");
        }
        // A name that is taken counts before an index that is there.
        assert_eq!(relation(&[a("n"), b_m], &a("m")), 86);
        let sparse = with(a("n"), rawdoc! { "sparse": true });
        assert_eq!(relation(&[sparse, a("m")], &with(a("m"), rawdoc! { "sparse": true })), 86);
    }

    #[test]
    fn types_are_compared_and_not_their_names() {
        let typed = |name: &str, types: RawBson| {
            rawdoc! {
                "key": { "a": 1 }, "name": name,
                "partialFilterExpression": { "a": { "$type": types } },
            }
        };
        let relation = |there: RawBson, name: &str, asked: RawBson| {
            relation(&[typed("n", there)], &typed(name, asked))
        };
        assert_eq!(relation(rawbson!("int"), "n", rawbson!(16)), 0);
        let (there, asked) = (rawbson!(["int", "string"]), rawbson!(["string", 16.0, 2]));
        assert_eq!(relation(there, "m", asked), 85);
        let all = rawbson!(["double", "int", "long", "decimal"]);
        assert_eq!(relation(rawbson!("number"), "m", all), -1);
    }
}
