//! The values that a dotted path leads to, as filters see them.

use bson::{Bson, Document};

/// Values at a path; `None` for a place where a field is missing.
pub type Values<'a> = Vec<Option<&'a Bson>>;

/// A component that is a place in an array.
pub fn place(part: &str) -> Option<usize> {
    let canonical = part == "0" || !part.starts_with('0');
    let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    (canonical && digits).then(|| part.parse().ok()).flatten()
}

/// The values at `path`. With `expand`, an array at its end gives its elements, and itself last.
pub fn values<'a>(doc: &'a Document, path: &str, expand: bool) -> Values<'a> {
    let parts: Vec<&str> = path.split('.').collect();
    let mut out = vec![];
    in_document(doc, &parts, expand, &mut out);
    out
}

fn in_document<'a>(doc: &'a Document, parts: &[&str], expand: bool, out: &mut Values<'a>) {
    match doc.get(parts[0]) {
        None => out.push(None),
        Some(value) if parts.len() == 1 => leaf(value, expand, out),
        Some(Bson::Document(inner)) => in_document(inner, &parts[1..], expand, out),
        Some(Bson::Array(array)) => in_array(array, &parts[1..], expand, out),
        Some(_) => out.push(None),
    }
}

fn leaf<'a>(value: &'a Bson, expand: bool, out: &mut Values<'a>) {
    if let (Bson::Array(array), true) = (value, expand) {
        out.extend(array.iter().map(Some));
    }
    out.push(Some(value));
}

fn in_array<'a>(array: &'a [Bson], parts: &[&str], expand: bool, out: &mut Values<'a>) {
    let at = place(parts[0]).and_then(|place| array.get(place));
    for element in array {
        if let Bson::Document(inner) = element {
            in_document(inner, parts, expand, out);
        }
    }
    match at {
        Some(value) if parts.len() == 1 => out.push(Some(value)),
        Some(Bson::Document(inner)) => in_document(inner, &parts[1..], expand, out),
        Some(Bson::Array(inner)) => in_array(inner, &parts[1..], expand, out),
        _ => {}
    }
}
