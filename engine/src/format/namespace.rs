//! The `.ns` file: an array of nodes, each a namespace or an overflow of its index slots
//! (format, §5).

/// A slot of the hash table (format, §5.1).
pub mod node {
    use crate::format::field::structure;

    structure! { "Node", 628;
        HASH: i32 = 0, "hash of the name; 0 = node not in use";
        KEY: [u8; 128] = 4, "full namespace, NUL-terminated, zero-padded, ≤ 127 bytes";
        VALUE: [u8; 496] = 132, "NamespaceDetails, or Extra";
    }

    /// First byte of the key of a node that was killed.
    pub const KILLED: u8 = 0x7f;
}

/// What is known of one namespace (format, §5.3).
pub mod details {
    use crate::disk_loc::DiskLoc;
    use crate::format::field::structure;

    structure! { "NamespaceDetails", 496;
        FIRST_EXTENT: DiskLoc = 0, "first extent, or null";
        LAST_EXTENT: DiskLoc = 8, "last extent, or null";
        DELETED_SMALL: [u8; 144] = 16, "18 × DiskLoc: heads of deleted lists 0–17";
        DELETED_LEGACY: DiskLoc = 160, "the 19th list of ≤ 2.6: deleted records ≥ 4 MiB";
        DATA_SIZE: i64 = 168, "Σ net length of live records";
        N_RECORDS: i64 = 176, "number of live records";
        LAST_EXTENT_SIZE: i32 = 184, "length of the last extent added";
        N_INDEXES: i32 = 188, "completed indexes";
        INDEXES: [u8; 160] = 192, "10 × IndexDetails";
        IS_CAPPED: i32 = 352, "0 or 1";
        MAX_DOCS: i32 = 356, "capped: most documents; 0x7fffffff = no limit";
        PADDING_FACTOR: f64 = 360, "2.x adaptive factor, 1.0–2.0";
        SYSTEM_FLAGS: i32 = 368, "2.x bit 0 = has an _id index";
        CAP_EXTENT: DiskLoc = 372, "capped: extent being written; else the first extent";
        CAP_FIRST_NEW: DiskLoc = 380, "invalid = never looped; else first new record of cap_extent";
        DATA_FILE_VERSION: u16 = 388, "0";
        INDEX_FILE_VERSION: u16 = 390, "0";
        MULTIKEY_BITS: u64 = 392, "bit k ⇔ the index in slot k is multikey";
        RESERVED_A: u64 = 400, "0";
        EXTRA_OFFSET: i64 = 408, "bytes from here to the first Extra; 0 = none; may be negative";
        BUILDS_IN_PROGRESS: i32 = 416, "slots of unfinished builds, behind the others";
        USER_FLAGS: i32 = 420, "bit 0 usePowerOf2Sizes, bit 1 noPadding";
        DELETED_LARGE: [u8; 64] = 424, "8 × DiskLoc: heads of deleted lists 18–25";
        RESERVED_B: u64 = 488, "0";
    }

    /// `MAX_DOCS` of a collection without that limit.
    pub const NO_MAX_DOCS: i32 = 0x7fff_ffff;
    /// [`USER_FLAGS`] bit 0: recorded, without effect in 3.x.
    pub const FLAG_POWER_OF_2: i32 = 1;
    /// [`USER_FLAGS`] bit 1: records are not padded.
    pub const FLAG_NO_PADDING: i32 = 2;
}

/// One index slot (format, §5.3).
pub mod index_details {
    use crate::disk_loc::DiskLoc;
    use crate::format::field::structure;

    structure! { "IndexDetails", 16;
        HEAD: DiskLoc = 0, "root bucket";
        INFO: DiskLoc = 8, "record of the specification in system.indexes";
    }
}

/// Overflow of the index slots: 10–39, then 40–69 (format, §5.4).
pub mod extra {
    use crate::format::field::structure;

    structure! { "Extra", 496;
        NEXT: i64 = 0, "bytes from the NamespaceDetails to the next Extra; 0 = none";
        INDEXES: [u8; 480] = 8, "30 × IndexDetails";
        RESERVED: u64 = 488, "0";
    }
}

/// Index slots within [`details`].
pub const SLOTS_INLINE: usize = 10;
/// Index slots within one [`extra`].
pub const SLOTS_EXTRA: usize = 30;
