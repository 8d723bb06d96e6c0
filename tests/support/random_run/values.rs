//! Random documents, filters, operators and indexes: few names and values, so that they meet.

use crate::evaluate::Op;
use crate::keys::ModelIndex;
use crate::seed::Seed;
use bson::{Array, Bson, Document, doc};

const OPERATORS: [&str; 9] =
    ["$inc", "$inc", "$inc", "$mul", "$set", "$set", "$unset", "$min", "$max"];
const PATHS: [&str; 22] = [
    "a", "b", "sub.x", "sub.x", "sub.y", "sub.z.q", "list.0", "list.3", "list.1.v", "list.v",
    "pad", "pad", "g", "u", "n", "n", "m.1.7", "m.1.8", "m.23.59", "m.0", "list", "pad.x",
];

/// An `_id`: often one that was used before; 3 and 3.0 are the same.
pub fn id(seed: &mut Seed) -> Bson {
    let n = seed.below(220) as i32;
    match seed.below(12) {
        0 => Bson::Double(f64::from(n)),
        1 => Bson::Int64(i64::from(n)),
        2..5 => Bson::String(format!("2010-10-{n}/site-{}", n % 3)),
        5 => doc! { "site": n % 50, "day": "x" }.into(),
        _ => Bson::Int32(n),
    }
}

fn number(seed: &mut Seed) -> Bson {
    let n = seed.below(9) as i32 - 3;
    match seed.below(6) {
        0 => Bson::Int64(i64::from(n)),
        1 => Bson::Double(f64::from(n) / 2.0),
        2 if n > 3 => Bson::Int32(i32::MAX - n),
        _ => Bson::Int32(n),
    }
}

fn text(seed: &mut Seed) -> String {
    let longest = seed.pick(&[3, 20, 200, 900, 4000]);
    "x".repeat(seed.below(longest) as usize)
}

fn scalar(seed: &mut Seed) -> Bson {
    match seed.below(6) {
        0 => Bson::Null,
        1 => seed.pick(&["", "k", "key", "kez"]).into(),
        2 => Bson::Boolean(seed.one_in(2)),
        _ => number(seed),
    }
}

fn list(seed: &mut Seed) -> Array {
    let element = |seed: &mut Seed| match seed.below(3) {
        0 => doc! { "v": number(seed), "w": 1 }.into(),
        1 => doc! { "v": [1, number(seed)] }.into(),
        _ => scalar(seed),
    };
    (0..seed.below(5)).map(|_| element(seed)).collect()
}

fn value(seed: &mut Seed) -> Bson {
    match seed.below(8) {
        0 => Bson::Array(list(seed)),
        1 => doc! { "x": scalar(seed), "q": number(seed) }.into(),
        _ => scalar(seed),
    }
}

/// The fields of a document without its `_id`.
pub fn fields(seed: &mut Seed) -> Document {
    let mut out = Document::new();
    if !seed.one_in(6) {
        out.insert("a", value(seed));
    }
    out.insert("g", seed.below(12) as i32);
    if !seed.one_in(3) {
        out.insert("b", scalar(seed));
    }
    if !seed.one_in(3) {
        out.insert("sub", doc! { "x": scalar(seed), "y": number(seed), "z": { "q": 0 } });
    }
    if seed.one_in(2) {
        out.insert("list", list(seed));
    }
    if seed.one_in(2) {
        out.insert("u", seed.below(3000) as i32);
    }
    if seed.one_in(2) {
        out.insert("m", doc! { "0": 0, "1": { "7": 0, "8": 0 }, "23": { "59": 0_i64 } });
    }
    out.insert("pad", text(seed));
    out
}

/// One to four operators.
pub fn ops(seed: &mut Seed) -> Vec<Op> {
    let count = 1 + seed.below(4);
    let op = |_| {
        let operator = seed.pick(&OPERATORS);
        let path = seed.pick(&PATHS).to_owned();
        let operand = match (operator, path.as_str()) {
            ("$inc" | "$mul", _) => number(seed),
            ("$set", "pad") => text(seed).into(),
            ("$set", "list") => list(seed).into(),
            _ => value(seed),
        };
        Op { operator, path, operand }
    };
    let mut ops: Vec<Op> = (0..count).map(op).collect();
    if seed.one_in(6) {
        ops.push(Op {
            operator: "$setOnInsert",
            path: seed.pick(&["a", "m.1.7", "new.x"]).to_owned(),
            operand: scalar(seed),
        });
    }
    // One operator holds a path once.
    let mut seen = std::collections::HashSet::new();
    ops.retain(|op| seen.insert((op.operator, op.path.clone())));
    ops
}

/// An index on one of a few patterns; its name follows from the pattern.
pub fn index(seed: &mut Seed) -> ModelIndex {
    let patterns: [&[(&str, i32)]; 9] = [
        &[("a", 1)],
        &[("b", -1)],
        &[("list", 1)],
        &[("list.v", -1)],
        &[("sub.x", 1), ("b", -1)],
        &[("g", -1), ("a", 1), ("u", 1)],
        &[("u", 1)],
        &[("a", 1), ("list.v", 1)],
        &[("m.1", 1)],
    ];
    let fields = seed.pick(&patterns).iter().map(|(path, way)| (path.to_string(), *way));
    let fields: Vec<_> = fields.collect();
    let parts: Vec<_> = fields.iter().map(|(path, way)| format!("{path}_{way}")).collect();
    let is_u = fields[0].0 == "u";
    ModelIndex {
        name: parts.join("_"),
        unique: is_u || seed.one_in(4),
        sparse: is_u || seed.one_in(3),
        fields,
        multikey: false,
    }
}
