//! What opening a database of an older version changes in its files (format, §2.1, §3.4, §5.6).
//! Catalogue documents are the layer above's.

use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, FileNo};
use crate::error::{Error, Result};
use crate::format::data_file_header::{
    FREE_LIST_END, FREE_LIST_START, MINOR_FREE_LIST_26, VERSION_MINOR,
};
use crate::store::extent_manager;
use crate::store::namespace_index::NamespaceIndex;

/// Brings the files of a database of 2.x to those of 3.2. Answers whether it had a `$freelist`
/// namespace: then its document in `system.namespaces`, if any, is to be removed, too.
pub fn upgrade(edit: &mut impl Edit, index: &NamespaceIndex, database: &str) -> Result<bool> {
    edit.claim_extents();
    for no in (0..edit.file_count()).map(FileNo) {
        if has_unset_free_list(edit, no)? {
            edit.put(DiskLoc::new(no, 0), FREE_LIST_START, DiskLoc::NULL)?;
            edit.put(DiskLoc::new(no, 0), FREE_LIST_END, DiskLoc::NULL)?;
        }
    }
    let name = free_list_name(database);
    let node = index.find(edit, &name)?;
    if let Some(node) = node {
        match (node.first_extent(edit)?, node.last_extent(edit)?) {
            (Some(first), Some(last)) => extent_manager::free_chain(edit, first, last)?,
            (None, None) => {}
            _ => {
                let rule = "a namespace has a first and a last extent or none";
                return Err(Error::corrupt(node.loc(), "NamespaceDetails", rule, 0));
            }
        }
        index.kill(edit, &name)?;
    }
    let start = DiskLoc::new(FileNo::FIRST, 0);
    let minor = edit.get(start, VERSION_MINOR)?;
    edit.put(start, VERSION_MINOR, minor | MINOR_FREE_LIST_26)?;
    Ok(node.is_some())
}

fn free_list_name(database: &str) -> String {
    format!("{database}.$freelist")
}

/// Are both ends of the file's free list (0,0), as up to 2.4?
fn has_unset_free_list(view: &impl View, no: FileNo) -> Result<bool> {
    let ends = [FREE_LIST_START, FREE_LIST_END].map(|end| view.get(DiskLoc::new(no, 0), end));
    let [start, end] = ends;
    Ok(start? == DiskLoc::ZERO && end? == DiskLoc::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::support::TestDb;
    use crate::store::{NewNamespace, StoreOptions};

    /// Shapes a new database as 2.4 left one: free extents under a name, zeros in the header.
    #[test]
    fn files_of_2_4_become_those_of_3_2() {
        let mut db = TestDb::new(16 << 20);
        let dropped = db.collection("test.old", StoreOptions::default());
        dropped.insert(&mut db.files, &[1; 9000]).expect("room");
        let details = dropped.details();
        let ends = (details.first_extent(&db.files), details.last_extent(&db.files));
        let (first, last) = (ends.0.expect("read"), ends.1.expect("read"));
        let (first, last) = (first.expect("some").0, last.expect("some").0);
        db.index.kill(&mut db.files, "test.old").expect("sound");
        let new = NewNamespace::default();
        let node = db.index.add(&mut db.files, "test.$freelist", new).expect("room");
        node.put_extents(&mut db.files, first, last).expect("inside");
        let start = DiskLoc::ZERO;
        db.files.put(start, VERSION_MINOR, 5).expect("inside");
        db.files.put(start, FREE_LIST_START, DiskLoc::ZERO).expect("inside");
        db.files.put(start, FREE_LIST_END, DiskLoc::ZERO).expect("inside");

        assert!(upgrade(&mut db.files, &db.index, "test").expect("sound"));
        assert_eq!(db.files.get(start, VERSION_MINOR).expect("inside"), 21);
        let free: Vec<_> =
            extent_manager::free_extents(&db.files).expect("sound").flatten().collect();
        assert_eq!((free[0].loc.0, free[free.len() - 1].loc.0), (first, last));
        db.assert_extents_tile(&[]);
        assert!(!upgrade(&mut db.files, &db.index, "test").expect("sound"), "nothing to do");
    }
}
