//! Why a document does not match a filter: what MongoDB tells of a document that a validator
//! refuses, as BSON.
//!
//! The filter is read as it was written, clause by clause, each of which is asked for itself. What
//! is negated is told of where it holds.

use super::Filter;
use super::filter::Schema;
use super::telling::Telling;
use crate::bson::builder::{Builder, Index};
use crate::bson::element::{Element, Elements, Value};
use crate::bson::field::FieldPath;
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::Result;
use crate::expression::{Scope, Variables};

/// Values that are named of those that a path leads to.
const VALUES_MAX: usize = 10;

/// A condition of a filter as it was written.
enum Node<'f> {
    /// `$and` and its kin, or several conditions on one level.
    List { name: &'static str, clauses: Vec<Node<'f>> },
    /// `$not`
    Not(Box<Node<'f>>),
    /// An operator, or a value, on a field.
    Test { path: &'f [u8], operator: &'f [u8], filter: Vec<u8> },
    /// `$expr`, `$jsonSchema` …
    Whole(Element<'f>),
}

/// What is asked of each condition.
struct Asked<'a> {
    doc: &'a [u8],
    scope: &'a Scope,
    vars: &'a Variables<'a>,
}

/// Writes why `doc` does not match the filter, which was parsed with this scope: `details`, brief
/// if they are long, or a note if they are too long even so.
///
/// # Errors
/// Those of the filter.
pub fn put_details(
    info: &mut Builder,
    filter: &[u8],
    doc: &[u8],
    scope: &Scope,
    vars: &Variables<'_>,
) -> Result<()> {
    let node = of_document(filter)?;
    let asked = Asked { doc, scope, vars };
    for is_brief in [false, true] {
        let mut out = Telling::new(is_brief);
        let told = asked.tell(&mut out, &node, false);
        if out.is_too_long() {
            continue;
        }
        told?;
        if is_brief {
            info.boolean("truncated", true);
        }
        info.document("details", &out.finish());
        return Ok(());
    }
    info.str("note", "detailed error was too large");
    Ok(())
}

fn of_document(filter: &[u8]) -> Result<Node<'_>> {
    let mut clauses = Vec::new();
    for element in Elements::new(filter)? {
        let element = element?;
        let list = |name| of_list(name, &element);
        match element.name {
            b"$comment" => {}
            b"$and" => clauses.push(list("$and")?),
            b"$or" => clauses.push(list("$or")?),
            b"$nor" => clauses.push(list("$nor")?),
            name if name.starts_with(b"$") && !matches!(name, b"$ref" | b"$id" | b"$db") => {
                clauses.push(Node::Whole(element));
            }
            _ => of_field(&element, &mut clauses)?,
        }
    }
    Ok(one_of(clauses))
}

/// A list of one is that one.
fn one_of(mut clauses: Vec<Node<'_>>) -> Node<'_> {
    match clauses.len() {
        1 => clauses.remove(0),
        _ => Node::List { name: "$and", clauses },
    }
}

fn of_list<'f>(name: &'static str, element: &Element<'f>) -> Result<Node<'f>> {
    let mut clauses = Vec::new();
    for clause in Elements::new(element.value)? {
        clauses.push(of_document(clause?.value)?);
    }
    Ok(Node::List { name, clauses })
}

fn of_field<'f>(field: &Element<'f>, out: &mut Vec<Node<'f>>) -> Result<()> {
    let path = field.name;
    if !has_operators(field.val())? {
        let operator: &[u8] = if field.ty == ty::REGEX { b"$regex" } else { b"$eq" };
        let mut filter = Builder::new();
        filter.element(field);
        out.push(Node::Test { path, operator, filter: filter.finish() });
        return Ok(());
    }
    for operator in Elements::new(field.value)? {
        let operator = operator?;
        let mut filter = Builder::new();
        filter.begin(ty::DOCUMENT, path).element(&operator);
        match operator.name {
            b"$options" => continue,
            b"$regex" => {
                for other in Elements::new(field.value)? {
                    let other = other?;
                    if other.name == b"$options" {
                        filter.element(&other);
                    }
                }
            }
            b"$not" => {
                out.push(Node::Not(Box::new(negated(path, &operator)?)));
                continue;
            }
            _ => {}
        }
        filter.end();
        out.push(Node::Test { path, operator: operator.name, filter: filter.finish() });
    }
    Ok(())
}

fn negated<'f>(path: &'f [u8], not: &Element<'f>) -> Result<Node<'f>> {
    let mut inner = Vec::new();
    of_field(&Element { name: path, ..*not }, &mut inner)?;
    Ok(one_of(inner))
}

fn has_operators(value: Value<'_>) -> Result<bool> {
    if value.ty != ty::DOCUMENT {
        return Ok(false);
    }
    let first = Elements::new(value.bytes)?.next().transpose()?;
    Ok(first.is_some_and(|first| {
        first.name.starts_with(b"$") && !matches!(first.name, b"$ref" | b"$id" | b"$db")
    }))
}

impl Asked<'_> {
    fn matches(&self, node: &Node<'_>) -> Result<bool> {
        match node {
            Node::List { name, clauses } => {
                let expected = *name == "$and";
                for clause in clauses {
                    if self.matches(clause)? != expected {
                        return Ok(*name == "$or");
                    }
                }
                Ok(*name != "$or")
            }
            Node::Not(node) => Ok(!self.matches(node)?),
            Node::Test { filter, .. } => self.matches_filter(filter),
            Node::Whole(element) => {
                let mut filter = Builder::new();
                filter.element(element);
                self.matches_filter(&filter.finish())
            }
        }
    }

    fn matches_filter(&self, filter: &[u8]) -> Result<bool> {
        Filter::parse_in(filter, self.scope)?.matches_with(self.doc, self.vars)
    }

    /// Tells why a condition does not hold; of one that is negated, why it does.
    fn tell(&self, out: &mut Telling, node: &Node<'_>, holds: bool) -> Result<()> {
        out.check()?;
        match node {
            Node::List { name, clauses } => {
                out.str("operatorName", name);
                let told = holds != (*name == "$nor");
                let list = if told { "clausesSatisfied" } else { "clausesNotSatisfied" };
                out.begin(ty::ARRAY, list);
                let mut at = 0;
                for (index, clause) in clauses.iter().enumerate() {
                    if self.matches(clause)? == told {
                        out.begin(ty::DOCUMENT, Index::new(at));
                        out.number("index", Number::integer(index as i64));
                        out.begin(ty::DOCUMENT, "details");
                        self.tell(out, clause, told)?;
                        out.end().end();
                        at += 1;
                    }
                }
                out.end();
                Ok(())
            }
            Node::Not(node) => {
                out.str("operatorName", "$not").begin(ty::DOCUMENT, "details");
                self.tell(out, node, !holds)?;
                out.end();
                Ok(())
            }
            Node::Test { path, operator, filter } => {
                let operator = String::from_utf8_lossy(operator);
                out.str("operatorName", &operator);
                out.specified_as(filter);
                self.tell_values(out, &String::from_utf8_lossy(path), &operator, filter, holds)
            }
            Node::Whole(element) => self.tell_whole(out, element, holds),
        }
    }

    fn tell_whole(&self, out: &mut Telling, element: &Element<'_>, holds: bool) -> Result<()> {
        let name = element.name_lossy();
        out.str("operatorName", &name);
        if name == "$jsonSchema" {
            if holds {
                out.str("reason", "schema matched");
                return Ok(());
            }
            return Schema::parse(element.val())?.tell(out, "schemaRulesNotSatisfied", self.doc);
        }
        let mut condition = Builder::new();
        condition.element(element);
        out.specified_as(&condition.finish());
        let said = if holds { "expression did match" } else { "expression did not match" };
        out.str("reason", said).boolean("expressionResult", holds);
        Ok(())
    }

    fn tell_values(
        &self,
        out: &mut Telling,
        path: &str,
        operator: &str,
        filter: &[u8],
        holds: bool,
    ) -> Result<()> {
        let of_arrays = matches!(operator, "$size" | "$all" | "$elemMatch");
        if operator == "$exists" {
            // Which of both was asked for shows in what was found.
            let asked = Elements::new(filter)?.next().transpose()?;
            let asked = asked.and_then(|field| Elements::new(field.value).ok()?.next()?.ok());
            let is_there = asked.is_some_and(|asked| asked.val().is_true()) == holds;
            let said = if is_there { "path does exist" } else { "path does not exist" };
            out.str("reason", said);
            return Ok(());
        }
        let mut found = Found { values: Vec::new(), through_array: false, of_arrays };
        found.collect(self.doc, &FieldPath::parse(path)?, 0)?;
        if found.values.is_empty() && !found.through_array {
            out.str("reason", "field was missing");
            return Ok(());
        }
        let expected = expected_types(operator);
        let is_expected = |value: &Value<'_>| expected.contains(&ty::name(value.ty));
        if !holds && !expected.is_empty() && !found.values.iter().any(is_expected) {
            out.str("reason", "type did not match");
            found.put_types(out);
            match expected {
                [only] => drop(out.str("expectedType", only)),
                _ => {
                    out.begin(ty::ARRAY, "expectedTypes");
                    for (at, name) in expected.iter().enumerate() {
                        out.str(Index::new(at), name);
                    }
                    out.end();
                }
            }
            found.put_values(out);
        } else {
            out.str("reason", reason(operator, holds));
            found.put_values(out);
            if operator == "$type" {
                found.put_types(out);
            }
        }
        Ok(())
    }
}

/// The types of values that an operator is about, where not of all.
fn expected_types(operator: &str) -> &'static [&'static str] {
    match operator {
        "$regex" => &["regex", "string", "symbol"],
        "$mod" => &["decimal", "double", "int", "long"],
        "$size" | "$elemMatch" | "$all" => match operator {
            "$all" => &[],
            _ => &["array"],
        },
        _ if operator.starts_with("$bits") => &["binData", "decimal", "double", "int", "long"],
        _ => &[],
    }
}

fn reason(operator: &str, holds: bool) -> &'static str {
    let (failed, held) = match operator {
        // What negates by itself fails where the rest of it holds.
        "$ne" => ("comparison succeeded", "comparison failed"),
        "$in" => ("no matching value found in array", "matching value found in array"),
        "$nin" => ("matching value found in array", "no matching value found in array"),
        "$type" => ("type did not match", "type did match"),
        "$regex" => ("regular expression did not match", "regular expression did match"),
        "$mod" => (
            "$mod did not evaluate to expected remainder",
            "$mod did evaluate to expected remainder",
        ),
        "$size" => {
            ("array length was not equal to given size", "array length was equal to given size")
        }
        "$all" => {
            ("array did not contain all specified values", "array did contain all specified values")
        }
        "$elemMatch" => {
            ("array did not satisfy the child predicate", "array did satisfy the child predicate")
        }
        _ if operator.starts_with("$bits") => {
            ("bitwise operator failed to match", "bitwise operator matched successfully")
        }
        _ => ("comparison failed", "comparison succeeded"),
    };
    if holds { held } else { failed }
}

/// The values that a path leads to.
struct Found<'d> {
    values: Vec<Value<'d>>,
    through_array: bool,
    /// Are arrays at the end values, and not their elements?
    of_arrays: bool,
}

impl<'d> Found<'d> {
    fn collect(&mut self, doc: &'d [u8], path: &FieldPath, depth: usize) -> Result<()> {
        match crate::bson::element::get(doc, path.component(depth))? {
            Some(found) => self.collect_below(found.val(), path, depth + 1),
            None => Ok(()),
        }
    }

    fn collect_below(&mut self, value: Value<'d>, path: &FieldPath, depth: usize) -> Result<()> {
        let is_end = depth == path.depth();
        match value.ty {
            ty::ARRAY if is_end && !self.of_arrays => {
                self.through_array = true;
                for element in Elements::new(value.bytes)? {
                    self.values.push(element?.val());
                }
            }
            _ if is_end => self.values.push(value),
            ty::DOCUMENT => self.collect(value.bytes, path, depth)?,
            ty::ARRAY => {
                self.through_array = true;
                let place = path.array_index(depth);
                for (i, element) in Elements::new(value.bytes)?.enumerate() {
                    let element = element?.val();
                    if place.is_some_and(|place| place as usize == i) {
                        self.collect_below(element, path, depth + 1)?;
                    } else if element.ty == ty::DOCUMENT {
                        self.collect(element.bytes, path, depth)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn put_values(&self, out: &mut Telling) {
        match self.values[..] {
            _ if out.is_brief() => {}
            [value] if !self.through_array => out.considered(value),
            _ => {
                out.begin(ty::ARRAY, "consideredValues");
                for (at, value) in self.values.iter().take(VALUES_MAX).enumerate() {
                    out.value(Index::new(at), *value);
                }
                out.end();
                if self.values.len() > VALUES_MAX {
                    out.boolean("consideredValuesTruncated", true);
                }
            }
        }
    }

    fn put_types(&self, out: &mut Telling) {
        let mut names: Vec<_> = self.values.iter().map(|value| ty::name(value.ty)).collect();
        names.sort_unstable();
        names.dedup();
        match names[..] {
            [name] => drop(out.str("consideredType", name)),
            _ => {
                out.begin(ty::ARRAY, "consideredTypes");
                for (at, name) in names.iter().enumerate() {
                    out.str(Index::new(at), name);
                }
                out.end();
            }
        }
    }
}
