//! Filters and bounds as explanations show them.

use super::IndexScan;
use super::interval::Interval;
use crate::bson::builder::Builder;
use crate::bson::element::Value;
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::query::Filter;
use crate::query::filter::{Bits, Clause, InList, Test};

/// The filter as a document in its parsed form: each condition with its operator.
pub fn filter(filter: &Filter) -> Vec<u8> {
    let mut out = Builder::new();
    all(&mut out, filter.clauses());
    out.finish()
}

/// Appends clauses that must all hold.
fn all(out: &mut Builder, clauses: &[Clause]) {
    match clauses {
        [] => {}
        [one] => clause(out, one),
        many => list(out, "$and", many.iter()),
    }
}

fn list<'c>(out: &mut Builder, name: &str, clauses: impl Iterator<Item = &'c Clause>) {
    out.begin(ty::ARRAY, name);
    for (i, one) in clauses.enumerate() {
        out.begin(ty::DOCUMENT, i.to_string());
        clause(out, one);
        out.end();
    }
    out.end();
}

fn clause(out: &mut Builder, clause: &Clause) {
    match clause {
        Clause::And(clauses) => list(out, "$and", clauses.iter()),
        Clause::Or(clauses) => list(out, "$or", clauses.iter()),
        Clause::Nor(clauses) => list(out, "$nor", clauses.iter()),
        Clause::Field { path, test } => field(out, path.as_str(), test),
        Clause::Expr(_) => drop(out.document("$expr", &[5, 0, 0, 0, 0])),
        Clause::Schema(_) => drop(out.document("$jsonSchema", &[5, 0, 0, 0, 0])),
        Clause::Always(true) => drop(out.number("$alwaysTrue", ONE)),
        Clause::Always(false) => drop(out.number("$alwaysFalse", ONE)),
    }
}

fn field(out: &mut Builder, path: &str, test: &Test) {
    // So the server shows what negates.
    match test {
        Test::All(tests) => {
            out.begin(ty::ARRAY, "$and");
            for (i, test) in tests.iter().enumerate() {
                out.begin(ty::DOCUMENT, i.to_string());
                field(out, path, test);
                out.end();
            }
            out.end();
        }
        _ => {
            out.begin(ty::DOCUMENT, path);
            operator(out, test);
            out.end();
        }
    }
}

fn operator(out: &mut Builder, test: &Test) {
    match test {
        Test::Collated(test) => operator(out, &test.written),
        Test::Eq(value) => drop(out.value("$eq", value.as_ref())),
        Test::Ne(value) => negated(out, |out| {
            out.value("$eq", value.as_ref());
        }),
        Test::Gt(value) => drop(out.value("$gt", value.as_ref())),
        Test::Gte(value) => drop(out.value("$gte", value.as_ref())),
        Test::Lt(value) => drop(out.value("$lt", value.as_ref())),
        Test::Lte(value) => drop(out.value("$lte", value.as_ref())),
        Test::In(list) => list_of(out, list),
        Test::Nin(list) => negated(out, |out| list_of(out, list)),
        Test::Not(tests) => negated(out, |out| tests.iter().for_each(|test| operator(out, test))),
        Test::Exists(true) => drop(out.boolean("$exists", true)),
        Test::Exists(false) => negated(out, |out| {
            out.boolean("$exists", true);
        }),
        Test::Type(types) => {
            let numbers = types.iter().map(|ty| Number::Int32(i32::from(*ty as i8)));
            numbers_of(out, "$type", numbers);
        }
        Test::Mod { divisor, remainder } => {
            numbers_of(out, "$mod", [*divisor, *remainder].into_iter().map(Number::integer));
        }
        Test::Regex(pattern) => {
            out.str("$regex", pattern.pattern());
            if !pattern.flags().is_empty() {
                out.str("$options", pattern.flags());
            }
        }
        Test::All(tests) => tests.iter().for_each(|test| operator(out, test)),
        Test::ElemMatchObject(clauses) => {
            out.begin(ty::DOCUMENT, "$elemMatch");
            all(out, clauses);
            out.end();
        }
        Test::ElemMatchValue(tests) => {
            out.begin(ty::DOCUMENT, "$elemMatch");
            tests.iter().for_each(|test| operator(out, test));
            out.end();
        }
        Test::Size(size) => drop(out.number("$size", Number::integer(i64::from(*size)))),
        Test::Bits(test) => {
            let bits = test.positions.iter().map(|bit| Number::integer(i64::from(*bit)));
            let name = match test.bits {
                Bits::AllSet => "$bitsAllSet",
                Bits::AllClear => "$bitsAllClear",
                Bits::AnySet => "$bitsAnySet",
                Bits::AnyClear => "$bitsAnyClear",
            };
            numbers_of(out, name, bits);
        }
    }
}

fn negated(out: &mut Builder, inner: impl FnOnce(&mut Builder)) {
    out.begin(ty::DOCUMENT, "$not");
    inner(out);
    out.end();
}

fn list_of(out: &mut Builder, list: &InList) {
    out.begin(ty::ARRAY, "$in");
    let values = list.values().iter().map(|value| value.as_ref());
    let patterns = list.patterns().iter().map(|pattern| pattern.value());
    for (i, value) in values.chain(patterns).enumerate() {
        out.value(i.to_string(), value);
    }
    out.end();
}

fn numbers_of(out: &mut Builder, name: &str, numbers: impl Iterator<Item = Number>) {
    out.begin(ty::ARRAY, name);
    for (i, number) in numbers.enumerate() {
        out.number(i.to_string(), number);
    }
    out.end();
}

/// The bounds of a scan's fields as texts, in its direction: `[3, 3]`, `[inf.0, 50)`.
pub fn bounds(scan: &IndexScan) -> Vec<u8> {
    let mut out = Builder::new();
    let fields = scan.index.paths.iter().zip(&scan.fields).zip(&scan.index.descending);
    for ((path, field), descending) in fields {
        let descends = *descending != scan.backward;
        let mut texts: Vec<_> =
            field.as_slice().iter().map(|one| interval(one, descends)).collect();
        if descends {
            texts.reverse();
        }
        out.begin(ty::ARRAY, path);
        for (i, text) in texts.iter().enumerate() {
            out.str(i.to_string(), text);
        }
        out.end();
    }
    out.finish()
}

/// The bounds as 2.4 showed them: pairs of values.
pub fn bounds_as_2_4(scan: &IndexScan) -> Vec<u8> {
    let mut out = Builder::new();
    let fields = scan.index.paths.iter().zip(&scan.fields).zip(&scan.index.descending);
    for ((path, field), descending) in fields {
        let descends = *descending != scan.backward;
        out.begin(ty::ARRAY, path);
        let mut pairs: Vec<_> = field.as_slice().iter().map(|one| (&one.low, &one.high)).collect();
        if descends {
            pairs = pairs.into_iter().rev().map(|(low, high)| (high, low)).collect();
        }
        for (i, (from, to)) in pairs.iter().enumerate() {
            out.begin(ty::ARRAY, i.to_string());
            for (name, end) in [("0", from), ("1", to)] {
                match end.ty {
                    ty::MIN_KEY => out.begin(ty::DOCUMENT, name).number("$minElement", ONE).end(),
                    ty::MAX_KEY => out.begin(ty::DOCUMENT, name).number("$maxElement", ONE).end(),
                    _ => out.value(name, end.as_ref()),
                };
            }
            out.end();
        }
        out.end();
    }
    out.finish()
}

const ONE: Number = Number::Int32(1);

fn interval(one: &Interval, descends: bool) -> String {
    let (low, high) = (end(one.low.as_ref()), end(one.high.as_ref()));
    match descends {
        false => {
            let (open, close) = (if one.with_low { '[' } else { '(' }, close(one.with_high));
            format!("{open}{low}, {high}{close}")
        }
        true => {
            let (open, close) = (if one.with_high { '[' } else { '(' }, close(one.with_low));
            format!("{open}{high}, {low}{close}")
        }
    }
}

fn close(with: bool) -> char {
    if with { ']' } else { ')' }
}

fn end(value: Value<'_>) -> String {
    match (value.ty, value.as_number()) {
        (ty::MIN_KEY, _) => "MinKey".into(),
        (ty::MAX_KEY, _) => "MaxKey".into(),
        (ty::DOUBLE, Some(Number::Double(number))) if number.is_infinite() => {
            if number > 0.0 {
                "inf.0".into()
            } else {
                "-inf.0".into()
            }
        }
        (ty::DOUBLE, Some(Number::Double(number))) if number.is_nan() => "nan.0".into(),
        // As a number, that is where it is compared.
        (ty::TIMESTAMP, _) => text::value(value),
        (ty::DOCUMENT, _) if value.bytes == [5, 0, 0, 0, 0] => "{}".into(),
        (ty::ARRAY, _) if value.bytes == [5, 0, 0, 0, 0] => "[]".into(),
        _ => text::value(value),
    }
}
