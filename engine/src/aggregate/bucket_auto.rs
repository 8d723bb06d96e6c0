//! `$bucketAuto`: so many groups of about the same size; their boundaries may be preferred numbers.

use std::sync::Arc;

use super::Context;
use super::accumulator::{Accumulator, State};
use super::bucket::{group_by, output};
use super::chain::{Run, Sink};
use super::granularity::{self, Granularity};
use super::group::document;
use super::memory::Memory;
use crate::bson::builder::Builder;
use crate::bson::compare::compare_values;
use crate::bson::element::{Elements, OwnedValue, Value};
use crate::bson::{text, ty};
use crate::error::Result;
use crate::expression::{Computed, Expression, Scope, Variables, location};

/// A `$bucketAuto` as it is specified.
#[derive(Debug)]
pub(crate) struct BucketAuto {
    group_by: Expression,
    buckets: usize,
    granularity: Option<Granularity>,
    accumulators: Vec<Accumulator>,
}

impl BucketAuto {
    pub fn parse(value: Value<'_>, scope: &Scope) -> Result<BucketAuto> {
        const NAME: &str = "$bucketAuto";
        if value.ty != ty::DOCUMENT {
            let name = ty::name(value.ty);
            let message =
                format!("The argument to $bucketAuto must be an object, but found type: {name}");
            return Err(location(40240, message));
        }
        let (mut by, mut buckets, mut outputs, mut granularity) = (None, None, None, None);
        for element in Elements::new(value.bytes)? {
            let element = element?;
            let value = element.val();
            match element.name {
                b"groupBy" => by = Some(group_by(NAME, 40239, value, scope)?),
                b"buckets" => buckets = Some(count(value)?),
                // An empty one is as if there was none.
                b"output" => outputs = Some(value).filter(|value| !is_empty(*value)),
                b"granularity" => granularity = Some(Granularity::parse(value)?),
                _ => {
                    let name = element.name_lossy();
                    let message = format!("Unrecognized option to $bucketAuto: {name}");
                    return Err(location(40245, message));
                }
            }
        }
        let accumulators = output(NAME, 40244, outputs, scope)?;
        let (Some(group_by), Some(buckets)) = (by, buckets) else {
            let message = "$bucketAuto requires 'groupBy' and 'buckets' to be specified";
            return Err(location(40246, message));
        };
        Ok(BucketAuto { group_by, buckets, granularity, accumulators })
    }

    pub fn start(self: &Arc<Self>, context: &Context) -> Box<dyn Run> {
        Box::new(BucketAutoRun {
            spec: self.clone(),
            vars: context.vars.clone(),
            docs: vec![],
            memory: Memory::default(),
        })
    }
}

fn is_empty(value: Value<'_>) -> bool {
    value.ty == ty::DOCUMENT && value.bytes.len() == 5
}

fn count(value: Value<'_>) -> Result<usize> {
    if !Computed::Borrowed(value).is_number() {
        let name = ty::name(value.ty);
        let message = format!(
            "The $bucketAuto 'buckets' field must be a numeric value, but found type: {name}"
        );
        return Err(location(40241, message));
    }
    let number = value.as_number().and_then(|number| number.to_i64());
    match number.and_then(|number| i32::try_from(number).ok()) {
        None => {
            let shown = text::value(value);
            let message = format!(
                "The $bucketAuto 'buckets' field must be representable as a 32-bit integer, but \
                 found {shown}"
            );
            Err(location(40242, message))
        }
        Some(number) if number <= 0 => {
            let message = format!(
                "The $bucketAuto 'buckets' field must be greater than 0, but found: {number}"
            );
            Err(location(40243, message))
        }
        Some(number) => Ok(number as usize),
    }
}

#[derive(Debug)]
struct BucketAutoRun {
    spec: Arc<BucketAuto>,
    vars: Arc<Variables<'static>>,
    docs: Vec<(OwnedValue, Vec<u8>)>,
    memory: Memory,
}

impl Run for BucketAutoRun {
    fn push(&mut self, doc: Vec<u8>, _out: &mut dyn Sink) -> Result<()> {
        let value = self.spec.group_by.evaluate(&doc, &self.vars)?.into_owned();
        if self.spec.granularity.is_some() {
            granularity::check(value.as_ref())?;
        }
        self.memory.take("$bucketAuto", doc.len() + value.bytes.len() + 48)?;
        self.docs.push((value, doc));
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Sink) -> Result<()> {
        let mut docs = std::mem::take(&mut self.docs);
        docs.sort_by(|(a, _), (b, _)| compare_values(a.as_ref(), b.as_ref()));
        let size = (docs.len() as f64 / self.spec.buckets as f64).round().max(1.0) as usize;
        if let Some(granularity) = self.spec.granularity {
            return self.finish_rounded(&docs, size, granularity, out);
        }
        let mut rest = &docs[..];
        for made in 1.. {
            let [(min, _), ..] = rest else { break };
            let mut len = if made == self.spec.buckets { rest.len() } else { size.min(rest.len()) };
            // Equal values are not parted.
            while len < rest.len()
                && compare_values(rest[len].0.as_ref(), rest[len - 1].0.as_ref()).is_eq()
            {
                len += 1;
            }
            let (bucket, after) = rest.split_at(len);
            let max = after.first().unwrap_or(&bucket[len - 1]);
            out.accept(self.bucket(min.as_ref(), max.0.as_ref(), bucket)?)?;
            rest = after;
        }
        Ok(())
    }
}

impl BucketAutoRun {
    /// Gives the groups if boundaries are preferred numbers: a group takes all below the one above
    /// its last value, and the next group begins there.
    fn finish_rounded(
        &mut self,
        docs: &[(OwnedValue, Vec<u8>)],
        size: usize,
        granularity: Granularity,
        out: &mut dyn Sink,
    ) -> Result<()> {
        let mut rest = docs;
        let mut min = rest.first().map(|(least, _)| granularity.below(least.as_ref()));
        for made in 1.. {
            let Some(from) = min.take().filter(|_| !rest.is_empty()) else { break };
            let mut len = if made == self.spec.buckets { rest.len() } else { size.min(rest.len()) };
            let last = rest[len - 1].0.as_ref();
            let to = match rest.get(len) {
                // Zeros have a group of their own, up to the one that comes next.
                Some((next, _)) if granularity::is_zero(last) => granularity.below(next.as_ref()),
                _ => granularity.above(last),
            };
            while len < rest.len() && compare_values(rest[len].0.as_ref(), to.as_ref()).is_lt() {
                len += 1;
            }
            let (bucket, after) = rest.split_at(len);
            out.accept(self.bucket(from.as_ref(), to.as_ref(), bucket)?)?;
            (rest, min) = (after, Some(to));
        }
        Ok(())
    }

    fn bucket(
        &mut self,
        min: Value<'_>,
        max: Value<'_>,
        docs: &[(OwnedValue, Vec<u8>)],
    ) -> Result<Vec<u8>> {
        let mut states: Vec<State> =
            self.spec.accumulators.iter().map(Accumulator::start).collect();
        for (_, doc) in docs {
            for (accumulator, state) in self.spec.accumulators.iter().zip(&mut states) {
                let more = accumulator.add(state, doc, &self.vars)?;
                self.memory.change("$bucketAuto", more)?;
            }
        }
        let mut id = Builder::new();
        id.value("min", min).value("max", max);
        let id = id.finish();
        document(Value { ty: ty::DOCUMENT, bytes: &id }, &self.spec.accumulators, states)
    }
}
