//! Paths with `$`, `$[]` and `$[name]` in them, as the paths that they stand for in a document.

use bson::{Bson, Document, doc};

use super::filter::{first_element, is_operators, matches};
use super::paths::place;
use super::update::Context;
use super::{NO_OPINION, Naive};

/// The paths that `path` stands for.
///
/// # Errors
/// No opinion where there is no array, or where the filter does not say plainly which element.
pub fn concrete(doc: &Document, path: &str, context: &Context<'_>) -> Naive<Vec<String>> {
    let parts: Vec<&str> = path.split('.').collect();
    let mut paths: Vec<Vec<String>> = vec![vec![]];
    for part in parts {
        let mut longer = vec![];
        for path in paths {
            let name = part.strip_prefix("$[").and_then(|part| part.strip_suffix(']'));
            let places = match (part, name) {
                ("$", _) => vec![found(doc, &path, context)?.to_string()],
                (_, Some(name)) => chosen(doc, &path, name, context)?,
                (part, None) => vec![part.to_owned()],
            };
            for place in places {
                longer.push([path.clone(), vec![place]].concat());
            }
        }
        paths = longer;
    }
    Ok(paths.into_iter().map(|path| path.join(".")).collect())
}

fn array<'a>(doc: &'a Document, path: &[String]) -> Naive<&'a [Bson]> {
    let mut value = doc.get(path.first().ok_or(NO_OPINION)?).ok_or(NO_OPINION)?;
    for part in &path[1..] {
        value = match value {
            Bson::Document(doc) => doc.get(part).ok_or(NO_OPINION)?,
            Bson::Array(items) => {
                place(part).and_then(|place| items.get(place)).ok_or(NO_OPINION)?
            }
            _ => return Err(NO_OPINION),
        };
    }
    value.as_array().map(Vec::as_slice).ok_or(NO_OPINION)
}

/// The place of the element by which the filter found the document.
fn found(doc: &Document, path: &[String], context: &Context<'_>) -> Naive<usize> {
    let [field] = path else { return Err(NO_OPINION) };
    let items = array(doc, path)?;
    let about = |name: &&String| name.split('.').next() == Some(field.as_str());
    let names: Vec<&String> = context.query.keys().filter(about).collect();
    let others = context.query.keys().any(|name| name.starts_with('$'));
    let ([name], false) = (names.as_slice(), others) else { return Err(NO_OPINION) };
    let wanted = &context.query[name.as_str()];
    if let Some(operators) = is_operators(wanted) {
        let plain = ["$eq", "$gt", "$gte", "$lt", "$lte", "$in", "$elemMatch"];
        let known = operators.keys().all(|name| plain.contains(&name.as_str()));
        if !known || operators.len() != 1 {
            return Err(NO_OPINION);
        }
        if let Some(elements) = operators.get("$elemMatch") {
            if **name != *field {
                return Err(NO_OPINION);
            }
            let elements = elements.as_document().ok_or(NO_OPINION)?;
            let whole = Bson::Array(items.to_vec());
            return first_element(Some(&whole), elements)?.ok_or(NO_OPINION);
        }
    }
    let operands = is_operators(wanted).map_or(vec![wanted], |all| all.values().collect());
    if operands.iter().any(|operand| matches!(operand, Bson::Array(_))) {
        // The whole array may be meant.
        return Err(NO_OPINION);
    }
    for (place, item) in items.iter().enumerate() {
        if matches!(item, Bson::Array(_)) {
            return Err(NO_OPINION);
        }
        let alone = doc! { field: [item.clone()] };
        let empty = doc! { field: [] };
        let filter = doc! { name.as_str(): wanted.clone() };
        if matches(&empty, &filter)? {
            return Err(NO_OPINION);
        }
        if matches(&alone, &filter)? {
            return Ok(place);
        }
    }
    Err(NO_OPINION)
}

fn chosen(
    doc: &Document,
    path: &[String],
    name: &str,
    context: &Context<'_>,
) -> Naive<Vec<String>> {
    let items = array(doc, path)?;
    if name.is_empty() {
        return Ok((0..items.len()).map(|at| at.to_string()).collect());
    }
    let about = |filter: &&Document| {
        filter.keys().next().is_some_and(|key| key.split('.').next() == Some(name))
    };
    let filters = context.array_filters.iter().filter_map(Bson::as_document);
    let filter = filters.clone().find(about).ok_or(NO_OPINION)?;
    let mut out = vec![];
    for (at, item) in items.iter().enumerate() {
        if matches!(item, Bson::Array(_)) {
            return Err(NO_OPINION);
        }
        if matches(&doc! { name: item.clone() }, filter)? {
            out.push(at.to_string());
        }
    }
    Ok(out)
}
