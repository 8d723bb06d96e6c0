//! Damage to a database, enumerated: every field of every structure in its files, every length
//! that they can be cut to, sectors, bits. Whatever is damaged, what the damage did not touch is
//! salvaged document by document; opening, reading, validating and writing end with success or a
//! typed error.

pub mod field;
pub mod image;
pub mod journal;
pub mod plan;
pub mod salvage;
pub mod structures;
pub mod trial;
pub mod values;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tallymap::disk::{Access, Disk, OverlayDisk};

/// One change to one file.
#[derive(Clone)]
pub struct Damage {
    file: &'static str,
    how: How,
}

#[derive(Clone)]
enum How {
    Bytes { ofs: u64, bytes: Vec<u8> },
    Cut { len: u64 },
    Gone,
}

impl Damage {
    /// Other bytes at an offset.
    pub fn bytes(file: &'static str, ofs: u64, bytes: Vec<u8>) -> Damage {
        Damage { file, how: How::Bytes { ofs, bytes } }
    }

    /// The file ends after so many bytes.
    pub fn cut(file: &'static str, len: u64) -> Damage {
        Damage { file, how: How::Cut { len } }
    }

    /// There is no such file.
    pub fn gone(file: &'static str) -> Damage {
        Damage { file, how: How::Gone }
    }

    /// The same disk, damaged; the one below stays as it is.
    pub fn of(&self, disk: Arc<dyn Disk>) -> Arc<dyn Disk> {
        let overlay = OverlayDisk::new(disk);
        let path = Path::new(self.file);
        let open = || overlay.open(path, Access::Write);
        let done = match &self.how {
            How::Bytes { ofs, bytes } => open().and_then(|file| file.write_at(*ofs, bytes)),
            How::Cut { len } => open().and_then(|file| file.set_len(*len)),
            How::Gone => overlay.remove(path),
        };
        done.expect("a disk in RAM");
        Arc::new(overlay)
    }

    /// Is more damaged than one field? Then chains may be so broken that what was dropped comes
    /// up again.
    pub fn is_of_a_sector(&self) -> bool {
        !matches!(&self.how, How::Bytes { bytes, .. } if bytes.len() < 512)
    }

    /// Does it concern any of the bytes `from..to` of data file 0?
    pub fn touches(&self, from: u64, to: u64) -> bool {
        self.file == "d.0"
            && match &self.how {
                How::Bytes { ofs, bytes } => *ofs < to && from < ofs + bytes.len() as u64,
                How::Cut { len } => *len < to,
                How::Gone => true,
            }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.how {
            How::Bytes { ofs, bytes } => {
                let first = &bytes[..bytes.len().min(16)];
                write!(f, "{} at {ofs:#x}: {} bytes, {first:02x?}", self.file, bytes.len())
            }
            How::Cut { len } => write!(f, "{} cut to {len:#x}", self.file),
            How::Gone => write!(f, "{} gone", self.file),
        }
    }
}
