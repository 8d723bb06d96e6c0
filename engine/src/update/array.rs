//! Arrays as the operators on them need them: taken apart into values, put together again.
//!
//! An array that is put together has its elements named "0", "1" … (format, §8.4).

use super::operators::{Effect, Site};
use crate::bson::builder::{Builder, Index};
use crate::bson::element::{Elements, OwnedValue, Value};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

/// The elements of an array or document, in order.
pub fn values(container: &[u8]) -> Result<Vec<Value<'_>>> {
    Elements::new(container)?.map(|element| Ok(element?.val())).collect()
}

/// An array of these.
pub fn of<'a>(values: impl IntoIterator<Item = Value<'a>>) -> OwnedValue {
    let mut out = Builder::new();
    for (i, value) in values.into_iter().enumerate() {
        out.value(Index::new(i), value);
    }
    OwnedValue { ty: ty::ARRAY, bytes: out.finish().into() }
}

/// Makes `doc` the document `{ name: value }`, so that a filter can be asked about the value.
pub fn wrap(doc: &mut Vec<u8>, name: &str, value: Value<'_>) {
    doc.clear();
    let len = 4 + 1 + name.len() + 1 + value.bytes.len() + 1;
    doc.extend_from_slice(&(len as i32).to_le_bytes());
    doc.push(value.ty);
    doc.extend_from_slice(name.as_bytes());
    doc.push(0);
    doc.extend_from_slice(value.bytes);
    doc.push(0);
}

/// The array at `site` without the elements that `is_gone`, for `$pull` and `$pullAll`.
pub fn without<'a>(
    site: &Site<'a>,
    mut is_gone: impl FnMut(Value<'a>) -> Result<bool>,
) -> Result<Effect<'a>> {
    let Some(current) = site.current else { return Ok(Effect::Keep) };
    if current.ty != ty::ARRAY {
        return Err(Error::refused(Reason::BadValue, "Cannot apply $pull to a non-array value"));
    }
    let mut kept = vec![];
    let mut count = 0;
    for element in Elements::new(current.bytes)? {
        let value = element?.val();
        count += 1;
        if !is_gone(value)? {
            kept.push(value);
        }
    }
    if kept.len() == count { Ok(Effect::Keep) } else { Ok(Effect::PutOwned(of(kept))) }
}
