//! Entries of a section's payload (format, §11.4): the first `u32` is a length or an opcode.

/// A range of bytes of one file; the bytes follow.
pub mod basic_write {
    use crate::format::field::structure;

    structure! { "BasicWrite", 12;
        DATA_LEN: u32 = 0, "bytes that follow; an opcode when ≥ 0xfffff000";
        OFS: u32 = 4, "offset in the file";
        FILE_NO: u32 = 8, "file number; 0x7fffffff = .ns; bit 31 = of database local";
    }
}

/// Never renumber: the smallest value that is an opcode and not a length.
pub const OPCODE_MIN: u32 = 0xffff_f000;
/// Never renumber: sets the database of the writes that follow.
pub const DB_CONTEXT: u32 = 0xffff_fffe;
/// Never renumber: a file was created, full of zeros.
pub const FILE_CREATED: u32 = 0xffff_fffd;
/// Never renumber: a database was dropped.
pub const DROP_DB: u32 = 0xffff_fffc;
/// [`basic_write::FILE_NO`] bit: the file belongs to database `local`.
pub const LOCAL_DB_BIT: u32 = 0x8000_0000;
