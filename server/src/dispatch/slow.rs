//! A line of the log for a command that took long: where, what was asked for in outline, what was
//! looked at, and for how long.
//!
//! S1. Values inside of documents are not shown, only the names beside them; nor is what
//!     [`redact`] hides of commands that log in or keep passwords.
//! S2. However long a command is, its line is not: texts and names are cut, and so many shown.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tallymap::bson::element::{Element, Elements, Value as Field};
use tallymap::bson::number::Number;
use tallymap::bson::ty;
use tallymap::{Engine, Examined};

use super::call::Client;
use super::failure::Outcome;
use super::request::Request;
use super::table::{Command, Does};
use crate::auth::redact;

/// Names and values of a command that are shown; the rest is counted.
const PARTS_MAX: usize = 100;
/// Depth down to which a command is shown.
const DEPTH_MAX: usize = 8;
/// Letters of a text, or a name, that are shown.
const TEXT_LEN_MAX: usize = 100;
/// What stands for a value that is not shown.
const HIDDEN: &str = "?";

/// A command that took long.
#[derive(Debug)]
pub struct Slow<'a> {
    /// Who sent it.
    pub client: &'a Client,
    /// As it was sent.
    pub request: &'a Request<'a>,
    /// Its entry in the table.
    pub command: &'a Command,
    /// The database, and the collection if it names one.
    pub place: (&'a str, &'a str),
    /// What this thread had looked at before it began.
    pub examined: Examined,
    /// The time that it took.
    pub took: Duration,
    /// What it came to.
    pub done: &'a Outcome<Vec<u8>>,
}

impl Slow<'_> {
    /// Tells of it, if it is in the sample.
    pub fn tell(&self, engine: &Engine) {
        static SEEN: AtomicU64 = AtomicU64::new(0);
        let rate = engine.slow_sample_rate();
        let n = SEEN.fetch_add(1, Ordering::Relaxed) as f64;
        if ((n + 1.0) * rate).floor() <= (n * rate).floor() {
            return;
        }
        let (database, collection) = self.place;
        let collection = if collection.is_empty() { "$cmd" } else { collection };
        let now = Examined::so_far();
        let looks = self.command.does != Does::Command;
        let keys = looks.then(|| now.keys - self.examined.keys);
        let documents = looks.then(|| now.documents - self.examined.documents);
        let (length, error) = match self.done {
            Ok(reply) => (Some(reply.len()), None),
            Err(failure) => (None, Some(failure.code())),
        };
        let asked_by = self.client.asked_by.borrow();
        tracing::info!(
            target: "COMMAND",
            id = 51803,
            r#type = "command",
            ns = format!("{database}.{}", cut(collection)),
            appName = asked_by.app_name.as_deref(),
            command.json = outline(self.command.name, self.request).to_string(),
            keysExamined = keys,
            docsExamined = documents,
            errCode = error,
            reslen = length,
            remote = self.client.address,
            durationMillis = self.took.as_millis() as u64,
            "Slow query"
        );
    }
}

/// A command without what nobody is to read (S1).
fn outline(name: &str, request: &Request<'_>) -> Value {
    let mut out = Map::new();
    let body = match redact::has_secrets(name) {
        true => Cow::Owned(redact::document(name, request.body())),
        false => Cow::Borrowed(request.body()),
    };
    let mut parts = PARTS_MAX;
    for field in Elements::new(&body).into_iter().flatten().map_while(Result::ok) {
        if matches!(field.name, b"lsid" | b"$clusterTime") {
            continue;
        }
        if !take_part(&mut parts, &mut out) {
            break;
        }
        let value = field.val();
        let value = match value.ty {
            ty::DOCUMENT | ty::ARRAY => shape(value, 1, &mut parts),
            _ => plain(value),
        };
        out.insert(shown(&field), value);
    }
    for name in request.sequence_names() {
        if !take_part(&mut parts, &mut out) {
            break;
        }
        let count = request.sequence_len(name);
        out.insert(cut(name), json!(format!("({count} documents)")));
    }
    Value::Object(out)
}

/// Is there room for another name? Else it is said that there are more.
fn take_part(parts: &mut usize, out: &mut Map<String, Value>) -> bool {
    let left = parts.checked_sub(1);
    match left {
        Some(left) => *parts = left,
        None => drop(out.insert("…".to_owned(), json!("…"))),
    }
    left.is_some()
}

/// The beginning of a text.
fn cut(text: &str) -> String {
    text.chars().take(TEXT_LEN_MAX).collect()
}

/// The name of a field, as it is shown.
fn shown(field: &Element<'_>) -> String {
    // No letter is longer than 4 bytes.
    let name = field.name.get(..4 * TEXT_LEN_MAX).unwrap_or(field.name);
    cut(&String::from_utf8_lossy(name))
}

/// A value of the command itself: a name, a limit, a switch.
fn plain(value: Field<'_>) -> Value {
    if let Some(text) = value.as_str() {
        return json!(cut(text));
    }
    match value.as_number() {
        Some(Number::Int32(number)) => json!(number),
        Some(Number::Int64(number)) => json!(number),
        Some(Number::Double(number)) => json!(number),
        _ if value.ty == ty::BOOL => json!(value.is_true()),
        _ => json!(HIDDEN),
    }
}

/// The names in a document, or how many values are in an array.
fn shape(value: Field<'_>, depth: usize, parts: &mut usize) -> Value {
    if !matches!(value.ty, ty::DOCUMENT | ty::ARRAY) {
        return json!(HIDDEN);
    }
    if depth > DEPTH_MAX {
        return json!("…");
    }
    let elements = || Elements::new(value.bytes).into_iter().flatten().map_while(Result::ok);
    if value.ty == ty::ARRAY {
        let has_documents = |field: &Field<'_>| matches!(field.ty, ty::DOCUMENT | ty::ARRAY);
        let count = elements().count();
        let first = elements().next().map(|first| first.val()).filter(has_documents);
        return match first {
            Some(first) if count == 1 => json!([shape(first, depth + 1, parts)]),
            Some(first) => json!([shape(first, depth + 1, parts), format!("({} more)", count - 1)]),
            None => json!(format!("({count} values)")),
        };
    }
    let mut out = Map::new();
    for field in elements() {
        if !take_part(parts, &mut out) {
            break;
        }
        let value = shape(field.val(), depth + 1, parts);
        out.insert(shown(&field), value);
    }
    Value::Object(out)
}

#[cfg(test)]
mod tests {
    use bson::{RawDocument, rawdoc};

    use super::*;

    fn outlined(command: &RawDocument) -> String {
        let request = Request::new(command.as_bytes(), Vec::new()).expect("a command");
        let name = request.command().expect("a name").name_lossy().into_owned();
        outline(&name, &request).to_string()
    }

    #[test]
    fn names_are_shown_and_values_are_not() {
        let find = rawdoc! {
            "find": "c", "filter": { "email": "a@b.c", "at": { "$gt": 5 }, "x": { "$in": [1, 2] } },
            "limit": 3, "lsid": { "id": 1 }, "$db": "d",
        };
        let expected = concat!(
            r#"{"find":"c","filter":{"email":"?","at":{"$gt":"?"},"x":{"$in":"(2 values)"}},"#,
            r#""limit":3,"$db":"d"}"#
        );
        assert_eq!(outlined(&find), expected);
        let aggregate = rawdoc! {
            "aggregate": "c", "pipeline": [{ "$match": { "a": "secret" } }, { "$limit": 1 }],
        };
        let expected = r#"{"aggregate":"c","pipeline":[{"$match":{"a":"?"}},"(1 more)"]}"#;
        assert_eq!(outlined(&aggregate), expected);
    }

    #[test]
    fn what_is_said_to_log_in_is_not_shown() {
        let command = rawdoc! { "createUser": "ann", "pwd": "secret", "roles": [] };
        assert_eq!(outlined(&command), r#"{"createUser":"ann","pwd":"xxx","roles":"(0 values)"}"#);
        let command = rawdoc! { "saslStart": 1, "payload": "secret", "mechanism": "PLAIN" };
        assert_eq!(outlined(&command), r#"{"saslStart":1,"payload":"xxx","mechanism":"PLAIN"}"#);
    }

    #[test]
    fn long_and_deep_commands_are_cut() {
        let filter: bson::Document = (0..1000).map(|n| (format!("f{n}"), n.into())).collect();
        let filter = bson::RawDocumentBuf::try_from(&filter).expect("a document");
        let text = outlined(&rawdoc! { "find": "c".repeat(1000), "filter": filter });
        assert!(text.len() < 2000 && text.contains("…"), "{text}");
        let mut deep = rawdoc! { "x": 1 };
        (0..100).for_each(|_| deep = rawdoc! { "x": deep.clone() });
        assert!(outlined(&rawdoc! { "find": "c", "filter": deep }).len() < 200);
        let name = |name: String| bson::raw::CString::try_from(name).expect("a name");
        let mut wide = rawdoc! { "ping": 1 };
        (0..1000).for_each(|n| wide.append(name(format!("f{n}")), n));
        let text = outlined(&wide);
        assert!(text.len() < 2000 && text.contains("…") && text.contains("f98"), "{text}");
        let (mut named, long) = (rawdoc! { "ping": 1 }, name("ä".repeat(1000)));
        named.append(&long, rawdoc! { "x": 1 });
        let text = outlined(&rawdoc! { "ping": 1, "filter": named.clone() });
        assert!(text.len() < 500 && text.contains(&"ä".repeat(TEXT_LEN_MAX)), "{text}");
        let text = outlined(&named);
        assert!(text.len() < 500 && text.contains(&"ä".repeat(TEXT_LEN_MAX)), "{text}");
    }
}
