//! The index slots of a namespace: 10 in its details, 60 more in two overflow nodes (format,
//! §5.3, §5.4). What an index is, and what its bucket tree, the layers above know.
//!
//! I1. Slots 0 … completed − 1 are completed indexes; the unfinished builds follow.
//! I2. Bit k of the multikey bits belongs to slot k and moves with it.
//! I3. An overflow node is made when its first slot is about to be used, and stays.

use crate::disk::{Edit, View};
use crate::disk_loc::{DiskLoc, FileNo, RecordLoc};
use crate::error::{Error, Reason, Result};
use crate::format::namespace::details::{
    BUILDS_IN_PROGRESS, EXTRA_OFFSET, INDEXES, MULTIKEY_BITS, N_INDEXES,
};
use crate::format::namespace::{SLOTS_EXTRA, SLOTS_INLINE, extra, index_details, node};
use crate::format::{Field, Wire};
use crate::limits::INDEXES_MAX;
use crate::store::namespace_details::NamespaceDetails;
use crate::store::namespace_index::{EXTRA_SUFFIXES, NamespaceIndex};

const SLOTS_MAX: usize = SLOTS_INLINE + 2 * SLOTS_EXTRA;

/// What a slot holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexSlot {
    /// Record of the root bucket; null while there is none.
    pub head: DiskLoc,
    /// Record of the specification in `system.indexes`.
    pub info: DiskLoc,
}

impl IndexSlot {
    /// An unused slot.
    pub const UNUSED: IndexSlot = IndexSlot { head: DiskLoc::NULL, info: DiskLoc::NULL };
}

/// How many slots are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotCounts {
    /// Completed indexes.
    pub completed: usize,
    /// Unfinished builds, in the slots behind the completed ones.
    pub building: usize,
}

impl SlotCounts {
    /// Slots in use.
    pub fn total(self) -> usize {
        self.completed + self.building
    }
}

/// One slot's place: the structure it stands in, and where there.
#[derive(Debug, Clone, Copy)]
struct Place {
    base: DiskLoc,
    first_field: usize,
}

impl NamespaceDetails {
    /// How many slots are in use.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the counts are negative or more than there are slots.
    pub fn index_counts(self, view: &impl View) -> Result<SlotCounts> {
        let completed = self.get(view, N_INDEXES)?;
        let building = self.get(view, BUILDS_IN_PROGRESS)?;
        let total = i64::from(completed) + i64::from(building);
        if completed < 0 || building < 0 || total > SLOTS_MAX as i64 {
            let rule = "a namespace has at most 70 index slots";
            return Err(Error::corrupt(self.loc(), "NamespaceDetails", rule, total));
        }
        Ok(SlotCounts { completed: completed as usize, building: building as usize })
    }

    /// Reads slot `slot`.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the node that holds it is missing.
    pub fn index_slot(self, view: &impl View, slot: usize) -> Result<IndexSlot> {
        let place = self.slot_place(view, slot)?;
        let raw = view.bytes(place.base.add(place.first_field as i32), index_details::LEN)?;
        Ok(IndexSlot { head: index_details::HEAD.get(raw), info: index_details::INFO.get(raw) })
    }

    /// Where slot `slot` stands. Errors as [`Self::index_slot`].
    pub fn index_slot_loc(self, view: &impl View, slot: usize) -> Result<DiskLoc> {
        let place = self.slot_place(view, slot)?;
        Ok(place.base.add(place.first_field as i32))
    }

    /// Writes slot `slot`. Errors as [`Self::index_slot`].
    pub fn put_index_slot(self, edit: &mut impl Edit, slot: usize, value: IndexSlot) -> Result<()> {
        let place = self.slot_place(edit, slot)?;
        let mut raw = [0; index_details::LEN];
        index_details::HEAD.put(&mut raw, value.head);
        index_details::INFO.put(&mut raw, value.info);
        edit.write(place.base.add(place.first_field as i32), &raw)
    }

    /// Has some document had more than one key in the index of slot `slot`, or one of an array?
    /// mongod notes several keys alone.
    pub fn is_multikey(self, view: &impl View, slot: usize) -> Result<bool> {
        Ok(slot < INDEXES_MAX && self.get(view, MULTIKEY_BITS)? >> slot & 1 == 1)
    }

    /// Notes that some document has keys of an array in the index of slot `slot`.
    pub fn set_multikey(self, edit: &mut impl Edit, slot: usize) -> Result<()> {
        assert!(slot < INDEXES_MAX, "no index has slot {slot}");
        let bits = self.get(edit, MULTIKEY_BITS)?;
        self.put(edit, MULTIKEY_BITS, bits | 1 << slot)
    }

    /// Takes the next slot for an index whose specification is the record `info`. Answers the
    /// slot. `ns` is the name of the collection.
    ///
    /// # Errors
    /// [`Reason::CannotCreateIndex`] if there are 64 indexes already.
    pub fn begin_index_build(
        self,
        edit: &mut impl Edit,
        index: &NamespaceIndex,
        ns: &str,
        info: RecordLoc,
    ) -> Result<usize> {
        let counts = self.index_counts(edit)?;
        let slot = counts.total();
        if slot >= INDEXES_MAX {
            let message = format!("add index fails, too many indexes for {ns}");
            return Err(Error::refused(Reason::CannotCreateIndex, message));
        }
        if slot >= SLOTS_INLINE && (slot - SLOTS_INLINE).is_multiple_of(SLOTS_EXTRA) {
            self.make_extra(edit, index, ns, (slot - SLOTS_INLINE) / SLOTS_EXTRA)?;
        }
        self.put_index_slot(edit, slot, IndexSlot { head: DiskLoc::NULL, info: info.0 })?;
        let bits = self.get(edit, MULTIKEY_BITS)?;
        self.put(edit, MULTIKEY_BITS, bits & !(1 << slot))?;
        self.put_counts(edit, SlotCounts { building: counts.building + 1, ..counts })?;
        Ok(slot)
    }

    /// Completes the build in slot `slot`. Answers the slot that the index has from now on.
    pub fn finish_index_build(self, edit: &mut impl Edit, slot: usize) -> Result<usize> {
        let counts = self.index_counts(edit)?;
        let built = counts.completed;
        if counts.building == 0 || !(built..counts.total()).contains(&slot) {
            let rule = "an index build is in one of the slots of builds";
            return Err(Error::corrupt(self.loc(), "NamespaceDetails", rule, slot as i64));
        }
        if slot != built {
            self.swap_slots(edit, slot, built)?;
        }
        let counts = SlotCounts { completed: built + 1, building: counts.building - 1 };
        self.put_counts(edit, counts)?;
        Ok(built)
    }

    /// Frees slot `slot`; those behind it move down by one.
    pub fn remove_index_slot(self, edit: &mut impl Edit, slot: usize) -> Result<()> {
        let mut counts = self.index_counts(edit)?;
        if slot >= counts.total() {
            let rule = "an index is in one of the slots in use";
            return Err(Error::corrupt(self.loc(), "NamespaceDetails", rule, slot as i64));
        }
        for behind in slot + 1..counts.total() {
            let value = self.index_slot(edit, behind)?;
            self.put_index_slot(edit, behind - 1, value)?;
        }
        self.put_index_slot(edit, counts.total() - 1, IndexSlot::UNUSED)?;
        let bits = self.get(edit, MULTIKEY_BITS)?;
        self.put(edit, MULTIKEY_BITS, without_bit(bits, slot))?;
        match slot < counts.completed {
            true => counts.completed -= 1,
            false => counts.building -= 1,
        }
        self.put_counts(edit, counts)
    }

    fn swap_slots(self, edit: &mut impl Edit, a: usize, b: usize) -> Result<()> {
        let (at_a, at_b) = (self.index_slot(edit, a)?, self.index_slot(edit, b)?);
        self.put_index_slot(edit, a, at_b)?;
        self.put_index_slot(edit, b, at_a)?;
        let bits = self.get(edit, MULTIKEY_BITS)?;
        self.put(edit, MULTIKEY_BITS, with_bits_swapped(bits, a, b))
    }

    fn put_counts(self, edit: &mut impl Edit, counts: SlotCounts) -> Result<()> {
        self.put(edit, N_INDEXES, counts.completed as i32)?;
        self.put(edit, BUILDS_IN_PROGRESS, counts.building as i32)
    }

    fn slot_place(self, view: &impl View, slot: usize) -> Result<Place> {
        assert!(slot < SLOTS_MAX, "no namespace has slot {slot}");
        if slot < SLOTS_INLINE {
            let first_field = INDEXES.ofs + slot * index_details::LEN;
            return Ok(Place { base: self.loc(), first_field });
        }
        let slot = slot - SLOTS_INLINE;
        let mut base = self.follow(view, self.loc(), EXTRA_OFFSET)?;
        if slot >= SLOTS_EXTRA {
            base = self.follow(view, base, extra::NEXT)?;
        }
        let first_field = extra::INDEXES.ofs + slot % SLOTS_EXTRA * index_details::LEN;
        Ok(Place { base, first_field })
    }

    /// The overflow node that `link` of the structure at `from` leads to. All distances are
    /// counted from the details.
    fn follow(self, view: &impl View, from: DiskLoc, link: Field<i64>) -> Result<DiskLoc> {
        let distance = view.get(from, link)?;
        let value = node::VALUE.ofs as i64;
        let at = i64::from(self.loc().ofs)
            .checked_add(distance)
            .filter(|at| distance != 0 && *at >= value && (at - value) % node::LEN as i64 == 0);
        match at.and_then(|at| i32::try_from(at).ok()) {
            Some(at) => Ok(DiskLoc::new(FileNo::NS, at)),
            None => {
                let rule = "slots from 10 on are in an overflow node";
                Err(Error::corrupt(from, "NamespaceDetails", rule, distance))
            }
        }
    }

    /// Makes overflow node `which` (0: slots 10–39, 1: slots 40–69), unless it is there (I3).
    fn make_extra(
        self,
        edit: &mut impl Edit,
        index: &NamespaceIndex,
        ns: &str,
        which: usize,
    ) -> Result<()> {
        let (from, link) = match which {
            0 => (self.loc(), EXTRA_OFFSET),
            _ => (self.follow(edit, self.loc(), EXTRA_OFFSET)?, extra::NEXT),
        };
        if edit.get(from, link)? != 0 {
            self.follow(edit, from, link)?;
            return Ok(());
        }
        let name = format!("{ns}{}", EXTRA_SUFFIXES[which]);
        let at = index.insert(edit, &name, &[0; extra::LEN])?;
        edit.put(from, link, i64::from(at.ofs) - i64::from(self.loc().ofs))
    }

    /// Gives the namespace, with its index slots and all that its details say, the name `to`.
    /// Its extents stay, and so do the namespaces of its indexes.
    ///
    /// # Errors
    /// [`Error::NamespaceExists`]; else as [`NamespaceIndex::insert`].
    pub fn rename(
        self,
        edit: &mut impl Edit,
        index: &NamespaceIndex,
        from: &str,
        to: &str,
    ) -> Result<NamespaceDetails> {
        if index.find(edit, to)?.is_some() {
            return Err(Error::NamespaceExists { ns: to.to_owned() });
        }
        let total = self.index_counts(edit)?.total();
        let slots = (SLOTS_INLINE..total).map(|slot| self.index_slot(edit, slot));
        let slots = slots.collect::<Result<Vec<_>>>()?;
        let value = <[u8; node::VALUE.end() - node::VALUE.ofs]>::from_wire(
            edit.bytes(self.loc(), node::VALUE.end() - node::VALUE.ofs)?,
        );
        let new = NamespaceDetails::at(index.insert(edit, to, &value)?);
        new.put(edit, EXTRA_OFFSET, 0)?;
        for (i, slot) in slots.into_iter().enumerate() {
            if i.is_multiple_of(SLOTS_EXTRA) {
                new.make_extra(edit, index, to, i / SLOTS_EXTRA)?;
            }
            new.put_index_slot(edit, SLOTS_INLINE + i, slot)?;
        }
        index.kill(edit, from)?;
        Ok(new)
    }
}

/// `bits` with bit `at` taken out: the higher ones move down.
fn without_bit(bits: u64, at: usize) -> u64 {
    if at >= INDEXES_MAX {
        return bits;
    }
    let low = (1 << at) - 1;
    (bits & low) | ((bits >> 1) & !low)
}

fn with_bits_swapped(bits: u64, a: usize, b: usize) -> u64 {
    let bit = |at: usize| if at < INDEXES_MAX { bits >> at & 1 } else { 0 };
    let put = |bits: u64, at: usize, value: u64| match at < INDEXES_MAX {
        true => (bits & !(1 << at)) | value << at,
        false => bits,
    };
    put(put(bits, a, bit(b)), b, bit(a))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::heap_files::HeapFiles;
    use crate::rounds::rounds;
    use crate::store::namespace_details::NewNamespace;

    const NS: &str = "test.c";

    fn collection() -> (HeapFiles, NamespaceIndex, NamespaceDetails) {
        let mut files = HeapFiles::default();
        files.add(FileNo::NS, 1 << 20);
        let index = NamespaceIndex::open(&files).expect("1 MiB");
        let details = index.add(&mut files, NS, NewNamespace::default()).expect("room");
        (files, index, details)
    }

    fn info(k: i32) -> RecordLoc {
        RecordLoc(DiskLoc { file: 0, ofs: 0x7000 + 128 * k })
    }

    fn infos(files: &HeapFiles, details: NamespaceDetails) -> Vec<DiskLoc> {
        let total = details.index_counts(files).expect("sound").total();
        (0..total).map(|s| details.index_slot(files, s).expect("sound").info).collect()
    }

    #[test]
    fn bits_move_with_their_slots() {
        assert_eq!(without_bit(0b1011, 1), 0b101);
        assert_eq!(without_bit(0b1011, 0), 0b101);
        assert_eq!(without_bit(u64::MAX, 63), u64::MAX >> 1);
        assert_eq!(with_bits_swapped(0b01, 0, 1), 0b10);
        assert_eq!(with_bits_swapped(1 << 63, 63, 0), 1);
    }

    /// Random builds, completions, multikey notes and removals against a list of pairs.
    #[test]
    fn agrees_with_a_list() {
        let seed = 0x51_07;
        println!("seed {seed:#x}");
        let mut rng = oorandom::Rand32::new(seed);
        let (mut files, index, mut details) = collection();
        let mut name = NS.to_owned();
        let mut model: Vec<(DiskLoc, bool)> = Vec::new();
        let mut completed = 0;
        for round in 0..rounds(3000) as i32 {
            let grow = if round % 1000 < 600 { 0..6 } else { 3..9 };
            match rng.rand_range(grow) {
                0..3 if model.len() == INDEXES_MAX => {
                    let begun = details.begin_index_build(&mut files, &index, &name, info(round));
                    assert!(matches!(begun, Err(Error::Refused { .. })));
                }
                0..3 => {
                    let loc = info(round);
                    let slot =
                        details.begin_index_build(&mut files, &index, &name, loc).expect("room");
                    assert_eq!(slot, model.len());
                    model.push((loc.0, false));
                }
                3 | 4 if completed < model.len() => {
                    let slot =
                        completed as u32 + rng.rand_range(0..(model.len() - completed) as u32);
                    let done =
                        details.finish_index_build(&mut files, slot as usize).expect("building");
                    assert_eq!(done, completed);
                    model.swap(slot as usize, completed);
                    completed += 1;
                }
                5 if !model.is_empty() => {
                    let slot = rng.rand_range(0..model.len() as u32) as usize;
                    details.set_multikey(&mut files, slot).expect("sound");
                    model[slot].1 = true;
                }
                6..8 if !model.is_empty() => {
                    let slot = rng.rand_range(0..model.len() as u32) as usize;
                    details.remove_index_slot(&mut files, slot).expect("in use");
                    model.remove(slot);
                    completed -= usize::from(slot < completed);
                }
                8 => {
                    let to = format!("test.c{round}");
                    details = details.rename(&mut files, &index, &name, &to).expect("room");
                    name = to;
                }
                _ => {}
            }
            let counts = details.index_counts(&files).expect("sound");
            assert_eq!((counts.completed, counts.total()), (completed, model.len()));
            assert_eq!(infos(&files, details), model.iter().map(|m| m.0).collect::<Vec<_>>());
            for (slot, (_, multikey)) in model.iter().enumerate() {
                assert_eq!(details.is_multikey(&files, slot).expect("sound"), *multikey);
            }
        }
    }

    #[test]
    fn overflow_nodes_are_where_mongod_looks() {
        let (mut files, index, details) = collection();
        for k in 0..41 {
            details.begin_index_build(&mut files, &index, NS, info(k)).expect("room");
        }
        let extra = index.find_value(&files, "test.c$extra").expect("sound").expect("made");
        let extrb = index.find_value(&files, "test.c$extrb").expect("sound").expect("made");
        let distance = |to: DiskLoc| i64::from(to.ofs) - i64::from(details.loc().ofs);
        assert_eq!(details.get(&files, EXTRA_OFFSET).expect("read"), distance(extra));
        assert_eq!(files.get(extra, extra::NEXT).expect("read"), distance(extrb));
        assert_eq!(files.get(extra, Field::<DiskLoc>::new(16)).expect("read"), info(10).0);
        assert_eq!(files.get(extrb, Field::<DiskLoc>::new(16)).expect("read"), info(40).0);
    }

    #[test]
    fn damaged_slots_are_reported() {
        let (mut files, index, details) = collection();
        for k in 0..11 {
            details.begin_index_build(&mut files, &index, NS, info(k)).expect("room");
        }
        for distance in [0, 1, i64::MAX, i64::MIN, -628 * 5000, 628 * 1_000_000] {
            details.put(&mut files, EXTRA_OFFSET, distance).expect("inside");
            let read = details.index_slot(&files, 10);
            assert!(matches!(read, Err(Error::Corrupt { .. })), "{distance}: {read:?}");
        }
        details.put(&mut files, N_INDEXES, 71).expect("inside");
        assert!(details.index_counts(&files).is_err());
        details.put(&mut files, N_INDEXES, -1).expect("inside");
        assert!(details.index_counts(&files).is_err());
    }
}
