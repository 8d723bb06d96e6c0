//! The first hit: the template under an `_id` that was not found, the counters added to where
//! they lie in it.
//!
//! Nobody searches again for the `_id` under the exclusive lock: the index on it refuses a
//! document that another thread has made meanwhile.

use super::handle::Collection;
use super::id_key::IdKey;
use super::locked::OpenCollection;
use super::update_report::UpdateReport;
use crate::bson::element::Value;
use crate::bson::field_path::FieldPath;
use crate::error::{Error, Result};
use crate::update::IndexedPaths;
use crate::update::increment::{self, How, Plan};

impl Collection {
    /// Inserts the template with this `_id`, which was not found. `None`, and nothing is changed,
    /// where the general path has to do it or to say what is wrong.
    pub(super) fn instantiate(
        &self,
        id: &IdKey<'_>,
        increments: &[(&FieldPath, i64)],
    ) -> Result<Option<UpdateReport>> {
        let made = self.change(|open, unit| {
            let Some(document) = first_document(open, id, increments)? else { return Ok(None) };
            open.check_maintainable()?;
            self.insert_upserted(open, unit, &document).map(Some)
        });
        match made {
            // Made by somebody else, or the collection is gone.
            Err(Error::DuplicateKey { .. } | Error::NotFound { .. }) => Ok(None),
            made => made,
        }
    }
}

/// The template with this `_id` and the counters added, if all of it is as usual.
fn first_document(
    open: &OpenCollection,
    id: &IdKey<'_>,
    increments: &[(&FieldPath, i64)],
) -> Result<Option<Vec<u8>>> {
    let (Some(template), Some(_)) = (&open.template, open.id_index()) else { return Ok(None) };
    // An insert that makes room by removing others could remove the very document that another
    // thread has made meanwhile.
    if open.is_capped {
        return Ok(None);
    }
    let id = Value { ty: id.element_type(), bytes: &id.value() };
    let Some(mut document) = template.with_id(id) else { return Ok(None) };
    let mut plan = Plan::default();
    let how = increment::make(&mut plan, &document, increments, &IndexedPaths::NONE, None)?;
    if how == How::General {
        return Ok(None);
    }
    for write in plan.writes() {
        let (ofs, value) = (write.ofs as usize, write.value);
        document[ofs..ofs + value.width()].copy_from_slice(&value.to_bytes()[..value.width()]);
    }
    Ok(Some(document))
}
