//! A naive evaluator of updates on the `bson` crate's documents, and random updates that both
//! it and the engine run.

use std::cmp::Ordering;

use ::bson::{Bson, Document};
use oorandom::Rand32;

use super::{IndexedPaths, Mutation, Update};
use crate::bson::builder::Builder;
use crate::bson::element::Elements;
use crate::bson::field::{FieldPath, Skips, locate};
use crate::bson::test_documents::{NAMES, random_document};
use crate::bson::{document, ty};
use crate::error::{Error, Reason};
use crate::rounds::{met_more_than, rounds};

const OPERATORS: [&str; 7] = ["$inc", "$mul", "$set", "$unset", "$min", "$max", "$setOnInsert"];

struct Op {
    operator: &'static str,
    path: String,
    operand: Bson,
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
    let wanted = match (op.operator, current) {
        ("$setOnInsert", _) | ("$unset", None) => return Ok(None),
        ("$unset", Some(_)) => return Ok(Some(None)),
        ("$set", Some(old)) if compare(old, operand) == Ordering::Equal => return Ok(None),
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
        ("$mul", None) => match operand {
            Bson::Int32(_) => Bson::Int32(0),
            Bson::Int64(_) => Bson::Int64(0),
            _ => Bson::Double(0.0),
        },
        _ => operand.clone(),
    };
    Ok(Some(Some(wanted)))
}

fn value_len(value: &Bson) -> usize {
    let doc = ::bson::serialize_to_vec(&::bson::doc! { "v": value.clone() }).unwrap();
    Elements::new(&doc).unwrap().next().unwrap().unwrap().value.len()
}

/// The document after the operators, and whether it may be changed in place.
fn run(doc: &Document, ops: &[Op]) -> Result<(Document, bool), Reason> {
    let mut new = Bson::Document(doc.clone());
    let mut in_place = true;
    for op in ops {
        let parts: Vec<_> = op.path.split('.').collect();
        let current = match find(doc, &parts) {
            Found::Value(value) => Some(value),
            Found::Missing => None,
            Found::Blocked if matches!(op.operator, "$unset" | "$setOnInsert") => continue,
            Found::Blocked => return Err(Reason::PathNotViable),
        };
        let Some(wanted) = effect(op, current)? else { continue };
        let parent = (parts.len() > 1).then(|| find(doc, &parts[..parts.len() - 1]));
        let in_array = matches!(parent, Some(Found::Value(Bson::Array(_))));
        let new_len = match &wanted {
            Some(value) => Some(value_len(value)),
            None => in_array.then_some(0),
        };
        in_place &= current.map(value_len) == new_len && current.is_some();
        put(&mut new, &parts, wanted);
    }
    match new {
        Bson::Document(new) => Ok((new, in_place)),
        _ => unreachable!("a document stays one"),
    }
}

fn random_operand(rng: &mut Rand32, operator: &str) -> Bson {
    let small = rng.rand_range(0..5) as i32 - 2;
    let kinds = if matches!(operator, "$inc" | "$mul") { 4 } else { 7 };
    match rng.rand_range(0..kinds) {
        0 => Bson::Int64(i64::from(small)),
        1 => Bson::Double(f64::from(small) / 2.0),
        2 => Bson::Int32(small.wrapping_mul(1 << 30)),
        3 => Bson::Int32(small),
        4 => ["", "x", "text"][rng.rand_range(0..3) as usize].into(),
        5 => Bson::Null,
        _ => ::bson::doc! { NAMES[rng.rand_range(0..6) as usize]: small }.into(),
    }
}

/// A path of up to three names, every other time one that the document has.
fn random_path(rng: &mut Rand32, doc: &Document) -> String {
    let mut parts = vec![];
    let mut level = Some(doc).filter(|_| rng.rand_range(0..2) == 0);
    for _ in 0..rng.rand_range(1..4) {
        let names: Vec<_> = level.into_iter().flat_map(Document::keys).collect();
        let name = match names.len() as u32 {
            0 => NAMES[rng.rand_range(0..6) as usize],
            len => names[rng.rand_range(0..len) as usize],
        };
        level = level.and_then(|level| level.get_document(name).ok());
        parts.push(name);
    }
    parts.join(".")
}

fn random_ops(rng: &mut Rand32, doc: &Document) -> Vec<Op> {
    let op = |_| {
        let operator = OPERATORS[rng.rand_range(0..7) as usize];
        let path = random_path(rng, doc);
        let operand = random_operand(rng, operator);
        Op { operator, path, operand }
    };
    let count = 4;
    let mut ops: Vec<_> = (0..count).map(op).collect();
    ops.truncate(1 + rng.rand_range(0..count) as usize);
    ops
}

fn to_update(ops: &[Op]) -> Vec<u8> {
    let mut update = Builder::new();
    for op in ops {
        let field = ::bson::doc! { op.path.clone(): op.operand.clone() };
        update.document(op.operator, &::bson::serialize_to_vec(&field).unwrap());
    }
    update.finish()
}

#[test]
fn random_updates_agree_with_the_model() {
    let mut rng = Rand32::new(10);
    // Outcomes met: nothing, in place, regrown, conflict, other refusals.
    let mut met = [0; 5];
    for round in 0..rounds(30_000) {
        // The model's documents hold each name once.
        let raw = random_document(&mut rng);
        let doc: Document = ::bson::deserialize_from_slice(&raw).unwrap();
        let bytes = ::bson::serialize_to_vec(&doc).unwrap();
        let ops = random_ops(&mut rng, &doc);
        let shown = || format!("round {round}: {:?} on {doc}", update_text(&ops));
        let paths: Vec<_> = ops.iter().map(|op| FieldPath::parse(&op.path).unwrap()).collect();
        let conflict = (0..paths.len()).any(|i| (0..i).any(|j| paths[i].overlaps(&paths[j])));
        let expected =
            if conflict { Err(Reason::ConflictingUpdateOperators) } else { run(&doc, &ops) };
        let none = IndexedPaths::NONE;
        let context = super::Context::new(&none);
        let found = Update::parse(&to_update(&ops)).and_then(|u| u.apply(&bytes, &context));
        let (applied, (new, in_place)) = match (found, expected) {
            (Ok(applied), Ok(expected)) => (applied, expected),
            (Err(Error::Refused { reason, .. }), Err(expected)) => {
                assert_eq!(reason, expected, "{}", shown());
                met[3 + usize::from(!conflict)] += 1;
                continue;
            }
            (found, expected) => panic!("{found:?} instead of {expected:?}, {}", shown()),
        };
        let mut skips = Skips::default();
        for path in &paths {
            locate(&bytes, path, &mut skips).unwrap();
        }
        assert_eq!(applied.skips, skips, "{}", shown());
        match &applied.mutation {
            Mutation::Nothing => met[0] += 1,
            Mutation::InPlace(_) => met[1] += 1,
            Mutation::Regrow(_) => met[2] += 1,
        }
        assert_eq!(!matches!(applied.mutation, Mutation::Regrow(_)), in_place, "{}", shown());
        let result = applied.mutation.into_document(bytes);
        document::check(&result).unwrap();
        let expected = ::bson::serialize_to_vec(&new).unwrap();
        assert_eq!(result, expected, "{} gives {new}", shown());
    }
    assert!(met.iter().all(|count| met_more_than(200, *count)), "{met:?}");
}

#[test]
fn garbage_is_an_error_or_a_document_and_never_a_panic() {
    let mut rng = Rand32::new(11);
    let mut applied = 0;
    for _ in 0..rounds(20_000) {
        let mut doc = random_document(&mut rng);
        let ops = random_ops(&mut rng, &Document::new());
        for _ in 0..rng.rand_range(1..4) {
            let at = rng.rand_range(0..doc.len() as u32) as usize;
            doc[at] = rng.rand_u32() as u8;
        }
        let none = IndexedPaths::NONE;
        let context = super::Context::new(&none);
        let Ok(update) = Update::parse(&to_update(&ops)) else { continue };
        if let Ok(done) = update.apply(&doc, &context) {
            done.mutation.into_document(doc.clone());
            applied += 1;
        }
        // Wherever these end, they end.
        let filter = crate::query::Filter::parse(&doc);
        let _ = filter.and_then(|filter| filter.matches(&doc));
        let _ = Update::parse(&doc).and_then(|update| update.apply(&doc, &context));
        let _ = super::super::template::expand(&doc);
        let _ = crate::bson::text::document(&doc);
    }
    assert!(met_more_than(2_000, applied), "{applied}");
}

fn update_text(ops: &[Op]) -> String {
    let update = crate::bson::element::Value { ty: ty::DOCUMENT, bytes: &to_update(ops) };
    crate::bson::text::value(update)
}
