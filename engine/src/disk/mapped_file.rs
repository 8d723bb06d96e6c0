//! The only file with `unsafe`: a file's bytes as private memory that many threads share.
//!
//! It knows nothing of records, dirty lines or journals. Its safe methods rest on locks that
//! its callers hold, because a borrow of a slice of a map cannot express "these bytes": only
//! what stands behind units of work, gathers and write-backs in the journal calls them.
//!
//! - M1. Bytes that are borrowed by [`PrivateView::bytes`] are not changed by another thread
//!   while the borrow lives: who changes bytes by [`PrivateView::write`] holds, for exactly
//!   these bytes, the exclusive collection lock, or the shared one and the record's stripe, or
//!   the database's extents mutex (`locks.rs`, levels 2, 3, 4 and 6); who reads them holds the
//!   same lock.
//! - M2. A page may be copied by others while no unit of work is under way: the gate (level 5) is
//!   closed and all stripes are held. And lines of a page that a gather has marked may be copied
//!   under the lock of the gather: nobody changes a byte of that page before its marks are gone,
//!   and who finds them gone comes after the copy (`journal::gathering`, N2 and N3).
//! - M3. [`PrivateView::discard`] is called with the same held, for pages whose bytes are those of
//!   the file. It changes no value that anybody can see.
//! - M4. The file is not cut below the length mapped while the map lives: the dbpath lock keeps
//!   other processes away, and the engine never cuts a data file.

#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::ptr::{self, NonNull};
use std::slice;

use memmap2::{MmapMut, MmapOptions, MmapRaw, UncheckedAdvice};
#[cfg(all(target_os = "linux", not(miri)))]
use {
    crate::limits::PAGE,
    rustix::mm::{Advice, madvise},
};

/// Longest file that can be mapped, bytes: offsets in it are `i32`.
const LEN_MAX: u64 = i32::MAX as u64;

/// The bytes of one file in private memory: a copy-on-write map, or a buffer.
#[derive(Debug)]
pub struct PrivateView {
    base: NonNull<u8>,
    len: usize,
    backing: Backing,
}

#[derive(Debug)]
enum Backing {
    Map(MmapRaw),
    Heap(#[expect(dead_code, reason = "owns the bytes")] HeapBytes),
    /// Of no file.
    Anonymous(#[expect(dead_code, reason = "owns the bytes")] MmapRaw),
}

// SAFETY: the memory belongs to the view alone and may be freed by any thread.
unsafe impl Send for PrivateView {}
// SAFETY: all access through `&self` is by `bytes`, `write` and `discard`; M1 to M3 name the
// locks that keep a write apart from every other access to the same bytes. `foresee` and
// `populate` read and change nothing.
unsafe impl Sync for PrivateView {}

impl PrivateView {
    /// A view of bytes that are in memory already: for disks that have no files to map.
    pub fn from_bytes(bytes: Vec<u8>) -> PrivateView {
        let heap = HeapBytes::new(bytes.into_boxed_slice());
        let len = heap.0.len();
        PrivateView { base: heap.0.cast(), len, backing: Backing::Heap(heap) }
    }

    /// A view of zeros, which take memory only where they are written: for disks whose files are
    /// mostly holes.
    pub fn zeros(len: usize) -> PrivateView {
        // Miri knows no maps; an empty one is refused.
        let map = if cfg!(miri) { None } else { MmapMut::map_anon(len).ok().map(MmapRaw::from) };
        let Some((base, raw)) = map.and_then(|raw| Some((NonNull::new(raw.as_mut_ptr())?, raw)))
        else {
            return PrivateView::from_bytes(vec![0; len]);
        };
        PrivateView { base, len, backing: Backing::Anonymous(raw) }
    }

    /// Maps the first `len` bytes of `file`, copy on write. The file may be open for reading
    /// only.
    ///
    /// # Errors
    /// The operating system's; `InvalidInput` for an empty file or one of 2 GiB and more.
    pub(crate) fn map(file: &File, len: u64) -> io::Result<PrivateView> {
        if len == 0 || len > LEN_MAX {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let mut options = MmapOptions::new();
        // Private pages are bounded by the engine's budget, not by the size of the files.
        options.len(len as usize).no_reserve_swap();
        // SAFETY: the file keeps its length (M4), and only this engine writes to it, what the
        // map holds already.
        let map: MmapMut = unsafe { options.map_copy(file)? };
        let raw = MmapRaw::from(map);
        let base = NonNull::new(raw.as_mut_ptr())
            .ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        Ok(PrivateView { base, len: raw.len(), backing: Backing::Map(raw) })
    }

    /// Length, bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Has it no bytes?
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The `len` bytes at `ofs`, if they are inside. The caller holds a lock of M1, or copies
    /// by M2.
    #[inline]
    pub(crate) fn bytes(&self, ofs: usize, len: usize) -> Option<&[u8]> {
        let start = self.place(ofs, len)?;
        // SAFETY: `start` and the `len` bytes after it are initialised memory of this view,
        // which outlives the borrow. Nobody writes them meanwhile: M1, or M2 in a gather.
        Some(unsafe { slice::from_raw_parts(start.as_ptr(), len) })
    }

    /// The bytes at `ofs` are about to be used, if they are inside.
    #[inline(always)]
    pub(crate) fn foresee(&self, ofs: usize) {
        if ofs < self.len {
            prefetch(self.base.as_ptr().wrapping_add(ofs));
        }
    }

    /// Replaces the bytes at `ofs`; `None`, and nothing written, if they are not all inside.
    /// The caller holds a lock of M1 exclusively, and is inside of the gate or holds a stripe.
    #[inline]
    pub(crate) fn write(&self, ofs: usize, bytes: &[u8]) -> Option<()> {
        let start = self.place(ofs, bytes.len())?;
        // SAFETY: the target is `bytes.len()` bytes of this view's writable memory; nobody else
        // reads or writes them meanwhile (M1), the gather and `discard` wait for us (M2, M3).
        // `copy` allows that the source lies in the same view.
        unsafe { ptr::copy(bytes.as_ptr(), start.as_ptr(), bytes.len()) };
        Some(())
    }

    /// Gives the private copies of these pages back; they are read from the file again. The
    /// caller keeps M3. A buffer has nothing to give back: `false`.
    ///
    /// # Errors
    /// The operating system's, also for a range outside of the view; then nothing is changed.
    pub(crate) fn discard(&self, ofs: usize, len: usize) -> io::Result<bool> {
        if self.place(ofs, len).is_none() {
            return Err(io::Error::from(io::ErrorKind::InvalidInput));
        }
        let Backing::Map(map) = &self.backing else { return Ok(false) };
        // SAFETY: the pages are inside of the map (checked above). Their bytes are those of the
        // file and nobody writes (M3), so what is read after is what was read before.
        unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, ofs, len)? };
        Ok(true)
    }

    /// A pointer to `ofs`, if `len` bytes from there are inside.
    #[inline]
    fn place(&self, ofs: usize, len: usize) -> Option<NonNull<u8>> {
        if ofs.checked_add(len)? > self.len {
            return None;
        }
        // SAFETY: `ofs` ≤ `self.len`, so the result is in or one past the view's memory.
        Some(unsafe { self.base.add(ofs) })
    }
}

/// Asks for the cache line of a place that is about to be used. Changes nothing.
#[inline(always)]
pub(crate) fn prefetch<T>(place: *const T) {
    // SAFETY: it is a hint to the processor, which neither faults nor gives the program a value,
    // wherever the pointer points; and every x86-64 has it.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(place.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = place;
}

/// Makes private copies of the pages that hold these bytes of a view, in one call of the operating
/// system and not in a fault of each page when it is written. Changes no byte, and where it
/// cannot be done each page has its fault.
#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) fn populate(bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let start = bytes.as_ptr().cast_mut();
    let into_page = start.addr() % PAGE;
    let start = start.wrapping_sub(into_page).cast();
    // SAFETY: this advice changes no value of any memory, nor who may access it: it does what the
    // first write to each page would do but for the writing, and fails for pages that are not there
    // or not writable. Whoever writes to the same pages meanwhile is served by the same faults.
    let done = unsafe { madvise(start, into_page + bytes.len(), Advice::LinuxPopulateWrite) };
    // A kernel that does not know it (before 5.14), no memory: a hint, and no more.
    let _ = done;
}

/// Miri knows no maps, other systems not this advice.
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(crate) fn populate(_bytes: &[u8]) {}

/// A buffer that is changed through shared references, hence held by pointer.
#[derive(Debug)]
struct HeapBytes(NonNull<[u8]>);

impl HeapBytes {
    fn new(bytes: Box<[u8]>) -> HeapBytes {
        HeapBytes(NonNull::from(Box::leak(bytes)))
    }
}

impl Drop for HeapBytes {
    fn drop(&mut self) {
        // SAFETY: the pointer came from a leaked box in `new`, and this is its only owner.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_only_inside() {
        let view = PrivateView::from_bytes(vec![1, 2, 3, 4]);
        assert_eq!(view.bytes(1, 2), Some(&[2, 3][..]));
        assert_eq!(view.bytes(4, 0), Some(&[][..]));
        for (ofs, len) in [(4, 1), (0, 5), (5, 0), (usize::MAX, 2)] {
            assert_eq!(view.bytes(ofs, len), None, "{ofs} {len}");
        }
        assert_eq!(view.write(2, &[9, 9]), Some(()));
        assert_eq!(view.write(3, &[7, 7]), None);
        assert_eq!(view.bytes(0, 4), Some(&[1, 2, 9, 9][..]));
        assert!(!view.discard(0, 4).expect("inside"));
        assert!(view.discard(0, 5).is_err());
    }

    #[test]
    fn threads_write_bytes_side_by_side() {
        let view = PrivateView::from_bytes(vec![0; 64]);
        std::thread::scope(|s| {
            for t in 0..4usize {
                let view = &view;
                s.spawn(move || {
                    for i in 0..16u8 {
                        view.write(t * 16 + i as usize, &[i]).expect("inside");
                    }
                });
            }
        });
        let expected: Vec<u8> = (0..64).map(|i| i % 16).collect();
        assert_eq!(view.bytes(0, 64), Some(&expected[..]));
    }

    /// Private memory of a view, as the operating system sees it.
    fn private_kib(view: &PrivateView) -> u64 {
        let maps = std::fs::read_to_string("/proc/self/smaps").expect("readable");
        let start = format!("{:x}-", view.base.as_ptr().addr());
        let own = maps.lines().skip_while(|line| !line.starts_with(&start));
        let mut sizes = own.filter_map(|line| line.strip_prefix("Private_Dirty:"));
        let size = sizes.next().expect("mapped").trim_end_matches(" kB");
        size.trim().parse().expect("a number")
    }

    #[test]
    #[cfg_attr(miri, ignore = "maps a file")]
    fn pages_made_ready_keep_their_bytes_and_stay_private() {
        use std::os::unix::fs::FileExt;
        let file = tempfile::tempfile().expect("temporary file");
        file.write_all_at(&[7; 5 * 4096], 0).expect("write");
        let view = PrivateView::map(&file, 5 * 4096).expect("map");
        assert_eq!(private_kib(&view), 0);
        view.write(6000, &[1; 100]).expect("inside");
        populate(view.bytes(5000, 9000).expect("inside"));
        populate(view.bytes(5000, 0).expect("inside"));
        // A kernel that does not know the advice leaves it at the one that was written.
        assert!([12, 4].contains(&private_kib(&view)), "{} KiB", private_kib(&view));
        let all = view.bytes(0, 5 * 4096).expect("inside");
        assert!(all.iter().enumerate().all(|(i, b)| *b == if i / 100 == 60 { 1 } else { 7 }));
        view.write(9000, &[2; 100]).expect("inside");
        let mut on_disk = [0; 5 * 4096];
        file.read_exact_at(&mut on_disk, 0).expect("read");
        assert_eq!(on_disk, [7; 5 * 4096]);
    }

    #[test]
    #[cfg_attr(miri, ignore = "maps a file")]
    fn a_map_is_private_and_discards_to_the_file() {
        use std::os::unix::fs::FileExt;
        let file = tempfile::tempfile().expect("temporary file");
        file.set_len(8192).expect("set length");
        let view = PrivateView::map(&file, 8192).expect("map");
        view.write(4096, b"private").expect("inside");
        let mut on_disk = [1; 7];
        file.read_exact_at(&mut on_disk, 4096).expect("read");
        assert_eq!(on_disk, [0; 7]);
        file.write_all_at(b"private", 4096).expect("write");
        assert!(view.discard(4096, 4096).expect("discard"));
        assert_eq!(view.bytes(4096, 8), Some(&b"private\0"[..]));
        assert!(PrivateView::map(&file, 0).is_err());
        assert!(PrivateView::map(&file, 1 << 31).is_err());
    }
}
