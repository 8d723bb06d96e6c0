//! `$graphLookup`: to each document those of another collection that can be reached from it, step
//! by step: a field of each that is found leads to the next.
//!
//! G1. A document is found once, by its `_id`, at the least depth, so that circles end.
//! G2. What is found for one document, and what is to be looked for, is bounded.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::chain::{Run, Sink};
use super::memory::Memory;
use super::set_path::set_path;
use super::{Context, Pipeline, key};
use crate::bson::builder::{Builder, Index};
use crate::bson::collation::Collation;
use crate::bson::decimal::Decimal;
use crate::bson::document::check_len;
use crate::bson::element::{Elements, OwnedValue, Value, get};
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::expression::decimal::{self, Rounding};
use crate::expression::{Computed, Expression, Scope, location, parse_path};
use crate::query::Filter;

/// A `$graphLookup` as it is specified.
#[derive(Debug)]
pub(crate) struct GraphLookup {
    from: Box<str>,
    start: Expression,
    connect_from: Expression,
    connect_to: Box<str>,
    result: Box<str>,
    /// Steps behind the first one.
    max_depth: Option<i64>,
    depth_field: Option<Box<str>>,
    /// What else the documents must match.
    restriction: Option<Box<[u8]>>,
    collation: Option<Arc<Collation>>,
}

fn failed(message: String) -> Error {
    Error::refused(Reason::FailedToParse, message)
}

impl GraphLookup {
    pub fn parse(value: Value<'_>, scope: &Scope) -> Result<GraphLookup> {
        check_form(value)?;
        let (mut from, mut start, mut connect_from, mut connect_to) = (None, None, None, None);
        let (mut result, mut max_depth, mut depth_field, mut restriction) =
            (None, None, None, None);
        for element in Elements::new(value.bytes)? {
            let element = element?;
            let value = element.val();
            match element.name {
                b"from" => from = value.as_str(),
                b"startWith" => start = Some(Expression::parse(value, scope)?),
                b"maxDepth" => max_depth = Some(depth(value)?),
                b"restrictSearchWithMatch" => restriction = Some(filter(value, scope)?),
                b"as" | b"connectFromField" | b"connectToField" | b"depthField" => {
                    let name = element.name_lossy();
                    let Some(path) = value.as_str() else {
                        let found = ty::name(value.ty);
                        if value.ty == ty::DOCUMENT {
                            let message = format!("wrong type for field ({name}) object != string");
                            return Err(location(13111, message));
                        }
                        let message =
                            format!("expected string as argument for {name}, found: {found}");
                        return Err(location(40103, message));
                    };
                    match (path, element.name) {
                        ("", b"depthField") => {
                            let message = "FieldPath cannot be constructed with empty string";
                            return Err(location(40352, message));
                        }
                        // An empty one is none.
                        ("", _) => continue,
                        _ => {}
                    }
                    parse_path(path)?;
                    match element.name {
                        b"as" => result = Some(path),
                        b"connectFromField" => connect_from = Some(path),
                        b"connectToField" => connect_to = Some(path),
                        _ => depth_field = Some(path.into()),
                    }
                }
                _ => {
                    let name = element.name_lossy();
                    let message = format!("Unknown argument to $graphLookup: {name}");
                    return Err(location(40104, message));
                }
            }
        }
        let (Some(from), Some(result), Some(start), Some(connect_from), Some(connect_to)) =
            (from, result, start, connect_from, connect_to)
        else {
            let message = "$graphLookup requires 'from', 'as', 'startWith', 'connectFromField', \
                           and 'connectToField' to be specified.";
            return Err(location(40105, message));
        };
        let mut path = Builder::new();
        path.str("path", &format!("${connect_from}"));
        let path = path.finish();
        let path = get(&path, "path")?.map(|path| path.val()).unwrap_or(value);
        Ok(GraphLookup {
            from: from.into(),
            start,
            connect_from: Expression::parse(path, &Scope::default())?,
            connect_to: connect_to.into(),
            result: result.into(),
            max_depth,
            depth_field,
            restriction,
            collation: scope.collation().cloned(),
        })
    }

    pub fn start(self: &Arc<Self>, context: &Context) -> Box<dyn Run> {
        Box::new(GraphLookupRun { spec: self.clone(), context: context.clone() })
    }
}

/// Is it a document that names a collection?
pub(super) fn check_form(value: Value<'_>) -> Result<()> {
    if value.ty != ty::DOCUMENT {
        let found = ty::name(value.ty);
        return Err(failed(format!(
            "the $graphLookup stage specification must be an object, but found {found}"
        )));
    }
    match get(value.bytes, "from")? {
        None => Err(failed(format!(
            "missing 'from' option to $graphLookup stage specification: {}",
            text::value(value)
        ))),
        Some(from) if from.ty != ty::STRING => {
            Err(super::lookup::no_name("$graphLookup", from.val())?)
        }
        Some(_) => Ok(()),
    }
}

fn depth(value: Value<'_>) -> Result<i64> {
    let given = Computed::Borrowed(value);
    let (whole, is_whole) = match (given.as_number(), given.as_decimal()) {
        (Some(Number::Double(number)), _) => {
            let whole = number as i64;
            (whole, whole as f64 == number && number < -(i64::MIN as f64))
        }
        (Some(number), _) => (number.to_i64().unwrap_or_default(), true),
        (None, Some(number)) => nearest(number),
        (None, None) => {
            let found = ty::name(value.ty);
            return Err(location(40100, format!("maxDepth must be numeric, found type: {found}")));
        }
    };
    if whole < 0 {
        let message = format!("maxDepth requires a nonnegative argument, found: {whole}");
        return Err(location(40101, message));
    }
    if !is_whole {
        let message = format!("maxDepth could not be represented as a long long: {whole}");
        return Err(location(40102, message));
    }
    Ok(whole)
}

/// The nearest int64, and whether it is the number itself.
fn nearest(number: Decimal) -> (i64, bool) {
    let whole = decimal::to_i64(number, Rounding::HalfEven).unwrap_or(match number {
        Decimal::NaN => 0,
        number if decimal::is_negative(number) => i64::MIN,
        _ => i64::MAX,
    });
    (whole, Decimal::of_number(Number::Int64(whole)).compare(&number).is_eq())
}

fn filter(value: Value<'_>, scope: &Scope) -> Result<Box<[u8]>> {
    if value.ty != ty::DOCUMENT {
        let found = ty::name(value.ty);
        let message = format!("restrictSearchWithMatch must be an object, found {found}");
        return Err(location(40185, message));
    }
    match Filter::parse_in(value.bytes, scope) {
        Ok(_) => Ok(value.bytes.into()),
        Err(Error::Refused { reason, message }) => {
            let message = format!(
                "Failed to parse 'restrictSearchWithMatch' option to $graphLookup :: caused by :: \
                 {message}"
            );
            Err(Error::refused(reason, message))
        }
        Err(error) => Err(error),
    }
}

#[derive(Debug)]
struct GraphLookupRun {
    spec: Arc<GraphLookup>,
    context: Context,
}

/// What is done for one document.
#[derive(Default)]
struct Search {
    /// What is looked for next, and was looked for: each value once.
    frontier: VecDeque<OwnedValue>,
    asked: HashSet<Box<[u8]>>,
    /// The `_id`s of what was found.
    found_ids: HashSet<Box<[u8]>>,
    found: Vec<Vec<u8>>,
    memory: Memory,
}

impl Search {
    fn key(spec: &GraphLookup, value: Value<'_>) -> Box<[u8]> {
        let mut key = Vec::new();
        match &spec.collation {
            Some(collation) => key::append(collation.fold(value).as_ref(), &mut key),
            None => key::append(value, &mut key),
        }
        key.into()
    }

    /// Looks for a value next, of an array for each of its elements.
    fn look_for(&mut self, spec: &GraphLookup, value: Value<'_>) -> Result<()> {
        if value.ty != ty::ARRAY {
            return self.add(spec, value);
        }
        for element in Elements::new(value.bytes)? {
            self.add(spec, element?.val())?;
        }
        Ok(())
    }

    fn add(&mut self, spec: &GraphLookup, value: Value<'_>) -> Result<()> {
        let key = Search::key(spec, value);
        let len = key.len() + value.bytes.len();
        if self.asked.insert(key) {
            self.memory.take("$graphLookup", len + 32)?;
            self.frontier.push_back(value.to_owned());
        }
        Ok(())
    }
}

impl GraphLookupRun {
    /// Takes one step: asks for all values of the frontier at once.
    fn step(&self, search: &mut Search, depth: i64) -> Result<()> {
        let spec = &*self.spec;
        let filter = filter_of(spec, &std::mem::take(&mut search.frontier));
        let Context { vars, world } = &self.context;
        let pipeline = Pipeline::default();
        for doc in world.documents(&spec.from, &filter, &pipeline, vars.clone())? {
            let doc = doc?;
            let null = Value { ty: ty::NULL, bytes: &[] };
            let id = get(&doc, "_id")?.map_or(null, |id| id.val());
            let mut key = Vec::new();
            key::append(id, &mut key);
            if !search.found_ids.insert(key.into()) {
                continue;
            }
            search.memory.take("$graphLookup", doc.len() + id.bytes.len() + 32)?;
            let next = spec.connect_from.evaluate(&doc, vars)?;
            if let Some(next) = next.as_value() {
                search.look_for(spec, next)?;
            }
            let doc = match &spec.depth_field {
                Some(field) => {
                    let value = Value { ty: ty::INT64, bytes: &depth.to_le_bytes() };
                    set_path(&doc, field, value)?
                }
                None => doc,
            };
            search.found.push(doc);
        }
        Ok(())
    }
}

/// What documents match whose field equals one of these.
fn filter_of(spec: &GraphLookup, values: &VecDeque<OwnedValue>) -> Vec<u8> {
    let mut filter = Builder::new();
    filter.begin(ty::ARRAY, "$and");
    filter.begin(ty::DOCUMENT, "0").begin(ty::ARRAY, "$or");
    // A regular expression is a value here, which it is not in a list.
    let (patterns, values): (Vec<_>, Vec<_>) =
        values.iter().partition(|value| value.ty == ty::REGEX);
    filter.begin(ty::DOCUMENT, "0").begin(ty::DOCUMENT, &*spec.connect_to);
    filter.begin(ty::ARRAY, "$in");
    for (at, value) in values.iter().enumerate() {
        filter.value(Index::new(at), value.as_ref());
    }
    filter.end().end().end();
    for (at, pattern) in patterns.iter().enumerate() {
        filter.begin(ty::DOCUMENT, Index::new(at + 1)).begin(ty::DOCUMENT, &*spec.connect_to);
        filter.value("$eq", pattern.as_ref()).end().end();
    }
    filter.end().end();
    if let Some(restriction) = &spec.restriction {
        filter.document("1", restriction);
    }
    filter.end();
    filter.finish()
}

impl Run for GraphLookupRun {
    fn push(&mut self, doc: Vec<u8>, out: &mut dyn Sink) -> Result<()> {
        let spec = &*self.spec;
        let mut search = Search::default();
        let start = spec.start.evaluate(&doc, &self.context.vars)?;
        // Nothing to begin with leads nowhere.
        if let Some(value) = start.as_value() {
            search.look_for(spec, value)?;
        }
        let mut depth = 0;
        while !search.frontier.is_empty() && spec.max_depth.is_none_or(|max| depth <= max) {
            self.context.world.check_time()?;
            self.step(&mut search, depth)?;
            depth += 1;
        }
        let mut array = Builder::new();
        for (at, found) in search.found.iter().enumerate() {
            check_len(doc.len() + array.len() + found.len())?;
            array.document(Index::new(at), found);
        }
        let array = array.finish();
        let found = Value { ty: ty::ARRAY, bytes: &array };
        out.accept(set_path(&doc, &spec.result, found)?)
    }
}
