//! Locations inside of buckets: 7 bytes in V1 (DiskLoc56, format §2.3), 8 bytes in V0.
//!
//! L1. A null link of V1 is offset −2 and file 0: bit 0 of the offset stays clear, because in a
//!     key's record location that bit means "unused". When read, any negative offset is null.

use crate::disk_loc::{BucketLoc, DiskLoc};
use crate::format::Wire;
use crate::index::index_version::IndexVersion;

/// Reads a location from `raw`: 7 bytes of V1, 8 of V0. Bit 0 of the offset is as it stands.
pub fn get(version: IndexVersion, raw: &[u8]) -> DiskLoc {
    match version {
        IndexVersion::V0 => DiskLoc::from_wire(raw),
        IndexVersion::V1 => {
            let ofs = i32::from_wire(&raw[..4]);
            let file = i32::from_le_bytes([raw[4], raw[5], raw[6], 0]);
            if ofs < 0 { DiskLoc::NULL } else { DiskLoc { file, ofs } }
        }
    }
}

/// Writes a location to `raw`: 7 bytes of V1, 8 of V0.
///
/// # Panics
/// If the file number does not fit into V1's 24 bits: no database has that many files.
pub fn put(version: IndexVersion, raw: &mut [u8], loc: DiskLoc) {
    match version {
        IndexVersion::V0 => loc.to_wire(raw),
        IndexVersion::V1 => {
            let DiskLoc { file, ofs } =
                if loc.is_null() { DiskLoc { file: 0, ofs: -2 } } else { loc };
            assert!((0..1 << 24).contains(&file), "file {file} in a b-tree bucket");
            raw[..4].copy_from_slice(&ofs.to_le_bytes());
            raw[4..7].copy_from_slice(&file.to_le_bytes()[..3]);
        }
    }
}

/// The bucket that a link names, if it names one.
pub fn to_bucket(loc: DiskLoc) -> Option<BucketLoc> {
    (!loc.is_null()).then_some(BucketLoc(loc))
}

/// The link that names a bucket, or none.
pub fn from_bucket(bucket: Option<BucketLoc>) -> DiskLoc {
    bucket.map_or(DiskLoc::NULL, BucketLoc::loc)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_has_its_own_bytes_in_each_version() {
        let mut raw = [0xaa; 7];
        put(IndexVersion::V1, &mut raw, DiskLoc::NULL);
        assert_eq!(raw, [0xfe, 0xff, 0xff, 0xff, 0, 0, 0]);
        assert!(get(IndexVersion::V1, &raw).is_null());
        assert!(get(IndexVersion::V1, &[0xff; 7]).is_null());
        let mut raw = [0xaa; 8];
        put(IndexVersion::V0, &mut raw, DiskLoc::NULL);
        assert_eq!(raw, [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        assert!(get(IndexVersion::V0, &raw).is_null());
    }

    #[test]
    fn offset_comes_first_in_v1() {
        let loc = DiskLoc { file: 0x010203, ofs: 0x7654_3210 };
        let mut raw = [0; 7];
        put(IndexVersion::V1, &mut raw, loc);
        assert_eq!(raw, [0x10, 0x32, 0x54, 0x76, 3, 2, 1]);
        assert_eq!(get(IndexVersion::V1, &raw), loc);
    }
}
