//! Parses clauses: the top level of a filter, branches of `$and` and its kin, and the object
//! form of `$elemMatch`.

use std::sync::Arc;

use super::{Clause, DEPTH_MAX, Schema, Test, bad_value, failed_to_parse, numbers, operators};
use crate::bson::element::{Element, Elements, Value};
use crate::bson::field::FieldPath;
use crate::bson::{text, ty};
use crate::error::{Error, Result};
use crate::expression::{Expression, Scope};

/// Where a clause stands: how much deeper it may nest, and what it may refer to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Levels<'s> {
    left: usize,
    /// The variables of `$expr`; none below `$elemMatch`, where there is no `$expr`.
    scope: Option<&'s Scope>,
}

impl<'s> Levels<'s> {
    /// Below a `$elemMatch`.
    pub(super) fn below_top(left: usize) -> Levels<'s> {
        Levels { left, scope: None }
    }

    /// One level down.
    pub(super) fn down(self) -> Result<Levels<'s>> {
        match self.left.checked_sub(1) {
            Some(left) if left > 0 => Ok(Levels { left, ..self }),
            _ => Err(bad_value(format!("exceeded maximum query tree depth of {DEPTH_MAX}"))),
        }
    }

    /// Into the elements of an array.
    pub(super) fn for_elements(self) -> Result<Levels<'s>> {
        Ok(Levels { scope: None, ..self.down()? })
    }
}

/// The clauses of a whole filter.
pub(super) fn filter(filter: &[u8], scope: &Scope) -> Result<Vec<Clause>> {
    clauses(filter, Levels { left: DEPTH_MAX, scope: Some(scope) })
}

/// The clauses of a document, all of which must hold.
pub(super) fn clauses(doc: &[u8], levels: Levels<'_>) -> Result<Vec<Clause>> {
    let mut out = vec![];
    for element in Elements::new(doc)? {
        let element = element?;
        match element.name {
            b"$and" => out.push(Clause::And(branches(&element, levels)?)),
            b"$or" => out.push(Clause::Or(branches(&element, levels)?)),
            b"$nor" => out.push(Clause::Nor(branches(&element, levels)?)),
            b"$comment" => {}
            b"$expr" => out.push(expr(&element, levels)?),
            b"$alwaysTrue" => out.push(always(&element, true)?),
            b"$alwaysFalse" => out.push(always(&element, false)?),
            b"$jsonSchema" => {
                out.push(Clause::Schema(Arc::new(Schema::parse(element.val())?)));
            }
            b"$where" | b"$text" | b"$sampleRate" => {
                return Err(unsupported(&element));
            }
            b"$ref" | b"$id" | b"$db" => field(&element, levels, &mut out)?,
            name if name.starts_with(b"$") => return Err(unknown(&element)),
            _ => field(&element, levels, &mut out)?,
        }
    }
    Ok(out)
}

fn unknown(element: &Element<'_>) -> Error {
    let name = element.name_lossy();
    bad_value(format!(
        "unknown top level operator: {name}. If you have a field name that starts with a '$' \
         symbol, consider using $getField or $setField."
    ))
}

/// Does the name stand for a condition on a document, not on a value?
pub(super) fn is_on_documents(name: &[u8]) -> bool {
    matches!(
        name,
        b"$and"
            | b"$or"
            | b"$nor"
            | b"$comment"
            | b"$expr"
            | b"$alwaysTrue"
            | b"$alwaysFalse"
            | b"$where"
            | b"$text"
            | b"$jsonSchema"
            | b"$sampleRate"
    )
}

pub(super) fn unsupported(element: &Element<'_>) -> Error {
    bad_value(format!("unsupported operator: {}", element.name_lossy()))
}

/// The text of an element's name.
pub(super) fn name<'a>(element: &Element<'a>) -> Result<&'a str> {
    std::str::from_utf8(element.name)
        .map_err(|_| Error::invalid_bson(element.ofs + 1, "text is UTF-8"))
}

fn branches(list: &Element<'_>, levels: Levels<'_>) -> Result<Vec<Clause>> {
    if list.ty != ty::ARRAY {
        return Err(bad_value(format!("{} must be an array", list.name_lossy())));
    }
    let levels = levels.down()?;
    let mut branches = vec![];
    for element in Elements::new(list.value)? {
        let element = element?;
        if element.ty != ty::DOCUMENT {
            return Err(bad_value("$or/$and/$nor entries need to be full objects"));
        }
        let mut branch = clauses(element.value, levels)?;
        branches.push(match branch.pop() {
            Some(only) if branch.is_empty() => only,
            last => Clause::And(branch.into_iter().chain(last).collect()),
        });
    }
    if branches.is_empty() {
        return Err(bad_value("$and/$or/$nor must be a nonempty array"));
    }
    Ok(branches)
}

fn expr(element: &Element<'_>, levels: Levels<'_>) -> Result<Clause> {
    let Some(scope) = levels.scope else {
        return Err(bad_value("$expr can only be applied to the top-level document"));
    };
    let parsed = scope.constants_last("Failed to optimize expression", |scope| {
        Expression::parse(element.val(), scope)
    });
    Ok(Clause::Expr(Box::new(parsed?)))
}

fn always(element: &Element<'_>, answer: bool) -> Result<Clause> {
    let shown = || text::named(element.name, element.val());
    if !numbers::is_number(element.val()) {
        return Err(failed_to_parse(format!("Expected a number in: {}", shown())));
    }
    if numbers::exact(element.val()) != Some(1) {
        let message = format!("{} must be an integer value of 1", element.name_lossy());
        return Err(failed_to_parse(message));
    }
    Ok(Clause::Always(answer))
}

fn field(field: &Element<'_>, levels: Levels<'_>, out: &mut Vec<Clause>) -> Result<()> {
    let path = FieldPath::parse_for_filter(name(field)?)?;
    let mut add = |test| out.push(Clause::Field { path: path.clone(), test });
    if is_operators(field.val(), Reference::Whole)? {
        for test in operators::tests(path.as_str(), field.value, levels)? {
            add(test);
        }
        return Ok(());
    }
    add(match field.ty {
        ty::REGEX => Test::Regex(super::Pattern::of_regex(field.val())?),
        _ => Test::Eq(operators::operand(field)?),
    });
    Ok(())
}

/// What counts as a reference to a document, which is a value and no operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    /// `$ref` and `$id`, in any order.
    Whole,
    /// One of `$ref`, `$id` and `$db`.
    Any,
}

/// Is it a document of operators and not a value to be equal to?
pub(super) fn is_operators(value: Value<'_>, reference: Reference) -> Result<bool> {
    if value.ty != ty::DOCUMENT {
        return Ok(false);
    }
    let first = Elements::new(value.bytes)?.next().transpose()?;
    if !first.is_some_and(|first| first.name.starts_with(b"$")) {
        return Ok(false);
    }
    let (mut has_ref, mut has_id, mut has_db) = (false, false, false);
    for element in Elements::new(value.bytes)? {
        match element?.name {
            b"$ref" => has_ref = true,
            b"$id" => has_id = true,
            b"$db" => has_db = true,
            _ => {}
        }
    }
    Ok(match reference {
        Reference::Whole => !(has_ref && has_id),
        Reference::Any => !(has_ref || has_id || has_db),
    })
}
