//! What a filter says, parsed: [`super::matcher`] runs it, plans and upserts read it.
//!
//! [`Clause`] has a variant for every operator on documents, [`Test`] one for every operator on
//! the values at a path. They stay as they were written but for small things: values of `$in` are
//! sorted, `$not` holds what it negates, and [`order`] moves an `$expr` behind all others.

mod bits;
mod collate;
mod equalities;
pub(crate) mod numbers;
mod operators;
mod order;
mod parse;
mod pattern;
mod positional;
mod schema;
#[cfg(test)]
mod tests;
mod types;
mod values;

use std::sync::{Arc, OnceLock};

pub use bits::{BitTest, Bits};
pub use collate::Collated;
pub use pattern::Pattern;
pub use schema::Schema;
pub use values::InList;

pub(super) use numbers::{rounded, truncated};

use crate::bson::element::OwnedValue;
use crate::bson::field::FieldPath;
use crate::error::{Error, Reason, Result};
use crate::expression::{Expression, Scope};

/// Deepest nesting of clauses and tests.
const DEPTH_MAX: usize = 100;

/// A parsed filter: every clause must hold.
#[derive(Debug, Clone)]
pub struct Filter {
    clauses: Vec<Clause>,
    /// The conditions that a positional `$` may stand for, in their order; made when asked for.
    positional: OnceLock<Vec<Clause>>,
    /// The same as they were written.
    positional_as_written: OnceLock<Vec<Clause>>,
}

/// A condition on a document.
#[derive(Debug, Clone)]
pub enum Clause {
    /// `$and`, or a branch of several conditions: all of them hold. None of them: true.
    And(Vec<Clause>),
    /// `$or`: one of them holds. At least one is there.
    Or(Vec<Clause>),
    /// `$nor`: none of them holds. At least one is there.
    Nor(Vec<Clause>),
    /// A field passes a test.
    Field {
        /// The field.
        path: FieldPath,
        /// Its test.
        test: Test,
    },
    /// `$expr`: the expression is true.
    Expr(Box<Expression>),
    /// `$jsonSchema`: it keeps to a schema.
    Schema(Arc<Schema>),
    /// `$alwaysTrue` or `$alwaysFalse`.
    Always(bool),
}

/// A condition on the values at a path.
///
/// A path through arrays leads to several values, and a test holds if it holds for one of them;
/// those that negate hold if the test that they negate does not. `{a: {$gt: 1, $lt: 5}}` is two
/// clauses on one path, which different elements of an array may meet.
#[derive(Debug, Clone)]
pub enum Test {
    /// `$eq` or a plain value: equal in the canonical order; null also matches a missing field.
    /// A regular expression (by `$eq` alone) is equal to itself and matches nothing else.
    Eq(OwnedValue),
    /// `$ne`: [`Test::Eq`] negated.
    Ne(OwnedValue),
    /// `$gt`: greater, within the same canonical type.
    Gt(OwnedValue),
    /// `$gte`: greater or equal.
    Gte(OwnedValue),
    /// `$lt`: less.
    Lt(OwnedValue),
    /// `$lte`: less or equal.
    Lte(OwnedValue),
    /// `$in`: equal to one of these, or like one of the patterns.
    In(InList),
    /// `$nin`: [`Test::In`] negated.
    Nin(InList),
    /// `$not`: these do not all hold.
    Not(Vec<Test>),
    /// `$exists`: there is such a field, or there is none.
    Exists(bool),
    /// `$type`: of one of these element types; "number" has become four.
    Type(Vec<u8>),
    /// `$mod`: the integer part of a number leaves this remainder.
    Mod {
        /// Not 0.
        divisor: i64,
        /// Negative where the number is.
        remainder: i64,
    },
    /// A regular expression, plain or by `$regex`: a string like it, or itself.
    Regex(Pattern),
    /// `$all`: every one of these tests holds, each for any value. They are [`Test::Eq`] and
    /// [`Test::Regex`], or all [`Test::ElemMatchObject`] and [`Test::ElemMatchValue`]. None of
    /// them: false.
    All(Vec<Test>),
    /// `$elemMatch` with conditions on fields: an array has a document (or array) that meets
    /// them.
    ElemMatchObject(Vec<Clause>),
    /// `$elemMatch` with operators: an array has an element that passes them all.
    ElemMatchValue(Vec<Test>),
    /// `$size`: an array of so many elements.
    Size(u32),
    /// `$bitsAllSet` and its kin.
    Bits(BitTest),
    /// One of those above that compare, by a collation.
    Collated(Box<Collated>),
}

/// How a document matched a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Matched {
    /// The place in an array that the last condition through an array met first: what a
    /// positional `$` stands for. Conditions are ordered as 5.0 orders them for an update, and
    /// are as written for a projection; those that negate, and those below an `$or` of several
    /// branches, leave it as it is.
    pub position: Option<u32>,
}

impl Filter {
    /// Parses the bytes of a checked document.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn parse(filter: &[u8]) -> Result<Filter> {
        Filter::parse_in(filter, &Scope::default())
    }

    /// As [`Filter::parse`], where `$expr` may use the variables of `scope`.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn parse_in(filter: &[u8], scope: &Scope) -> Result<Filter> {
        let mut parsed = Filter::of(parse::filter(filter, scope)?);
        if parsed.has_expr() {
            parsed = Filter::of(order::of_and(parsed.clauses));
        }
        Ok(parsed.collated(scope.collation()))
    }

    /// As [`Filter::parse_in`], its conditions being run as they are written.
    ///
    /// # Errors
    /// MongoDB's, with its numbers.
    pub fn parse_as_written(filter: &[u8], scope: &Scope) -> Result<Filter> {
        Ok(Filter::of(parse::filter(filter, scope)?).collated(scope.collation()))
    }

    /// Parses what `$elemMatch` of a projection holds: a filter of an array's elements.
    pub(super) fn parse_elem_match(value: &crate::bson::element::Element<'_>) -> Result<Test> {
        operators::elem_match(value, parse::Levels::below_top(DEPTH_MAX))
    }

    /// One of these clauses.
    pub fn of(clauses: Vec<Clause>) -> Filter {
        let (positional, positional_as_written) = (OnceLock::new(), OnceLock::new());
        Filter { clauses, positional, positional_as_written }
    }

    /// What must hold, all of it.
    pub fn clauses(&self) -> &[Clause] {
        &self.clauses
    }

    /// Does it have an `$expr`, which may refer to variables and reads any field?
    pub fn has_expr(&self) -> bool {
        fn any(clauses: &[Clause]) -> bool {
            clauses.iter().any(|clause| match clause {
                Clause::Expr(_) => true,
                Clause::And(inner) | Clause::Or(inner) | Clause::Nor(inner) => any(inner),
                Clause::Field { .. } | Clause::Always(_) | Clause::Schema(_) => false,
            })
        }
        any(&self.clauses)
    }

    /// Which of its conditions has no place in an array that a positional `$` could stand for.
    pub fn without_position(&self) -> Option<&'static str> {
        fn first(clauses: &[Clause]) -> Option<&'static str> {
            clauses.iter().find_map(|clause| match clause {
                Clause::Expr(_) => Some("$expr"),
                Clause::Schema(_) => Some("$jsonSchema"),
                Clause::And(inner) | Clause::Or(inner) | Clause::Nor(inner) => first(inner),
                Clause::Field { .. } | Clause::Always(_) => None,
            })
        }
        first(&self.clauses)
    }

    /// The conditions that set the position of an update, in the order in which they do.
    pub(super) fn positional(&self) -> &[Clause] {
        self.positional.get_or_init(|| positional::sorted(&self.clauses))
    }

    /// The conditions that set the position of a projection, in the order in which they do.
    pub(super) fn positional_as_written(&self) -> &[Clause] {
        self.positional_as_written.get_or_init(|| positional::as_written(&self.clauses))
    }
}

fn bad_value(message: impl Into<String>) -> Error {
    Error::refused(Reason::BadValue, message)
}

fn failed_to_parse(message: impl Into<String>) -> Error {
    Error::refused(Reason::FailedToParse, message)
}
