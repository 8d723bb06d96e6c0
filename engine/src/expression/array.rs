//! Arrays: `$size`, `$arrayElemAt`, `$first`, `$last`, `$slice`, `$concatArrays`, `$in`,
//! `$indexOfArray`, `$range`, `$reverseArray`, `$isArray`.

use super::comparison::compare;
use super::computed::{ArrayBuilder, Computed, array_of};
use super::decimal::{self, Rounding};
use super::node::{Frame, Node};
use super::operator::{Operator, Takes};
use super::parse::location;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

pub(super) const OPERATORS: &[Operator] = &[
    Operator::one("$size", size),
    Operator::two("$arrayElemAt", |array, place| element_at("$arrayElemAt", &array, &place)),
    Operator::one("$first", |array| element_at("$first", &array, &Computed::int(0))),
    Operator::one("$last", |array| element_at("$last", &array, &Computed::int(-1))),
    Operator::all("$slice", Takes::Between(2, 3), slice),
    Operator::all("$concatArrays", Takes::Any, concat),
    Operator::two("$in", contains),
    Operator::all("$indexOfArray", Takes::Between(2, 4), index_of),
    Operator::all("$range", Takes::Between(2, 3), range),
    Operator::one("$reverseArray", reverse),
    Operator::one("$isArray", |value| Ok(Computed::bool(value.is_array()))),
];

/// Memory that `$range` may take, bytes; each number counts for this many.
const RANGE_LEN_MAX: usize = 100 << 20;
const RANGE_NUMBER_LEN: usize = 16;

/// The integer of 32 bits that a number is exactly.
pub(super) fn as_i32(value: &Computed<'_>) -> Option<i32> {
    let whole = match value.as_number() {
        Some(number) => number.to_i64(),
        None => value.as_decimal().and_then(|number| {
            let whole = decimal::quantize(number, 0, Rounding::TowardsZero);
            let is_whole = whole.compare(&number).is_eq();
            decimal::to_i64(whole, Rounding::TowardsZero).filter(|_| is_whole)
        }),
    };
    i32::try_from(whole?).ok()
}

/// A number that has to be an integer of 32 bits: the error's number and text for another type
/// and for another number, which the type's name or the number follows.
fn integer(
    value: &Computed<'_>,
    (type_code, type_text): (i32, &str),
    (range_code, range_text): (i32, &str),
) -> Result<i32> {
    if !value.is_number() {
        return Err(location(type_code, format!("{type_text}{}", value.type_name())));
    }
    as_i32(value).ok_or_else(|| {
        location(range_code, format!("{range_text}{}", text::value(value.or_null())))
    })
}

/// An index into text or an array that may have been left out.
pub(super) fn index_argument<'a>(
    operator: &str,
    which: &str,
    arg: Option<&'a Node>,
    frame: &mut Frame<'a>,
) -> Result<Option<usize>> {
    let Some(arg) = arg else { return Ok(None) };
    let value = arg.eval(frame)?;
    let Some(index) = as_i32(&value) else {
        let shown = text::value(value.or_null());
        let message = format!(
            "{operator}requires an integral {which} index, found a value of type: {}, with value: \
             {shown}",
            value.type_name()
        );
        return Err(location(40096, message));
    };
    match usize::try_from(index) {
        Ok(index) => Ok(Some(index)),
        Err(_) => {
            let message =
                format!("{operator} requires a nonnegative {which} index, found: {index}");
            Err(location(40097, message))
        }
    }
}

fn count(array: &Computed<'_>) -> Result<usize> {
    let mut count = 0;
    array.each_element(|_| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

fn size<'a>(array: Computed<'a>) -> Result<Computed<'a>> {
    if !array.is_array() {
        let name = array.type_name();
        let message = format!("The argument to $size must be an array, but was of type: {name}");
        return Err(location(17124, message));
    }
    Ok(Computed::int(count(&array)? as i32))
}

fn element_at<'a>(
    operator: &str,
    array: &Computed<'a>,
    place: &Computed<'_>,
) -> Result<Computed<'a>> {
    if array.is_nullish() || place.is_nullish() {
        return Ok(Computed::null());
    }
    if !array.is_array() {
        let name = array.type_name();
        let which = if operator == "$arrayElemAt" { "first argument" } else { "argument" };
        let message = format!("{operator}'s {which} must be an array, but is {name}");
        return Err(location(28689, message));
    }
    let place = integer(
        place,
        (28690, "$arrayElemAt's second argument must be a numeric value, but is "),
        (28691, "$arrayElemAt's second argument must be representable as a 32-bit integer: "),
    )?;
    let place = match place {
        0.. => Some(place as usize),
        _ => count(array)?.checked_sub(place.unsigned_abs() as usize),
    };
    let (mut found, mut i) = (Computed::Missing, 0);
    array.each_element(|element| {
        if Some(i) == place {
            found = element;
        }
        i += 1;
        Ok(())
    })?;
    Ok(found)
}

fn slice<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let array = args[0].eval(frame)?;
    let second = args[1].eval(frame)?;
    if array.is_nullish() || second.is_nullish() {
        return Ok(Computed::null());
    }
    if !array.is_array() {
        let name = array.type_name();
        let message = format!("First argument to $slice must be an array, but is of type: {name}");
        return Err(location(28724, message));
    }
    let second = integer(
        &second,
        (28725, "Second argument to $slice must be a numeric value, but is of type: "),
        (28726, "Second argument to $slice can't be represented as a 32-bit integer: "),
    )?;
    let len = count(&array)?;
    let from_end = len.saturating_sub(second.unsigned_abs() as usize);
    let (start, taken) = match args.get(2) {
        None if second < 0 => (from_end, len),
        None => (0, second as usize),
        Some(third) => {
            let third = third.eval(frame)?;
            if third.is_nullish() {
                return Ok(Computed::null());
            }
            let taken = integer(
                &third,
                (28727, "Third argument to $slice must be numeric, but is of type: "),
                (28728, "Third argument to $slice can't be represented as a 32-bit integer: "),
            )?;
            if taken <= 0 {
                let message = format!("Third argument to $slice must be positive: {taken}");
                return Err(location(28729, message));
            }
            (if second < 0 { from_end } else { second as usize }, taken as usize)
        }
    };
    let (mut out, mut i) = (ArrayBuilder::default(), 0);
    array.each_element(|element| {
        let is_in = i >= start && i - start < taken;
        i += 1;
        if is_in { out.push(element.or_null()) } else { Ok(()) }
    })?;
    Ok(out.finish())
}

fn concat<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let mut out = ArrayBuilder::default();
    for arg in args {
        let array = arg.eval(frame)?;
        if array.is_nullish() {
            return Ok(Computed::null());
        }
        if !array.is_array() {
            let name = array.type_name();
            let message = format!("$concatArrays only supports arrays, not {name}");
            return Err(location(28664, message));
        }
        array.each_element(|element| out.push(element.or_null()))?;
    }
    Ok(out.finish())
}

fn contains<'a>(value: Computed<'a>, array: Computed<'a>) -> Result<Computed<'a>> {
    if !array.is_array() {
        let name = array.type_name();
        let message = format!("$in requires an array as a second argument, found: {name}");
        return Err(location(40081, message));
    }
    let mut found = false;
    array.each_element(|element| {
        found = found || compare(&element, &value).is_eq();
        Ok(())
    })?;
    Ok(Computed::bool(found))
}

fn index_of<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let array = args[0].eval(frame)?;
    if array.is_nullish() {
        return Ok(Computed::null());
    }
    if !array.is_array() {
        let name = array.type_name();
        if args[0].is_constant() && !args[1..].iter().all(Node::is_constant) {
            let message = format!(
                "First operand of $indexOfArray must be an array. First argument is of type: {name}"
            );
            return Err(location(50809, message));
        }
        let message = format!("$indexOfArray requires an array as a first argument, found: {name}");
        return Err(location(40090, message));
    }
    let sought = args[1].eval(frame)?;
    let start = index_argument("$indexOfArray", "starting", args.get(2), frame)?.unwrap_or(0);
    let end = index_argument("$indexOfArray", "ending", args.get(3), frame)?;
    let end = end.unwrap_or(usize::MAX);
    let (mut found, mut i) = (-1, 0);
    array.each_element(|element| {
        if found < 0 && i >= start && i < end && compare(&element, &sought).is_eq() {
            found = i as i32;
        }
        i += 1;
        Ok(())
    })?;
    Ok(Computed::int(found))
}

fn range<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let start = integer(
        &args[0].eval(frame)?,
        (34443, "$range requires a numeric starting value, found value of type: "),
        (
            34444,
            "$range requires a starting value that can be represented as a 32-bit integer, found \
             value: ",
        ),
    )?;
    let end = integer(
        &args[1].eval(frame)?,
        (34445, "$range requires a numeric ending value, found value of type: "),
        (
            34446,
            "$range requires an ending value that can be represented as a 32-bit integer, found \
             value: ",
        ),
    )?;
    let step = match args.get(2) {
        None => 1,
        Some(step) => integer(
            &step.eval(frame)?,
            (34447, "$range requires a numeric step value, found value of type:"),
            (
                34448,
                "$range requires a step value that can be represented as a 32-bit integer, found \
                 value: ",
            ),
        )?,
    };
    if step == 0 {
        return Err(location(34449, "$range requires a non-zero step value"));
    }
    let (start, end, step) = (i64::from(start), i64::from(end), i64::from(step));
    let numbers = ((end - start) / step).max(0) as usize;
    if numbers * RANGE_NUMBER_LEN > RANGE_LEN_MAX {
        let message = format!(
            "$range would use too much memory ({} bytes) and cannot spill to disk. Memory limit: \
             {RANGE_LEN_MAX} bytes",
            numbers * RANGE_NUMBER_LEN
        );
        return Err(Error::refused(Reason::ExceededMemoryLimit, message));
    }
    let mut out = ArrayBuilder::default();
    let mut number = start;
    while if step > 0 { number < end } else { number > end } {
        out.push(Computed::int(number as i32).or_null())?;
        number += step;
    }
    Ok(out.finish())
}

fn reverse<'a>(array: Computed<'a>) -> Result<Computed<'a>> {
    match array.ty() {
        None | Some(ty::NULL | ty::UNDEFINED) => Ok(Computed::null()),
        Some(ty::ARRAY) => array_of(array.elements()?.iter().rev()),
        Some(other) => {
            let message = format!(
                "The argument to $reverseArray must be an array, but was of type: {}",
                ty::name(other)
            );
            Err(location(34435, message))
        }
    }
}
