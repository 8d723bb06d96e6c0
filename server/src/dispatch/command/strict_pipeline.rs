//! What API version 1 does not have of pipelines, for clients that asked to be kept to it.

use tallymap::Reason;
use tallymap::bson::element::{Element, Elements, Value};
use tallymap::bson::ty;

use crate::dispatch::failure::{Failure, Outcome};

/// Stages that no version of the API has.
const OUTSIDE: [&[u8]; 5] =
    [b"$currentOp", b"$indexStats", b"$listLocalSessions", b"$listSessions", b"$planCacheStats"];

/// Pipelines within pipelines; deeper ones are refused when they are parsed.
const DEPTH_MAX: usize = 20;

/// Refuses what is not in the API.
///
/// # Errors
/// [`Reason::APIStrictError`].
pub fn check(stages: &[&[u8]], is_explained: bool) -> Outcome<()> {
    if is_explained {
        return refused("BSON field 'aggregate.explain' is not allowed with apiStrict:true.");
    }
    stages.iter().try_for_each(|stage| check_stage(stage, DEPTH_MAX))
}

fn refused(message: impl Into<String>) -> Outcome<()> {
    Err(Failure::new(Reason::APIStrictError, message.into()))
}

fn check_stage(stage: &[u8], levels: usize) -> Outcome<()> {
    let Some(stage) = Elements::new(stage)?.next().transpose()? else { return Ok(()) };
    if OUTSIDE.contains(&stage.name) {
        let name = stage.name_lossy();
        return refused(format!("{name} is not allowed with 'apiStrict: true' in API Version 1"));
    }
    if stage.ty != ty::DOCUMENT {
        return Ok(());
    }
    for field in Elements::new(stage.value)? {
        let field = field?;
        match stage.name {
            b"$collStats" if field.name != b"count" => {
                return refused(
                    "only the 'count' option to $collStats is supported in API Version 1",
                );
            }
            b"$facet" => check_within(&field, levels)?,
            b"$lookup" | b"$unionWith" if field.name == b"pipeline" => {
                check_within(&field, levels)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_within(field: &Element<'_>, levels: usize) -> Outcome<()> {
    let Value { ty: ty::ARRAY, bytes } = field.val() else { return Ok(()) };
    let Some(levels) = levels.checked_sub(1) else { return Ok(()) };
    for stage in Elements::new(bytes)? {
        let stage = stage?;
        if stage.ty == ty::DOCUMENT {
            check_stage(stage.value, levels)?;
        }
    }
    Ok(())
}
