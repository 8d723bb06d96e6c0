//! Strings in expressions. No opinion on most conversions.

use bson::Bson;

use super::expression::{Computed, Scope, all_operands, evaluate, is_null, is_true, operands};
use super::numbers::integer;
use super::{NO_OPINION, Naive};

/// The string operators.
pub fn operator(name: &str, operand: &Bson, scope: &Scope) -> Option<Computed> {
    Some(match name {
        "$concat" => concat(operand, scope),
        "$toLower" | "$toUpper" | "$strLenBytes" | "$strLenCP" | "$toString" | "$toBool" => {
            operands(operand, scope, 1).and_then(|one| of_one(name, &one[0]))
        }
        "$substr" | "$substrBytes" | "$substrCP" => part(name, operand, scope),
        "$trim" | "$ltrim" | "$rtrim" => trim(name, operand, scope),
        "$indexOfBytes" | "$indexOfCP" => index(name, operand, scope),
        "$split" => split(operand, scope),
        _ => return None,
    })
}

fn concat(operand: &Bson, scope: &Scope) -> Computed {
    let mut out = String::new();
    let mut null = false;
    for item in all_operands(operand, scope)? {
        match &item {
            Some(Bson::String(text)) => out += text,
            item if is_null(item) => null = true,
            _ => return Err(NO_OPINION),
        }
    }
    Ok(Some(if null { Bson::Null } else { out.into() }))
}

/// The text that something is for operators that take nothing for an empty one.
fn lenient(value: &Option<Bson>) -> Naive<String> {
    match value {
        Some(Bson::String(text)) => Ok(text.clone()),
        value if is_null(value) => Ok(String::new()),
        Some(Bson::Int32(n)) => Ok(n.to_string()),
        Some(Bson::Int64(n)) => Ok(n.to_string()),
        _ => Err(NO_OPINION),
    }
}

fn of_one(name: &str, value: &Option<Bson>) -> Computed {
    match (name, value) {
        ("$toLower", value) => Ok(Some(lenient(value)?.to_ascii_lowercase().into())),
        ("$toUpper", value) => Ok(Some(lenient(value)?.to_ascii_uppercase().into())),
        ("$strLenBytes", Some(Bson::String(text))) => Ok(Some(Bson::Int32(text.len() as i32))),
        ("$strLenCP", Some(Bson::String(text))) => {
            Ok(Some(Bson::Int32(text.chars().count() as i32)))
        }
        ("$toString" | "$toBool", value) if is_null(value) => Ok(Some(Bson::Null)),
        ("$toString", Some(Bson::Int32(_) | Bson::Int64(_) | Bson::String(_))) => {
            Ok(Some(lenient(value)?.into()))
        }
        ("$toBool", Some(Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_))) => {
            Ok(Some(is_true(value.as_ref()).into()))
        }
        ("$toBool", Some(Bson::String(_) | Bson::ObjectId(_) | Bson::DateTime(_))) => {
            Ok(Some(true.into()))
        }
        ("$toBool", Some(Bson::Boolean(truth))) => Ok(Some((*truth).into())),
        _ => Err(NO_OPINION),
    }
}

fn part(name: &str, operand: &Bson, scope: &Scope) -> Computed {
    let parts = operand.as_array().filter(|parts| parts.len() == 3).ok_or(NO_OPINION)?;
    let text = lenient(&evaluate(&parts[0], scope)?)?;
    let (at, len) = (integer(&parts[1], scope)?, integer(&parts[2], scope)?);
    let at = usize::try_from(at).map_err(|_| NO_OPINION)?;
    let len = match usize::try_from(len) {
        Ok(len) => len,
        Err(_) if name == "$substrCP" => return Err(NO_OPINION),
        Err(_) => usize::MAX,
    };
    if !text.is_ascii() {
        return Err(NO_OPINION);
    }
    Ok(Some(text.chars().skip(at).take(len).collect::<String>().into()))
}

fn trim(name: &str, operand: &Bson, scope: &Scope) -> Computed {
    let parts = operand.as_document().ok_or(NO_OPINION)?;
    let text = match evaluate(parts.get("input").ok_or(NO_OPINION)?, scope)? {
        Some(Bson::String(text)) => text,
        value if is_null(&value) => return Ok(Some(Bson::Null)),
        _ => return Err(NO_OPINION),
    };
    let chars = parts.get_str("chars").unwrap_or(" \t\n\r\0").to_owned();
    let trimmed = |c: char| chars.contains(c);
    let text = match name {
        "$trim" => text.trim_matches(trimmed),
        "$ltrim" => text.trim_start_matches(trimmed),
        _ => text.trim_end_matches(trimmed),
    };
    Ok(Some(text.into()))
}

fn index(name: &str, operand: &Bson, scope: &Scope) -> Computed {
    let both = operands(operand, scope, 2)?;
    let (text, wanted) = match (&both[0], &both[1]) {
        (text, _) if is_null(text) => return Ok(Some(Bson::Null)),
        (Some(Bson::String(text)), Some(Bson::String(wanted))) => (text, wanted),
        _ => return Err(NO_OPINION),
    };
    let at = match text.find(wanted.as_str()) {
        None => -1,
        Some(at) if name == "$indexOfBytes" => at as i32,
        Some(at) => text[..at].chars().count() as i32,
    };
    Ok(Some(Bson::Int32(at)))
}

fn split(operand: &Bson, scope: &Scope) -> Computed {
    let both = operands(operand, scope, 2)?;
    match (&both[0], &both[1]) {
        (text, _) if is_null(text) => Ok(Some(Bson::Null)),
        (Some(Bson::String(text)), Some(Bson::String(by))) if !by.is_empty() => {
            Ok(Some(text.split(by.as_str()).map(Bson::from).collect()))
        }
        _ => Err(NO_OPINION),
    }
}
