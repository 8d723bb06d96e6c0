//! Tables of expressions and what a MongoDB 5.0.4 makes of them: `table/*.txt`.
//!
//! A line `on {…}` gives the document of the lines that follow it; `expression => value`,
//! `expression => missing` or `expression => !number` is a case. Doubles are compared to a
//! relative 1e-14 where a function of the C library made them.

pub(crate) mod notation;

use super::*;
use crate::bson::element::OwnedValue;
use crate::bson::text;
use notation::Reader;

fn outcome(expression: &OwnedValue, doc: &[u8]) -> Result<Computed<'static>> {
    let parsed = Expression::parse(expression.as_ref(), &Scope::default())?;
    let vars = Variables::new(0);
    Ok(parsed.evaluate(doc, &vars)?.detach())
}

fn is_near(a: &Computed<'_>, b: &Computed<'_>) -> bool {
    match (a.as_value(), b.as_value()) {
        (Some(x), Some(y)) if x.ty == y.ty && x.ty == crate::bson::ty::DOUBLE => {
            let (x, y) = (a.as_number().unwrap().to_f64(), b.as_number().unwrap().to_f64());
            x == y || x.is_nan() && y.is_nan() || (x - y).abs() <= 1e-14 * x.abs()
        }
        (x, y) => x == y,
    }
}

/// Runs a table; gives the number of its cases.
fn run(table: &str) -> usize {
    let mut doc = vec![5, 0, 0, 0, 0];
    let mut wrong = vec![];
    let mut count = 0;
    for line in table.lines().filter(|line| !line.is_empty()) {
        if let Some(given) = line.strip_prefix("on ") {
            doc = Reader::new(given).value().bytes.into();
            continue;
        }
        count += 1;
        let (expression, expected) = line.rsplit_once(" => ").expect(line);
        let found = outcome(&Reader::new(expression).value(), &doc);
        let is_right = match (expected, &found) {
            ("missing", Ok(Computed::Missing)) => true,
            (code, Err(error)) if code.starts_with('!') => code[1..] == error.code().to_string(),
            (value, Ok(found)) if !value.starts_with('!') => {
                is_near(found, &Computed::Owned(Reader::new(value).value()))
            }
            _ => false,
        };
        if !is_right {
            let found = match found {
                Ok(found) => format!("{} {}", found.type_name(), text::value(found.or_null())),
                Err(error) => format!("!{} {error}", error.code()),
            };
            wrong.push(format!("{line}\n    found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count} are wrong\n{}", wrong.len(), wrong.join("\n"));
    count
}

macro_rules! tables {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let count = run(include_str!(concat!("table/", stringify!($name), ".txt")));
                assert!(count > 10, "{count} cases");
            }
        )*
    };
}

tables! {
    accumulators arithmetic arrays comparisons conditions core dates date_arithmetic date_texts
    decimals named_fields objects sets strings trigonometry types
}

#[test]
fn variables_of_the_caller() {
    let scope = Scope::new(["v".to_owned()]);
    let parse = |text: &str| Expression::parse(Reader::new(text).value().as_ref(), &scope);
    let mut vars = Variables::new(7);
    vars.set("v", Reader::new("{a: [{b: 1}, {b: 2}]}").value());
    let doc = [5, 0, 0, 0, 0];
    let shown = |text: &str| {
        let parsed = parse(text).unwrap();
        text::value(parsed.evaluate(&doc, &vars).unwrap().or_null())
    };
    assert_eq!(shown("\"$$v.a.b\""), "[ 1, 2 ]");
    assert_eq!(shown("{$add: [\"$$NOW\", 1]}"), "new Date(8)");
    assert_eq!(shown("{$let: {vars: {v: 5}, in: \"$$v\"}}"), "5");
    assert_eq!(parse("\"$$w\"").unwrap_err().code(), 17276);
}

#[test]
fn fields_that_are_read() {
    let fields = |text: &str| {
        let value = Reader::new(text).value();
        let parsed = Expression::parse(value.as_ref(), &Scope::default()).unwrap();
        parsed.fields().map(|fields| fields.join(" "))
    };
    assert_eq!(fields("{$add: [\"$a.b\", \"$$ROOT.c\", 1]}").as_deref(), Some("a.b c"));
    assert_eq!(fields("{x: \"$a\", y: [\"$b\"]}").as_deref(), Some("a b"));
    assert_eq!(fields("{$mergeObjects: [\"$$ROOT\", {a: 1}]}"), None);
    assert_eq!(fields("5").as_deref(), Some(""));
}

#[test]
fn what_is_known_and_not_supported_is_named() {
    let refused = |text: &str| outcome(&Reader::new(text).value(), &[5, 0, 0, 0, 0]).unwrap_err();
    assert_eq!(refused("{$function: 1}").to_string(), "The operator '$function' is not supported");
    assert_eq!(refused("{$foo: 1}").to_string(), "Unrecognized expression '$foo'");
    assert!(refused("{$sin: dec(\"2\")}").to_string().contains("$sin of decimals"));
}

#[test]
fn depth_and_size_are_bounded() {
    let nested = |levels: usize| format!("{}1{}", "{$abs: ".repeat(levels), "}".repeat(levels));
    let deep = outcome(&Reader::new(&nested(150)).value(), &[5, 0, 0, 0, 0]);
    assert_eq!(deep.unwrap().as_number(), Some(crate::bson::number::Number::Int32(1)));
    // Doubled 60 times.
    let doubled = "{$reduce: {input: {$range: [0, 60]}, initialValue: \"text\", \
                   in: {$concat: [\"$$value\", \"$$value\"]}}}";
    let refused = outcome(&Reader::new(doubled).value(), &[5, 0, 0, 0, 0]);
    assert_eq!(refused.unwrap_err().code(), 10334);
}
