//! Operators: their names, how many arguments each takes, what it runs. One table a family.

use super::computed::Computed;
use super::node::{Frame, Node};
use super::{
    accumulate, arithmetic, array, boolean, comparison, conditional, convert, date,
    date_arithmetic, date_parse, date_parts, date_text, loops, object, powers, rounding, set,
    string, substring, text_search, trigonometry, types,
};
use crate::error::Result;

/// An operator.
#[derive(Debug)]
pub(crate) struct Operator {
    pub name: &'static str,
    pub takes: Takes,
    pub run: Run,
}

/// What an operator's arguments look like.
#[derive(Debug)]
pub(crate) enum Takes {
    /// This many.
    Exactly(usize),
    /// Between these.
    Between(usize, usize),
    /// At least this many; the number of the error and its text before the count.
    AtLeast(usize, i32, &'static str),
    /// Any number of them.
    Any,
    /// One; the number of the error for another count, and its text before the count.
    OneOr(i32, &'static str),
    /// A document of named ones.
    Named(&'static Names),
    /// A date, or a document of date and time zone.
    Date,
}

/// Named arguments and the numbers of the errors.
#[derive(Debug)]
pub(crate) struct Names {
    /// Their names, in the order in which the operator is given them.
    pub names: &'static [&'static str],
    /// No document: number, text after the operator's name, and whether the type is named.
    pub not_object: (i32, &'static str, bool),
    /// Unknown name: number, text before the name.
    pub unknown: (i32, &'static str),
    /// Names that must be there: its place, number and text.
    pub needed: &'static [(usize, i32, &'static str)],
}

type One = for<'a> fn(Computed<'a>) -> Result<Computed<'a>>;
type Two = for<'a> fn(Computed<'a>, Computed<'a>) -> Result<Computed<'a>>;
type All = for<'a> fn(&'a [Node], &mut Frame<'a>) -> Result<Computed<'a>>;

/// What an operator does.
#[derive(Debug)]
pub(crate) enum Run {
    /// Of one value.
    One(One),
    /// Of two values.
    Two(Two),
    /// Of its arguments, which it evaluates itself.
    All(All),
}

impl Operator {
    pub const fn one(name: &'static str, run: One) -> Operator {
        Operator { name, takes: Takes::Exactly(1), run: Run::One(run) }
    }

    pub const fn two(name: &'static str, run: Two) -> Operator {
        Operator { name, takes: Takes::Exactly(2), run: Run::Two(run) }
    }

    pub const fn all(name: &'static str, takes: Takes, run: All) -> Operator {
        Operator { name, takes, run: Run::All(run) }
    }
}

const FAMILIES: &[&[Operator]] = &[
    accumulate::OPERATORS,
    arithmetic::OPERATORS,
    array::OPERATORS,
    boolean::OPERATORS,
    comparison::OPERATORS,
    conditional::OPERATORS,
    convert::OPERATORS,
    date::OPERATORS,
    date_arithmetic::OPERATORS,
    date_parse::OPERATORS,
    date_parts::OPERATORS,
    date_text::OPERATORS,
    loops::OPERATORS,
    object::OPERATORS,
    powers::OPERATORS,
    rounding::OPERATORS,
    set::OPERATORS,
    string::OPERATORS,
    substring::OPERATORS,
    text_search::OPERATORS,
    trigonometry::OPERATORS,
    types::OPERATORS,
];

/// Operators that MongoDB 5.0 has and this engine has not.
const UNSUPPORTED: &[&str] = &["$accumulator", "$function", "$meta", "$toHashedIndexKey"];

/// The operator of this name.
pub(crate) fn find(name: &str) -> Option<&'static Operator> {
    FAMILIES.iter().copied().flatten().find(|operator| operator.name == name)
}

/// Is it one that MongoDB has?
pub(crate) fn is_known_elsewhere(name: &str) -> bool {
    UNSUPPORTED.contains(&name)
}
