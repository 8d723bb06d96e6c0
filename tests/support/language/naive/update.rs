//! Updates: operators applied one after the other, in the order of their paths.

use bson::{Bson, Document};

use super::array_updates;
use super::filter::{is_operators, matches};
use super::numbers::combine;
use super::paths::place;
use super::positions::concrete;
use super::{NO_OPINION, Naive};
use crate::order::{compare, float};

/// What an update is applied to.
pub struct Context<'c> {
    /// The filter that found the document, for `$`.
    pub query: &'c Document,
    /// Filters of array elements.
    pub array_filters: &'c [Bson],
    /// Is the document being made?
    pub inserting: bool,
}

/// An operator on a path.
type Step = (Vec<String>, String, Bson);

/// The document after an update.
///
/// # Errors
/// The code with which it is refused; or no opinion.
pub fn apply(doc: &Document, update: &Document, context: &Context<'_>) -> Naive<Document> {
    if is_operators(&update.clone().into()).is_none() {
        return replace(doc, update);
    }
    let mut steps: Vec<Step> = vec![];
    for (name, fields) in update {
        for (path, operand) in fields.as_document().ok_or(NO_OPINION)? {
            match name.as_str() {
                "$inc" | "$mul" if float(operand).is_none() => return Err(NO_OPINION),
                "$inc" | "$mul" if matches!(operand, Bson::Decimal128(_)) => {
                    return Err(NO_OPINION);
                }
                "$pop" if !matches!(operand, Bson::Int32(1 | -1)) => return Err(NO_OPINION),
                "$pull" if operand.as_document().is_some_and(|all| all.contains_key("$not")) => {
                    return Err(NO_OPINION);
                }
                "$pull" => drop(array_updates::change(name, &[], operand)?),
                _ => {}
            }
            for path in concrete(doc, path, context)? {
                let parts: Vec<String> = path.split('.').map(str::to_owned).collect();
                if parts.iter().any(|part| part.is_empty() || part.starts_with('$')) {
                    return Err(NO_OPINION);
                }
                steps.push((parts, name.clone(), operand.clone()));
            }
        }
    }
    steps.sort_by(|(a, ..), (b, ..)| {
        let part = |part: &String| (place(part).is_none(), place(part), part.clone());
        a.iter().map(part).cmp(b.iter().map(part))
    });
    let overlap = |a: &Step, b: &Step| a.0.iter().zip(&b.0).all(|(a, b)| a == b);
    if (0..steps.len()).any(|i| (0..i).any(|j| overlap(&steps[i], &steps[j]))) {
        return Err(40);
    }
    let mut out = Bson::Document(doc.clone());
    for (parts, name, operand) in &steps {
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        if name == "$rename" {
            rename(&mut out, &parts, operand, update)?;
            continue;
        }
        if name == "$setOnInsert" && !context.inserting {
            continue;
        }
        let effect = |old: Option<&Bson>| effect(name, old, operand);
        change(&mut out, &parts, &effect, (removes(name), yields(name)))?;
    }
    let Bson::Document(out) = out else { return Err(NO_OPINION) };
    let kept = context.inserting || out.get("_id") == doc.get("_id");
    if kept { Ok(out) } else { Err(66) }
}

/// The paths of an update's operators, in parts.
pub fn paths(update: &Document) -> Vec<Vec<&str>> {
    let fields = update.values().filter_map(Bson::as_document).flat_map(Document::keys);
    fields.map(|path| path.split('.').collect()).collect()
}

/// Is one path of an update the beginning of another, or equal to it?
pub fn conflict(update: &Document) -> bool {
    let paths = paths(update);
    let overlap = |a: &[&str], b: &[&str]| a.iter().zip(b).all(|(a, b)| a == b);
    update.keys().all(|name| name.starts_with('$'))
        && (0..paths.len()).any(|i| (0..i).any(|j| overlap(&paths[i], &paths[j])))
}

fn replace(doc: &Document, update: &Document) -> Naive<Document> {
    let mut out = Document::new();
    if let Some(id) = doc.get("_id").or_else(|| update.get("_id")) {
        out.insert("_id", id.clone());
    }
    match (doc.get("_id"), update.get("_id")) {
        (Some(old), Some(new)) if compare(old, new).is_ne() => return Err(66),
        _ => {}
    }
    let rest = update.iter().filter(|(name, _)| *name != "_id");
    out.extend(rest.map(|(name, value)| (name.clone(), value.clone())));
    Ok(out)
}

/// Does the operator do nothing where there is nothing?
fn removes(name: &str) -> bool {
    matches!(name, "$unset" | "$pull" | "$pullAll" | "$pop")
}

/// May something stand in its way?
fn yields(name: &str) -> bool {
    name == "$unset"
}

/// What is to stand in the place of what stands there; `None` removes it.
enum Effect {
    Leave,
    Put(Bson),
    Remove,
}

type EffectOf<'e> = &'e dyn Fn(Option<&Bson>) -> Naive<Effect>;

fn change(
    value: &mut Bson,
    parts: &[&str],
    effect: EffectOf<'_>,
    manner: (bool, bool),
) -> Naive<()> {
    let (removes, yields) = manner;
    match value {
        Bson::Document(doc) if parts.len() == 1 => {
            match effect(doc.get(parts[0]))? {
                Effect::Leave => {}
                Effect::Put(new) => drop(doc.insert(parts[0], new)),
                Effect::Remove => drop(doc.remove(parts[0])),
            }
            Ok(())
        }
        Bson::Document(doc) => match doc.get_mut(parts[0]) {
            Some(below) => change(below, &parts[1..], effect, manner),
            None if removes => Ok(()),
            None => {
                let mut new = Bson::Document(Document::new());
                change(&mut new, &parts[1..], effect, manner)?;
                doc.insert(parts[0], new);
                Ok(())
            }
        },
        Bson::Array(array) => {
            let Some(at) = place(parts[0]) else {
                return if yields { Ok(()) } else { Err(28) };
            };
            if at >= array.len() {
                if removes {
                    return Ok(());
                }
                let mut new = Bson::Document(Document::new());
                if parts.len() == 1 {
                    match effect(None)? {
                        Effect::Put(value) => new = value,
                        _ => return Ok(()),
                    }
                } else {
                    change(&mut new, &parts[1..], effect, manner)?;
                }
                array.resize(at, Bson::Null);
                array.push(new);
                return Ok(());
            }
            if parts.len() > 1 {
                return change(&mut array[at], &parts[1..], effect, manner);
            }
            match effect(Some(&array[at]))? {
                Effect::Leave => {}
                Effect::Put(new) => array[at] = new,
                Effect::Remove => array[at] = Bson::Null,
            }
            Ok(())
        }
        _ if yields => Ok(()),
        _ => Err(28),
    }
}

fn effect(name: &str, old: Option<&Bson>, operand: &Bson) -> Naive<Effect> {
    let put = |value: Bson| Ok(Effect::Put(value));
    match name {
        "$set" | "$setOnInsert" => put(operand.clone()),
        "$unset" => Ok(Effect::Remove),
        "$min" | "$max" => match old {
            Some(old) => {
                let order = compare(operand, old);
                let wins = if name == "$min" { order.is_lt() } else { order.is_gt() };
                if wins { put(operand.clone()) } else { Ok(Effect::Leave) }
            }
            None => put(operand.clone()),
        },
        "$inc" | "$mul" => {
            if float(operand).is_none() {
                return Err(14);
            }
            let zero = |like: &Bson| match like {
                Bson::Int32(_) => Bson::Int32(0),
                Bson::Int64(_) => Bson::Int64(0),
                _ => Bson::Double(0.0),
            };
            match old {
                None if name == "$inc" => put(operand.clone()),
                None if matches!(operand, Bson::Decimal128(_)) => Err(NO_OPINION),
                None => put(zero(operand)),
                Some(old) if float(old).is_none() => Err(14),
                Some(old) if name == "$inc" => {
                    put(combine(old, operand, |a, b| a + b, |a, b| a + b)?)
                }
                Some(old) => put(combine(old, operand, |a, b| a * b, |a, b| a * b)?),
            }
        }
        "$bit" => bit(old, operand),
        "$currentDate" => Err(NO_OPINION),
        _ => match (old, removes(name)) {
            (None, true) => Ok(Effect::Leave),
            (None, false) => put(array_updates::change(name, &[], operand)?.into()),
            (Some(Bson::Array(items)), _) => {
                put(array_updates::change(name, items, operand)?.into())
            }
            (Some(_), _) => Err(NO_OPINION),
        },
    }
}

fn bit(old: Option<&Bson>, operand: &Bson) -> Naive<Effect> {
    let steps = operand.as_document().filter(|steps| steps.len() == 1).ok_or(NO_OPINION)?;
    let (name, mask) = steps.iter().next().ok_or(NO_OPINION)?;
    let zero = Bson::Int32(0);
    let old = old.unwrap_or(&zero);
    let whole = |value: &Bson| match value {
        Bson::Int32(n) => Ok(i64::from(*n)),
        Bson::Int64(n) => Ok(*n),
        _ => Err(NO_OPINION),
    };
    let (a, b) = (whole(old)?, whole(mask)?);
    let result = match name.as_str() {
        "and" => a & b,
        "or" => a | b,
        "xor" => a ^ b,
        _ => return Err(NO_OPINION),
    };
    Ok(Effect::Put(match (old, mask) {
        (Bson::Int32(_), Bson::Int32(_)) => Bson::Int32(result as i32),
        _ => Bson::Int64(result),
    }))
}

fn rename(out: &mut Bson, parts: &[&str], to: &Bson, update: &Document) -> Naive<()> {
    let to = to.as_str().ok_or(NO_OPINION)?;
    let from = parts.join(".");
    let touched = |path: &str| {
        let fields = update.values().filter_map(Bson::as_document).flat_map(Document::keys);
        fields.filter(|other| path.split('.').next() == other.split('.').next()).count()
    };
    // What else it meets is refused, or depends on the order.
    if touched(to) > 0 || touched(&from) > 1 || from.contains('.') || to.contains('.') {
        return Err(NO_OPINION);
    }
    let Bson::Document(doc) = out else { return Err(NO_OPINION) };
    if let Some(value) = doc.remove(&from) {
        doc.insert(to, value);
    }
    Ok(())
}

/// The document that an upsert begins with: the equalities of its filter, in order.
///
/// # Errors
/// No opinion on filters that may say more than plain equalities.
pub fn seed(query: &Document) -> Naive<Document> {
    matches(&Document::new(), query)?;
    let mut fields: Vec<(String, Bson)> = vec![];
    for (path, wanted) in query {
        let value = match is_operators(wanted) {
            None if path.starts_with('$') => return Err(NO_OPINION),
            None if matches!(wanted, Bson::RegularExpression(_)) => continue,
            None => wanted,
            Some(operators) if operators.keys().all(|name| name == "$eq") => &operators["$eq"],
            Some(operators)
                if operators.keys().any(|name| matches!(name.as_str(), "$eq" | "$in" | "$all")) =>
            {
                return Err(NO_OPINION);
            }
            Some(_) => continue,
        };
        fields.push((path.clone(), value.clone()));
    }
    fields.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut out = Bson::Document(Document::new());
    if let Some((_, id)) = fields.iter().find(|(path, _)| path == "_id") {
        out = bson::doc! { "_id": id.clone() }.into();
    }
    for (path, value) in fields.iter().filter(|(path, _)| path != "_id") {
        if path.split('.').any(|part| place(part).is_some()) {
            return Err(NO_OPINION);
        }
        let parts: Vec<&str> = path.split('.').collect();
        let effect = |old: Option<&Bson>| match old {
            None => Ok(Effect::Put(value.clone())),
            Some(_) => Err(54),
        };
        change(&mut out, &parts, &effect, (false, false)).map_err(|_| NO_OPINION)?;
    }
    out.as_document().cloned().ok_or(NO_OPINION)
}
