//! Gives a field of a document a value, as `$lookup` and the index of `$unwind` do: what is no
//! document on the way to it, arrays too, becomes one.

use crate::bson::builder::Builder;
use crate::bson::document::check_depth;
use crate::bson::element::{Elements, Value};
use crate::bson::ty;
use crate::error::Result;

/// The document with `value` at `path`, a checked one. A field that is there keeps its place.
pub(super) fn set_path(doc: &[u8], path: &str, value: Value<'_>) -> Result<Vec<u8>> {
    let mut out = Builder::with_capacity(doc.len() + value.bytes.len() + path.len() + 8);
    level(Some(doc), path, value, &mut out)?;
    Ok(out.finish())
}

fn level(doc: Option<&[u8]>, path: &str, value: Value<'_>, out: &mut Builder) -> Result<()> {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let put = |old: Option<&[u8]>, out: &mut Builder| -> Result<()> {
        let Some(rest) = rest else {
            check_depth(out.depth(), value)?;
            out.value(name, value);
            return Ok(());
        };
        out.begin(ty::DOCUMENT, name);
        level(old, rest, value, out)?;
        out.end();
        Ok(())
    };
    let mut is_set = false;
    for element in doc.map(Elements::new).transpose()?.into_iter().flatten() {
        let element = element?;
        if element.name != name.as_bytes() {
            out.element(&element);
        } else if !is_set {
            is_set = true;
            put((element.ty == ty::DOCUMENT).then_some(element.value), out)?;
        }
    }
    if is_set { Ok(()) } else { put(None, out) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::bson::{RawDocumentBuf, rawdoc};

    #[test]
    fn what_is_no_document_becomes_one() {
        let doc = rawdoc! { "a": 1, "x": [1, { "y": 2 }], "o": { "p": [1], "q": 2 }, "z": 3 };
        let two = 2i32.to_le_bytes();
        let set = |path: &str| {
            let two = Value { ty: ty::INT32, bytes: &two };
            let set = set_path(doc.as_bytes(), path, two).unwrap();
            RawDocumentBuf::from_bytes(set).unwrap()
        };
        let (o, x) = (rawdoc! { "p": [1], "q": 2 }, rawdoc! { "y": 2 });
        let changed = rawdoc! { "a": 1, "x": x, "o": o.clone(), "z": 3 };
        assert_eq!(set("x.y"), changed);
        let o = rawdoc! { "p": { "r": { "s": 2 } }, "q": 2 };
        let x = rawdoc! { "y": 2 };
        assert_eq!(set("o.p.r.s"), rawdoc! { "a": 1, "x": [1, x], "o": o, "z": 3 });
        assert_eq!(set("n.m").get_document("n").unwrap(), &*rawdoc! { "m": 2 });
        assert_eq!(set("a").get_i32("a").unwrap(), 2);
    }
}
