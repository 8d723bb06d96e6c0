//! Where a thing lies: a file number and a byte offset (format, §2.2).
//!
//! [`DiskLoc`] is what the files hold. [`ExtentLoc`], [`RecordLoc`] and [`BucketLoc`] say what
//! is found there; going from one to the other is a named step, so that an extent's place is
//! never taken for a record's.

use std::fmt;

/// Number of a file within one database: 0, 1, 2 … for data files, [`FileNo::NS`] for the
/// namespace file. The journal uses the same numbers (format, §11.4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileNo(pub i32);

impl FileNo {
    /// The `.ns` file.
    pub const NS: FileNo = FileNo(0x7fff_ffff);
    /// The first data file, whose header speaks for the database.
    pub const FIRST: FileNo = FileNo(0);

    /// Is this the `.ns` file?
    pub const fn is_ns(self) -> bool {
        self.0 == Self::NS.0
    }
}

impl fmt::Display for FileNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_ns() { f.write_str("ns") } else { write!(f, "{}", self.0) }
    }
}

impl fmt::Debug for FileNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A place in the files of one database, 8 bytes on disk: `i32` file, `i32` offset.
///
/// Only the file number decides whether a location is null. The order is by file, then offset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskLoc {
    /// File number `a`.
    pub file: i32,
    /// Byte offset in that file.
    pub ofs: i32,
}

impl DiskLoc {
    /// "Nowhere": file −1.
    pub const NULL: DiskLoc = DiskLoc { file: -1, ofs: 0 };
    /// A sentinel that is neither a place nor null: file −2.
    pub const INVALID: DiskLoc = DiskLoc { file: -2, ofs: 0 };
    /// What never-initialised fields contain.
    pub const ZERO: DiskLoc = DiskLoc { file: 0, ofs: 0 };
    /// Before every place; a search bound.
    pub const MIN: DiskLoc = DiskLoc { file: 0, ofs: 0 };
    /// After every place; a search bound.
    pub const MAX: DiskLoc = DiskLoc { file: 0x7fff_ffff, ofs: 0x7fff_fffe };

    /// The place `ofs` in file `file`.
    pub const fn new(file: FileNo, ofs: i32) -> DiskLoc {
        DiskLoc { file: file.0, ofs }
    }

    /// Is it null (file −1)?
    pub const fn is_null(self) -> bool {
        self.file == -1
    }

    /// Is it the "invalid" sentinel (file −2)?
    pub const fn is_invalid(self) -> bool {
        self.file == -2
    }

    /// Null, or the (0,0) of a field that an older version never initialised.
    pub const fn is_null_or_unset(self) -> bool {
        self.is_null() || (self.file == 0 && self.ofs == 0)
    }

    /// The number of its file.
    pub const fn file_no(self) -> FileNo {
        FileNo(self.file)
    }

    /// The place `by` bytes on, in the same file. Saturates: reading there finds it outside.
    pub const fn add(self, by: i32) -> DiskLoc {
        DiskLoc { file: self.file, ofs: self.ofs.saturating_add(by) }
    }

    /// The record id that commands show: `file << 32 | offset`; null is 0.
    pub const fn record_id(self) -> i64 {
        if self.is_null() { 0 } else { (self.file as i64) << 32 | (self.ofs as i64 & 0xffff_ffff) }
    }
}

impl fmt::Display for DiskLoc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            loc if loc.is_null() => f.write_str("null"),
            loc => write!(f, "{}:{:x}", loc.file_no(), loc.ofs),
        }
    }
}

impl fmt::Debug for DiskLoc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! typed_loc {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub DiskLoc);

        impl $name {
            /// The bare location.
            pub const fn loc(self) -> DiskLoc {
                self.0
            }
        }

        impl From<$name> for DiskLoc {
            fn from(loc: $name) -> DiskLoc {
                loc.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

typed_loc! {
    /// Place of an extent's header. Never null.
    ExtentLoc
}
typed_loc! {
    /// Place of a record's header, live or deleted. Never null.
    RecordLoc
}
typed_loc! {
    /// Place of the *record* that holds a b-tree bucket. Never null.
    BucketLoc
}

impl ExtentLoc {
    /// A record of this extent at offset `ofs` of the same file.
    pub const fn record(self, ofs: i32) -> RecordLoc {
        RecordLoc(DiskLoc { file: self.0.file, ofs })
    }
}

impl RecordLoc {
    /// Where the record's data begins: after its 16-byte header.
    pub const fn data(self) -> DiskLoc {
        self.0.add(16)
    }

    /// The extent at offset `extent_ofs` of the same file.
    pub const fn extent(self, extent_ofs: i32) -> ExtentLoc {
        ExtentLoc(DiskLoc { file: self.0.file, ofs: extent_ofs })
    }

    /// The record seen as a b-tree bucket.
    pub const fn bucket(self) -> BucketLoc {
        BucketLoc(self.0)
    }
}

impl BucketLoc {
    /// The record that holds the bucket.
    pub const fn record(self) -> RecordLoc {
        RecordLoc(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_as_mongod_does() {
        assert_eq!(DiskLoc { file: 0, ofs: 0x5000 }.to_string(), "0:5000");
        assert_eq!(DiskLoc::NULL.to_string(), "null");
    }

    #[test]
    fn orders_by_file_then_offset() {
        let at = |file, ofs| DiskLoc { file, ofs };
        assert!(DiskLoc::NULL < DiskLoc::MIN);
        assert!(at(0, 9) < at(1, 0));
        assert!(at(1, 0) < at(1, 4));
        assert!(at(16000, i32::MAX) < DiskLoc::MAX);
    }

    #[test]
    fn record_ids() {
        assert_eq!(DiskLoc { file: 2, ofs: 0x10 }.record_id(), (2 << 32) | 0x10);
        assert_eq!(DiskLoc::NULL.record_id(), 0);
    }
}
