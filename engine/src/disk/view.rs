//! The bytes of one database's files, as seen by whoever holds the right locks.
//!
//! [`View`] reads, [`Edit`] also writes. Everything above this layer is written against these
//! two, never against a map: the same code runs in a unit of work, under a reader's lock, and
//! on plain vectors in a unit test ([`crate::disk::heap_files`]).
//!
//! V1. `bytes` returns exactly the bytes asked for, or `Corrupt`: no location read from a file
//!     is believed before it was found inside of a file.
//! V2. A slice borrowed from a view cannot outlive the next write through the same view.

use crate::counters::Work;
use crate::disk_loc::{DiskLoc, FileNo};
use crate::error::Result;
use crate::format::{Field, Wire};

/// Reads the files of one database.
pub trait View {
    /// The `len` bytes at `loc`.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] if they are not all inside of an existing file.
    fn bytes(&self, loc: DiskLoc, len: usize) -> Result<&[u8]>;

    /// The bytes at `loc` of which the first four, an int32, say how many they are: a record,
    /// header and all. No more than that is believed of it.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] if they are not all inside of an existing file.
    fn measured(&self, loc: DiskLoc) -> Result<&[u8]> {
        let len = i32::from_wire(self.bytes(loc, i32::WIDTH)?);
        self.bytes(loc, usize::try_from(len).unwrap_or(0))
    }

    /// Number of data files.
    fn file_count(&self) -> i32;

    /// Length of a file in bytes; 0 if there is no such file.
    fn file_len(&self, file: FileNo) -> u64;

    /// A field of the structure at `base`.
    #[inline]
    fn get<T: Wire>(&self, base: impl Into<DiskLoc>, field: Field<T>) -> Result<T>
    where
        Self: Sized,
    {
        let at = base.into().add(field.ofs as i32);
        Ok(T::from_wire(self.bytes(at, T::WIDTH)?))
    }
}

/// Writes the files of one database, within one unit of work.
pub trait Edit: View {
    /// Replaces the bytes at `loc`. Lines that do not change are not touched.
    ///
    /// # Errors
    /// [`crate::Error::Corrupt`] if they are not all inside of an existing file.
    fn write(&mut self, loc: DiskLoc, bytes: &[u8]) -> Result<()>;

    /// Claims what all collections of the database share (file headers, the list of free
    /// extents) until the unit ends. To be called before any of it is read or written.
    fn claim_extents(&mut self);

    /// The `len` bytes at `loc`, a hole of this collection's, will be written by this unit of
    /// work and the next ones. Changes nothing, but may save time.
    fn foresee(&mut self, _loc: DiskLoc, _len: usize) {}

    /// Notes work that is to be counted if the unit is kept.
    fn note(&mut self, work: Work);

    /// Replaces one field of the structure at `base`.
    fn put<T: Wire>(&mut self, base: impl Into<DiskLoc>, field: Field<T>, value: T) -> Result<()>
    where
        Self: Sized,
    {
        // Widest single field that is written on its own: an extent's namespace (128 bytes).
        let mut raw = [0u8; 128];
        value.to_wire(&mut raw[..T::WIDTH]);
        self.write(base.into().add(field.ofs as i32), &raw[..T::WIDTH])
    }
}
