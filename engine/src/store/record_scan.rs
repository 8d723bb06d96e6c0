//! A walk over all records of a namespace, in natural order or backwards, that may rest between
//! two steps while the namespace changes (format, §4.3, §9.4). What is in a record is not read.
//!
//! W1. The walk holds the record that comes next. Whoever removes a record first tells every
//!     walk by [`RecordScan::will_remove`], and it steps off.
//! W2. The walk ends: every step checks that the place arrived at names the place come from,
//!     and the first place names none, so that nothing can be met twice.
//! W3. A record that stays where it is is met exactly once; one that moves may be met again.

use crate::disk::View;
use crate::disk_loc::{ExtentLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::store::capped_order::CappedOrder;
use crate::store::extent::Extent;
use crate::store::namespace_details::{CapFirstNew, NamespaceDetails};
use crate::store::record::RecordHeader;

/// Which way a walk goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Oldest first.
    Forward,
    /// Newest first.
    Backward,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upcoming {
    Start,
    At(RecordLoc),
    End,
}

/// A walk over the records of a namespace.
#[derive(Debug, Clone)]
pub struct RecordScan {
    details: NamespaceDetails,
    direction: Direction,
    upcoming: Upcoming,
    order: CappedOrder,
}

impl RecordScan {
    /// A walk that begins at the first record of `direction`.
    pub fn new(details: NamespaceDetails, direction: Direction) -> RecordScan {
        let order = CappedOrder::new(details, direction);
        RecordScan { details, direction, upcoming: Upcoming::Start, order }
    }

    /// The next record, or `None` at the end. Once at the end, a walk stays there.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the chain is broken; the walk is at its end then.
    pub fn next(&mut self, view: &impl View) -> Result<Option<RecordLoc>> {
        let upcoming = std::mem::replace(&mut self.upcoming, Upcoming::End);
        let here = match upcoming {
            Upcoming::Start => self.first(view)?,
            Upcoming::At(loc) => Some(loc),
            Upcoming::End => None,
        };
        if let Some(here) = here {
            self.upcoming = upcoming_at(self.after(view, here)?);
        }
        Ok(here)
    }

    /// A walk that goes on behind the record at `loc`, which it has met before.
    ///
    /// # Errors
    /// As [`RecordScan::next`].
    pub fn behind(
        details: NamespaceDetails,
        direction: Direction,
        view: &impl View,
        loc: RecordLoc,
    ) -> Result<RecordScan> {
        let mut scan = RecordScan::new(details, direction);
        scan.upcoming = upcoming_at(scan.after(view, loc)?);
        Ok(scan)
    }

    /// Steps off the record at `loc`, which is about to be removed or moved (W1).
    pub fn will_remove(&mut self, view: &impl View, loc: RecordLoc) -> Result<()> {
        if self.upcoming == Upcoming::At(loc) {
            self.upcoming = Upcoming::End;
            self.upcoming = upcoming_at(self.after(view, loc)?);
        }
        Ok(())
    }

    fn first(&mut self, view: &impl View) -> Result<Option<RecordLoc>> {
        if looped(view, self.details)? {
            return self.order.first(view);
        }
        let loc = match self.direction {
            Direction::Forward => self.details.first_extent(view)?,
            Direction::Backward => self.details.last_extent(view)?,
        };
        let Some(loc) = loc else { return Ok(None) };
        let extent = Extent::read(view, loc)?;
        if let Some(beyond) = extent.neighbour(opposite(self.direction)) {
            let rule = "no extent precedes the first or follows the last";
            return Err(Error::corrupt(loc, "Extent", rule, beyond.0.record_id()));
        }
        match extent.enter(view, self.direction)? {
            Some(record) => Ok(Some(record)),
            None => first_beyond(view, extent, self.direction),
        }
    }

    fn after(&mut self, view: &impl View, loc: RecordLoc) -> Result<Option<RecordLoc>> {
        let header = RecordHeader::read(view, loc)?;
        if looped(view, self.details)? {
            return self.order.after(view, loc, &header);
        }
        match neighbour(view, loc, &header, self.direction)? {
            Some(record) => Ok(Some(record)),
            None => {
                let extent = Extent::read(view, header.extent(loc))?;
                first_beyond(view, extent, self.direction)
            }
        }
    }
}

fn upcoming_at(loc: Option<RecordLoc>) -> Upcoming {
    loc.map_or(Upcoming::End, Upcoming::At)
}

/// Is the namespace capped, and has it begun to overwrite its oldest records?
fn looped(view: &impl View, details: NamespaceDetails) -> Result<bool> {
    let capped = details.is_capped(view)?;
    Ok(capped && details.cap_first_new(view)? != CapFirstNew::NeverLooped)
}

/// The other direction.
pub fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Forward => Direction::Backward,
        Direction::Backward => Direction::Forward,
    }
}

/// The first record of the extents behind `extent`.
fn first_beyond(
    view: &impl View,
    mut extent: Extent,
    direction: Direction,
) -> Result<Option<RecordLoc>> {
    while let Some(next) = extent.step(view, direction)? {
        if let Some(record) = next.enter(view, direction)? {
            return Ok(Some(record));
        }
        extent = next;
    }
    Ok(None)
}

/// The record next to `loc` in its extent's chain, which must name `loc` in turn (W2).
pub fn neighbour(
    view: &impl View,
    loc: RecordLoc,
    header: &RecordHeader,
    direction: Direction,
) -> Result<Option<RecordLoc>> {
    let Some(to) = header.link(loc, direction) else { return Ok(None) };
    let there = RecordHeader::read(view, to)?;
    let same_extent = there.extent_ofs == header.extent_ofs;
    if !same_extent || there.link(to, opposite(direction)) != Some(loc) {
        let rule = "the next record of a chain names the one before it";
        return Err(Error::corrupt(to, "Record", rule, loc.0.record_id()));
    }
    Ok(Some(to))
}

impl RecordHeader {
    /// The record that the header at `loc` names in `direction`.
    pub fn link(&self, loc: RecordLoc, direction: Direction) -> Option<RecordLoc> {
        match direction {
            Direction::Forward => self.next(loc),
            Direction::Backward => self.prev(loc),
        }
    }
}

impl Extent {
    /// The extent that it names in `direction`.
    pub fn neighbour(&self, direction: Direction) -> Option<ExtentLoc> {
        match direction {
            Direction::Forward => self.next,
            Direction::Backward => self.prev,
        }
    }

    /// The extent next to it, which must name it in turn (W2).
    pub fn step(&self, view: &impl View, direction: Direction) -> Result<Option<Extent>> {
        let Some(to) = self.neighbour(direction) else { return Ok(None) };
        let there = Extent::read(view, to)?;
        if there.neighbour(opposite(direction)) != Some(self.loc) {
            let rule = "the next extent of a chain names the one before it";
            return Err(Error::corrupt(to, "Extent", rule, self.loc.0.record_id()));
        }
        Ok(Some(there))
    }

    /// The end of its record chain at which a walk in `direction` begins.
    pub fn enter(&self, view: &impl View, direction: Direction) -> Result<Option<RecordLoc>> {
        let end = match direction {
            Direction::Forward => self.first_record(),
            Direction::Backward => self.last_record(),
        };
        let Some(record) = end else { return Ok(None) };
        let header = RecordHeader::read(view, record)?;
        let is_end = header.link(record, opposite(direction)).is_none();
        if !is_end || header.extent_ofs != self.loc.0.ofs {
            let rule = "the ends of an extent's chain belong to it and end there";
            return Err(Error::corrupt(record, "Record", rule, header.extent_ofs));
        }
        Ok(Some(record))
    }
}
