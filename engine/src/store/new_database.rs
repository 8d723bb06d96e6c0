//! What a new database begins with (format, §3.6, §5.6). The files themselves were made by the
//! disk; the catalogue documents are inserted by the layer above.

use crate::disk::Edit;
use crate::error::Result;
use crate::store::FileSizes;
use crate::store::extent_manager::{self, Fit};
use crate::store::namespace_details::NewNamespace;
use crate::store::namespace_index::NamespaceIndex;

/// Length of a record of the size that new collections expect, bytes.
const USUAL_RECORD_LEN: i32 = 128;

/// Takes the first extent of a new database: linked to nothing, as mongod makes and forgets it.
pub fn create_orphan_extent(edit: &mut impl Edit, sizes: FileSizes) -> Result<()> {
    let len = sizes.initial_extent(USUAL_RECORD_LEN);
    extent_manager::allocate(edit, sizes, len, Fit::Loose)?;
    Ok(())
}

/// Adds those of the two system namespaces of `database` that are missing. Answers whether
/// `system.indexes` was: then its catalogue document is to be inserted.
pub fn ensure_system_namespaces(
    edit: &mut impl Edit,
    index: &NamespaceIndex,
    database: &str,
) -> Result<bool> {
    ensure(edit, index, &format!("{database}.system.namespaces"))?;
    ensure(edit, index, &format!("{database}.system.indexes"))
}

fn ensure(edit: &mut impl Edit, index: &NamespaceIndex, name: &str) -> Result<bool> {
    let is_missing = index.find(edit, name)?.is_none();
    if is_missing {
        index.add(edit, name, NewNamespace::default())?;
    }
    Ok(is_missing)
}
