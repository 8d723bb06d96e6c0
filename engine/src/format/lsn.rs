//! The file `journal/lsn`: up to where the data files are known to be synced (format, §11.5).

use super::field::structure;

structure! { "LSNFile", 88;
    VERSION: u32 = 0, "0";
    RESERVED_A: u32 = 4, "0";
    LSN: u64 = 8, "sequence number of the last section that is in the synced data files";
    CHECK: u64 = 16, "bitwise complement of lsn";
    RESERVED_B: [u8; 64] = 24, "zero";
}
