//! Accumulators: what `$group`, `$bucket` and `$bucketAuto` make of the documents of a group.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::key;
use crate::bson::element::{Element, Elements, OwnedValue, Value};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::expression::{
    ArrayBuilder, Computed, Deviation, Expression, Mean, Merge, Scope, Sum, Variables, compare,
    location, name_of,
};

/// Accumulators that MongoDB 5.0 has and this engine has not.
const UNSUPPORTED: &[&str] = &["$accumulator"];

/// A field of a group, as it is specified.
#[derive(Debug, Clone)]
pub(super) struct Accumulator {
    pub name: Box<str>,
    kind: Kind,
    argument: Expression,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sum,
    Avg,
    Min,
    Max,
    First,
    Last,
    Push,
    AddToSet,
    StdDevPop,
    StdDevSamp,
    MergeObjects,
}

/// What one came to so far.
#[derive(Debug)]
pub(super) enum State {
    Sum(Sum),
    Mean(Mean),
    /// The least or the greatest.
    Extreme(Option<OwnedValue>),
    First(Option<OwnedValue>),
    Last(OwnedValue),
    Push(ArrayBuilder),
    Set(HashSet<Box<[u8]>, RandomState>, ArrayBuilder),
    Deviation(Deviation),
    Merge(Box<Merge>),
}

impl Accumulator {
    /// Parses `name: { $sum: expression }`.
    pub fn parse(field: &Element<'_>, scope: &Scope) -> Result<Accumulator> {
        let name = name_of(field)?;
        let elements = match field.ty {
            ty::DOCUMENT => Elements::new(field.value)?.collect::<Result<Vec<_>>>()?,
            _ => vec![],
        };
        let Some(operator) = elements.first().filter(|first| first.name.starts_with(b"$")) else {
            let message = format!("The field '{name}' must be an accumulator object");
            return Err(location(40234, message));
        };
        if name.contains('.') {
            return Err(location(40235, format!("The field name '{name}' cannot contain '.'")));
        }
        if name.starts_with('$') {
            let message = format!("The field name '{name}' cannot be an operator name");
            return Err(location(40236, message));
        }
        if elements.len() > 1 {
            let message = format!("The field '{name}' must specify one accumulator");
            return Err(location(40238, message));
        }
        let (kind, argument) = parse_operator(operator, scope)?;
        Ok(Accumulator { name: name.into(), kind, argument })
    }

    /// The fields that it reads; `None` for the whole document.
    pub fn fields(&self) -> Option<Vec<&str>> {
        self.argument.fields()
    }

    pub fn start(&self) -> State {
        match self.kind {
            Kind::Sum => State::Sum(Sum::default()),
            Kind::Avg => State::Mean(Mean::default()),
            Kind::Min | Kind::Max => State::Extreme(None),
            Kind::First => State::First(None),
            Kind::Last => State::Last(Computed::null().into_owned()),
            Kind::Push => State::Push(ArrayBuilder::default()),
            Kind::AddToSet => State::Set(HashSet::default(), ArrayBuilder::default()),
            Kind::StdDevPop | Kind::StdDevSamp => State::Deviation(Deviation::default()),
            Kind::MergeObjects => State::Merge(Box::default()),
        }
    }

    /// Adds a document; gives the bytes that the state has grown by, or shrunk.
    pub fn add(&self, state: &mut State, doc: &[u8], vars: &Variables<'_>) -> Result<i64> {
        // What cannot fail need not be evaluated.
        if matches!(state, State::First(Some(_))) && self.argument.cannot_fail() {
            return Ok(0);
        }
        let value = self.argument.evaluate(doc, vars)?;
        let len = value.or_null().bytes.len() as i64;
        Ok(match state {
            State::Sum(sum) => {
                sum.add(&value);
                0
            }
            State::Mean(mean) => {
                mean.add(&value);
                0
            }
            State::Deviation(deviation) => {
                deviation.add(&value);
                0
            }
            State::Extreme(best) => {
                let wanted = if self.kind == Kind::Max { 1 } else { -1 };
                let is_better = !value.is_nullish()
                    && best.as_ref().is_none_or(|best| {
                        compare(&value, &Computed::Borrowed(best.as_ref())) as i32 == wanted
                    });
                if !is_better {
                    return Ok(0);
                }
                let before = best.replace(value.into_owned());
                len - before.map_or(0, |before| before.bytes.len() as i64)
            }
            State::First(Some(_)) => 0,
            State::First(first) => {
                *first = Some(value.into_owned());
                len
            }
            State::Last(last) => {
                let before = std::mem::replace(last, value.into_owned());
                len - before.bytes.len() as i64
            }
            State::Push(array) => match value.as_value() {
                Some(value) => {
                    array.push(value)?;
                    len + 8
                }
                None => 0,
            },
            State::Set(seen, array) => match value.as_value() {
                Some(value) => {
                    let mut bytes = vec![];
                    key::append(value, &mut bytes);
                    let key_len = bytes.len() as i64;
                    if !seen.insert(bytes.into()) {
                        return Ok(0);
                    }
                    array.push(value)?;
                    len + key_len + 40
                }
                None => 0,
            },
            State::Merge(merge) => {
                let before = merge.len();
                merge.add(&value)?;
                merge.len() as i64 - before as i64
            }
        })
    }

    /// What it came to.
    pub fn finish(&self, state: State) -> OwnedValue {
        match state {
            State::Sum(sum) => sum.value(),
            State::Mean(mean) => mean.value(),
            State::Extreme(best) => best.map_or(Computed::null(), Computed::Owned),
            State::First(first) => first.map_or(Computed::null(), Computed::Owned),
            State::Last(last) => Computed::Owned(last),
            State::Push(array) | State::Set(_, array) => array.finish(),
            State::Deviation(deviation) => {
                deviation.value(u64::from(self.kind == Kind::StdDevSamp))
            }
            State::Merge(merge) => merge.document(),
        }
        .into_owned()
    }
}

fn parse_operator(operator: &Element<'_>, scope: &Scope) -> Result<(Kind, Expression)> {
    let name = name_of(operator)?;
    if operator.ty == ty::ARRAY {
        return Err(location(40237, format!("The {name} accumulator is a unary operator")));
    }
    let kind = match name {
        "$sum" => Kind::Sum,
        "$avg" => Kind::Avg,
        "$min" => Kind::Min,
        "$max" => Kind::Max,
        "$first" => Kind::First,
        "$last" => Kind::Last,
        "$push" => Kind::Push,
        "$addToSet" => Kind::AddToSet,
        "$stdDevPop" => Kind::StdDevPop,
        "$stdDevSamp" => Kind::StdDevSamp,
        "$mergeObjects" => Kind::MergeObjects,
        "$count" => {
            if operator.ty != ty::DOCUMENT || operator.value.len() > 5 {
                let message = "$count takes no arguments, i.e. $count:{}";
                return Err(Error::refused(Reason::TypeMismatch, message));
            }
            let one = Value { ty: ty::INT32, bytes: &1_i32.to_le_bytes() };
            return Ok((Kind::Sum, Expression::parse(one, scope)?));
        }
        name if UNSUPPORTED.contains(&name) => {
            let message = format!("The accumulator '{name}' is not supported");
            return Err(Error::refused(Reason::CommandNotSupported, message));
        }
        name => return Err(location(15952, format!("unknown group operator '{name}'"))),
    };
    Ok((kind, Expression::parse(operator.val(), scope)?))
}
