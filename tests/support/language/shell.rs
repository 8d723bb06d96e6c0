//! Values as one would type them into the MongoDB shell, with their types.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bson::{Bson, Document};

/// A command, ready to be run.
pub fn command(command: &Document) -> String {
    format!("db.runCommand({})", document(command))
}

/// A document.
pub fn document(document: &Document) -> String {
    let fields = document.iter().map(|(name, val)| format!("{}: {}", key(name), value(val)));
    match document.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{ {} }}", fields.collect::<Vec<_>>().join(", ")),
    }
}

fn key(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
    match !name.is_empty() && name.chars().all(plain) {
        true => name.to_owned(),
        false => format!("{name:?}"),
    }
}

/// A value.
pub fn value(value: &Bson) -> String {
    match value {
        Bson::Int32(n) => n.to_string(),
        Bson::Int64(n) => format!("Long(\"{n}\")"),
        Bson::Double(n) if n.fract() == 0.0 => format!("Double({n:?})"),
        Bson::Double(n) if n.is_finite() => format!("{n:?}"),
        Bson::Double(n) if n.is_nan() => "NaN".to_owned(),
        Bson::Double(n) => if *n > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        Bson::String(text) => format!("{text:?}"),
        Bson::Null => "null".to_owned(),
        Bson::Boolean(truth) => truth.to_string(),
        Bson::DateTime(date) => format!("new Date({})", date.timestamp_millis()),
        Bson::ObjectId(id) => format!("ObjectId(\"{id}\")"),
        Bson::Timestamp(t) => format!("Timestamp({{ t: {}, i: {} }})", t.time, t.increment),
        Bson::Decimal128(decimal) => format!("Decimal128(\"{decimal}\")"),
        Bson::MinKey => "MinKey()".to_owned(),
        Bson::MaxKey => "MaxKey()".to_owned(),
        Bson::RegularExpression(regex) => {
            format!("new RegExp({:?}, {:?})", regex.pattern.as_str(), regex.options.as_str())
        }
        Bson::Binary(binary) => {
            let bytes = STANDARD.encode(&binary.bytes);
            format!("BinData({}, \"{bytes}\")", u8::from(binary.subtype))
        }
        Bson::Array(values) => {
            let values: Vec<String> = values.iter().map(self::value).collect();
            format!("[{}]", values.join(", "))
        }
        Bson::Document(inner) => document(inner),
        other => format!("{other:?}"),
    }
}
