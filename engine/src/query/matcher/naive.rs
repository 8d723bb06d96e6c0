//! Random filters on random documents, beside a naive matcher.
//!
//! The naive one builds documents, collects all values that a path leads to, and asks each.

use std::cmp::Ordering;

use ::bson::{Bson, Document, bson, doc};
use oorandom::Rand32;

use crate::query::Filter;
use crate::rounds::{met_more_than, rounds};

/// Place of a type in the canonical order.
fn class(value: &Bson) -> u8 {
    match value {
        Bson::MinKey => 0,
        Bson::Undefined | Bson::Null => 1,
        Bson::Int32(_) | Bson::Int64(_) | Bson::Double(_) => 2,
        Bson::String(_) | Bson::Symbol(_) => 3,
        Bson::Document(_) => 4,
        Bson::Array(_) => 5,
        Bson::Binary(_) => 6,
        Bson::ObjectId(_) => 7,
        Bson::Boolean(_) => 8,
        Bson::DateTime(_) => 9,
        Bson::MaxKey => 11,
        other => panic!("random values have no {other:?}"),
    }
}

fn number(value: &Bson) -> f64 {
    match value {
        Bson::Int32(number) => f64::from(*number),
        // Random ones are exact as doubles.
        Bson::Int64(number) => *number as f64,
        Bson::Double(number) => *number,
        _ => f64::NAN,
    }
}

fn compare(a: &Bson, b: &Bson) -> Ordering {
    class(a).cmp(&class(b)).then_with(|| match (a, b) {
        (Bson::String(a), Bson::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Bson::Boolean(a), Bson::Boolean(b)) => a.cmp(b),
        (Bson::Document(a), Bson::Document(b)) => {
            let fields = |doc: &Document| doc.clone().into_iter().collect::<Vec<_>>();
            lists(&fields(a), &fields(b))
        }
        (Bson::Array(a), Bson::Array(b)) => {
            let fields = |list: &[Bson]| {
                list.iter().map(|value| (String::new(), value.clone())).collect::<Vec<_>>()
            };
            lists(&fields(a), &fields(b))
        }
        _ if class(a) == 2 => {
            let (a, b) = (number(a), number(b));
            a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
        }
        _ => Ordering::Equal,
    })
}

fn lists(a: &[(String, Bson)], b: &[(String, Bson)]) -> Ordering {
    for ((a_name, a), (b_name, b)) in a.iter().zip(b) {
        let order = class(a).cmp(&class(b)).then(a_name.cmp(b_name)).then(compare(a, b));
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// What a path leads to: values, and None where it leads nowhere.
fn values(root: &Bson, path: &[&str], out: &mut Vec<Option<Bson>>) {
    let Some((first, rest)) = path.split_first() else {
        out.push(Some(root.clone()));
        return;
    };
    match root {
        Bson::Document(doc) => match doc.get(first) {
            Some(Bson::Array(list)) if !rest.is_empty() => in_array(list, rest, out),
            Some(value) => values(value, rest, out),
            None => out.push(None),
        },
        _ => out.push(None),
    }
}

fn in_array(list: &[Bson], path: &[&str], out: &mut Vec<Option<Bson>>) {
    for (place, element) in list.iter().enumerate() {
        if matches!(element, Bson::Document(_)) {
            values(element, path, out);
        }
        if path[0] != place.to_string() {
            continue;
        }
        match element {
            Bson::Array(inner) if path.len() > 1 => in_array(inner, &path[1..], out),
            // Marked: an array that was named by its place is one value.
            Bson::Array(_) => out.push(Some(bson!({ "whole": element }))),
            Bson::Document(_) => values(element, &path[1..], out),
            _ if path.len() == 1 => out.push(Some(element.clone())),
            _ => {}
        }
    }
}

/// The values that a test is asked about: arrays at the end of a path bring their elements.
fn asked(doc: &Document, path: &str, elements_too: bool) -> Vec<Option<Bson>> {
    let mut found = vec![];
    let path: Vec<&str> = path.split('.').collect();
    values(&Bson::Document(doc.clone()), &path, &mut found);
    let mut out = vec![];
    for value in found {
        match value {
            Some(Bson::Document(doc)) if doc.contains_key("whole") => {
                out.push(doc.get("whole").cloned());
            }
            Some(Bson::Array(list)) => {
                if elements_too {
                    out.extend(list.iter().cloned().map(Some));
                }
                out.push(Some(Bson::Array(list)));
            }
            value => out.push(value),
        }
    }
    out
}

fn holds(name: &str, operand: &Bson, value: Option<&Bson>) -> bool {
    let present = value.cloned().unwrap_or(Bson::Null);
    let comparable = || {
        let is_nan = |value: &Bson| class(value) == 2 && number(value).is_nan();
        let bound = matches!(operand, Bson::MinKey | Bson::MaxKey);
        bound || (class(&present) == class(operand) && is_nan(&present) == is_nan(operand))
    };
    let order = compare(&present, operand);
    let list = || operand.as_array().expect("an array");
    match name {
        "$eq" => order.is_eq(),
        "$gt" => comparable() && order.is_gt(),
        "$gte" => comparable() && order.is_ge(),
        "$lt" => comparable() && order.is_lt(),
        "$lte" => comparable() && order.is_le(),
        "$in" => list().iter().any(|one| compare(&present, one).is_eq()),
        "$exists" => value.is_some() == (*operand == Bson::Boolean(true)),
        "$type" => value.is_some_and(|value| match operand.as_str() {
            Some("number") => class(value) == 2,
            Some("string") => matches!(value, Bson::String(_)),
            Some("array") => matches!(value, Bson::Array(_)),
            Some("null") => matches!(value, Bson::Null),
            _ => panic!("no such type at random"),
        }),
        "$mod" => {
            let part = |at: usize| list()[at].as_i32().expect("an int32");
            let number = number(&present);
            number.is_finite() && (number as i64) % i64::from(part(0)) == i64::from(part(1))
        }
        "$size" => value
            .and_then(Bson::as_array)
            .is_some_and(|list| Some(list.len() as i32) == operand.as_i32()),
        "$elemMatch" => value.and_then(Bson::as_array).is_some_and(|list| {
            list.iter().any(|one| elem_match(operand.as_document().expect("a document"), one))
        }),
        "$ne" => !holds("$eq", operand, value),
        "$nin" => !holds("$in", operand, value),
        "$not" => !all_hold(operand, value),
        "$all" => !list().is_empty() && list().iter().all(|one| holds("$eq", one, value)),
        other => panic!("no {other} at random"),
    }
}

fn all_hold(operators: &Bson, value: Option<&Bson>) -> bool {
    let operators = operators.as_document().expect("a document");
    operators.iter().all(|(name, operand)| holds(name, operand, value))
}

fn elem_match(condition: &Document, element: &Bson) -> bool {
    let is_on_values =
        |name: &String| name.starts_with('$') && !["$and", "$or", "$nor"].contains(&&**name);
    match condition.keys().next().is_some_and(is_on_values) {
        true => all_hold(&Bson::Document(condition.clone()), Some(element)),
        false => match element {
            Bson::Document(doc) => matches(condition, doc),
            Bson::Array(list) => {
                let named = |(place, value): (usize, &Bson)| (place.to_string(), value.clone());
                matches(condition, &list.iter().enumerate().map(named).collect())
            }
            _ => false,
        },
    }
}

fn passes(doc: &Document, path: &str, name: &str, operand: &Bson) -> bool {
    let any = |name: &str, operand: &Bson, elements_too| {
        let asked = asked(doc, path, elements_too);
        asked.iter().any(|value| holds(name, operand, value.as_ref()))
    };
    match name {
        "$ne" => !any("$eq", operand, true),
        "$nin" => !any("$in", operand, true),
        "$exists" => any(name, &Bson::Boolean(true), true) == (*operand == Bson::Boolean(true)),
        "$not" => {
            let operators = operand.as_document().expect("a document");
            !operators.iter().all(|(name, operand)| passes(doc, path, name, operand))
        }
        "$all" => {
            let list = operand.as_array().expect("an array");
            !list.is_empty() && list.iter().all(|one| any("$eq", one, true))
        }
        "$size" | "$elemMatch" => any(name, operand, false),
        _ => any(name, operand, true),
    }
}

fn matches(filter: &Document, doc: &Document) -> bool {
    let branches = |list: &Bson| -> Vec<bool> {
        let list = list.as_array().expect("an array").iter();
        list.map(|branch| matches(branch.as_document().expect("a document"), doc)).collect()
    };
    filter.iter().all(|(name, condition)| match (name.as_str(), condition) {
        ("$and", list) => branches(list).iter().all(|matched| *matched),
        ("$or", list) => branches(list).iter().any(|matched| *matched),
        ("$nor", list) => !branches(list).iter().any(|matched| *matched),
        (path, Bson::Document(operators))
            if operators.keys().next().is_some_and(|name| name.starts_with('$')) =>
        {
            operators.iter().all(|(name, operand)| passes(doc, path, name, operand))
        }
        (path, operand) => passes(doc, path, "$eq", operand),
    })
}

/// Makes values, documents and filters at random; few names and values, so that many meet.
struct Random(Rand32);

impl Random {
    fn below(&mut self, end: u32) -> usize {
        self.0.rand_range(0..end) as usize
    }

    fn name(&mut self) -> String {
        ["a", "b", "0", "1"][self.below(4)].to_owned()
    }

    fn path(&mut self) -> String {
        let names: Vec<String> = (0..1 + self.below(3)).map(|_| self.name()).collect();
        names.join(".")
    }

    fn value(&mut self, levels: u32) -> Bson {
        match self.below(if levels == 0 { 10 } else { 16 }) {
            0 => Bson::Null,
            1 => bson!(1_i64 << 40),
            2 => bson!(1.5),
            3 => bson!(f64::NAN),
            4 => bson!(true),
            5 => bson!(["x", "y"][self.below(2)]),
            6 => [Bson::MinKey, Bson::MaxKey][self.below(2)].clone(),
            7 => bson!(1.0),
            8 | 9 => bson!(self.below(4) as i32 - 1),
            10..=12 => Bson::Array((0..self.below(4)).map(|_| self.value(levels - 1)).collect()),
            _ => Bson::Document(self.document(levels - 1)),
        }
    }

    fn document(&mut self, levels: u32) -> Document {
        (0..self.below(4)).map(|_| (self.name(), self.value(levels))).collect()
    }

    fn list(&mut self) -> Bson {
        Bson::Array((0..self.below(3)).map(|_| self.value(1)).collect())
    }

    fn operators(&mut self, levels: u32) -> Document {
        let mut operators = Document::new();
        for _ in 0..1 + self.below(2) {
            let (name, operand) = match self.below(if levels == 0 { 12 } else { 15 }) {
                0..=5 => {
                    let name = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"][self.below(6)];
                    (name, self.value(2))
                }
                6 => (["$in", "$nin"][self.below(2)], self.list()),
                7 => ("$all", self.list()),
                8 => ("$exists", bson!(self.below(2) == 0)),
                9 => ("$type", bson!(["number", "string", "array", "null"][self.below(4)])),
                10 => ("$mod", bson!([1 + self.below(2) as i32, self.below(2) as i32])),
                11 => ("$size", bson!(self.below(3) as i32)),
                12 => ("$not", Bson::Document(self.operators(levels - 1))),
                13 => ("$elemMatch", Bson::Document(self.operators(levels - 1))),
                _ => ("$elemMatch", Bson::Document(self.filter(levels - 1))),
            };
            operators.insert(name, operand);
        }
        operators
    }

    fn filter(&mut self, levels: u32) -> Document {
        let mut filter = Document::new();
        for _ in 0..1 + self.below(2) {
            if levels > 0 && self.below(4) == 0 {
                let branches = (0..1 + self.below(2)).map(|_| self.filter(levels - 1));
                let branches: Vec<Document> = branches.collect();
                filter.insert(["$and", "$or", "$nor"][self.below(3)], branches);
            } else if self.below(3) == 0 {
                filter.insert(self.path(), self.value(2));
            } else {
                filter.insert(self.path(), self.operators(levels));
            }
        }
        filter
    }
}

#[test]
fn random_filters_match_what_a_naive_matcher_matches() {
    let (mut matched, mut missed) = (0, 0);
    for seed in 0..u64::from(rounds(3_000)) {
        let mut random = Random(Rand32::new(seed));
        let filter = random.filter(3);
        let bytes = filter.to_vec().unwrap();
        let parsed = Filter::parse(&bytes).unwrap_or_else(|error| panic!("{filter}: {error}"));
        for _ in 0..8 {
            let doc = random.document(4);
            let expected = matches(&filter, &doc);
            *if expected { &mut matched } else { &mut missed } += 1;
            let ours = parsed.matches(&doc.to_vec().unwrap()).unwrap();
            assert_eq!(ours, expected, "seed {seed}: {filter} on {doc}");
            let found = parsed.find_match(&doc.to_vec().unwrap()).unwrap();
            assert_eq!(found.is_some(), expected);
        }
    }
    assert!(met_more_than(2_000, matched) && met_more_than(2_000, missed), "{matched} {missed}");
}

#[test]
fn the_naive_matcher_is_no_yes_man() {
    assert!(matches(&doc! { "a.b": 1 }, &doc! { "a": [{ "b": 2 }, { "b": [1] }] }));
    assert!(!matches(&doc! { "a.b": 1 }, &doc! { "a": [{ "b": 2 }, { "b": [[1]] }] }));
}
