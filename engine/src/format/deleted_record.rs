//! Header of a deleted record: free space within an extent (format, §4.2).
//!
//! Nothing in the bytes tells it from a live one: being in a list decides.

use super::field::structure;
use crate::disk_loc::DiskLoc;

structure! { "DeletedRecord", 16;
    LENGTH: i32 = 0, "bytes of the hole, with this header";
    EXTENT_OFS: i32 = 4, "offset of the owning extent, in the same file";
    NEXT_DELETED: DiskLoc = 8, "next of its list; null at the end; invalid while being handed out";
}

/// What a deleted record's first data bytes are stamped with.
pub const STAMP: [u8; 4] = [0xee; 4];
