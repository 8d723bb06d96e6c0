//! `$let`, and what evaluates an expression for each element of an array: `$map`, `$filter`,
//! `$reduce`; `$zip`.

use super::computed::{ArrayBuilder, Computed, array_of, check_len};
use super::node::{Frame, Node};
use super::operator::{Names, Operator, Takes};
use super::parse::{Parser, check_variable, location, name_of, named};
use crate::bson::document::check_depth;
use crate::bson::element::{Elements, Value};
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};

// Names are refused as unknown where these are not parsed by the functions below.
pub(super) const OPERATORS: &[Operator] = &[];

static LET: Operator = Operator::all("$let", Takes::Any, run_let);
static MAP: Operator = Operator::all("$map", Takes::Any, run_map);
static FILTER: Operator = Operator::all("$filter", Takes::Any, run_filter);
static REDUCE: Operator = Operator::all("$reduce", Takes::Any, run_reduce);
static ZIP: Operator = Operator::all("$zip", Takes::Any, run_zip);

const LET_NAMES: Names = Names {
    names: &["vars", "in"],
    not_object: (16874, "% only supports an object as its argument", false),
    unknown: (16875, "Unrecognized parameter to %: "),
    needed: &[
        (0, 16876, "Missing 'vars' parameter to %"),
        (1, 16877, "Missing 'in' parameter to %"),
    ],
};

const MAP_NAMES: Names = Names {
    names: &["input", "in", "as"],
    not_object: (16878, "% only supports an object as its argument", false),
    unknown: (16879, "Unrecognized parameter to %: "),
    needed: &[
        (0, 16880, "Missing 'input' parameter to %"),
        (1, 16882, "Missing 'in' parameter to %"),
    ],
};

const FILTER_NAMES: Names = Names {
    names: &["input", "cond", "as"],
    not_object: (28646, "% only supports an object as its argument", false),
    unknown: (28647, "Unrecognized parameter to %: "),
    needed: &[
        (0, 28648, "Missing 'input' parameter to %"),
        (1, 28650, "Missing 'cond' parameter to %"),
    ],
};

const REDUCE_NAMES: Names = Names {
    names: &["input", "in", "initialValue"],
    not_object: (40075, "% requires an object as an argument, found: ", true),
    unknown: (40076, "% found an unknown argument: "),
    needed: &[
        (0, 40077, "% requires 'input' to be specified"),
        (2, 40078, "% requires 'initialValue' to be specified"),
        (1, 40079, "% requires 'in' to be specified"),
    ],
};

const ZIP_NAMES: Names = Names {
    names: &["inputs", "defaults", "useLongestLength"],
    not_object: (34460, "% only supports an object as an argument, found ", true),
    unknown: (34464, "% found an unknown argument: "),
    needed: &[],
};

pub(super) fn parse_let(parser: &mut Parser<'_>, value: Value<'_>) -> Result<Node> {
    let parts = named("$let", &LET_NAMES, value)?;
    let [Some(vars), Some(inner)] = parts[..] else { return Err(internal()) };
    // An array has fields too, though none that may be a variable.
    if !matches!(vars.ty, ty::DOCUMENT | ty::ARRAY) {
        return Err(location(10065, "invalid parameter: expected an object (vars)"));
    }
    let (mut names, mut nodes) = (vec![], vec![]);
    for var in Elements::new(vars.bytes)? {
        let var = var?;
        let name = name_of(&var)?;
        check_variable(name, true)?;
        names.push(name);
        nodes.push(parser.operand(var.val())?);
    }
    nodes.push(parser.with_locals(&names, inner)?);
    Ok(Node::Call(&LET, nodes.into()))
}

/// The parser has seen to it that what is needed is there.
fn internal() -> Error {
    Error::refused(Reason::InternalError, "an argument is missing")
}

pub(super) fn parse_loop(parser: &mut Parser<'_>, name: &str, value: Value<'_>) -> Result<Node> {
    let (operator, names) = match name {
        "$map" => (&MAP, &MAP_NAMES),
        "$filter" => (&FILTER, &FILTER_NAMES),
        _ => (&REDUCE, &REDUCE_NAMES),
    };
    let parts = named(name, names, value)?;
    let [Some(input), Some(inner), third] = parts[..] else { return Err(internal()) };
    let input = parser.operand(input)?;
    if name == "$reduce" {
        let initial = parser.optional(third)?;
        let inner = parser.with_locals(&["value", "this"], inner)?;
        return Ok(Node::Call(operator, [input, inner, initial].into()));
    }
    let variable = match third {
        None => "this",
        Some(value) => value.as_str().unwrap_or_default(),
    };
    check_variable(variable, true)?;
    let inner = parser.with_locals(&[variable], inner)?;
    Ok(Node::Call(operator, [input, inner].into()))
}

fn run_let<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let Some((inner, vars)) = args.split_last() else { return Err(internal()) };
    let before = frame.locals.len();
    // They do not know each other: all are evaluated before one is known.
    let values = vars.iter().map(|var| var.eval(frame)).collect::<Result<Vec<_>>>()?;
    // Each may wrap one from further out.
    values.iter().try_for_each(|value| check_depth(0, value.or_null()))?;
    frame.locals.extend(values);
    let value = inner.eval(frame);
    frame.locals.truncate(before);
    value
}

/// The array to go through; `None` if it is null.
fn input<'a>(operator: &str, code: i32, value: Computed<'a>) -> Result<Option<Computed<'a>>> {
    if value.is_nullish() {
        return Ok(None);
    }
    if !value.is_array() {
        let name = value.type_name();
        return Err(location(code, format!("input to {operator} must be an array not {name}")));
    }
    Ok(Some(value))
}

fn run_map<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let Some(array) = input("$map", 16883, args[0].eval(frame)?)? else {
        return Ok(Computed::null());
    };
    let mut out = ArrayBuilder::default();
    array.each_element(|element| {
        frame.locals.push(element);
        let value = args[1].eval(frame)?;
        frame.locals.pop();
        out.push(value.or_null())
    })?;
    Ok(out.finish())
}

fn run_filter<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let Some(array) = input("$filter", 28651, args[0].eval(frame)?)? else {
        return Ok(Computed::null());
    };
    let mut out = ArrayBuilder::default();
    array.each_element(|element| {
        frame.locals.push(element);
        let holds = args[1].eval(frame)?.is_true();
        match frame.locals.pop() {
            Some(element) if holds => out.push(element.or_null()),
            _ => Ok(()),
        }
    })?;
    Ok(out.finish())
}

fn run_reduce<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let array = args[0].eval(frame)?;
    if array.is_nullish() {
        return Ok(Computed::null());
    }
    if !array.is_array() {
        let shown = text::value(array.or_null());
        let message = format!("$reduce requires that 'input' be an array, found: {shown}");
        return Err(location(40080, message));
    }
    let mut value = args[2].eval(frame)?;
    array.each_element(|element| {
        frame.locals.push(std::mem::replace(&mut value, Computed::Missing));
        frame.locals.push(element);
        value = args[1].eval(frame)?;
        frame.locals.truncate(frame.locals.len() - 2);
        check_len(value.or_null().bytes.len())?;
        check_depth(0, value.or_null())
    })?;
    Ok(value)
}

/// The arguments of `$zip` as they are run: whether to be as long as the longest, how many
/// inputs, the inputs, the defaults.
pub(super) fn parse_zip(parser: &mut Parser<'_>, value: Value<'_>) -> Result<Node> {
    let parts = named("$zip", &ZIP_NAMES, value)?;
    let mut list = |value: Option<Value<'_>>, code, name: &str| -> Result<Vec<Node>> {
        let Some(value) = value else { return Ok(vec![]) };
        if value.ty != ty::ARRAY {
            let found = ty::name(value.ty);
            let message = format!("{name} must be an array of expressions, found {found}");
            return Err(location(code, message));
        }
        Elements::new(value.bytes)?.map(|element| parser.operand(element?.val())).collect()
    };
    let inputs = list(parts[0], 34461, "inputs")?;
    let defaults = list(parts[1], 34462, "defaults")?;
    let longest = match parts[2] {
        None => false,
        Some(value) if value.ty == ty::BOOL => value.is_true(),
        Some(value) => {
            let name = ty::name(value.ty);
            return Err(location(34463, format!("useLongestLength must be a bool, found {name}")));
        }
    };
    if inputs.is_empty() {
        return Err(location(34465, "$zip requires at least one input array"));
    }
    if !longest && !defaults.is_empty() {
        return Err(location(34466, "cannot specify defaults unless useLongestLength is true"));
    }
    if !defaults.is_empty() && defaults.len() != inputs.len() {
        return Err(location(34467, "defaults and inputs must have the same length"));
    }
    let constant = |value: Computed<'_>| Node::Literal(value.into_owned());
    let mut nodes =
        vec![constant(Computed::bool(longest)), constant(Computed::int(inputs.len() as i32))];
    nodes.extend(inputs);
    nodes.extend(defaults);
    parser.call(&ZIP, nodes)
}

fn run_zip<'a>(args: &'a [Node], frame: &mut Frame<'a>) -> Result<Computed<'a>> {
    let longest = args[0].eval(frame)?.is_true();
    let count = super::array::as_i32(&args[1].eval(frame)?).unwrap_or(0) as usize;
    let (inputs, defaults) = args[2..].split_at(count);
    let mut arrays = vec![];
    for node in inputs {
        let array = node.eval(frame)?;
        if array.is_nullish() {
            return Ok(Computed::null());
        }
        if !array.is_array() {
            let shown = text::value(array.or_null());
            let message = format!("$zip found a non-array expression in input: {shown}");
            return Err(location(34468, message));
        }
        arrays.push(array.elements()?);
    }
    let defaults = defaults.iter().map(|node| node.eval(frame)).collect::<Result<Vec<_>>>()?;
    let lens = arrays.iter().map(Vec::len);
    let len = if longest { lens.max() } else { lens.min() }.unwrap_or(0);
    let mut out = ArrayBuilder::default();
    let missing = Computed::Missing;
    for i in 0..len {
        let row = arrays
            .iter()
            .enumerate()
            .map(|(n, array)| array.get(i).or_else(|| defaults.get(n)).unwrap_or(&missing));
        out.push(array_of(row)?.or_null())?;
    }
    Ok(out.finish())
}
