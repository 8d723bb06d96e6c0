//! `$sortByCount`: a `$group` that counts, and a `$sort`.

use super::group::Group;
use crate::bson::builder::Builder;
use crate::bson::element::{Elements, Value};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::Result;
use crate::expression::{Scope, location};
use crate::query::SortPattern;

/// The two stages that it is.
pub(super) fn parse(value: Value<'_>, scope: &Scope) -> Result<(Group, SortPattern)> {
    let message = "the sortByCount field must be defined as a $-prefixed path or an expression \
                   inside an object";
    match value.ty {
        ty::DOCUMENT => {
            let first = Elements::new(value.bytes)?.next().transpose()?;
            if !first.is_some_and(|first| first.name.starts_with(b"$")) {
                return Err(location(40147, message));
            }
        }
        ty::STRING if value.as_str().is_some_and(|path| path.starts_with('$')) => {}
        ty::STRING => return Err(location(40148, message)),
        _ => {
            let message = "the sortByCount field must be specified as a string or as an object";
            return Err(location(40149, message));
        }
    }
    let mut group = Builder::new();
    group.value("_id", value);
    group.begin(ty::DOCUMENT, "count").number("$sum", Number::Int32(1)).end();
    let mut sort = Builder::new();
    sort.number("count", Number::Int32(-1));
    let group = group.finish();
    let group = Group::parse(Value { ty: ty::DOCUMENT, bytes: &group }, scope)?;
    Ok((group, SortPattern::parse(&sort.finish())?))
}
