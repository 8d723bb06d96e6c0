//! The natural order of a capped namespace that has begun to overwrite its oldest records
//! (format, §9.4).
//!
//! Forward: the old records of the current extent, the other extents in a circle, then the new
//! records of the current extent. Backward is the mirror image.
//!
//! O1. In the current extent all old records stand before all new ones.
//! O2. While a walk rests, the current extent may have moved on. The record that the walk holds
//!     was there before, so that in the new current extent it is an old one.
//! O3. A walk ends: it begins only where the current extent is in the chain from the first, and
//!     goes round only where both ends of the chain are the namespace's.

use crate::disk::View;
use crate::disk_loc::{DiskLoc, ExtentLoc, RecordLoc};
use crate::error::{Error, Result};
use crate::store::extent::Extent;
use crate::store::extent_manager;
use crate::store::namespace_details::{CapFirstNew, NamespaceDetails};
use crate::store::record::RecordHeader;
use crate::store::record_scan::{Direction, neighbour, opposite};

/// Which records of the current extent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Old,
    New,
}

/// How far the namespace had come when a walk took its last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pass {
    current: ExtentLoc,
    first_new: Option<RecordLoc>,
}

/// The order, and what a walk remembers of it.
#[derive(Debug, Clone)]
pub struct CappedOrder {
    details: NamespaceDetails,
    direction: Direction,
    /// Pass and part of the last step, if that ended in the current extent.
    seen: Option<(Pass, Part)>,
}

impl CappedOrder {
    /// A walk that has not begun.
    pub fn new(details: NamespaceDetails, direction: Direction) -> CappedOrder {
        CappedOrder { details, direction, seen: None }
    }

    /// The part of the current extent that a walk comes to first, and the one it ends with.
    fn parts(&self) -> (Part, Part) {
        match self.direction {
            Direction::Forward => (Part::Old, Part::New),
            Direction::Backward => (Part::New, Part::Old),
        }
    }

    /// Where a walk begins.
    pub fn first(&mut self, view: &impl View) -> Result<Option<RecordLoc>> {
        let pass = self.pass(view)?;
        // Going round ends at the current extent: it must be in the circle.
        let in_chain = extent_manager::extents(view, self.details)?
            .find(|extent| extent.as_ref().map_or(true, |e| e.loc == pass.current));
        let Some(extent) = in_chain.transpose()? else {
            let rule = "capExtent is one of the namespace's extents";
            return Err(Error::corrupt(self.details.loc(), "NamespaceDetails", rule, 0));
        };
        match self.enter_part(view, pass, &extent, self.parts().0)? {
            Some(record) => Ok(Some(record)),
            None => self.around(view, pass, extent),
        }
    }

    /// What comes after the record at `loc`.
    pub fn after(
        &mut self,
        view: &impl View,
        loc: RecordLoc,
        header: &RecordHeader,
    ) -> Result<Option<RecordLoc>> {
        let pass = self.pass(view)?;
        let is_current = header.extent(loc) == pass.current;
        let part = is_current.then_some(match self.seen {
            Some((seen, part)) if seen == pass => part,
            _ => Part::Old,
        });
        let next = neighbour(view, loc, header, self.direction)?;
        // Within the current extent the chain goes on from one part to the other; a walk does
        // not.
        let crosses = match self.direction {
            Direction::Forward => part == Some(Part::Old) && next == pass.first_new,
            Direction::Backward => part == Some(Part::New) && Some(loc) == pass.first_new,
        };
        if let Some(next) = next.filter(|_| !crosses) {
            self.seen = part.map(|part| (pass, part));
            return Ok(Some(next));
        }
        if part == Some(self.parts().1) {
            return Ok(None);
        }
        let extent = Extent::read(view, header.extent(loc))?;
        self.around(view, pass, extent)
    }

    /// The first record of the extents behind `extent`, in a circle that ends in the current
    /// one.
    fn around(
        &mut self,
        view: &impl View,
        pass: Pass,
        mut extent: Extent,
    ) -> Result<Option<RecordLoc>> {
        let mut turns = 0;
        loop {
            extent = match extent.step(view, self.direction)? {
                Some(next) => next,
                None => {
                    turns += 1;
                    self.turn(view, &extent)?
                }
            };
            if extent.loc == pass.current {
                return self.enter_part(view, pass, &extent, self.parts().1);
            }
            if turns > 1 {
                let rule = "capExtent is one of the namespace's extents";
                return Err(Error::corrupt(self.details.loc(), "NamespaceDetails", rule, 0));
            }
            if let Some(record) = extent.enter(view, self.direction)? {
                self.seen = None;
                return Ok(Some(record));
            }
        }
    }

    /// From one end of the chain to the other. Both have to be what the namespace says of them:
    /// else the circle could lead into another chain, and never come to the current extent.
    fn turn(&self, view: &impl View, end: &Extent) -> Result<Extent> {
        let (first, last) = (self.details.first_extent(view)?, self.details.last_extent(view)?);
        let (here, there) = match self.direction {
            Direction::Forward => (last, first),
            Direction::Backward => (first, last),
        };
        let there = Extent::read(view, there.ok_or_else(|| no_extent(self.details))?)?;
        if here != Some(end.loc) || there.neighbour(opposite(self.direction)).is_some() {
            let rule = "firstExtent and lastExtent are the ends of the chain";
            return Err(Error::corrupt(self.details.loc(), "NamespaceDetails", rule, 0));
        }
        Ok(there)
    }

    /// The record at which a walk enters `part` of the current extent, if it has any.
    fn enter_part(
        &mut self,
        view: &impl View,
        pass: Pass,
        extent: &Extent,
        part: Part,
    ) -> Result<Option<RecordLoc>> {
        let end = extent.enter(view, self.direction)?;
        let record = match (self.direction, part) {
            // The end of the chain where the walk comes in.
            (Direction::Forward, Part::Old) => end.filter(|r| Some(*r) != pass.first_new),
            (Direction::Backward, Part::New) => end.filter(|_| pass.first_new.is_some()),
            // The seam between the parts.
            (Direction::Forward, Part::New) => pass.first_new,
            (Direction::Backward, Part::Old) => match pass.first_new {
                None => end,
                Some(first_new) => {
                    let header = RecordHeader::read(view, first_new)?;
                    neighbour(view, first_new, &header, Direction::Backward)?
                }
            },
        };
        self.seen = Some((pass, part));
        Ok(record)
    }

    fn pass(&self, view: &impl View) -> Result<Pass> {
        let current = self.details.cap_extent(view)?.ok_or_else(|| no_extent(self.details))?;
        let first_new = match self.details.cap_first_new(view)? {
            CapFirstNew::At(loc) => Some(check_first_new(view, current, loc)?),
            CapFirstNew::NoneYet | CapFirstNew::NeverLooped => None,
        };
        Ok(Pass { current, first_new })
    }
}

fn check_first_new(view: &impl View, current: ExtentLoc, loc: DiskLoc) -> Result<RecordLoc> {
    let record = RecordLoc(loc);
    let header = RecordHeader::read(view, record)?;
    if header.extent(record) != current {
        let rule = "capFirstNewRecord is a record of capExtent";
        return Err(Error::corrupt(loc, "Record", rule, header.extent_ofs));
    }
    Ok(record)
}

fn no_extent(details: NamespaceDetails) -> Error {
    let rule = "a capped namespace has extents";
    Error::corrupt(details.loc(), "NamespaceDetails", rule, 0)
}
