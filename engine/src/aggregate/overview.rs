//! A look over a whole pipeline before any of its stages is parsed: names that are none, and
//! stages that are not even of the right form, are told before what else is wrong.

use super::facet;
use super::merge::Merge;
use super::out::Out;
use crate::bson::element::{Element, Elements, Value};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::expression::{Scope, location, name_of};

/// The stages of MongoDB 5.0.
const STAGES: &[&str] = &[
    "$addFields",
    "$bucket",
    "$bucketAuto",
    "$changeStream",
    "$collStats",
    "$count",
    "$currentOp",
    "$facet",
    "$geoNear",
    "$graphLookup",
    "$group",
    "$indexStats",
    "$limit",
    "$listLocalSessions",
    "$listSessions",
    "$lookup",
    "$match",
    "$merge",
    "$out",
    "$planCacheStats",
    "$project",
    "$redact",
    "$replaceRoot",
    "$replaceWith",
    "$sample",
    "$set",
    "$setWindowFields",
    "$skip",
    "$sort",
    "$sortByCount",
    "$unionWith",
    "$unset",
    "$unwind",
];

/// The only field of a stage.
pub(super) fn only_field(stage: &[u8]) -> Result<Element<'_>> {
    let mut elements = Elements::new(stage)?;
    match (elements.next().transpose()?, elements.next().transpose()?) {
        (Some(only), None) => Ok(only),
        _ => {
            let message = "A pipeline stage specification object must contain exactly one field.";
            Err(location(40323, message))
        }
    }
}

/// Looks over stages and, in so many levels, those within them; deeper ones are refused when
/// they are parsed.
pub(super) fn check<'s>(stages: impl IntoIterator<Item = &'s [u8]>, levels: usize) -> Result<()> {
    for stage in stages {
        let stage = only_field(stage)?;
        let name = name_of(&stage)?;
        let value = stage.val();
        match name {
            "$out" => {
                Out::parse(value)?;
            }
            "$merge" if !matches!(value.ty, ty::STRING | ty::DOCUMENT) => {
                Merge::parse(value, &Scope::default())?;
            }
            "$facet" => {
                for (_, pipeline) in facet::parts(value)? {
                    check_within(pipeline, levels)?;
                }
            }
            "$graphLookup" => super::graph_lookup::check_form(value)?,
            "$lookup" | "$unionWith" => in_other(name, value, levels)?,
            "$documents" => {
                return Err(location(5_491_300, "$documents' is not allowed in user requests"));
            }
            name if STAGES.contains(&name) => {}
            name => {
                return Err(location(40324, format!("Unrecognized pipeline stage name: '{name}'")));
            }
        }
    }
    Ok(())
}

/// `$lookup` and `$unionWith`, which name a collection and may have a pipeline.
fn in_other(name: &str, value: Value<'_>, levels: usize) -> Result<()> {
    let refused = |message: String| Err(Error::refused(Reason::FailedToParse, message));
    let found = ty::name(value.ty);
    match (name, value.ty) {
        ("$unionWith", ty::STRING) => return Ok(()),
        (_, ty::DOCUMENT) => {}
        ("$unionWith", _) => {
            return refused(format!(
                "the $unionWith stage specification must be an object or string, but found {found}"
            ));
        }
        _ => {
            return refused(format!(
                "the {name} stage specification must be an object, but found {found}"
            ));
        }
    }
    for element in Elements::new(value.bytes)? {
        let element = element?;
        match (element.name, element.ty) {
            (b"pipeline", ty::ARRAY) => check_within(element.val(), levels)?,
            (b"from", found) if name == "$lookup" && found != ty::STRING => {
                return Err(super::lookup::no_name(name, element.val())?);
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_within(pipeline: Value<'_>, levels: usize) -> Result<()> {
    let Some(levels) = levels.checked_sub(1) else { return Ok(()) };
    let mut stages = vec![];
    for stage in Elements::new(pipeline.bytes)? {
        let stage = stage?;
        if stage.ty != ty::DOCUMENT {
            let message = "Each element of the 'pipeline' array must be an object";
            return Err(Error::refused(Reason::TypeMismatch, message));
        }
        stages.push(stage.value);
    }
    check(stages, levels)
}

#[cfg(test)]
mod tests {
    use crate::aggregate::Pipeline;
    use crate::expression::Scope;
    use ::bson::{Document, doc};

    fn code(stages: &[Document]) -> i32 {
        let stages: Vec<Vec<u8>> = stages.iter().map(|stage| stage.to_vec().unwrap()).collect();
        let parsed = Pipeline::parse(stages.iter().map(|stage| &**stage), &Scope::default());
        parsed.map_or_else(|error| error.code(), |_| 0)
    }

    #[test]
    fn form_is_looked_at_first() {
        let bad = || doc! { "$project": { "x": 1, "x.z": 1 } };
        for (stage, expected) in [
            (doc! { "$out": 1 }, 16990),
            (doc! { "$out": {} }, 16994),
            (doc! { "$merge": 1 }, 14),
            (doc! { "$nope": 1 }, 40324),
            (doc! {}, 40323),
            (doc! { "$limit": 1, "$skip": 1 }, 40323),
            (doc! { "$facet": 1 }, 40169),
            (doc! { "$facet": { "a": 1 } }, 40170),
            (doc! { "$facet": { "$a": [] } }, 16410),
            (doc! { "$facet": { "a": [{}] } }, 40323),
            (doc! { "$facet": { "a": [{ "$nope": 1 }] } }, 40324),
            (doc! { "$lookup": 1 }, 9),
            (doc! { "$lookup": { "from": 1 } }, 9),
            (doc! { "$lookup": { "from": "z", "as": "y", "pipeline": [{ "$nope": 1 }] } }, 40324),
            (doc! { "$unionWith": 1 }, 9),
            (doc! { "$unionWith": { "coll": "z", "pipeline": [{ "$nope": 1 }] } }, 40324),
            // These are seen when their turn comes.
            (doc! { "$lookup": { "from": "z", "as": "y" } }, 31249),
            (doc! { "$collStats": {} }, 31249),
            (doc! { "$match": 1 }, 31249),
        ] {
            assert_eq!(code(&[bad(), stage.clone()]), expected, "{stage}");
        }
        assert_eq!(code(&[doc! { "$facet": { "a": [{ "$limit": 1, "$skip": 1 }] } }]), 40323);
        assert_eq!(code(&[doc! { "$facet": { "a": [1] } }]), 40171);
        assert_eq!(code(&[bad(), doc! { "$out": "a" }, doc! { "$limit": 1 }]), 31249);
        assert_eq!(code(&[doc! { "$nope": 1 }, doc! { "$out": 1 }]), 40324);
    }
}
