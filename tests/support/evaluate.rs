//! A naive evaluator of updates: what a document is after operators, or why they are refused.
//! Works on the `bson` crate's documents, one operator after the other.

use bson::{Bson, Document, doc};
use tallymap::Reason;

use crate::order::{compare, float, raw};

/// One operator on one path.
#[derive(Debug, Clone)]
pub struct Op {
    /// `$inc`, `$set` …
    pub operator: &'static str,
    /// Its dotted path.
    pub path: String,
    /// Its operand.
    pub operand: Bson,
}

/// The operators as an update document. Operators of one name stand together, so that it holds
/// each name once; the operators are put in that order.
pub fn to_update(ops: &mut [Op]) -> Document {
    let mut update = Document::new();
    for op in ops.iter() {
        let fields = update.entry(op.operator.to_owned()).or_insert_with(|| Document::new().into());
        let Bson::Document(fields) = fields else { unreachable!("made above") };
        fields.insert(op.path.clone(), op.operand.clone());
    }
    let place = |op: &Op| update.keys().position(|name| name == op.operator);
    ops.sort_by_key(place);
    update
}

/// What is found at a path.
pub enum Found<'a> {
    /// A value.
    Value(&'a Bson),
    /// Nothing, but it could be made.
    Missing,
    /// Nothing, and a scalar or array stands in the way.
    Blocked,
}

/// Looks for a path as updates do: places of arrays are numbers.
pub fn find<'a>(doc: &'a Document, parts: &[&str]) -> Found<'a> {
    let Some(mut value) = doc.get(parts[0]) else { return Found::Missing };
    for part in &parts[1..] {
        let below = match value {
            Bson::Document(doc) => doc.get(part),
            Bson::Array(array) => match part.parse::<usize>() {
                // Another spelling of a number is a name, which an array has none of.
                Ok(index) if index.to_string() == **part => array.get(index),
                _ => return Found::Blocked,
            },
            _ => return Found::Blocked,
        };
        let Some(below) = below else { return Found::Missing };
        value = below;
    }
    Found::Value(value)
}

/// Puts a value at a path that is there or can be made; `None` removes it.
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
            let index = parts[0].parse::<usize>().expect("else it is blocked");
            let is_new = index >= array.len();
            array.resize(array.len().max(index + 1), Bson::Null);
            if parts.len() == 1 {
                array[index] = new.unwrap_or(Bson::Null);
                return;
            }
            if is_new || array[index] == Bson::Null {
                array[index] = Document::new().into();
            }
            put(&mut array[index], &parts[1..], new);
        }
        _ => unreachable!("blocked paths are refused before"),
    }
}

fn arithmetic(a: &Bson, b: &Bson, is_sum: bool) -> Result<Bson, Reason> {
    let wide = |value: &Bson| match value {
        Bson::Int32(value) => Some(i128::from(*value)),
        Bson::Int64(value) => Some(i128::from(*value)),
        _ => None,
    };
    let (Some(x), Some(y)) = (wide(a), wide(b)) else {
        let (a, b) = (float(a).expect("a number"), float(b).expect("a number"));
        return Ok(Bson::Double(if is_sum { a + b } else { a * b }));
    };
    let result = if is_sum { x + y } else { x * y };
    match (a, b, i32::try_from(result), i64::try_from(result)) {
        (Bson::Int32(_), Bson::Int32(_), Ok(small), _) => Ok(Bson::Int32(small)),
        (_, _, _, Ok(large)) => Ok(Bson::Int64(large)),
        _ => Err(Reason::BadValue),
    }
}

/// The value that an operator wants: `Some(None)` removes, `None` leaves alone.
fn effect(
    op: &Op,
    current: Option<&Bson>,
    inserting: bool,
) -> Result<Option<Option<Bson>>, Reason> {
    let operand = &op.operand;
    let wanted = match (op.operator, current) {
        ("$setOnInsert", _) if !inserting => return Ok(None),
        ("$unset", None) => return Ok(None),
        ("$unset", Some(_)) => return Ok(Some(None)),
        // Only what is the same byte by byte stays: 1 becomes 1.0.
        ("$set" | "$setOnInsert", Some(old))
            if raw(&doc! { "": old }) == raw(&doc! { "": operand }) =>
        {
            return Ok(None);
        }
        ("$min", Some(old)) if compare(operand, old).is_ge() => return Ok(None),
        ("$max", Some(old)) if compare(operand, old).is_le() => return Ok(None),
        ("$inc" | "$mul", Some(old)) => {
            if float(old).is_none() {
                return Err(Reason::TypeMismatch);
            }
            let new = arithmetic(old, operand, op.operator == "$inc")?;
            // -0.0 is not put over 0.0; NaN is the same as itself.
            let same = new == *old || raw(&doc! { "": &new }) == raw(&doc! { "": old });
            if same {
                return Ok(None);
            }
            new
        }
        ("$mul", None) => match operand {
            Bson::Int32(_) => Bson::Int32(0),
            Bson::Int64(_) => Bson::Int64(0),
            // Zero times a negative number is −0.0.
            Bson::Double(by) => Bson::Double(0.0 * by),
            _ => Bson::Double(0.0),
        },
        _ => operand.clone(),
    };
    Ok(Some(Some(wanted)))
}

/// Is one path the beginning of another, or equal to it?
fn conflict(ops: &[Op]) -> bool {
    let parts: Vec<Vec<&str>> = ops.iter().map(|op| op.path.split('.').collect()).collect();
    let overlap = |a: &[&str], b: &[&str]| a.iter().zip(b).all(|(a, b)| a == b);
    (0..parts.len()).any(|i| (0..i).any(|j| overlap(&parts[i], &parts[j])))
}

/// What paths are ordered by, of which the first that is wrong is told: numbers as numbers, and
/// before names.
fn by_number<'p>(parts: &[&'p str]) -> Vec<(bool, u64, &'p str)> {
    let number = |part: &str| part.parse::<u64>();
    parts.iter().map(|part| (number(part).is_err(), number(part).unwrap_or(0), *part)).collect()
}

/// The document after the operators, and whether one of them did something: what `$unset` finds
/// in an array becomes null, and that counts even if it was null before.
///
/// # Errors
/// The reason for which the engine should refuse them.
pub fn apply(doc: &Document, ops: &[Op], inserting: bool) -> Result<(Document, bool), Reason> {
    if conflict(ops) {
        return Err(Reason::ConflictingUpdateOperators);
    }
    let mut wanted = Vec::new();
    let mut wrong = Vec::new();
    for op in ops {
        let parts: Vec<&str> = op.path.split('.').collect();
        let tolerant = op.operator == "$unset" || (op.operator == "$setOnInsert" && !inserting);
        let current = match find(doc, &parts) {
            Found::Value(value) => Some(value),
            Found::Missing => None,
            Found::Blocked if tolerant => continue,
            Found::Blocked => {
                wrong.push((parts, Reason::PathNotViable));
                continue;
            }
        };
        match effect(op, current, inserting) {
            Ok(Some(new)) => wanted.push((parts, new)),
            Ok(None) => {}
            Err(reason) => wrong.push((parts, reason)),
        }
    }
    if let Some((_, reason)) = wrong.into_iter().min_by_key(|(parts, _)| by_number(parts)) {
        return Err(reason);
    }
    let changed = !wanted.is_empty();
    let mut new = Bson::Document(doc.clone());
    for (parts, value) in wanted {
        put(&mut new, &parts, value);
    }
    match new {
        Bson::Document(new) => Ok((new, changed)),
        _ => unreachable!("a document stays one"),
    }
}
