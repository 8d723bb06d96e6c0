//! First 8192 bytes of every data file (format, §2.1).

use super::field::structure;
use crate::disk_loc::{DiskLoc, FileNo};

structure! { "DataFileHeader", 8192;
    VERSION_MAJOR: u32 = 0, "4; 0 = the file is not initialised";
    VERSION_MINOR: u32 = 4, "bits 0–3: 5 or 6, index cleanliness; 0x10: 26 deleted lists";
    FILE_LENGTH: i32 = 8, "length of the file";
    UNUSED: DiskLoc = 12, "start of the space not yet given to any extent";
    UNUSED_LENGTH: i32 = 20, "bytes left there; starts at file length − 8192 − 16";
    FREE_LIST_START: DiskLoc = 24, "first free extent of the database; file 0 only";
    FREE_LIST_END: DiskLoc = 32, "last free extent; file 0 only";
    RESERVED: [u8; 8152] = 40, "zero";
}

/// Major version of every file that holds data.
pub const MAJOR: u32 = 4;
/// Minor version of a new file: "2.4 and newer indexes, verified" and [`MINOR_FREE_LIST_26`].
pub const MINOR: u32 = 22;
/// Minor bit: the database has been opened by an implementation with 26 deleted lists.
pub const MINOR_FREE_LIST_26: u32 = 0x10;
/// Bytes at the end of a file that are never given to an extent.
pub const TAIL: i32 = 16;

/// The fields of the header of a new data file of `len` bytes; what is reserved stays zero.
pub fn fresh(file: FileNo, len: i32) -> [u8; RESERVED.ofs] {
    let mut bytes = [0; RESERVED.ofs];
    VERSION_MAJOR.put(&mut bytes, MAJOR);
    VERSION_MINOR.put(&mut bytes, MINOR);
    FILE_LENGTH.put(&mut bytes, len);
    UNUSED.put(&mut bytes, DiskLoc::new(file, LEN as i32));
    UNUSED_LENGTH.put(&mut bytes, len - LEN as i32 - TAIL);
    FREE_LIST_START.put(&mut bytes, DiskLoc::NULL);
    FREE_LIST_END.put(&mut bytes, DiskLoc::NULL);
    bytes
}
