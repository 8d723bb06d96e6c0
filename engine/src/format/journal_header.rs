//! First 8192 bytes of a journal file (format, §11.2).

use super::field::structure;

structure! { "JHeader", 8192;
    MAGIC: [u8; 2] = 0, "`j`, newline";
    VERSION: u16 = 2, "0x4149";
    N1: u8 = 4, "newline";
    TIMESTAMP: [u8; 20] = 5, "time of creation as text; informational";
    N2: u8 = 25, "newline";
    DBPATH: [u8; 128] = 26, "path of this file; informational";
    N3: [u8; 2] = 154, "two newlines";
    FILE_ID: u64 = 156, "low half unix time, high half random; never 0; unique per file";
    RESERVED: [u8; 8026] = 164, "zero";
    TEXT: [u8; 2] = 8190, "two newlines";
}

/// The only version there is: sections compressed with snappy.
pub const VERSION_VALUE: u16 = 0x4149;
