//! `$bucket`: groups between boundaries, in their order.

use std::sync::Arc;

use super::Context;
use super::accumulator::{Accumulator, State};
use super::chain::{Run, Sink};
use super::group::document;
use super::memory::Memory;
use crate::bson::builder::Builder;
use crate::bson::compare::compare_values;
use crate::bson::element::{Elements, OwnedValue, Value};
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::Result;
use crate::expression::{Expression, Scope, Variables, location};

/// A `$bucket` as it is specified.
#[derive(Debug)]
pub(crate) struct Bucket {
    group_by: Expression,
    boundaries: Vec<OwnedValue>,
    default: Option<OwnedValue>,
    accumulators: Vec<Accumulator>,
}

/// Checks what documents are grouped by: a path or an expression, no constant.
pub(super) fn group_by(
    stage: &str,
    code: i32,
    value: Value<'_>,
    scope: &Scope,
) -> Result<Expression> {
    let is_expression = match value.ty {
        ty::DOCUMENT => {
            let first = Elements::new(value.bytes)?.next().transpose()?;
            first.is_some_and(|first| first.name.starts_with(b"$"))
        }
        _ => value.as_str().is_some_and(|path| path.starts_with('$')),
    };
    if !is_expression {
        let message = format!(
            "The {stage} 'groupBy' field must be defined as a $-prefixed path or an expression, \
             but found: {}.",
            text::value(value)
        );
        return Err(location(code, message));
    }
    Expression::parse(value, scope)
}

/// The accumulators of a bucket: it counts if none are given.
pub(super) fn output(
    stage: &str,
    code: i32,
    value: Option<Value<'_>>,
    scope: &Scope,
) -> Result<Vec<Accumulator>> {
    let mut counting = Builder::new();
    counting.begin(ty::DOCUMENT, "count").number("$sum", Number::Int32(1)).end();
    let counting = counting.finish();
    let value = value.unwrap_or(Value { ty: ty::DOCUMENT, bytes: &counting });
    if value.ty != ty::DOCUMENT {
        let name = ty::name(value.ty);
        let message =
            format!("The {stage} 'output' field must be an object, but found type: {name}.");
        return Err(location(code, message));
    }
    Elements::new(value.bytes)?.map(|field| Accumulator::parse(&field?, scope)).collect()
}

impl Bucket {
    pub fn parse(value: Value<'_>, scope: &Scope) -> Result<Bucket> {
        if value.ty != ty::DOCUMENT {
            let name = ty::name(value.ty);
            let message =
                format!("Argument to $bucket stage must be an object, but found type: {name}.");
            return Err(location(40201, message));
        }
        let (mut by, mut boundaries, mut default, mut outputs) = (None, None, None, None);
        for element in Elements::new(value.bytes)? {
            let element = element?;
            let value = element.val();
            match element.name {
                b"groupBy" => by = Some(group_by("$bucket", 40202, value, scope)?),
                b"boundaries" => boundaries = Some(parse_boundaries(value, scope)?),
                b"default" => {
                    default = Some(constant(
                        value,
                        scope,
                        40195,
                        "'default' field must be a constant expression",
                    )?)
                }
                b"output" => outputs = Some(value),
                _ => {
                    let name = element.name_lossy();
                    return Err(location(
                        40197,
                        format!("Unrecognized option to $bucket: {name}."),
                    ));
                }
            }
        }
        let accumulators = match own_id(outputs)? {
            None => output("$bucket", 40196, outputs, scope)?,
            Some(others) => {
                let others = Value { ty: ty::DOCUMENT, bytes: &others };
                output("$bucket", 40196, Some(others), scope)?;
                return Err(location(15948, "a group's _id may only be specified once"));
            }
        };
        let (Some(group_by), Some(boundaries)) = (by, boundaries) else {
            let message = "$bucket requires 'groupBy' and 'boundaries' to be specified.";
            return Err(location(40198, message));
        };
        if let Some(default) = &default {
            check_default(default.as_ref(), &boundaries)?;
        }
        Ok(Bucket { group_by, boundaries, default, accumulators })
    }

    pub fn start(self: &Arc<Self>, context: &Context) -> Box<dyn Run> {
        Box::new(BucketRun {
            // One for each pair of boundaries, and the default's.
            buckets: self.boundaries.iter().map(|_| None).collect(),
            spec: self.clone(),
            vars: context.vars.clone(),
            memory: Memory::default(),
        })
    }
}

/// What is left of an output that tries to make an `_id`, which is the bucket's own.
fn own_id(output: Option<Value<'_>>) -> Result<Option<Vec<u8>>> {
    let Some(Value { ty: ty::DOCUMENT, bytes }) = output else { return Ok(None) };
    let (mut others, mut has_id) = (Builder::new(), false);
    for field in Elements::new(bytes)? {
        let field = field?;
        match field.name {
            b"_id" => has_id = true,
            _ => drop(others.element(&field)),
        }
    }
    Ok(has_id.then(|| others.finish()))
}

fn constant(value: Value<'_>, scope: &Scope, code: i32, what: &str) -> Result<OwnedValue> {
    let expression = Expression::parse(value, &scope.at_once())?;
    match expression.constant() {
        Some(constant) => Ok(constant.to_owned()),
        None => {
            let shown = text::value(value);
            Err(location(code, format!("The $bucket {what}, but found: {shown}.")))
        }
    }
}

fn parse_boundaries(value: Value<'_>, scope: &Scope) -> Result<Vec<OwnedValue>> {
    if value.ty != ty::ARRAY {
        let name = ty::name(value.ty);
        let message =
            format!("The $bucket 'boundaries' field must be an array, but found type: {name}.");
        return Err(location(40200, message));
    }
    let mut boundaries: Vec<OwnedValue> = vec![];
    for element in Elements::new(value.bytes)? {
        let what = "'boundaries' field must be an array of constant values";
        boundaries.push(constant(element?.val(), scope, 40191, what)?);
    }
    if boundaries.len() < 2 {
        let message = format!(
            "The $bucket 'boundaries' field must have at least 2 values, but found {} value(s).",
            boundaries.len()
        );
        return Err(location(40192, message));
    }
    for (i, pair) in boundaries.windows(2).enumerate() {
        let (a, b) = (pair[0].as_ref(), pair[1].as_ref());
        if ty::canonical(a.ty) != ty::canonical(b.ty) {
            let message = format!(
                "All values in the the 'boundaries' option to $bucket must have the same type. \
                 Found conflicting types {} and {}.",
                ty::name(a.ty),
                ty::name(b.ty)
            );
            return Err(location(40193, message));
        }
        if compare_values(a, b).is_ge() {
            let message = format!(
                "The 'boundaries' option to $bucket must be sorted, but elements {i} and {} are \
                 not in ascending order ({} is not less than {}).",
                i + 1,
                text::value(a),
                text::value(b)
            );
            return Err(location(40194, message));
        }
    }
    Ok(boundaries)
}

fn check_default(default: Value<'_>, boundaries: &[OwnedValue]) -> Result<()> {
    let [first, .., last] = boundaries else { return Ok(()) };
    let is_within = compare_values(default, first.as_ref()).is_ge()
        && compare_values(default, last.as_ref()).is_lt();
    if is_within {
        let message = "The $bucket 'default' field must be less than the lowest boundary or \
                       greater than or equal to the highest boundary.";
        return Err(location(40199, message));
    }
    Ok(())
}

#[derive(Debug)]
struct BucketRun {
    spec: Arc<Bucket>,
    vars: Arc<Variables<'static>>,
    buckets: Vec<Option<Vec<State>>>,
    memory: Memory,
}

impl Run for BucketRun {
    fn push(&mut self, doc: Vec<u8>, _out: &mut dyn Sink) -> Result<()> {
        let value = self.spec.group_by.evaluate(&doc, &self.vars)?;
        let value = value.or_null();
        let above = self
            .spec
            .boundaries
            .partition_point(|boundary| compare_values(boundary.as_ref(), value).is_le());
        let last = self.spec.boundaries.len() - 1;
        let place = match above {
            1.. if above <= last => above - 1,
            _ if self.spec.default.is_some() => last,
            _ => {
                let message = "$switch could not find a matching branch for an input, and no \
                               default was specified.";
                return Err(location(40066, message));
            }
        };
        let states = self.buckets[place]
            .get_or_insert_with(|| self.spec.accumulators.iter().map(Accumulator::start).collect());
        for (accumulator, state) in self.spec.accumulators.iter().zip(states) {
            let more = accumulator.add(state, &doc, &self.vars)?;
            self.memory.change("$bucket", more)?;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Sink) -> Result<()> {
        let mut found = vec![];
        let last = self.buckets.len() - 1;
        for (i, states) in std::mem::take(&mut self.buckets).into_iter().enumerate() {
            let id = match &self.spec.default {
                Some(default) if i == last => default,
                _ => &self.spec.boundaries[i],
            };
            if let Some(states) = states {
                found.push((id, document(id.as_ref(), &self.spec.accumulators, states)?));
            }
        }
        found.sort_by(|(a, _), (b, _)| compare_values(a.as_ref(), b.as_ref()));
        found.into_iter().try_for_each(|(_, doc)| out.accept(doc))
    }
}
