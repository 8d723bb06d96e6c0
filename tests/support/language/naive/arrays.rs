//! Arrays in expressions, and objects as arrays.

use bson::{Bson, Document};

use super::expression::{
    Computed, Scope, all_operands, entry, evaluate, is_null, is_true, operands,
};
use super::numbers::integer;
use super::{NO_OPINION, Naive};
use crate::order::compare;

/// The array operators.
pub fn operator(name: &str, operand: &Bson, scope: &Scope) -> Option<Computed> {
    Some(match name {
        "$size" | "$isArray" | "$reverseArray" | "$first" | "$last" | "$objectToArray"
        | "$arrayToObject" | "$anyElementTrue" | "$allElementsTrue" => {
            operands(operand, scope, 1).and_then(|one| of_one(name, one[0].clone()))
        }
        "$in" | "$setUnion" | "$setIntersection" | "$setDifference" | "$concatArrays" => {
            all_operands(operand, scope).and_then(|all| of_many(name, all))
        }
        "$arrayElemAt" | "$slice" => places(name, operand, scope),
        "$filter" | "$map" | "$reduce" => with_each(name, operand, scope),
        "$range" => range(operand, scope),
        "$zip" => zip(operand, scope),
        _ => return None,
    })
}

fn of_one(name: &str, value: Option<Bson>) -> Computed {
    let null = is_null(&value);
    match (name, value) {
        ("$isArray", value) => Ok(Some(Bson::Boolean(matches!(value, Some(Bson::Array(_)))))),
        ("$size" | "$anyElementTrue" | "$allElementsTrue", _) if null => Err(NO_OPINION),
        (_, _) if null => Ok(Some(Bson::Null)),
        ("$size", Some(Bson::Array(items))) => Ok(Some(Bson::Int32(items.len() as i32))),
        ("$reverseArray", Some(Bson::Array(items))) => Ok(Some(items.into_iter().rev().collect())),
        ("$first", Some(Bson::Array(items))) => Ok(items.first().cloned()),
        ("$last", Some(Bson::Array(items))) => Ok(items.last().cloned()),
        ("$anyElementTrue", Some(Bson::Array(items))) => {
            Ok(Some(Bson::Boolean(items.iter().any(|item| is_true(Some(item))))))
        }
        ("$allElementsTrue", Some(Bson::Array(items))) => {
            Ok(Some(Bson::Boolean(items.iter().all(|item| is_true(Some(item))))))
        }
        ("$objectToArray", Some(Bson::Document(fields))) => {
            Ok(Some(fields.iter().map(|(name, value)| entry(name, value)).collect()))
        }
        ("$arrayToObject", Some(Bson::Array(items))) => {
            let mut out = Document::new();
            for item in &items {
                let (name, value) = match item {
                    Bson::Array(pair) if pair.len() == 2 => (pair[0].clone(), pair[1].clone()),
                    Bson::Document(pair) if pair.len() == 2 => {
                        let part = |name| pair.get(name).cloned().ok_or(NO_OPINION);
                        (part("k")?, part("v")?)
                    }
                    _ => return Err(NO_OPINION),
                };
                out.insert(name.as_str().ok_or(NO_OPINION)?, value);
            }
            Ok(Some(out.into()))
        }
        _ => Err(NO_OPINION),
    }
}

fn contains(items: &[Bson], value: &Bson) -> bool {
    items.iter().any(|item| compare(item, value).is_eq())
}

fn of_many(name: &str, all: Vec<Option<Bson>>) -> Computed {
    if name == "$in" {
        let [value, Some(Bson::Array(items))] = all.as_slice() else { return Err(NO_OPINION) };
        let found = value.as_ref().is_some_and(|value| contains(items, value));
        return Ok(Some(Bson::Boolean(found)));
    }
    if all.iter().any(is_null) {
        let others = all.iter().all(|one| is_null(one) || matches!(one, Some(Bson::Array(_))));
        return if others { Ok(Some(Bson::Null)) } else { Err(NO_OPINION) };
    }
    let array = |one: Option<Bson>| match one {
        Some(Bson::Array(items)) => Ok(items),
        _ => Err(NO_OPINION),
    };
    let all: Vec<Vec<Bson>> = all.into_iter().map(array).collect::<Naive<_>>()?;
    if name == "$concatArrays" {
        return Ok(Some(Bson::Array(all.into_iter().flatten().collect())));
    }
    let mut out: Vec<Bson> = vec![];
    let Some((first, rest)) = all.split_first() else { return Err(NO_OPINION) };
    for item in if name == "$setUnion" { all.concat() } else { first.clone() } {
        let kept = match name {
            "$setUnion" => true,
            "$setIntersection" => rest.iter().all(|items| contains(items, &item)),
            _ => rest.iter().all(|items| !contains(items, &item)),
        };
        if kept && !contains(&out, &item) {
            out.push(item);
        }
    }
    Ok(Some(Bson::Array(out)))
}

fn places(name: &str, operand: &Bson, scope: &Scope) -> Computed {
    let parts = operand.as_array().filter(|parts| parts.len() >= 2).ok_or(NO_OPINION)?;
    let items = match evaluate(&parts[0], scope)? {
        Some(Bson::Array(items)) => items,
        Some(Bson::Null) | None => return Ok(Some(Bson::Null)),
        _ => return Err(NO_OPINION),
    };
    let at = integer(&parts[1], scope)?;
    let len = items.len() as i64;
    let clamped = |at: i64| if at < 0 { (len + at).max(0) } else { at.min(len) } as usize;
    match (name, parts.get(2)) {
        ("$arrayElemAt", None) => {
            let at = if at < 0 { len + at } else { at };
            Ok(usize::try_from(at).ok().and_then(|at| items.get(at).cloned()))
        }
        ("$slice", None) if at >= 0 => Ok(Some(items[..clamped(at)].to_vec().into())),
        ("$slice", None) => Ok(Some(items[clamped(at)..].to_vec().into())),
        ("$slice", Some(count)) => {
            let count = usize::try_from(integer(count, scope)?).map_err(|_| NO_OPINION)?;
            Ok(Some(items[clamped(at)..].iter().take(count).cloned().collect()))
        }
        _ => Err(NO_OPINION),
    }
}

fn with_each(name: &str, operand: &Bson, scope: &Scope) -> Computed {
    let parts = operand.as_document().ok_or(NO_OPINION)?;
    let part = |name: &str| parts.get(name).ok_or(NO_OPINION);
    let items = match evaluate(part("input")?, scope)? {
        Some(Bson::Array(items)) => items,
        Some(Bson::Null) | None => return Ok(Some(Bson::Null)),
        _ => return Err(NO_OPINION),
    };
    let variable = parts.get_str("as").unwrap_or("this").to_owned();
    let mut out = vec![];
    let mut value = match name {
        "$reduce" => evaluate(part("initialValue")?, scope)?,
        _ => None,
    };
    for item in items {
        let inner = scope.with(&variable, Some(item.clone()));
        match name {
            "$filter" if is_true(evaluate(part("cond")?, &inner)?.as_ref()) => out.push(item),
            "$filter" => {}
            "$map" => out.push(evaluate(part("in")?, &inner)?.unwrap_or(Bson::Null)),
            _ => value = evaluate(part("in")?, &inner.with("value", value))?,
        }
    }
    Ok(if name == "$reduce" { value } else { Some(out.into()) })
}

fn range(operand: &Bson, scope: &Scope) -> Computed {
    let parts = operand.as_array().filter(|parts| parts.len() == 3).ok_or(NO_OPINION)?;
    let (mut at, end) = (integer(&parts[0], scope)?, integer(&parts[1], scope)?);
    let step = integer(&parts[2], scope)?;
    let mut out = vec![];
    while step != 0 && if step > 0 { at < end } else { at > end } {
        out.push(Bson::Int32(at as i32));
        at += step;
    }
    Ok(Some(out.into()))
}

fn zip(operand: &Bson, scope: &Scope) -> Computed {
    let inputs = operand.as_document().and_then(|parts| parts.get("inputs")).ok_or(NO_OPINION)?;
    let mut lists = vec![];
    for input in inputs.as_array().ok_or(NO_OPINION)? {
        match evaluate(input, scope)? {
            Some(Bson::Array(items)) => lists.push(items),
            Some(Bson::Null) | None => return Ok(Some(Bson::Null)),
            _ => return Err(NO_OPINION),
        }
    }
    let len = lists.iter().map(Vec::len).min().unwrap_or(0);
    let row = |at: usize| lists.iter().map(|list| list[at].clone()).collect::<Bson>();
    Ok(Some((0..len).map(row).collect()))
}
