//! `convertToCapped` and `cloneCollectionAsCapped`: the documents of a collection in a capped one,
//! the newest of them if it has not room for all.

use tallymap::bson::builder::Builder;
use tallymap::{Collection, Direction, Reason, interrupt};

use super::drop::DROPPED;
use super::maintenance::capped_size;
use crate::dispatch::call::{Call, check_not_system, collection_name};
use crate::dispatch::failure::{Failure, Outcome};

/// Puts a capped collection in the place of one. It has no index but that on `_id`.
pub fn convert(call: &Call<'_>) -> Outcome<Builder> {
    let name = collection_name(call.target())
        .map_err(|failure| Failure::new(Reason::InvalidNamespace, failure.message()))?;
    let size = capped_size(call)?;
    // What was written meanwhile would be lost.
    let _alone = call.gate().enter_alone()?;
    let source = source(call, name)?;
    let database = call.database()?;
    let temporary = database.temporary_collection()?;
    let temporary = temporary.namespace().collection();
    let copied = copy(call, &source, temporary, size)
        .and_then(|()| Ok(database.replace_collection(temporary, name)?));
    if copied.is_err() {
        // The first error is the one that counts.
        let _ = database.drop_collection(temporary);
    }
    let ns = source.namespace().as_str();
    call.cursors().interrupt(|of| of == ns, DROPPED);
    copied.map(|()| Builder::new())
}

/// Makes a capped collection of one.
pub fn clone(call: &Call<'_>) -> Outcome<Builder> {
    let texts = ["cloneCollectionAsCapped", "toCollection"].map(|name| {
        let value = call.request.field(name);
        value.and_then(|value| value.as_str()).ok_or_else(|| {
            Failure::new(Reason::TypeMismatch, format!("'{name}' must be of type String"))
        })
    });
    let [from, to] = texts;
    let (from, to) = (from?, to?);
    for (what, name) in [("source", from), ("target", to)] {
        if name.is_empty() {
            let message = format!("Invalid {what} collection name: {name}");
            return Err(Failure::new(Reason::InvalidNamespace, message));
        }
    }
    let size = capped_size(call)?;
    let source = source(call, from)?;
    check_not_system(call.common.database, to)?;
    let target = call.collection_named(to)?;
    if target.exists() {
        let message = format!(
            "cloneCollectionAsCapped failed - destination collection {} already exists. source \
             collection: {}",
            target.namespace(),
            source.namespace()
        );
        return Err(Failure::new(Reason::NamespaceExists, message));
    }
    copy(call, &source, to, size).map(|()| Builder::new())
}

fn source(call: &Call<'_>, name: &str) -> Outcome<Collection> {
    check_not_system(call.common.database, name)?;
    let source = call.collection_named(name)?;
    source.check_no_view()?;
    match source.exists() {
        true => Ok(source),
        false => {
            let message = format!("source collection {} does not exist", source.namespace());
            Err(Failure::new(Reason::NamespaceNotFound, message))
        }
    }
}

/// Copies all documents; those that there is no room for give way to later ones. What else the
/// source was created with the copy is, too; documents are not validated anew.
fn copy(call: &Call<'_>, source: &Collection, name: &str, size: i64) -> Outcome<()> {
    let options = source.creation_options()?.without_template().capped(size);
    let target = call.database()?.create_collection(name, options)?.bypassing_validation(true);
    target.insert_together(|| {
        let mut count = 0;
        let mut copy_all = || -> Outcome<()> {
            for located in source.scan(Direction::Forward)? {
                interrupt::check()?;
                target.insert_one(located?.document)?;
                count += 1;
            }
            Ok(())
        };
        (copy_all(), count)
    })
}
