//! A naive evaluator of updates on the `bson` crate's documents. [`random`] makes updates that
//! both it and the engine run; [`arrays`] has the operators on arrays.

mod arrays;
mod random;

use std::cmp::Ordering;

use ::bson::{Bson, Document};

use crate::bson::element::Elements;
use crate::error::Reason;

#[derive(Debug, Clone)]
struct Op {
    operator: &'static str,
    path: String,
    operand: Bson,
}

/// What `$` and `$[e]` stand for.
struct Places {
    position: Option<u32>,
    /// An element is one if it is this, or an array that has it.
    e: i32,
}

/// What the model finds at a path.
enum Found<'a> {
    Value(&'a Bson),
    Missing,
    Blocked,
}

fn find<'a>(doc: &'a Document, parts: &[&str]) -> Found<'a> {
    let mut value = match doc.get(parts[0]) {
        Some(value) => value,
        None => return Found::Missing,
    };
    for part in &parts[1..] {
        let below = match value {
            Bson::Document(doc) => doc.get(part),
            Bson::Array(array) => match part.parse::<usize>() {
                Ok(index) => array.get(index),
                Err(_) => return Found::Blocked,
            },
            _ => return Found::Blocked,
        };
        value = match below {
            Some(value) => value,
            None => return Found::Missing,
        };
    }
    Found::Value(value)
}

/// Puts a value at a path that is there or can be made; `None` removes.
fn put(value: &mut Bson, parts: &[&str], new: Option<Bson>) {
    match value {
        Bson::Document(doc) if parts.len() == 1 => match new {
            Some(new) => drop(doc.insert(parts[0], new)),
            None => drop(doc.remove(parts[0])),
        },
        Bson::Document(doc) => {
            let below = doc.entry(parts[0].to_owned()).or_insert_with(|| Document::new().into());
            put(below, &parts[1..], new);
        }
        Bson::Array(array) => {
            let index = parts[0].parse::<usize>().unwrap();
            let is_new = index >= array.len();
            array.resize(array.len().max(index + 1), Bson::Null);
            if parts.len() == 1 {
                array[index] = new.unwrap_or(Bson::Null);
            } else {
                if is_new || array[index] == Bson::Null {
                    array[index] = Document::new().into();
                }
                put(&mut array[index], &parts[1..], new);
            }
        }
        _ => unreachable!("blocked paths are refused before"),
    }
}

fn float(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(value) => Some(f64::from(*value)),
        Bson::Int64(value) => Some(*value as f64),
        Bson::Double(value) => Some(*value),
        _ => None,
    }
}

/// The canonical order as far as the values here need it.
fn compare(a: &Bson, b: &Bson) -> Ordering {
    fn rank(value: &Bson) -> u8 {
        match value {
            Bson::Null => 0,
            Bson::String(_) => 2,
            Bson::Document(_) => 3,
            Bson::Array(_) => 4,
            Bson::ObjectId(_) => 5,
            _ => 1,
        }
    }
    fn lists<'a>(
        mut a: impl Iterator<Item = (&'a str, &'a Bson)>,
        mut b: impl Iterator<Item = (&'a str, &'a Bson)>,
    ) -> Ordering {
        loop {
            let order = match (a.next(), b.next()) {
                (None, None) => return Ordering::Equal,
                (None, _) => Ordering::Less,
                (_, None) => Ordering::Greater,
                (Some((name_a, a)), Some((name_b, b))) => rank(a)
                    .cmp(&rank(b))
                    .then_with(|| name_a.cmp(name_b))
                    .then_with(|| compare(a, b)),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
    }
    rank(a).cmp(&rank(b)).then_with(|| match (a, b) {
        (Bson::String(a), Bson::String(b)) => a.cmp(b),
        (Bson::ObjectId(a), Bson::ObjectId(b)) => a.cmp(b),
        (Bson::Document(a), Bson::Document(b)) => {
            lists(a.iter().map(|(n, v)| (n.as_str(), v)), b.iter().map(|(n, v)| (n.as_str(), v)))
        }
        (Bson::Array(a), Bson::Array(b)) => {
            lists(a.iter().map(|v| ("", v)), b.iter().map(|v| ("", v)))
        }
        _ => float(a).partial_cmp(&float(b)).unwrap(),
    })
}

fn arithmetic(a: &Bson, b: &Bson, is_sum: bool) -> Result<Bson, Reason> {
    if let (Bson::Double(_), _) | (_, Bson::Double(_)) = (a, b) {
        let (a, b) = (float(a).unwrap(), float(b).unwrap());
        return Ok(Bson::Double(if is_sum { a + b } else { a * b }));
    }
    let wide = |value: &Bson| match value {
        Bson::Int32(value) => i128::from(*value),
        Bson::Int64(value) => i128::from(*value),
        _ => unreachable!("a number"),
    };
    let result = if is_sum { wide(a) + wide(b) } else { wide(a) * wide(b) };
    match (a, b, i32::try_from(result), i64::try_from(result)) {
        (Bson::Int32(_), Bson::Int32(_), Ok(small), _) => Ok(Bson::Int32(small)),
        (_, _, _, Ok(large)) => Ok(Bson::Int64(large)),
        _ => Err(Reason::BadValue),
    }
}

/// The value that an operator wants: `Some(None)` removes, `None` leaves alone.
fn effect(op: &Op, current: Option<&Bson>) -> Result<Option<Option<Bson>>, Reason> {
    let operand = &op.operand;
    if let Some(done) = arrays::effect(op, current) {
        return done.map(|new| new.map(Some));
    }
    let wanted = match (op.operator, current) {
        ("$currentDate", _) => Bson::DateTime(::bson::DateTime::from_millis(0)),
        ("$bit", _) => return bits(operand, current).map(|new| new.map(Some)),
        ("$setOnInsert", _) | ("$unset", None) => return Ok(None),
        ("$unset", Some(_)) => return Ok(Some(None)),
        ("$set", Some(old)) if is_identical(old, operand) => return Ok(None),
        ("$min", Some(old)) if compare(operand, old) != Ordering::Less => return Ok(None),
        ("$max", Some(old)) if compare(operand, old) != Ordering::Greater => return Ok(None),
        ("$inc" | "$mul", Some(old)) => {
            if float(old).is_none() {
                return Err(Reason::TypeMismatch);
            }
            let new = arithmetic(old, operand, op.operator == "$inc")?;
            if new == *old {
                return Ok(None);
            }
            new
        }
        ("$mul", None) => arithmetic(&Bson::Int32(0), operand, false)?,
        _ => operand.clone(),
    };
    Ok(Some(Some(wanted)))
}

/// The result of `$bit`, if it is another.
fn bits(operand: &Bson, current: Option<&Bson>) -> Result<Option<Bson>, Reason> {
    let mut value = current.cloned().unwrap_or(Bson::Int32(0));
    for (name, by) in operand.as_document().expect("operations") {
        let apply = |a: i64, b: i64| match name.as_str() {
            "and" => a & b,
            "or" => a | b,
            _ => a ^ b,
        };
        value = match (&value, by) {
            (Bson::Int32(a), Bson::Int32(b)) => {
                Bson::Int32(i32::try_from(apply((*a).into(), (*b).into())).unwrap())
            }
            (Bson::Int32(a), Bson::Int64(b)) => Bson::Int64(apply((*a).into(), *b)),
            (Bson::Int64(a), Bson::Int32(b)) => Bson::Int64(apply(*a, (*b).into())),
            (Bson::Int64(a), Bson::Int64(b)) => Bson::Int64(apply(*a, *b)),
            _ => return Err(Reason::BadValue),
        };
    }
    Ok((current != Some(&value)).then_some(value))
}

fn is_identical(a: &Bson, b: &Bson) -> bool {
    let bytes = |value: &Bson| ::bson::serialize_to_vec(&::bson::doc! { "v": value.clone() });
    bytes(a).unwrap() == bytes(b).unwrap()
}

fn value_len(value: &Bson) -> usize {
    let doc = ::bson::serialize_to_vec(&::bson::doc! { "v": value.clone() }).unwrap();
    Elements::new(&doc).unwrap().next().unwrap().unwrap().value.len()
}

/// Refuses operators that exclude each other, as they are written.
fn check(ops: &[Op]) -> Result<(), Reason> {
    let mut paths: Vec<Vec<&str>> = vec![];
    for op in ops {
        let mut own: Vec<Vec<&str>> = vec![op.path.split('.').collect()];
        if paths.iter().any(|other| conflict(other, &own[0])) {
            return Err(Reason::ConflictingUpdateOperators);
        }
        if let ("$rename", Bson::String(to)) = (op.operator, &op.operand) {
            own.push(to.split('.').collect());
            let is_dynamic = |path: &Vec<&str>| path.iter().any(|name| name.starts_with('$'));
            let shared = own[0].iter().zip(&own[1]).take_while(|(a, b)| a == b).count();
            if shared == own[0].len().min(own[1].len()) || own.iter().any(is_dynamic) {
                return Err(Reason::BadValue);
            }
        }
        for path in own {
            if paths.iter().any(|other| conflict(other, &path)) {
                return Err(Reason::ConflictingUpdateOperators);
            }
            paths.push(path);
        }
    }
    Ok(())
}

fn conflict(a: &[&str], b: &[&str]) -> bool {
    let shared = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    match (a.get(shared), b.get(shared)) {
        (Some(a), Some(b)) => a.starts_with("$[") != b.starts_with("$["),
        _ => true,
    }
}

/// Where paths exclude each other.
fn conflicts(paths: &[&str]) -> Wrong {
    let split: Vec<Vec<&str>> = paths.iter().map(|path| path.split('.').collect()).collect();
    let mut wrong = vec![];
    for (i, a) in split.iter().enumerate() {
        for b in split[..i].iter().filter(|b| conflict(a, b)) {
            let shared = a.iter().zip(b.iter()).take_while(|(a, b)| a == b).count();
            wrong.push((a[..shared].join("."), Reason::ConflictingUpdateOperators));
        }
    }
    wrong
}

/// What is wrong, and at which path.
type Wrong = Vec<(String, Reason)>;

/// The first of these as MongoDB goes through fields: by their names, numbers by value.
fn first(wrong: &Wrong) -> Option<Reason> {
    let key = |path: &str| -> Vec<(u64, String)> {
        let number =
            |name: &str| name.parse().ok().filter(|number: &u64| number.to_string() == name);
        // Digits come before the letters that the names here begin with.
        path.split('.').map(|name| (number(name).unwrap_or(u64::MAX), name.to_owned())).collect()
    };
    let is_conflict = |reason: &Reason| *reason == Reason::ConflictingUpdateOperators;
    let first = wrong.iter().min_by_key(|(path, reason)| (key(path), !is_conflict(reason)));
    first.map(|(_, reason)| *reason)
}

/// The operators with the paths that they have in `doc`.
fn expand(doc: &Document, ops: &[Op], places: &Places) -> (Vec<Op>, Wrong) {
    let mut expanded: Vec<Op> = vec![];
    let position = places.position.map_or("$".to_owned(), |position| position.to_string());
    let placed = ops.iter().flat_map(|op| match (op.operator, &op.operand) {
        ("$rename", Bson::String(to)) => vec![op.path.clone(), to.clone()],
        _ => {
            let names = op.path.split('.').map(|name| if name == "$" { &position } else { name });
            vec![names.collect::<Vec<_>>().join(".")]
        }
    });
    let placed: Vec<String> = placed.collect();
    let mut wrong = conflicts(&placed.iter().map(String::as_str).collect::<Vec<_>>());
    for op in ops {
        let parts: Vec<_> = op.path.split('.').collect();
        let mut paths = vec![];
        expand_path(Some(&doc.clone().into()), &parts, "", places, &mut paths, &mut wrong);
        expanded.extend(paths.into_iter().map(|path| Op { path, ..op.clone() }));
    }
    (expanded, wrong)
}

fn expand_path(
    value: Option<&Bson>,
    parts: &[&str],
    before: &str,
    places: &Places,
    out: &mut Vec<String>,
    wrong: &mut Wrong,
) {
    let Some((part, rest)) = parts.split_first() else {
        return out.push(before[1..].to_owned());
    };
    if part.starts_with("$[") {
        let Some(Bson::Array(array)) = value else {
            return wrong.push((before[1..].to_owned(), Reason::BadValue));
        };
        for (i, element) in array.iter().enumerate() {
            if *part == "$[]" || arrays::is_or_has(element, &places.e.into()) {
                let before = format!("{before}.{i}");
                expand_path(Some(element), rest, &before, places, out, wrong);
            }
        }
        return;
    }
    let name = match (*part, places.position) {
        ("$", None) => return wrong.push((before[1..].to_owned(), Reason::BadValue)),
        ("$", Some(position)) => position.to_string(),
        (name, _) => name.to_owned(),
    };
    let below = match value {
        Some(Bson::Document(doc)) => doc.get(&name),
        Some(Bson::Array(array)) => name.parse::<usize>().ok().and_then(|i| array.get(i)),
        _ => None,
    };
    expand_path(below, rest, &format!("{before}.{name}"), places, out, wrong);
}

/// The document after the operators, and whether it may be changed in place.
fn run(doc: &Document, ops: &[Op], mut wrong: Wrong) -> Result<(Document, bool), Reason> {
    let mut new = Bson::Document(doc.clone());
    let mut in_place = true;
    let is_wrong = !wrong.is_empty();
    for op in ops {
        if is_wrong {
            // Operators that exclude each other are done one by one.
            new = doc.clone().into();
        }
        let stands_at = match (op.operator, &op.operand) {
            ("$rename", Bson::String(to)) => to,
            _ => &op.path,
        };
        match run_one(doc, op, &mut new) {
            Ok(one_in_place) => in_place &= one_in_place,
            Err(reason) => wrong.push((stands_at.clone(), reason)),
        }
    }
    match (first(&wrong), new) {
        (None, Bson::Document(new)) => Ok((new, in_place)),
        (Some(reason), _) => Err(reason),
        _ => unreachable!("a document stays one"),
    }
}

/// Does one operator; says whether it may be done in place.
fn run_one(doc: &Document, op: &Op, new: &mut Bson) -> Result<bool, Reason> {
    let parts: Vec<_> = op.path.split('.').collect();
    if let ("$rename", Bson::String(to)) = (op.operator, &op.operand) {
        let Some(value) = renamed(doc, &parts, to)? else { return Ok(true) };
        put(new, &parts, None);
        put(new, &to.split('.').collect::<Vec<_>>(), Some(value));
        return Ok(false);
    }
    let current = match find(doc, &parts) {
        Found::Value(value) => Some(value),
        Found::Missing => None,
        Found::Blocked if matches!(op.operator, "$unset" | "$setOnInsert") => return Ok(true),
        Found::Blocked => return Err(Reason::PathNotViable),
    };
    let Some(wanted) = effect(op, current)? else { return Ok(true) };
    let parent = (parts.len() > 1).then(|| find(doc, &parts[..parts.len() - 1]));
    let in_array = matches!(parent, Some(Found::Value(Bson::Array(_))));
    let new_len = match &wanted {
        Some(value) => Some(value_len(value)),
        None => in_array.then_some(0),
    };
    put(new, &parts, wanted);
    Ok(current.map(value_len) == new_len && current.is_some())
}

/// The value that goes elsewhere, if there is one.
fn renamed(doc: &Document, from: &[&str], to: &str) -> Result<Option<Bson>, Reason> {
    let through_array = |path: &[&str]| {
        let is_array = |len| matches!(find(doc, &path[..len]), Found::Value(Bson::Array(_)));
        (1..path.len()).any(is_array)
    };
    let value = match find(doc, from) {
        Found::Blocked => return Err(Reason::PathNotViable),
        Found::Missing => return Ok(None),
        Found::Value(value) => value.clone(),
    };
    let to: Vec<_> = to.split('.').collect();
    match find(doc, &to) {
        _ if through_array(from) || through_array(&to) => Err(Reason::BadValue),
        Found::Blocked => Err(Reason::PathNotViable),
        _ => Ok(Some(value)),
    }
}
