//! Requests and what mongod 5.0.4 replied to each, one family of commands a file. The requests of
//! a file are sent in order to a server that is empty at first.
//!
//! Fields of replies have no order here. `"<cursor>"` stands for the cursor that was opened last.
//! What differs, and why, is listed: a reply that no longer differs is an error, too.

use std::path::Path;

use bson::{Bson, Document, RawDocumentBuf};
use serde_json::Value;

use crate::support::dispatcher;

/// The cursor that was opened last.
const CURSOR: &str = "<cursor>";

/// Replies that differ from mongod's: the family, a part of the request, and why.
const DIFFERENT: &[(&str, &str, &str)] = &[
    ("find", "\"showRecordId\": true", "a record's number is its place in these files"),
    (
        "indexes",
        "\"index\": { \"keyPattern\": { \"d\": 1 }, \"expireAfterSeconds\"",
        "a number keeps its type",
    ),
    ("coll_mod", "\"t\": 1 }, \"expireAfterSeconds\": 300 }", "a number keeps its type"),
    ("coll_mod", "\"expireAfterSeconds\": -1 }", "a number keeps its type"),
    ("coll_mod", "\"expireAfterSeconds\": 12 }", "a number keeps its type"),
    ("create", "{ \"locale\": \"xx\" }", "the text has no defaults"),
];

/// What a reply has beside what is compared.
const BESIDE: [&str; 9] = [
    "localTime",
    "connectionId",
    "topologyVersion",
    "host",
    "millis",
    "timeMillis",
    "uuids",
    "syncMillis",
    "userId",
];

#[test]
fn replies_are_those_of_mongod() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/golden");
    let mut wrong = Vec::new();
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    for file in files {
        let family = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).expect("readable");
        wrong.extend(differences(&family, &text));
    }
    assert!(wrong.is_empty(), "{} replies differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn differences(family: &str, text: &str) -> Vec<String> {
    let dispatcher = dispatcher();
    let (mut cursor, mut found) = (0, Vec::new());
    for (at, line) in text.lines().enumerate() {
        let Value::Object(mut line) = serde_json::from_str(line).expect("JSON") else {
            panic!("{family}:{at} is no object")
        };
        let mut take = |name| {
            let value = line.remove(name).expect("request and reply");
            Bson::try_from(value).expect("extended JSON")
        };
        let (mut request, expected) = (take("request"), take("reply"));
        let shown = request.to_string();
        put_cursor(&mut request, cursor);
        let Bson::Document(request) = request else { panic!("{family}:{at} asks nothing") };
        let request = RawDocumentBuf::try_from(&request).expect("a document");
        let reply = dispatcher.run(&request);
        let mut reply = Bson::Document(Document::try_from(&*reply).expect("a document"));
        take_cursor(&mut reply, &mut cursor);
        let is_listed = DIFFERENT.iter().any(|(of, part, _)| *of == family && shown.contains(part));
        let (reply, expected) = (plain(reply), plain(expected));
        if (reply == expected) == is_listed {
            let line = at + 1;
            found.push(format!("{family}:{line} {shown}\n   {reply}\n   {expected}"));
        }
    }
    found
}

/// Puts a cursor's number where one is to be.
fn put_cursor(request: &mut Bson, cursor: i64) {
    match request {
        Bson::String(text) if text == CURSOR => *request = Bson::Int64(cursor),
        Bson::Document(fields) => {
            fields.iter_mut().for_each(|(_, value)| put_cursor(value, cursor));
        }
        Bson::Array(values) => values.iter_mut().for_each(|value| put_cursor(value, cursor)),
        _ => {}
    }
}

/// Takes note of the cursor that a reply opens, and puts the sign for it wherever it stands.
fn take_cursor(reply: &mut Bson, cursor: &mut i64) {
    let opened = reply.as_document().and_then(|reply| reply.get_document("cursor").ok());
    match opened.and_then(|opened| opened.get_i64("id").ok()) {
        Some(id) if id != 0 => *cursor = id,
        _ => {}
    }
    if *cursor != 0 {
        hide_cursor(reply, *cursor);
    }
}

fn hide_cursor(value: &mut Bson, cursor: i64) {
    match value {
        Bson::Int64(number) if *number == cursor => *value = Bson::String(CURSOR.to_owned()),
        Bson::String(text) => *text = text.replace(&cursor.to_string(), CURSOR),
        Bson::Document(fields) => {
            fields.iter_mut().for_each(|(_, value)| hide_cursor(value, cursor));
        }
        Bson::Array(values) => values.iter_mut().for_each(|value| hide_cursor(value, cursor)),
        _ => {}
    }
}

/// A reply with its fields in order of their names, without what is another one each time.
fn plain(value: Bson) -> Bson {
    match value {
        Bson::Document(fields) => {
            let mut fields: Vec<_> =
                fields.into_iter().filter(|(name, _)| !BESIDE.contains(&name.as_str())).collect();
            fields.sort_by(|a, b| a.0.cmp(&b.0));
            let plain_field = |(name, value): (String, Bson)| match name.as_str() {
                // Counts and the like of views have an int.
                "ok" if value == Bson::Int32(1) => (name, Bson::Double(1.0)),
                _ => (name, plain(value)),
            };
            Bson::Document(fields.into_iter().map(plain_field).collect())
        }
        Bson::Array(values) => Bson::Array(values.into_iter().map(plain).collect()),
        other => other,
    }
}
