//! Does a document match a filter? Asked anew for each document; nothing is prepared.

use bson::{Bson, Document};

use super::expression::{self, Scope};
use super::paths::values;
use super::{NO_OPINION, Naive};
use crate::order::{compare, float, rank};

/// Does `doc` match?
///
/// # Errors
/// What the filter is refused with; or no opinion.
pub fn matches(doc: &Document, filter: &Document) -> Naive<bool> {
    let mut all = true;
    for (name, wanted) in filter {
        all &= match name.as_str() {
            "$comment" => true,
            "$and" => branches(doc, wanted)?.iter().all(|matched| *matched),
            "$or" => branches(doc, wanted)?.iter().any(|matched| *matched),
            "$nor" => !branches(doc, wanted)?.iter().any(|matched| *matched),
            "$expr" => {
                let value = expression::evaluate(wanted, &Scope::new(doc))?;
                expression::is_true(value.as_ref())
            }
            name if name.starts_with('$') => return Err(NO_OPINION),
            path => predicate(doc, path, wanted)?,
        };
    }
    Ok(all)
}

fn branches(doc: &Document, filters: &Bson) -> Naive<Vec<bool>> {
    let filters = filters.as_array().filter(|list| !list.is_empty()).ok_or(NO_OPINION)?;
    let one = |filter: &Bson| matches(doc, filter.as_document().ok_or(NO_OPINION)?);
    filters.iter().map(one).collect()
}

/// Are these operators, and not a document to be equal to?
pub fn is_operators(value: &Bson) -> Option<&Document> {
    value.as_document().filter(|doc| doc.keys().next().is_some_and(|name| name.starts_with('$')))
}

fn predicate(doc: &Document, path: &str, wanted: &Bson) -> Naive<bool> {
    let Some(operators) = is_operators(wanted) else {
        return match wanted {
            Bson::RegularExpression(regex) => {
                let (pattern, options) = (regex.pattern.as_str(), regex.options.as_str());
                any(doc, path, &|value| Ok(finds(value, pattern, options, wanted)))
            }
            wanted => any(doc, path, &|value| Ok(equals(value, wanted))),
        };
    };
    let at = |expand| values(doc, path, expand);
    let mut all = true;
    for (name, operand) in operators {
        all &= operator(&at, name, operand, operators)?;
    }
    Ok(all)
}

type Test<'t> = &'t dyn Fn(Option<&Bson>) -> Naive<bool>;

fn any(doc: &Document, path: &str, test: Test<'_>) -> Naive<bool> {
    any_of(&values(doc, path, true), test)
}

fn any_of(values: &[Option<&Bson>], test: Test<'_>) -> Naive<bool> {
    values.iter().try_fold(false, |found, value| Ok(found | test(*value)?))
}

/// Does a value satisfy operators, arrays being whole values, as `$elemMatch` asks of elements?
fn element_satisfies(value: &Bson, operators: &Document) -> Naive<bool> {
    let at = |_| vec![Some(value)];
    let mut all = true;
    for (name, operand) in operators {
        all &= operator(&at, name, operand, operators)?;
    }
    Ok(all)
}

fn operator<'v>(
    at: &dyn Fn(bool) -> Vec<Option<&'v Bson>>,
    name: &str,
    operand: &Bson,
    all: &Document,
) -> Naive<bool> {
    let any = |test: Test<'_>| any_of(&at(true), test);
    match name {
        "$eq" => any(&|value| Ok(equals(value, operand))),
        "$ne" if matches!(operand, Bson::RegularExpression(_)) => Err(NO_OPINION),
        "$ne" => Ok(!any(&|value| Ok(equals(value, operand)))?),
        "$gt" | "$gte" | "$lt" | "$lte" if matches!(operand, Bson::RegularExpression(_)) => {
            Err(NO_OPINION)
        }
        "$gt" | "$gte" | "$lt" | "$lte" => any(&|value| Ok(ranges(value, name, operand))),
        "$in" => any(&|value| is_in(value, operand)),
        "$nin" => Ok(!any(&|value| is_in(value, operand))?),
        "$exists" => {
            let exists = any(&|value| Ok(value.is_some()))?;
            Ok(exists == expression::is_true(Some(operand)))
        }
        "$type" => any(&|value| is_of_type(value, operand)),
        "$mod" => any(&|value| modulo(value, operand)),
        "$regex" => {
            let (pattern, own) = match operand {
                Bson::String(pattern) => (pattern.as_str(), ""),
                Bson::RegularExpression(regex) => (regex.pattern.as_str(), regex.options.as_str()),
                _ => return Err(NO_OPINION),
            };
            let options = all.get_str("$options").unwrap_or(own);
            compiled(pattern, options).ok_or(NO_OPINION)?;
            any(&|value| Ok(finds(value, pattern, options, operand)))
        }
        "$options" if all.contains_key("$regex") => Ok(true),
        "$not" => match operand {
            Bson::RegularExpression(regex) => {
                let (pattern, options) = (regex.pattern.as_str(), regex.options.as_str());
                Ok(!any(&|value| Ok(finds(value, pattern, options, operand)))?)
            }
            operand => {
                let inner = is_operators(operand).ok_or(NO_OPINION)?;
                let each = inner.iter().map(|(name, value)| operator(at, name, value, inner));
                Ok(!each.collect::<Naive<Vec<bool>>>()?.into_iter().all(|matched| matched))
            }
        },
        "$all" => every(at, operand),
        "$elemMatch" => {
            let filter = operand.as_document().ok_or(NO_OPINION)?;
            any_of(&at(false), &|value| Ok(first_element(value, filter)?.is_some()))
        }
        "$size" => {
            let size = float(operand).filter(|size| *size >= 0.0).ok_or(NO_OPINION)?;
            let has = |value: Option<&Bson>| {
                Ok(value.and_then(Bson::as_array).is_some_and(|array| array.len() as f64 == size))
            };
            any_of(&at(false), &has)
        }
        "$bitsAllSet" | "$bitsAnySet" | "$bitsAllClear" | "$bitsAnyClear" => {
            let wanted = mask(operand)?;
            any(&|value| Ok(bits(value, name, &wanted)))
        }
        _ => Err(NO_OPINION),
    }
}

/// Null stands for what is missing.
pub fn equals(value: Option<&Bson>, wanted: &Bson) -> bool {
    match value {
        None => *wanted == Bson::Null,
        Some(value) => compare(value, wanted).is_eq(),
    }
}

fn ranges(value: Option<&Bson>, name: &str, operand: &Bson) -> bool {
    let Some(value) = value else {
        return *operand == Bson::Null && name.ends_with('e')
            || *operand == Bson::MaxKey && name.starts_with("$l")
            || *operand == Bson::MinKey && name.starts_with("$g");
    };
    let nan = |value: &Bson| float(value).is_some_and(f64::is_nan);
    if rank(value) == rank(operand) && (nan(value) || nan(operand)) {
        return name.ends_with('e') && nan(value) && nan(operand);
    }
    let any_type = matches!(operand, Bson::MinKey | Bson::MaxKey);
    if rank(value) != rank(operand) && !any_type {
        return false;
    }
    let order = compare(value, operand);
    match name {
        "$gt" => order.is_gt(),
        "$gte" => order.is_ge(),
        "$lt" => order.is_lt(),
        _ => order.is_le(),
    }
}

fn is_in(value: Option<&Bson>, operand: &Bson) -> Naive<bool> {
    let wanted = operand.as_array().ok_or(NO_OPINION)?;
    if wanted.iter().any(|wanted| is_operators(wanted).is_some()) {
        return Err(NO_OPINION);
    }
    Ok(wanted.iter().any(|wanted| match wanted {
        Bson::RegularExpression(regex) => {
            finds(value, regex.pattern.as_str(), regex.options.as_str(), wanted)
        }
        wanted => equals(value, wanted),
    }))
}

fn every<'v>(at: &dyn Fn(bool) -> Vec<Option<&'v Bson>>, operand: &Bson) -> Naive<bool> {
    let wanted = operand.as_array().ok_or(NO_OPINION)?;
    let mut all = !wanted.is_empty();
    let matching =
        |value: &Bson| is_operators(value).is_some_and(|value| value.contains_key("$elemMatch"));
    for one in wanted {
        all &= match is_operators(one) {
            Some(elements) if wanted.iter().all(matching) => {
                operator(at, "$elemMatch", &elements["$elemMatch"], elements)?
            }
            Some(_) => return Err(NO_OPINION),
            None => any_of(&at(true), &|value| is_in(value, &Bson::Array(vec![one.clone()])))?,
        };
    }
    Ok(all)
}

/// The place of the first element of an array that satisfies what `$elemMatch` asks.
pub fn first_element(value: Option<&Bson>, filter: &Document) -> Naive<Option<usize>> {
    let is_filter = |name: &str| !name.starts_with('$') || matches!(name, "$and" | "$or" | "$nor");
    let by_fields = filter.keys().next().is_none_or(|name| is_filter(name));
    if by_fields {
        // Refused or not, whether or not there are elements.
        matches(&Document::new(), filter)?;
    } else {
        element_satisfies(&Bson::Null, filter)?;
    }
    let Some(Bson::Array(array)) = value else { return Ok(None) };
    for (place, element) in array.iter().enumerate() {
        let matched = match element {
            element if !by_fields => element_satisfies(element, filter)?,
            Bson::Document(element) => matches(element, filter)?,
            Bson::Array(elements) => {
                let fields = elements.iter().enumerate().map(|(n, v)| (n.to_string(), v.clone()));
                matches(&fields.collect(), filter)?
            }
            _ => false,
        };
        if matched {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

fn compiled(pattern: &str, options: &str) -> Option<fancy_regex::Regex> {
    let prefix = if options.is_empty() { String::new() } else { format!("(?{options})") };
    fancy_regex::Regex::new(&format!("{prefix}{pattern}")).ok()
}

/// Is the pattern found in a text? An equal regular expression is a match, too.
fn finds(value: Option<&Bson>, pattern: &str, options: &str, regex: &Bson) -> bool {
    match value {
        Some(Bson::String(text)) => {
            compiled(pattern, options).is_some_and(|regex| regex.is_match(text).unwrap_or(false))
        }
        Some(Bson::RegularExpression(other)) => match regex {
            Bson::RegularExpression(regex) => regex == other,
            _ => other.pattern.as_str() == pattern && other.options.as_str() == options,
        },
        _ => false,
    }
}

/// The name of a value's type.
pub fn type_name(value: &Bson) -> &'static str {
    match value {
        Bson::Double(_) => "double",
        Bson::String(_) => "string",
        Bson::Document(_) => "object",
        Bson::Array(_) => "array",
        Bson::Binary(_) => "binData",
        Bson::Undefined => "undefined",
        Bson::ObjectId(_) => "objectId",
        Bson::Boolean(_) => "bool",
        Bson::DateTime(_) => "date",
        Bson::Null => "null",
        Bson::RegularExpression(_) => "regex",
        Bson::Int32(_) => "int",
        Bson::Timestamp(_) => "timestamp",
        Bson::Int64(_) => "long",
        Bson::Decimal128(_) => "decimal",
        Bson::MinKey => "minKey",
        Bson::MaxKey => "maxKey",
        _ => "other",
    }
}

fn is_of_type(value: Option<&Bson>, operand: &Bson) -> Naive<bool> {
    const NUMBERED: [(i32, &str); 17] = [
        (1, "double"),
        (2, "string"),
        (3, "object"),
        (4, "array"),
        (5, "binData"),
        (6, "undefined"),
        (7, "objectId"),
        (8, "bool"),
        (9, "date"),
        (10, "null"),
        (11, "regex"),
        (16, "int"),
        (17, "timestamp"),
        (18, "long"),
        (19, "decimal"),
        (-1, "minKey"),
        (127, "maxKey"),
    ];
    let one = |wanted: &Bson| -> Naive<bool> {
        let name = match wanted {
            Bson::String(name) => name.as_str(),
            Bson::Int32(number) => {
                let known = NUMBERED.iter().find(|(other, _)| other == number);
                known.ok_or(NO_OPINION)?.1
            }
            _ => return Err(NO_OPINION),
        };
        let known = name == "number" || NUMBERED.iter().any(|(_, other)| *other == name);
        let Some(value) = value else { return if known { Ok(false) } else { Err(NO_OPINION) } };
        match known {
            true if name == "number" => Ok(float(value).is_some()),
            true => Ok(type_name(value) == name),
            false => Err(NO_OPINION),
        }
    };
    match operand {
        Bson::Array(list) => list.iter().try_fold(false, |found, wanted| Ok(found | one(wanted)?)),
        wanted => one(wanted),
    }
}

fn modulo(value: Option<&Bson>, operand: &Bson) -> Naive<bool> {
    let operand = operand.as_array().filter(|list| list.len() == 2).ok_or(NO_OPINION)?;
    let whole = |value: &Bson| float(value).map(f64::trunc).filter(|n| n.abs() < 9.2e18);
    let by = whole(&operand[0]).filter(|by| *by != 0.0).ok_or(NO_OPINION)? as i64;
    let rest = whole(&operand[1]).ok_or(NO_OPINION)? as i64;
    let value = match value {
        Some(Bson::Int64(value)) => Some(*value),
        Some(value) => whole(value).map(|value| value as i64),
        None => None,
    };
    Ok(value.is_some_and(|value| value.checked_rem(by).unwrap_or(0) == rest))
}

fn mask(operand: &Bson) -> Naive<Vec<u32>> {
    match operand {
        Bson::Array(places) => {
            let place = |place: &Bson| place.as_i32().and_then(|n| u32::try_from(n).ok());
            places.iter().map(|n| place(n).ok_or(NO_OPINION)).collect()
        }
        Bson::Int32(mask) if *mask >= 0 => {
            Ok((0..32).filter(|bit| mask & (1 << bit) != 0).collect())
        }
        _ => Err(NO_OPINION),
    }
}

/// A decimal's whole part, any other value as it is: so bits are asked for.
fn whole_decimal(value: &Bson) -> Bson {
    match value {
        Bson::Decimal128(_) => Bson::Double(float(value).unwrap_or(f64::NAN).trunc()),
        other => other.clone(),
    }
}

fn bits(value: Option<&Bson>, name: &str, wanted: &[u32]) -> bool {
    let integer = |n: f64| (n.fract() == 0.0 && n.abs() < 9.2e18).then_some(n as i64);
    let is_set: Box<dyn Fn(u32) -> bool> = match value {
        Some(Bson::Binary(binary)) => {
            let bytes = binary.bytes.clone();
            let byte = move |bit: u32| bytes.get(bit as usize / 8).copied().unwrap_or(0);
            Box::new(move |bit| byte(bit) & (1 << (bit % 8)) != 0)
        }
        Some(Bson::Int64(value)) => {
            let value = *value;
            Box::new(move |bit| value & (1 << bit.min(63)) != 0)
        }
        Some(value) => match float(&whole_decimal(value)).and_then(integer) {
            Some(value) => Box::new(move |bit| value & (1 << bit.min(63)) != 0),
            None => return false,
        },
        None => return false,
    };
    let mut set = wanted.iter().map(|bit| is_set(*bit));
    match name {
        "$bitsAllSet" => set.all(|set| set),
        "$bitsAnySet" => set.any(|set| set),
        "$bitsAllClear" => set.all(|set| !set),
        _ => set.any(|set| !set),
    }
}
