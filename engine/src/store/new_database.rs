//! What a new database begins with (format, §3.6, §5.6). The files themselves were made by the
//! disk; the catalogue documents are inserted by the layer above.

use crate::disk::Edit;
use crate::disk_loc::FileNo;
use crate::error::Result;
use crate::store::extent_manager::{self, Fit};
use crate::store::namespace_details::{NamespaceDetails, NewNamespace};
use crate::store::namespace_index::NamespaceIndex;
use crate::store::{FileSizes, data_file};

/// Length of a record of the size that new collections expect, bytes.
const USUAL_RECORD_LEN: i32 = 128;

/// The two namespaces that every database has.
#[derive(Debug, Clone, Copy)]
pub struct SystemNamespaces {
    /// The catalogue of namespaces.
    pub namespaces: NamespaceDetails,
    /// The specifications of indexes.
    pub indexes: NamespaceDetails,
    /// Was `system.indexes` new? Then its catalogue document is to be inserted.
    pub is_new: bool,
}

/// Takes the first extent of a new database: linked to nothing, as mongod makes and forgets it.
pub fn create_orphan_extent(edit: &mut impl Edit, sizes: FileSizes) -> Result<()> {
    let len = sizes.initial_extent(USUAL_RECORD_LEN);
    extent_manager::allocate(edit, sizes, len, Fit::Loose)?;
    Ok(())
}

/// Finds the two system namespaces of `database`, or adds them.
pub fn ensure_system_namespaces(
    edit: &mut impl Edit,
    index: &NamespaceIndex,
    database: &str,
) -> Result<SystemNamespaces> {
    let (namespaces, _) = ensure(edit, index, &format!("{database}.system.namespaces"))?;
    let (indexes, is_new) = ensure(edit, index, &format!("{database}.system.indexes"))?;
    Ok(SystemNamespaces { namespaces, indexes, is_new })
}

fn ensure(
    edit: &mut impl Edit,
    index: &NamespaceIndex,
    name: &str,
) -> Result<(NamespaceDetails, bool)> {
    match index.find(edit, name)? {
        Some(details) => Ok((details, false)),
        None => Ok((index.add(edit, name, NewNamespace::default())?, true)),
    }
}
