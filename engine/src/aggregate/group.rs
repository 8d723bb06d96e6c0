//! `$group`. Groups come out in the order in which their first documents came.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::Context;
use super::accumulator::{Accumulator, State};
use super::chain::{Run, Sink};
use super::key;
use super::memory::Memory;
use crate::bson::builder::Builder;
use crate::bson::collation::Collation;
use crate::bson::document::{check_depth, check_len};
use crate::bson::element::{Elements, OwnedValue, Value};
use crate::bson::ty;
use crate::error::Result;
use crate::expression::{Computed, Expression, Scope, Variables, location, name_of};

/// A `$group` as it is specified.
#[derive(Debug)]
pub(crate) struct Group {
    id: Id,
    accumulators: Vec<Accumulator>,
    /// By which texts of keys are equal.
    collation: Option<Arc<Collation>>,
}

#[derive(Debug)]
enum Id {
    Value(Expression),
    /// A document of expressions. What is missing is left out, or null if it is the only one.
    Document(Vec<(Box<str>, Expression)>),
}

impl Group {
    pub fn parse(value: Value<'_>, scope: &Scope) -> Result<Group> {
        if value.ty != ty::DOCUMENT {
            return Err(location(15947, "a group's fields must be specified in an object"));
        }
        let (mut id, mut accumulators) = (None, vec![]);
        for element in Elements::new(value.bytes)? {
            let element = element?;
            match element.name {
                b"_id" => id = Some(Id::parse(element.val(), scope)?),
                _ => accumulators.push(Accumulator::parse(&element, scope)?),
            }
        }
        let Some(id) = id else {
            return Err(location(15955, "a group specification must include an _id"));
        };
        Ok(Group { id, accumulators, collation: scope.collation().cloned() })
    }

    /// The fields that it reads; `None` for the whole document.
    pub fn fields(&self) -> Option<Vec<&str>> {
        let mut fields = match &self.id {
            Id::Value(expression) => expression.fields()?,
            Id::Document(parts) => {
                let parts = parts.iter().map(|(_, part)| part.fields());
                parts.collect::<Option<Vec<_>>>()?.concat()
            }
        };
        for accumulator in &self.accumulators {
            fields.extend(accumulator.fields()?);
        }
        Some(fields)
    }

    pub fn start(self: &Arc<Self>, context: &Context) -> Box<dyn Run> {
        Box::new(GroupRun {
            spec: self.clone(),
            vars: context.vars.clone(),
            groups: VecDeque::new(),
            is_finished: false,
            places: HashMap::default(),
            key: vec![],
            memory: Memory::default(),
        })
    }
}

impl Id {
    fn parse(value: Value<'_>, scope: &Scope) -> Result<Id> {
        if value.ty != ty::DOCUMENT {
            return Ok(Id::Value(Expression::parse(value, scope)?));
        }
        check_no_inclusion(value.bytes)?;
        // All of it is parsed at once, too: that says what is wrong with the names.
        let whole = Expression::parse(value, scope)?;
        let mut parts = vec![];
        for element in Elements::new(value.bytes)? {
            let element = element?;
            let name = name_of(&element)?;
            if name.starts_with('$') {
                return Ok(Id::Value(whole));
            }
            parts.push((name.into(), Expression::parse(element.val(), scope)?));
        }
        Ok(if parts.is_empty() { Id::Value(whole) } else { Id::Document(parts) })
    }

    fn evaluate<'a>(&'a self, doc: &'a [u8], vars: &'a Variables<'a>) -> Result<Computed<'a>> {
        match self {
            Id::Value(expression) => expression.evaluate(doc, vars),
            Id::Document(parts) => {
                let mut out = Builder::new();
                for (name, part) in parts {
                    let value = part.evaluate(doc, vars)?;
                    if parts.len() == 1 || value.as_value().is_some() {
                        out.value(name.as_bytes(), value.or_null());
                    }
                }
                Ok(Computed::of(ty::DOCUMENT, out.finish()))
            }
        }
    }
}

/// Refuses numbers and booleans as fields, by which a projection would include them.
fn check_no_inclusion(id: &[u8]) -> Result<()> {
    for (i, element) in Elements::new(id)?.enumerate() {
        let element = element?;
        if i == 0 && element.name.starts_with(b"$") {
            return Ok(());
        }
        if matches!(element.ty, ty::INT32 | ty::INT64 | ty::DOUBLE | ty::DECIMAL128 | ty::BOOL) {
            return Err(location(17390, "$group does not support inclusion-style expressions"));
        }
    }
    Ok(())
}

#[derive(Debug)]
struct GroupRun {
    spec: Arc<Group>,
    vars: Arc<Variables<'static>>,
    groups: VecDeque<(OwnedValue, Vec<State>)>,
    is_finished: bool,
    places: HashMap<Box<[u8]>, usize, RandomState>,
    /// The key of the document at hand; kept for its memory.
    key: Vec<u8>,
    memory: Memory,
}

/// Bytes that a group takes beside its values, about.
const GROUP_LEN: usize = 96;
const STATE_LEN: usize = 64;

impl Run for GroupRun {
    fn push(&mut self, doc: Vec<u8>, _out: &mut dyn Sink) -> Result<()> {
        let id = self.spec.id.evaluate(&doc, &self.vars)?;
        self.key.clear();
        match &self.spec.collation {
            Some(collation) if Collation::concerns(id.or_null()) => {
                key::append(collation.fold(id.or_null()).as_ref(), &mut self.key);
            }
            _ => key::append(id.or_null(), &mut self.key),
        }
        let place = match self.places.get(&*self.key) {
            Some(place) => *place,
            None => {
                let states: Vec<State> =
                    self.spec.accumulators.iter().map(Accumulator::start).collect();
                let id = id.into_owned();
                let len = GROUP_LEN + self.key.len() + id.bytes.len() + states.len() * STATE_LEN;
                self.memory.take("$group", len)?;
                self.groups.push_back((id, states));
                self.places.insert(self.key.as_slice().into(), self.groups.len() - 1);
                self.groups.len() - 1
            }
        };
        for (accumulator, state) in self.spec.accumulators.iter().zip(&mut self.groups[place].1) {
            let more = accumulator.add(state, &doc, &self.vars)?;
            self.memory.change("$group", more)?;
        }
        Ok(())
    }

    fn finish(&mut self, _out: &mut dyn Sink) -> Result<()> {
        self.places = HashMap::default();
        self.is_finished = true;
        Ok(())
    }

    fn more(&mut self, out: &mut dyn Sink) -> Result<bool> {
        if !self.is_finished {
            return Ok(false);
        }
        let Some((id, states)) = self.groups.pop_front() else { return Ok(false) };
        out.accept(document(id.as_ref(), &self.spec.accumulators, states)?).map(|()| true)
    }
}

/// The document of a group.
pub(super) fn document(
    id: Value<'_>,
    accumulators: &[Accumulator],
    states: Vec<State>,
) -> Result<Vec<u8>> {
    let mut doc = Builder::new();
    check_len(id.bytes.len())?;
    check_depth(1, id)?;
    doc.value("_id", id);
    for (accumulator, state) in accumulators.iter().zip(states) {
        let value = accumulator.finish(state);
        check_len(doc.len() + value.bytes.len())?;
        check_depth(1, value.as_ref())?;
        doc.value(accumulator.name.as_bytes(), value.as_ref());
    }
    Ok(doc.finish())
}
