//! Operators that change an array.

use bson::{Bson, Document};

use super::filter::{is_operators, matches};
use super::sort::SortOrder;
use super::{NO_OPINION, Naive};
use crate::order::compare;

/// The array after an operator.
///
/// # Errors
/// No opinion on what is refused.
pub fn change(name: &str, items: &[Bson], operand: &Bson) -> Naive<Vec<Bson>> {
    let mut out = items.to_vec();
    match name {
        "$push" => match operand.as_document().filter(|doc| doc.contains_key("$each")) {
            Some(modifiers) => push(&mut out, modifiers)?,
            None => out.push(operand.clone()),
        },
        "$addToSet" => {
            let one = vec![operand.clone()];
            let new = match operand.as_document().and_then(|doc| doc.get("$each")) {
                Some(each) => each.as_array().ok_or(NO_OPINION)?,
                None => &one,
            };
            for item in new {
                if !out.iter().any(|known| compare(known, item).is_eq()) {
                    out.push(item.clone());
                }
            }
        }
        "$pop" => match operand {
            Bson::Int32(1) => drop(out.pop()),
            Bson::Int32(-1) if !out.is_empty() => drop(out.remove(0)),
            Bson::Int32(-1) => {}
            _ => return Err(NO_OPINION),
        },
        "$pullAll" => {
            let gone = operand.as_array().ok_or(NO_OPINION)?;
            out.retain(|item| !gone.iter().any(|gone| compare(gone, item).is_eq()));
        }
        "$pull" => {
            let mut kept = vec![];
            pulled(&Bson::Int32(0), operand)?;
            for item in out {
                if !pulled(&item, operand)? {
                    kept.push(item);
                }
            }
            out = kept;
        }
        _ => return Err(NO_OPINION),
    }
    Ok(out)
}

fn pulled(item: &Bson, operand: &Bson) -> Naive<bool> {
    match (operand, is_operators(operand)) {
        (_, Some(_)) | (Bson::RegularExpression(_), _) => {
            // An array is one value here, whatever is in it.
            if matches!(item, Bson::Array(_)) {
                return Err(NO_OPINION);
            }
            matches(&bson::doc! { "x": item.clone() }, &bson::doc! { "x": operand.clone() })
        }
        (Bson::Document(filter), None) => match item {
            Bson::Document(item) => matches(item, filter),
            _ => {
                matches(&Document::new(), filter)?;
                Ok(false)
            }
        },
        (operand, None) => Ok(compare(item, operand).is_eq()),
    }
}

fn push(out: &mut Vec<Bson>, modifiers: &Document) -> Naive<()> {
    let new = modifiers.get_array("$each").map_err(|_| NO_OPINION)?;
    let number = |name: &str| match modifiers.get(name) {
        None => Ok(None),
        Some(Bson::Int32(n)) => Ok(Some(*n)),
        Some(_) => Err(NO_OPINION),
    };
    if modifiers.keys().any(|name| !["$each", "$position", "$slice", "$sort"].contains(&&**name)) {
        return Err(NO_OPINION);
    }
    let len = out.len() as i32;
    let at = match number("$position")? {
        None => len,
        Some(at) if at < 0 => (len + at).max(0),
        Some(at) => at.min(len),
    };
    out.splice(at as usize..at as usize, new.iter().cloned());
    match modifiers.get("$sort") {
        None => {}
        Some(Bson::Int32(1)) => out.sort_by(compare),
        Some(Bson::Int32(-1)) => out.sort_by(|a, b| compare(b, a)),
        Some(Bson::Document(sort)) => {
            let order = SortOrder::parse(sort)?;
            let empty = Document::new();
            let fields = |item: &Bson| item.as_document().unwrap_or(&empty).clone();
            for item in out.iter() {
                order.key(&fields(item)).map_err(|_| NO_OPINION)?;
            }
            out.sort_by(|a, b| order.compare(&fields(a), &fields(b)));
        }
        Some(_) => return Err(NO_OPINION),
    }
    match number("$slice")? {
        None => {}
        Some(n) if n >= 0 => out.truncate(n as usize),
        Some(n) => drop(out.drain(..out.len().saturating_sub(n.unsigned_abs() as usize))),
    }
    Ok(())
}
