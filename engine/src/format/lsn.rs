//! The file `journal/lsn`: up to where the data files are known to be synced (format, §11.5).

use super::field::structure;

structure! { "LSNFile", 88;
    VERSION: u32 = 0, "0";
    RESERVED_A: u32 = 4, "0";
    LSN: u64 = 8, "sequence number of the last section that is in the synced data files";
    CHECK: u64 = 16, "bitwise complement of lsn";
    JOURNALED: u64 = 24, "ours: the journal has this section, or lsn covers it; 0 by mongod";
    JOURNALED_CHECK: u64 = 32, "ours: its bitwise complement; 0 by mongod";
    RESERVED_B: [u8; 48] = 40, "zero";
}
