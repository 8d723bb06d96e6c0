//! Header of an extent (format, §3.1). Its records and deleted records follow.

use super::field::structure;
use crate::disk_loc::DiskLoc;

structure! { "Extent", 176;
    MAGIC: u32 = 0, "0x41424344";
    MY_LOC: DiskLoc = 4, "own location; equal to where it is";
    NEXT: DiskLoc = 12, "next extent of the namespace, or of the free list";
    PREV: DiskLoc = 20, "previous extent";
    NS_DIAGNOSTIC: [u8; 128] = 28, "namespace, NUL-padded; diagnostic, not updated by renames";
    LENGTH: i32 = 156, "whole extent with this header; ≥ 4096";
    FIRST_RECORD: DiskLoc = 160, "head of the record chain, or null";
    LAST_RECORD: DiskLoc = 168, "tail, or null; null together with the head";
}

/// The magic number of an extent.
pub const MAGIC_VALUE: u32 = 0x4142_4344;
