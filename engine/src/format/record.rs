//! Header of a live record (format, §4.1). The data follow: a BSON document, then padding.

use super::field::structure;

structure! { "Record", 16;
    LENGTH: i32 = 0, "header + data + padding; a multiple of 4";
    EXTENT_OFS: i32 = 4, "offset of the owning extent, in the same file";
    NEXT_OFS: i32 = 8, "offset of the next record in the extent's chain; −1 at the end";
    PREV_OFS: i32 = 12, "offset of the previous record; −1 at the start";
}

/// "No record" in [`NEXT_OFS`] and [`PREV_OFS`].
pub const NO_OFS: i32 = -1;
