//! Parses tests: every operator on a field, by its name.

use super::parse::{Levels, Reference, clauses, is_on_documents, is_operators, unsupported};
use super::{BitTest, Bits, InList, Pattern, Test, bad_value, numbers, types};
use crate::bson::element::{Element, Elements, OwnedValue};
use crate::bson::ty;
use crate::error::Result;

/// The tests on the values at `path` that a document of operators names.
pub(super) fn tests(path: &str, operators: &[u8], levels: Levels<'_>) -> Result<Vec<Test>> {
    let mut tests = vec![];
    for element in Elements::new(operators)? {
        let element = element?;
        match element.name {
            // Said by `$regex`.
            b"$options" => Pattern::check_options(operators)?,
            b"$regex" => tests.push(Test::Regex(Pattern::of_operators(operators)?)),
            _ => tests.push(test(path, &element, levels)?),
        }
    }
    Ok(tests)
}

/// Those that hold other tests stand apart: what they do again and again takes little stack.
fn test(path: &str, element: &Element<'_>, levels: Levels<'_>) -> Result<Test> {
    match element.name {
        b"$not" => Ok(Test::Not(negated(path, element, levels.down()?)?)),
        b"$all" => Ok(Test::All(all(element, levels)?)),
        b"$elemMatch" => elem_match(element, levels),
        _ => simple(path, element),
    }
}

fn simple(path: &str, element: &Element<'_>) -> Result<Test> {
    let compared = || compared(path, element);
    let bits = |bits| BitTest::parse(path, bits, element).map(Test::Bits);
    Ok(match element.name {
        b"$eq" => Test::Eq(operand(element)?),
        b"$ne" if element.ty == ty::REGEX => {
            return Err(bad_value("Can't have regex as arg to $ne."));
        }
        b"$ne" => Test::Ne(operand(element)?),
        b"$gt" => Test::Gt(compared()?),
        b"$gte" => Test::Gte(compared()?),
        b"$lt" => Test::Lt(compared()?),
        b"$lte" => Test::Lte(compared()?),
        b"$in" => Test::In(list(element)?),
        b"$nin" => Test::Nin(list(element)?),
        b"$exists" => Test::Exists(is_true(element)),
        b"$type" => Test::Type(types::parse(path, element)?),
        b"$mod" => modulo(element)?,
        b"$size" => Test::Size(size(element)?),
        b"$bitsAllSet" => bits(Bits::AllSet)?,
        b"$bitsAllClear" => bits(Bits::AllClear)?,
        b"$bitsAnySet" => bits(Bits::AnySet)?,
        b"$bitsAnyClear" => bits(Bits::AnyClear)?,
        b"$near" | b"$nearSphere" | b"$geoNear" | b"$geoWithin" | b"$within"
        | b"$geoIntersects" => return Err(unsupported(element)),
        _ => return Err(bad_value(format!("unknown operator: {}", element.name_lossy()))),
    })
}

/// A value that fields are to be equal to.
pub(super) fn operand(element: &Element<'_>) -> Result<OwnedValue> {
    match element.ty {
        ty::UNDEFINED => Err(bad_value("cannot compare to undefined")),
        _ => Ok(element.val().to_owned()),
    }
}

/// A value that fields are to be less or greater than.
fn compared(path: &str, element: &Element<'_>) -> Result<OwnedValue> {
    match element.ty {
        ty::REGEX => {
            let message = format!("Can't have RegEx as arg to predicate over field '{path}'.");
            Err(bad_value(message))
        }
        _ => operand(element),
    }
}

fn is_true(element: &Element<'_>) -> bool {
    let zero = element.ty == ty::DECIMAL128 && numbers::exact(element.val()) == Some(0);
    element.val().is_true() && !zero
}

fn array<'a>(element: &Element<'a>) -> Result<Elements<'a>> {
    match element.ty {
        ty::ARRAY => Elements::new(element.value),
        _ => Err(bad_value(format!("{} needs an array", element.name_lossy()))),
    }
}

fn list(element: &Element<'_>) -> Result<InList> {
    let (mut values, mut patterns) = (vec![], vec![]);
    for element in array(element)? {
        let element = element?;
        if is_operators(element.val(), Reference::Whole)? {
            return Err(bad_value("cannot nest $ under $in"));
        }
        match element.ty {
            ty::REGEX => patterns.push(Pattern::of_regex(element.val())?),
            ty::UNDEFINED => {
                return Err(bad_value("InMatchExpression equality cannot be undefined"));
            }
            _ => values.push(element.val().to_owned()),
        }
    }
    Ok(InList::new(values, patterns))
}

fn negated(path: &str, element: &Element<'_>, levels: Levels<'_>) -> Result<Vec<Test>> {
    match element.ty {
        ty::REGEX => Ok(vec![Test::Regex(Pattern::of_regex(element.val())?)]),
        ty::DOCUMENT => {
            let tests = tests(path, element.value, levels)?;
            if tests.is_empty() { Err(bad_value("$not cannot be empty")) } else { Ok(tests) }
        }
        _ => Err(bad_value("$not needs a regex or a document")),
    }
}

fn modulo(element: &Element<'_>) -> Result<Test> {
    if element.ty != ty::ARRAY {
        return Err(bad_value("malformed mod, needs to be an array"));
    }
    let parts = Elements::new(element.value)?.take(3).collect::<Result<Vec<_>>>()?;
    let [divisor, remainder] = &parts[..] else {
        let (few, many) = ("not enough", "too many");
        let how = if parts.len() < 2 { few } else { many };
        return Err(bad_value(format!("malformed mod, {how} elements")));
    };
    let divisor = integer(divisor, "divisor")?;
    let remainder = integer(remainder, "remainder")?;
    if divisor == 0 {
        return Err(bad_value("divisor cannot be 0"));
    }
    Ok(Test::Mod { divisor, remainder })
}

fn integer(element: &Element<'_>, what: &str) -> Result<i64> {
    let value = element.val();
    if !numbers::is_number(value) {
        return Err(bad_value(format!("malformed mod, {what} not a number")));
    }
    let why = if numbers::is_not_finite(value) {
        "Unable to coerce NaN/Inf to integral type"
    } else {
        "Out of bounds coercing to integral value"
    };
    numbers::truncated(value).ok_or_else(|| {
        bad_value(format!("malformed mod, {what} value is invalid :: caused by :: {why}"))
    })
}

fn all(element: &Element<'_>, levels: Levels<'_>) -> Result<Vec<Test>> {
    let elements = array(element)?.collect::<Result<Vec<_>>>()?;
    let first = elements.first();
    let first = match first.filter(|first| first.ty == ty::DOCUMENT) {
        Some(first) => Elements::new(first.value)?.next().transpose()?,
        None => None,
    };
    let levels = levels.down()?;
    if first.is_some_and(|first| first.name == b"$elemMatch") {
        return elements.iter().map(|element| inner_elem_match(element, levels)).collect();
    }
    let mut tests = vec![];
    for element in elements {
        if is_operators(element.val(), Reference::Any)? {
            return Err(bad_value("no $ expressions in $all"));
        }
        tests.push(match element.ty {
            ty::REGEX => Test::Regex(Pattern::of_regex(element.val())?),
            _ => Test::Eq(operand(&element)?),
        });
    }
    Ok(tests)
}

fn inner_elem_match(element: &Element<'_>, levels: Levels<'_>) -> Result<Test> {
    let inner = match element.ty {
        ty::DOCUMENT => Elements::new(element.value)?.next().transpose()?,
        _ => None,
    };
    match inner {
        Some(inner) if inner.name == b"$elemMatch" => elem_match(&inner, levels),
        _ => Err(bad_value("$all/$elemMatch has to be consistent")),
    }
}

/// Parses an `$elemMatch`.
pub(super) fn elem_match(element: &Element<'_>, levels: Levels<'_>) -> Result<Test> {
    if element.ty != ty::DOCUMENT {
        return Err(bad_value("$elemMatch needs an Object"));
    }
    let levels = levels.for_elements()?;
    let first = Elements::new(element.value)?.next().transpose()?;
    let is_on_values = is_operators(element.val(), Reference::Any)?
        && first.is_some_and(|first| !is_on_documents(first.name));
    Ok(match is_on_values {
        true => Test::ElemMatchValue(tests("", element.value, levels)?),
        false => Test::ElemMatchObject(clauses(element.value, levels)?),
    })
}

fn size(element: &Element<'_>) -> Result<u32> {
    let Some(number) = element.val().as_number() else {
        return Err(bad_value("$size needs a number"));
    };
    let Some(number) = number.to_i64() else {
        return Err(bad_value("$size must be a whole number"));
    };
    let Ok(number) = i32::try_from(number) else {
        return Err(bad_value("$size must be representable as a 32-bit integer"));
    };
    u32::try_from(number).map_err(|_| bad_value("$size may not be negative"))
}
