//! Aggregation expressions, evaluated as they are written. No opinion on what is refused.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use bson::{Bson, Document, doc};

use super::filter::type_name;
use super::{NO_OPINION, Naive, arrays, dates, numbers, texts};
use crate::order::{compare, float, rank};

/// What names mean.
#[derive(Debug, Clone)]
pub struct Scope {
    root: Document,
    variables: BTreeMap<String, Option<Bson>>,
}

/// A value, or that there is none.
pub type Computed = Naive<Option<Bson>>;

impl Scope {
    /// A document without variables.
    pub fn new(root: &Document) -> Scope {
        Scope { root: root.clone(), variables: BTreeMap::new() }
    }

    /// The same with one more variable.
    pub fn with(&self, name: &str, value: Option<Bson>) -> Scope {
        let mut scope = self.clone();
        scope.variables.insert(name.to_owned(), value);
        scope
    }
}

/// Does a value count as true?
pub fn is_true(value: Option<&Bson>) -> bool {
    match value {
        None | Some(Bson::Null | Bson::Undefined | Bson::Boolean(false)) => false,
        Some(value) => float(value) != Some(0.0),
    }
}

/// Is it null, or nothing?
pub fn is_null(value: &Option<Bson>) -> bool {
    matches!(value, None | Some(Bson::Null | Bson::Undefined))
}

/// Compares, nothing being less than null.
pub fn order(a: &Option<Bson>, b: &Option<Bson>) -> Ordering {
    let place = |value: &Option<Bson>| value.as_ref().map_or(0, rank);
    match (a, b) {
        (Some(a), Some(b)) => compare(a, b),
        (a, b) => place(a).cmp(&place(b)),
    }
}

/// The value of an expression.
///
/// # Errors
/// No opinion, where the server refuses or may refuse.
pub fn evaluate(expression: &Bson, scope: &Scope) -> Computed {
    match expression {
        Bson::String(text) if text.starts_with("$$") => variable(&text[2..], scope),
        Bson::String(text) if text.starts_with('$') => {
            let path = &text[1..];
            if path.split('.').any(|part| part.is_empty() || part.starts_with('$')) {
                return Err(NO_OPINION);
            }
            Ok(field(&Bson::Document(scope.root.clone()), path))
        }
        Bson::Array(items) => {
            let each = items.iter().map(|item| evaluate(item, scope));
            let each: Vec<Option<Bson>> = each.collect::<Naive<_>>()?;
            Ok(Some(each.into_iter().map(|item| item.unwrap_or(Bson::Null)).collect()))
        }
        Bson::Document(fields) => match fields.iter().next() {
            Some((name, operand)) if name.starts_with('$') => {
                if fields.len() > 1 {
                    return Err(NO_OPINION);
                }
                operator(name, operand, scope)
            }
            _ => object(fields, scope),
        },
        value => Ok(Some(value.clone())),
    }
}

fn object(fields: &Document, scope: &Scope) -> Computed {
    let mut out = Document::new();
    for (name, expression) in fields {
        if name.contains('.') || name.starts_with('$') || name.is_empty() {
            return Err(NO_OPINION);
        }
        if let Some(value) = evaluate(expression, scope)? {
            out.insert(name, value);
        }
    }
    Ok(Some(out.into()))
}

fn variable(path: &str, scope: &Scope) -> Computed {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let value = match name {
        "ROOT" | "CURRENT" => Some(scope.root.clone().into()),
        "REMOVE" => None,
        name => scope.variables.get(name).ok_or(NO_OPINION)?.clone(),
    };
    Ok(match (value, rest) {
        (value, None) => value,
        (None, _) => None,
        (Some(value), Some(rest)) => field(&value, rest),
    })
}

/// What stands at a path, through arrays.
pub fn field(value: &Bson, path: &str) -> Option<Bson> {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    match value {
        Bson::Document(fields) => {
            let value = fields.get(name)?;
            rest.map_or_else(|| Some(value.clone()), |rest| field(value, rest))
        }
        Bson::Array(items) => {
            // Not through arrays in arrays.
            let documents = items.iter().filter(|item| item.as_document().is_some());
            Some(documents.filter_map(|item| field(item, path)).collect())
        }
        _ => None,
    }
}

/// The operands of an operator of so many.
pub fn operands(operand: &Bson, scope: &Scope, count: usize) -> Naive<Vec<Option<Bson>>> {
    let all = all_operands(operand, scope)?;
    if all.len() == count { Ok(all) } else { Err(NO_OPINION) }
}

/// The operands, however many: one needs no array.
pub fn all_operands(operand: &Bson, scope: &Scope) -> Naive<Vec<Option<Bson>>> {
    match operand {
        Bson::Array(items) => items.iter().map(|item| evaluate(item, scope)).collect(),
        one => Ok(vec![evaluate(one, scope)?]),
    }
}

fn operator(name: &str, operand: &Bson, scope: &Scope) -> Computed {
    let truth = |truth: bool| Ok(Some(Bson::Boolean(truth)));
    match name {
        "$literal" => Ok(Some(operand.clone())),
        "$cond" | "$ifNull" | "$switch" | "$let" => control(name, operand, scope),
        "$and" | "$or" => {
            // One after the other: what comes after the decision is not looked at.
            let decides = name == "$or";
            for item in operand.as_array().cloned().unwrap_or_else(|| vec![operand.clone()]) {
                if is_true(evaluate(&item, scope)?.as_ref()) == decides {
                    return truth(decides);
                }
            }
            truth(!decides)
        }
        "$not" => truth(!is_true(operands(operand, scope, 1)?[0].as_ref())),
        "$eq" | "$ne" | "$gt" | "$gte" | "$lt" | "$lte" | "$cmp" => {
            let both = operands(operand, scope, 2)?;
            let order = order(&both[0], &both[1]);
            match name {
                "$eq" => truth(order.is_eq()),
                "$ne" => truth(order.is_ne()),
                "$gt" => truth(order.is_gt()),
                "$gte" => truth(order.is_ge()),
                "$lt" => truth(order.is_lt()),
                "$lte" => truth(order.is_le()),
                _ => Ok(Some(Bson::Int32(order as i32))),
            }
        }
        "$type" => {
            let value = &operands(operand, scope, 1)?[0];
            Ok(Some(value.as_ref().map_or("missing", type_name).into()))
        }
        "$isNumber" => {
            let value = &operands(operand, scope, 1)?[0];
            truth(value.as_ref().and_then(float).is_some())
        }
        "$mergeObjects" => {
            let mut out = Document::new();
            for object in all_operands(operand, scope)? {
                match object {
                    None | Some(Bson::Null) => {}
                    Some(Bson::Document(object)) => out.extend(object),
                    _ => return Err(NO_OPINION),
                }
            }
            Ok(Some(out.into()))
        }
        _ => {
            let families = [numbers::operator, arrays::operator, texts::operator, dates::operator];
            let mut answers = families.iter().filter_map(|family| family(name, operand, scope));
            answers.next().unwrap_or(Err(NO_OPINION))
        }
    }
}

fn control(name: &str, operand: &Bson, scope: &Scope) -> Computed {
    let part = |name: &str| operand.as_document().and_then(|parts| parts.get(name));
    let needed = |name: &str| part(name).ok_or(NO_OPINION);
    match (name, operand) {
        ("$cond", Bson::Array(parts)) if parts.len() == 3 => {
            let yes = is_true(evaluate(&parts[0], scope)?.as_ref());
            evaluate(&parts[if yes { 1 } else { 2 }], scope)
        }
        ("$cond", Bson::Document(_)) => {
            let yes = is_true(evaluate(needed("if")?, scope)?.as_ref());
            evaluate(needed(if yes { "then" } else { "else" })?, scope)
        }
        ("$ifNull", Bson::Array(parts)) if parts.len() >= 2 => {
            let mut value = None;
            for part in parts {
                value = evaluate(part, scope)?;
                if !is_null(&value) {
                    break;
                }
            }
            Ok(value)
        }
        ("$switch", _) => {
            for branch in needed("branches")?.as_array().ok_or(NO_OPINION)? {
                let branch = branch.as_document().ok_or(NO_OPINION)?;
                let case = branch.get("case").ok_or(NO_OPINION)?;
                if is_true(evaluate(case, scope)?.as_ref()) {
                    return evaluate(branch.get("then").ok_or(NO_OPINION)?, scope);
                }
            }
            evaluate(needed("default")?, scope)
        }
        ("$let", _) => {
            let mut inner = scope.clone();
            for (name, value) in needed("vars")?.as_document().ok_or(NO_OPINION)? {
                inner = inner.with(name, evaluate(value, scope)?);
            }
            evaluate(needed("in")?, &inner)
        }
        _ => Err(NO_OPINION),
    }
}

/// `{k: …, v: …}` of a field.
pub fn entry(name: &str, value: &Bson) -> Bson {
    doc! { "k": name, "v": value.clone() }.into()
}
