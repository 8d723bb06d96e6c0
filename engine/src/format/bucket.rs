//! A bucket of a b-tree: the data of one record of an index namespace (format, §10.2–§10.3).
//!
//! Key nodes grow up from the start of the body, key data down from its end.

/// V1, the form since 2.0.
pub mod v1 {
    use crate::format::field::structure;

    structure! { "BucketV1", 8176;
        PARENT: [u8; 7] = 0, "DiskLoc56; null in the root";
        NEXT_CHILD: [u8; 7] = 7, "DiskLoc56; rightmost child";
        FLAGS: u16 = 14, "bit 0 Packed";
        EMPTY_SIZE: u16 = 16, "bytes between key nodes and key data";
        TOP_SIZE: u16 = 18, "bytes of key data, in use or garbage, at the end of the body";
        N: u16 = 20, "number of keys; 0xffff in a freed bucket";
        BODY: [u8; 8154] = 22, "key nodes growing up, key data growing down";
    }

    /// `N` of a freed bucket.
    pub const N_FREED: u16 = 0xffff;

    /// One key of a bucket.
    pub mod key_node {
        use crate::format::field::structure;

        structure! { "KeyNodeV1", 16;
            LEFT_CHILD: [u8; 7] = 0, "DiskLoc56; keys before this one";
            RECORD_LOC: [u8; 7] = 7, "DiskLoc56; bit 0 of its offset = unused";
            KEY_DATA_OFS: u16 = 14, "from the start of the body; < 0x8000";
        }
    }
}

/// V0, up to 1.8; read and maintained, never created.
pub mod v0 {
    use crate::disk_loc::DiskLoc;
    use crate::format::field::structure;

    structure! { "BucketV0", 8192;
        PARENT: DiskLoc = 0, "null in the root";
        NEXT_CHILD: DiskLoc = 8, "rightmost child";
        WAS_SIZE: u16 = 16, "8192";
        RESERVED_A: u16 = 18, "0";
        FLAGS: i32 = 20, "bit 0 Packed";
        EMPTY_SIZE: i32 = 24, "bytes between key nodes and key data";
        TOP_SIZE: i32 = 28, "bytes of key data at the end of the body";
        N: i32 = 32, "number of keys; −1 in a freed bucket";
        RESERVED_B: i32 = 36, "0";
        BODY: [u8; 8152] = 40, "key nodes growing up, key data growing down";
    }

    /// One key of a bucket.
    pub mod key_node {
        use crate::disk_loc::DiskLoc;
        use crate::format::field::structure;

        structure! { "KeyNodeV0", 18;
            LEFT_CHILD: DiskLoc = 0, "keys before this one";
            RECORD_LOC: DiskLoc = 8, "bit 0 of its offset = unused";
            KEY_DATA_OFS: u16 = 16, "from the start of the body";
        }
    }
}

/// Bit 0 of a bucket's flags: no garbage among the key data.
pub const PACKED: u16 = 1;
