//! Building an index, by default while the collection is read and written.
//!
//! 1. The collection is held: the index begins, as a build in progress, and from now on whoever
//!    writes notes what he does to it ([`super::building`]). Its fields count as indexed, so that
//!    no value of theirs is changed in place.
//! 2. The documents are read a batch at a time, the collection being held shared. Hits go on.
//! 3. Sorted, the entries are put together to a tree in short units of work.
//! 4. What was noted meanwhile is done to the tree; at last with the collection held, which then
//!    has one index more.
//!
//! - B1. Until the last unit of work the index is a build in progress, which the next opening
//!   after a crash does again from the start.
//! - B2. That its keys are unique is known only at the end: what was read may have gone since.
//! - B3. Who builds has the collection's turn: nobody else changes what the catalogue says of it.

use std::sync::Arc;

use super::building::{Building, Note};
use super::catalog::document_at;
use super::create::{begin_index, drop_index};
use super::handle::Collection;
use super::held::STEPS_PER_UNIT;
use super::index_build::build;
use super::index_keys::Index;
use super::key_runs::Entry;
use super::key_sort::{KeySort, SortedKeys};
use super::locked::{OpenCollection, Turn};
use super::saved_cursors::Position;
use crate::bson::element::Value;
use crate::disk::{Edit, View};
use crate::error::Result;
use crate::index::btree::Inserted;
use crate::index::btree_cursor::BtreeCursor;
use crate::index::bulk_build::BulkBuilder;
use crate::index::index_definition::IndexDefinition;
use crate::index::key;
use crate::interrupt;
use crate::journal::{ReadView, UnitOfWork};
use crate::store::{Direction, NamespaceDetails, RecordScan};

/// A batch of documents ends after so many, or so many bytes of keys.
const BATCH_DOCUMENTS: usize = 256;
const BATCH_BYTES: usize = 1 << 20;
/// With so few notes left the collection is held for the rest.
const NOTES_HELD: usize = STEPS_PER_UNIT;
/// Times that notes are done before, so that writers who are faster do not keep it up for ever.
const ROUNDS_MAX: usize = 1 << 16;

/// A build that has begun.
struct Begun {
    building: Arc<Building>,
    /// The index as it is asked for.
    index: Index,
    position: Position,
    /// Of the collection.
    details: NamespaceDetails,
}

/// The entries that were read, in order.
struct Gathered {
    sorted: SortedKeys,
    is_multikey: bool,
}

impl Collection {
    /// Builds an index that there is not yet.
    ///
    /// # Errors
    /// As [`Collection::create_index`]; there is no such index then.
    pub(super) fn build_index(&self, turn: &Turn<'_>, definition: &IndexDefinition) -> Result<()> {
        let clock = &self.database.shared.clock;
        let began_ms = clock.uptime_ms();
        let Some(begun) = self.begin_build(turn, definition)? else { return Ok(()) };
        let (ns, name) = (self.namespace().as_str(), definition.name());
        tracing::info!(target: "tallymap::index", ns, name, "Index build begun");
        let built = self.fill_and_finish(turn, &begun);
        let ms = clock.uptime_ms() - began_ms;
        match &built {
            Ok(()) => tracing::info!(target: "tallymap::index", ns, name, ms, "Index build done"),
            // The text of the error has values.
            Err(error) => {
                let error = error.code_name();
                tracing::info!(target: "tallymap::index", ns, name, ms, error, "Index not built");
            }
        }
        if built.is_err() {
            // The error that counts is why it was not built. If it cannot be dropped either it
            // stays a build in progress.
            if let Err(error) = self.abandon(turn, &begun) {
                tracing::warn!(%error, index = definition.name(), "not dropped");
            }
        }
        built
    }

    /// Begins a build; does all of it where there is nothing to be gained by letting others write.
    fn begin_build(&self, turn: &Turn<'_>, definition: &IndexDefinition) -> Result<Option<Begun>> {
        let mut held = self.database.hold_in_turn(&self.core, turn);
        let Some(open) = held.collection.open()? else { return Err(self.core.missing()) };
        let details = open.details();
        let (is_empty, others) = held.read(|view, _| {
            Ok((details.stats(view)?.records == 0, details.index_counts(view)?.building))
        })?;
        let (index, _) = held.unit(|database, _, unit| {
            begin_index(&database.catalog, unit, self.namespace(), details, definition)
        })?;
        let in_background = definition.option("background").is_none_or(Value::is_true);
        if is_empty || others > 0 || !in_background {
            build(&mut held, &self.core, details, &index)?;
            held.reopen()?;
            return Ok(None);
        }
        let mut tolerant = index.clone();
        tolerant.tree.unique = false;
        let building = Arc::new(Building::new(tolerant));
        let Some(open) = held.collection.open_mut()? else { return Err(self.core.missing()) };
        open.start_build(building.clone())?;
        let position = open.cursors.register(RecordScan::new(details, Direction::Forward));
        Ok(Some(Begun { building, index, position, details }))
    }

    fn fill_and_finish(&self, turn: &Turn<'_>, begun: &Begun) -> Result<()> {
        let gathered = self.gather(begun)?;
        let is_multikey = gathered.is_multikey;
        let mut doubtful = self.put_together(begun, gathered.sorted)?;
        for _ in 0..ROUNDS_MAX {
            if begun.building.left() <= NOTES_HELD {
                break;
            }
            let notes = begun.building.oldest(STEPS_PER_UNIT);
            doubtful |= self.in_build(begun, |unit| do_notes(begun, unit, &notes))?;
            begun.building.done(notes.len());
        }
        self.finish(turn, begun, is_multikey, doubtful)
    }

    /// Reads the documents: their entries, sorted.
    fn gather(&self, begun: &Begun) -> Result<Gathered> {
        let shared = &self.database.shared;
        let index = &begun.building.index;
        let budget = shared.options.index_build_memory;
        let mut sort =
            KeySort::new(&shared.journal, &self.core.ns, begun.details, &index.tree, budget);
        let mut is_multikey = false;
        loop {
            interrupt::check()?;
            let (batch, ended) = self.read_batch(begun, &mut is_multikey)?;
            // Outside of the lock: they may go to the disk.
            for (key, loc) in batch {
                sort.push(key, loc)?;
            }
            if ended {
                return Ok(Gathered { sorted: sort.finish()?, is_multikey });
            }
        }
    }

    /// The entries of the next documents, and whether they were the last.
    fn read_batch(&self, begun: &Begun, is_multikey: &mut bool) -> Result<(Vec<Entry>, bool)> {
        let guard = self.core.shared();
        let open = self.still_built(guard.open()?, begun)?;
        let view = ReadView::new(&open.files, &guard);
        let mut position = begun.position.lock();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for _ in 0..BATCH_DOCUMENTS {
            if bytes >= BATCH_BYTES {
                break;
            }
            let Some(loc) = position.next(&view)? else { return Ok((batch, true)) };
            let keys = {
                let _record = self.core.read_record(loc);
                let document = document_at(&open.store, &view, loc)?;
                begun.building.index.keys_of(document.as_bytes())?
            };
            *is_multikey |= keys.met_array;
            bytes += keys.set.iter().map(Vec::len).sum::<usize>();
            batch.extend(keys.set.into_iter().map(|key| (key, loc)));
        }
        Ok((batch, false))
    }

    /// Puts the sorted entries together. Answers whether some two have equal keys that should
    /// not, as far as it looks.
    fn put_together(&self, begun: &Begun, mut sorted: SortedKeys) -> Result<bool> {
        let index = &begun.building.index;
        let mut doubtful = false;
        let mut last: Option<Entry> = None;
        let mut builder = self.in_build(begun, |unit| BulkBuilder::new(index.tree, unit))?;
        loop {
            // Outside of the gate: they may come from the disk.
            interrupt::check()?;
            let entries = sorted.take(STEPS_PER_UNIT)?;
            if entries.is_empty() {
                return Ok(doubtful);
            }
            if begun.index.tree.unique {
                let all = || last.iter().chain(&entries);
                let twice = all().zip(all().skip(1)).find(|(a, b)| is_twice(index, a, b));
                if let Some((_, (key, _))) = twice {
                    if !begun.building.has_gone() {
                        return Err(begun.index.duplicate(&self.core.ns, key));
                    }
                    doubtful = true;
                }
            }
            builder = self.in_build(begun, |unit| {
                let mut builder = builder.clone();
                for (key, loc) in &entries {
                    // A place may have been met twice, with a document each.
                    let _ = builder.push(unit, &mut index.store().clone(), key, *loc)?;
                }
                // What is only in memory has to be in the file when the unit ends.
                builder.flush(unit)?;
                Ok(builder)
            })?;
            last = entries.into_iter().next_back();
        }
    }

    /// Does the rest of the notes and completes the index.
    fn finish(
        &self,
        turn: &Turn<'_>,
        begun: &Begun,
        is_multikey: bool,
        mut doubtful: bool,
    ) -> Result<()> {
        let mut held = self.database.hold_in_turn(&self.core, turn);
        let details = self.still_built(held.collection.open()?, begun)?.details();
        loop {
            let notes = begun.building.oldest(STEPS_PER_UNIT);
            if notes.is_empty() {
                break;
            }
            doubtful |= held.unit(|_, _, unit| do_notes(begun, unit, &notes))?;
            begun.building.done(notes.len());
        }
        if doubtful && let Some(key) = held.read(|view, _| duplicate_key(&begun.index, view))? {
            return Err(begun.index.duplicate(&self.core.ns, &key));
        }
        let is_multikey = is_multikey || begun.building.is_multikey();
        held.unit(|_, _, unit| {
            if is_multikey {
                details.set_multikey(unit, begun.index.slot)?;
            }
            details.finish_index_build(unit, begun.index.slot).map(|_| ())
        })?;
        held.note_built(&begun.index);
        held.reopen()
    }

    /// Drops an index that was not built to its end.
    fn abandon(&self, turn: &Turn<'_>, begun: &Begun) -> Result<()> {
        let mut held = self.database.hold_in_turn(&self.core, turn);
        let details = self.still_built(held.collection.open()?, begun)?.details();
        if let Some(open) = held.collection.open_mut()? {
            open.building = None;
        }
        held.unit(|database, _, unit| {
            drop_index(&database.catalog, unit, self.namespace(), details, begun.index.slot)
        })?;
        held.reopen()
    }

    /// Does a unit of work for a build.
    fn in_build<R>(
        &self,
        begun: &Begun,
        mut work: impl FnMut(&mut UnitOfWork<'_>) -> Result<R>,
    ) -> Result<R> {
        self.change_after(
            |open, _| self.still_built(Some(open), begun).map(|_| ()),
            |_, unit, ()| work(unit),
        )
    }

    /// The collection, if it is still the one that the index is built of.
    fn still_built<'o>(
        &self,
        open: Option<&'o OpenCollection>,
        begun: &Begun,
    ) -> Result<&'o OpenCollection> {
        let is_ours = |open: &&OpenCollection| {
            open.building.as_ref().is_some_and(|ours| Arc::ptr_eq(ours, &begun.building))
        };
        open.filter(is_ours).ok_or_else(|| self.core.missing())
    }
}

/// Does notes to the tree. Answers whether a key came that another record had then.
fn do_notes(begun: &Begun, edit: &mut impl Edit, notes: &[Note]) -> Result<bool> {
    let index = &begun.building.index;
    let mut buckets = index.store().clone();
    let mut doubtful = false;
    for Note { comes, key, loc } in notes {
        if !comes {
            index.tree.edit(edit, &mut buckets).delete(key, *loc)?;
            continue;
        }
        if begun.index.tree.unique {
            let inserted = begun.index.tree.edit(edit, &mut buckets).insert(key, *loc)?;
            let Inserted::Duplicate(_) = inserted else { continue };
            doubtful = true;
        }
        // What was read already is there.
        let _ = index.tree.edit(edit, &mut buckets).insert(key, *loc)?;
    }
    Ok(doubtful)
}

/// Have two records one key?
fn is_twice(index: &Index, a: &Entry, b: &Entry) -> bool {
    a.1 != b.1 && key::compare(index.tree.version, &a.0, &b.0, index.tree.order).is_eq()
}

/// The first key that two records have.
fn duplicate_key(index: &Index, view: &impl View) -> Result<Option<Vec<u8>>> {
    let mut cursor = BtreeCursor::new(index.tree, Direction::Forward);
    let mut last: Option<Entry> = None;
    while let Some(loc) = cursor.next(view)? {
        let entry = (cursor.key().to_vec(), loc);
        if last.is_some_and(|last| is_twice(index, &last, &entry)) {
            return Ok(Some(entry.0));
        }
        last = Some(entry);
    }
    Ok(None)
}
