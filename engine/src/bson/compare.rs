//! The canonical order of values (format, §10.6): what indexes, sorts and filters go by.
//!
//! Invariants:
//! C1. It is a total preorder on values of checked documents. What is equal in it (1 and 1.0,
//!     −0.0 and 0.0, every NaN) is one value to a unique index.
//! C2. It never fails: bytes that are no BSON, and nesting beyond what may be stored, are
//!     compared as bytes, so that a damaged record cannot stop a walk of an index.

use std::cmp::Ordering;

use super::decimal::Decimal;
use super::element::{Element, Elements, Value, name_end, read_i64, value_len};
use super::number::Number;
use super::ty;
use crate::limits::NESTING_MAX;

/// Are the names of elements part of the comparison?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// Documents of a collection.
    Compared,
    /// Index keys: the outermost names are ignored.
    Ignored,
}

/// Deepest comparison: a stored document within an array of a key.
const DEPTH_MAX: usize = NESTING_MAX + 20;

/// Compares two values.
pub fn compare_values(a: Value<'_>, b: Value<'_>) -> Ordering {
    compare_at(a, b, DEPTH_MAX)
}

/// Compares two documents element by element: canonical type, then name if names count, then
/// value; the one that ends first is smaller. Names inside of values always count.
pub fn compare_documents(a: &[u8], b: &[u8], names: Names) -> Ordering {
    elements(a, b, names, 0, DEPTH_MAX)
}

/// Compares two traditional index keys: names are ignored, and field `k` counts backwards if
/// bit `k` of `descending` is set.
pub fn compare_keys(a: &[u8], b: &[u8], descending: u32) -> Ordering {
    elements(a, b, Names::Ignored, descending, DEPTH_MAX)
}

fn elements(a: &[u8], b: &[u8], names: Names, descending: u32, depth: usize) -> Ordering {
    let (Ok(mut left), Ok(mut right)) = (Elements::new(a), Elements::new(b)) else {
        return a.cmp(b);
    };
    let mut sign = descending;
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(Ok(x)), Some(Ok(y))) => element(&x, &y, names, depth),
            _ => return a.cmp(b),
        };
        if order != Ordering::Equal {
            return if sign & 1 == 1 { order.reverse() } else { order };
        }
        sign >>= 1;
    }
}

fn element(a: &Element<'_>, b: &Element<'_>, names: Names, depth: usize) -> Ordering {
    let by_name = || match names {
        Names::Compared => a.name.cmp(b.name),
        Names::Ignored => Ordering::Equal,
    };
    let by_type = ty::canonical(a.ty).cmp(&ty::canonical(b.ty));
    by_type.then_with(by_name).then_with(|| compare_at(a.val(), b.val(), depth))
}

fn compare_at(a: Value<'_>, b: Value<'_>, depth: usize) -> Ordering {
    let by_type = ty::canonical(a.ty).cmp(&ty::canonical(b.ty));
    by_type.then_with(|| same_type(a, b, depth).unwrap_or_else(|| a.bytes.cmp(b.bytes)))
}

/// Compares values of one canonical type; `None` if they are not what their types say.
fn same_type(a: Value<'_>, b: Value<'_>, depth: usize) -> Option<Ordering> {
    let (x, y) = (a.bytes, b.bytes);
    Some(match a.ty {
        ty::INT32 | ty::INT64 | ty::DOUBLE | ty::DECIMAL128 => numbers(a, b)?,
        ty::STRING | ty::SYMBOL | ty::CODE => x.get(4..)?.cmp(y.get(4..)?),
        ty::DOCUMENT | ty::ARRAY if depth == 0 => x.cmp(y),
        ty::DOCUMENT | ty::ARRAY => elements(x, y, Names::Compared, 0, depth - 1),
        // Length, then subtype and bytes.
        ty::BINARY | ty::DB_POINTER => x.len().cmp(&y.len()).then_with(|| x.cmp(y)),
        ty::DATE => read_i64(x)?.cmp(&read_i64(y)?),
        // Signed, though the seconds are not: so the indexes of that time are ordered.
        ty::TIMESTAMP => read_i64(x)?.cmp(&read_i64(y)?),
        ty::CODE_WITH_SCOPE => code_with_scope(x, y, depth)?,
        // Nothing to compare in MinKey, null and the like; ObjectIds and booleans are bytes;
        // so are pattern NUL flags NUL, in which a NUL is less than any text.
        _ => x.cmp(y),
    })
}

fn code_with_scope(a: &[u8], b: &[u8], depth: usize) -> Option<Ordering> {
    let split = |bytes: &'_ [u8]| {
        let code_len = value_len(ty::CODE, bytes.get(4..)?)?;
        Some((8, 4 + code_len))
    };
    let ((a_code, a_scope), (b_code, b_scope)) = (split(a)?, split(b)?);
    // The code is compared up to its first NUL.
    let code = |bytes: &'_ [u8], at: usize| name_end(bytes, at).map(|end| (at, end));
    let ((a_at, a_end), (b_at, b_end)) = (code(a, a_code)?, code(b, b_code)?);
    let by_code = a.get(a_at..a_end)?.cmp(b.get(b_at..b_end)?);
    let (a_scope, b_scope) = (a.get(a_scope..)?, b.get(b_scope..)?);
    Some(by_code.then_with(|| match depth {
        0 => a_scope.cmp(b_scope),
        _ => elements(a_scope, b_scope, Names::Compared, 0, depth - 1),
    }))
}

fn numbers(a: Value<'_>, b: Value<'_>) -> Option<Ordering> {
    if a.ty == ty::DECIMAL128 || b.ty == ty::DECIMAL128 {
        return Some(Decimal::of(a)?.compare(&Decimal::of(b)?));
    }
    Some(compare_numbers(a.as_number()?, b.as_number()?))
}

/// Compares two numbers exactly, whatever their types. NaN is equal to itself and less than
/// every other number.
pub fn compare_numbers(a: Number, b: Number) -> Ordering {
    use Number::Double;
    let integer = |number| match number {
        Number::Int32(value) => i64::from(value),
        Number::Int64(value) => value,
        Double(value) => value as i64,
    };
    match (a, b) {
        (Double(x), Double(y)) => doubles(x, y),
        (Double(x), y) => integer_and_double(integer(y), x).reverse(),
        (x, Double(y)) => integer_and_double(integer(x), y),
        (x, y) => integer(x).cmp(&integer(y)),
    }
}

fn doubles(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

fn integer_and_double(a: i64, b: f64) -> Ordering {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0; // 2^63
    if b.is_nan() || b < -BEYOND {
        return Ordering::Greater;
    }
    if b >= BEYOND {
        return Ordering::Less;
    }
    // In this range the integer part is exact, and beyond 2^53 there is no other part.
    a.cmp(&(b as i64)).then_with(|| doubles(0.0, b.fract()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bson::test_documents::random_document;
    use crate::rounds::rounds;
    use ::bson::{RawBson, rawdoc};

    fn compare(a: RawBson, b: RawBson) -> Ordering {
        let one = |value: RawBson| rawdoc! { "v": value };
        compare_documents(one(a).as_bytes(), one(b).as_bytes(), Names::Compared)
    }

    #[test]
    #[cfg_attr(miri, ignore = "bitvec, by which `bson` parses decimals, breaks stacked borrows")]
    fn types_in_their_order() {
        let dec: ::bson::Decimal128 = "0.5".parse().unwrap();
        let ascending: Vec<RawBson> = vec![
            RawBson::MinKey,
            RawBson::Undefined,
            RawBson::Null,
            f64::NAN.into(),
            f64::NEG_INFINITY.into(),
            i64::MIN.into(),
            (-1).into(),
            0.into(),
            dec.into(),
            0.75.into(),
            (1_i64 << 53).into(),
            ((1_i64 << 53) + 1).into(),
            i64::MAX.into(),
            (-(i64::MIN as f64)).into(),
            f64::INFINITY.into(),
            "".into(),
            "a".into(),
            "a\0".into(),
            "aa".into(),
            "b".into(),
            rawdoc! {}.into(),
            rawdoc! { "a": 1 }.into(),
            rawdoc! { "a": 1, "b": 0 }.into(),
            rawdoc! { "b": 0 }.into(),
            rawdoc! { "a": "x" }.into(),
            RawBson::Array(::bson::rawbson!([1]).as_array().unwrap().to_owned()),
            RawBson::Binary(::bson::Binary { subtype: 0.into(), bytes: vec![9] }),
            RawBson::Binary(::bson::Binary { subtype: 5.into(), bytes: vec![1] }),
            RawBson::Binary(::bson::Binary { subtype: 0.into(), bytes: vec![1, 1] }),
            ::bson::oid::ObjectId::from_bytes([1; 12]).into(),
            false.into(),
            true.into(),
            ::bson::DateTime::from_millis(-1).into(),
            ::bson::DateTime::from_millis(0).into(),
            ::bson::Timestamp { time: u32::MAX, increment: u32::MAX }.into(),
            ::bson::Timestamp { time: 0, increment: 0 }.into(),
            ::bson::Timestamp { time: 5, increment: 1 }.into(),
            RawBson::RegularExpression(::bson::Regex {
                pattern: "a".try_into().unwrap(),
                options: "i".try_into().unwrap(),
            }),
            RawBson::RegularExpression(::bson::Regex {
                pattern: "ab".try_into().unwrap(),
                options: "".try_into().unwrap(),
            }),
            RawBson::JavaScriptCode("f".into()),
            RawBson::JavaScriptCodeWithScope(::bson::RawJavaScriptCodeWithScope {
                code: "f".into(),
                scope: rawdoc! { "x": 1 },
            }),
            RawBson::JavaScriptCodeWithScope(::bson::RawJavaScriptCodeWithScope {
                code: "f".into(),
                scope: rawdoc! { "x": 2 },
            }),
            RawBson::MaxKey,
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(compare(a.clone(), b.clone()), i.cmp(&j), "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "bitvec, by which `bson` parses decimals, breaks stacked borrows")]
    fn equal_across_types() {
        let one: ::bson::Decimal128 = "1.0".parse().unwrap();
        for (a, b) in [
            (RawBson::from(1), RawBson::from(1.0)),
            (1_i64.into(), 1.into()),
            (one.into(), 1.into()),
            (0.0.into(), (-0.0).into()),
            (f64::NAN.into(), (-f64::NAN).into()),
            ("s".into(), RawBson::Symbol("s".into())),
        ] {
            assert_eq!(compare(a.clone(), b.clone()), Ordering::Equal, "{a:?} and {b:?}");
        }
    }

    #[test]
    fn keys_ignore_names_and_count_backwards_where_told() {
        let (a, b) = (rawdoc! { "": 1, "x": "m" }, rawdoc! { "y": 1.0, "": "n" });
        let (a, b) = (a.as_bytes(), b.as_bytes());
        assert_eq!(compare_keys(a, b, 0), Ordering::Less);
        assert_eq!(compare_keys(a, b, 0b01), Ordering::Less);
        assert_eq!(compare_keys(a, b, 0b10), Ordering::Greater);
        assert_eq!(compare_documents(a, b, Names::Compared), Ordering::Less);
    }

    #[test]
    fn random_documents_are_totally_ordered() {
        let mut rng = oorandom::Rand32::new(5);
        for _ in 0..rounds(300) {
            let mut docs: Vec<_> = (0..8).map(|_| random_document(&mut rng)).collect();
            // A sort of the standard library notices an order that is none.
            docs.sort_by(|a, b| compare_documents(a, b, Names::Compared));
            for (i, a) in docs.iter().enumerate() {
                for (j, b) in docs.iter().enumerate().skip(i) {
                    let order = compare_documents(a, b, Names::Compared);
                    assert_ne!(order, Ordering::Greater, "{i} {j}");
                    assert_eq!(order.reverse(), compare_documents(b, a, Names::Compared));
                }
            }
        }
    }

    #[test]
    fn deep_nesting_and_garbage_end() {
        let deep = |end: i32| {
            (0..rounds(5_000))
                .fold(rawdoc! { "x": end }, |inner, _| rawdoc! { "d": inner })
                .into_bytes()
        };
        assert_eq!(compare_documents(&deep(1), &deep(2), Names::Compared), Ordering::Less);
        assert_eq!(compare_documents(&[9, 9], &[9, 8], Names::Compared), Ordering::Greater);
    }
}
