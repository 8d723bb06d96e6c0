//! Fields that are computed and set in a document: `$addFields`, `$set`, and `$set` of an update
//! by pipeline.
//!
//! A tree of names, at each an expression or more names. What is there keeps its place; what is
//! new is appended in the order written. In an array every element is given the fields.

use super::parse::{location, name_of};
use super::path::check_name;
use super::{Expression, Scope, Variables, check_len};
use crate::bson::builder::{Builder, Index};
use crate::bson::document::check_depth;
use crate::bson::element::{Elements, Value};
use crate::bson::{text, ty};
use crate::error::Result;
use crate::limits::NESTING_MAX;

/// The fields that a stage sets.
#[derive(Debug, Clone)]
pub(crate) struct ComputedFields {
    root: Vec<(Box<str>, Field)>,
}

/// What a name stands for; an expression may not be parsed yet.
#[derive(Debug, Clone)]
enum Field<E = Expression> {
    Value(E),
    Below(Vec<(Box<str>, Field<E>)>),
}

type Level = [(Box<str>, Field)];

impl ComputedFields {
    /// Parses `{ a: expression, "b.c": expression, d: { e: expression } }`.
    pub fn parse(fields: &[u8], scope: &Scope) -> Result<ComputedFields> {
        let mut root = vec![];
        for element in Elements::new(fields)? {
            let element = element?;
            let name = name_of(&element)?;
            if name.is_empty() {
                return Err(location(40352, "FieldPath cannot be constructed with empty string"));
            }
            if name.ends_with('.') {
                return Err(location(40353, "FieldPath must not end with a '.'."));
            }
            let path: Vec<&str> = name.split('.').collect();
            path.iter().try_for_each(|name| check_name(name))?;
            let field = field(element.val(), name, path.len(), fields)?;
            insert(&mut root, &path, field, fields)?;
        }
        // What is wrong with the names comes before what is wrong with the expressions.
        Ok(ComputedFields { root: parsed(root, scope)? })
    }

    /// The document with the fields. All expressions see it as it was.
    pub fn apply(&self, doc: &[u8], vars: &Variables<'_>) -> Result<Vec<u8>> {
        let mut out = Builder::with_capacity(doc.len() + 32);
        Application { doc, vars }.level(&self.root, Some(doc), &mut out)?;
        Ok(out.finish())
    }
}

fn parsed(
    level: Vec<(Box<str>, Field<Value<'_>>)>,
    scope: &Scope,
) -> Result<Vec<(Box<str>, Field)>> {
    let field = |(name, field)| {
        let field = match field {
            Field::Value(value) => Field::Value(Expression::parse(value, scope)?),
            Field::Below(below) => Field::Below(parsed(below, scope)?),
        };
        Ok((name, field))
    };
    level.into_iter().map(field).collect()
}

fn field<'v>(value: Value<'v>, path: &str, depth: usize, all: &[u8]) -> Result<Field<Value<'v>>> {
    if depth > NESTING_MAX {
        return Err(location(15, format!("a path has at most {NESTING_MAX} components")));
    }
    if value.ty != ty::DOCUMENT {
        return Ok(Field::Value(value));
    }
    let elements = Elements::new(value.bytes)?.collect::<Result<Vec<_>>>()?;
    if elements.is_empty() {
        let message =
            format!("an empty object is not a valid value. Found empty object at path {path}");
        return Err(location(40180, message));
    }
    let mut below = vec![];
    for element in &elements {
        let name = name_of(element)?;
        if name.starts_with('$') {
            return match elements.len() {
                1 => Ok(Field::Value(value)),
                count => Err(location(
                    40181,
                    format!(
                        "an expression specification must contain exactly one field, the name of \
                         the expression. Found {count} fields in {}, while parsing object {}",
                        text::value(value),
                        text::document(all)
                    ),
                )),
            };
        }
        if name.contains('.') {
            let shown = text::document(all);
            let message = format!("cannot use dotted field name '{name}' in a sub object: {shown}");
            return Err(location(40183, message));
        }
        check_name(name)?;
        let field = field(element.val(), &format!("{path}.{name}"), depth + 1, all)?;
        below.retain(|(known, _): &(Box<str>, Field<_>)| **known != *name);
        below.push((name.into(), field));
    }
    Ok(Field::Below(below))
}

fn insert<'v>(
    level: &mut Vec<(Box<str>, Field<Value<'v>>)>,
    path: &[&str],
    field: Field<Value<'v>>,
    all: &[u8],
) -> Result<()> {
    let [name, rest @ ..] = path else { return Ok(()) };
    let place = level.iter().position(|(known, _)| **known == **name);
    let conflict = || {
        let shown = text::document(all);
        let message = format!("specification contains two conflicting paths: {shown}");
        location(40176, message)
    };
    match (place, rest) {
        (None, []) => level.push(((*name).into(), field)),
        (None, rest) => {
            let mut below = vec![];
            insert(&mut below, rest, field, all)?;
            level.push(((*name).into(), Field::Below(below)));
        }
        (Some(place), []) => match (&mut level[place].1, field) {
            (Field::Below(known), Field::Below(more)) => {
                for (name, field) in more {
                    insert(known, &[&*name], field, all)?;
                }
            }
            _ => return Err(conflict()),
        },
        (Some(place), rest) => match &mut level[place].1 {
            Field::Below(known) => insert(known, rest, field, all)?,
            Field::Value(_) => return Err(conflict()),
        },
    }
    Ok(())
}

struct Application<'r> {
    doc: &'r [u8],
    vars: &'r Variables<'r>,
}

impl Application<'_> {
    /// Writes a level: what `base` has, with the fields.
    fn level(&self, level: &Level, base: Option<&[u8]>, out: &mut Builder) -> Result<()> {
        let mut done = vec![false; level.len()];
        if let Some(base) = base {
            for element in Elements::new(base)? {
                let element = element?;
                let place = level.iter().position(|(name, _)| name.as_bytes() == element.name);
                match place {
                    None => {
                        out.element(&element);
                    }
                    Some(place) if done[place] => {}
                    Some(place) => {
                        done[place] = true;
                        self.set(element.name, &level[place].1, Some(element.val()), out)?;
                    }
                }
            }
        }
        for ((name, field), _) in level.iter().zip(done).filter(|(_, done)| !done) {
            self.set(name.as_bytes(), field, None, out)?;
        }
        check_len(out.len())
    }

    fn set(
        &self,
        name: &[u8],
        field: &Field,
        base: Option<Value<'_>>,
        out: &mut Builder,
    ) -> Result<()> {
        let level = match field {
            Field::Value(expression) => {
                if let Some(value) = expression.evaluate(self.doc, self.vars)?.as_value() {
                    check_len(out.len() + value.bytes.len())?;
                    check_depth(out.depth(), value)?;
                    out.value(name, value);
                }
                return Ok(());
            }
            Field::Below(level) => level,
        };
        match base {
            Some(Value { ty: ty::ARRAY, bytes }) => {
                out.begin(ty::ARRAY, name);
                for (i, element) in Elements::new(bytes)?.enumerate() {
                    self.set(Index::new(i).as_ref(), field, Some(element?.val()), out)?;
                }
            }
            base => {
                out.begin(ty::DOCUMENT, name);
                let base = base.filter(|base| base.ty == ty::DOCUMENT).map(|base| base.bytes);
                self.level(level, base, out)?;
            }
        }
        out.end();
        Ok(())
    }
}
