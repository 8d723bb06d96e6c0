//! tallymap: the hit with prepared paths, and the same as an update in BSON.

use bson::{Document, RawBsonRef, RawDocument, RawDocumentBuf, rawdoc};
use tallymap::{Engine, UpdateReport};

use super::store::Store;
use crate::bench::{Bench, Work};
use crate::daily::{self, COUNTERS, Daily, HOURS, Hit, MINUTES};
use crate::error::{Error, Result};
use crate::figures::Round;

/// The update of a minute's hit, in BSON.
pub fn update(minute: usize) -> Document {
    bson::doc! { "$inc": { daily::hour_path(minute / 60): 1, daily::minute_path(minute): 1 } }
}

/// Fills in the first counters of a document, as many as there is room for.
pub fn counters_of(document: &RawDocument, counters: &mut [i64]) -> Result<()> {
    let hours = document.get_document("hourly").map_err(wrong)?;
    let mut numbers = Vec::with_capacity(COUNTERS);
    numbers_of(hours, &mut numbers).map_err(wrong)?;
    if counters.len() > HOURS {
        numbers_of(document.get_document("minute").map_err(wrong)?, &mut numbers).map_err(wrong)?;
    }
    match numbers.get(..counters.len()) {
        Some(numbers) => counters.copy_from_slice(numbers),
        None => return Err(Error::WrongSum("a document lacks counters".to_owned())),
    }
    Ok(())
}

fn wrong(error: impl std::fmt::Display) -> Error {
    Error::WrongSum(error.to_string())
}

fn numbers_of(document: &RawDocument, numbers: &mut Vec<i64>) -> bson::error::Result<()> {
    for element in document {
        match element?.1 {
            RawBsonRef::Int32(n) => numbers.push(i64::from(n)),
            RawBsonRef::Int64(n) => numbers.push(n),
            RawBsonRef::Document(inner) => numbers_of(inner, numbers)?,
            _ => {}
        }
    }
    Ok(())
}

/// Documents of pages, and the way in which they are hit.
pub struct Pages<W> {
    engine: Engine,
    daily: Daily,
    work: Work,
    way: W,
}

/// How a hit is told to the engine.
pub trait Way: Sized {
    /// What can be prepared for these pages is.
    ///
    /// # Errors
    /// What it consists of is sound: none.
    fn prepare(pages: &[String]) -> Result<Self>;

    /// Counts a hit.
    ///
    /// # Errors
    /// The engine's.
    fn hit(&self, daily: &Daily, hit: Hit) -> tallymap::Result<UpdateReport>;
}

impl<W: Way> Pages<W> {
    /// With a document for each page.
    ///
    /// # Errors
    /// The engine's.
    pub fn create(bench: &Bench<'_>, pages: Vec<String>) -> Result<Pages<W>> {
        // Private memory for all pages, and half as much again: the map has them in memory too.
        let budget = (pages.len() as u64 * (18 << 10)).max(256 << 20);
        let engine = bench.builder().private_budget(budget).open()?;
        let way = W::prepare(&pages)?;
        let daily = Daily::of(engine.collection("stats.daily")?, pages)?;
        daily.fill()?;
        engine.sync()?;
        let work = Work::so_far(engine.counters());
        Ok(Pages { engine, daily, work, way })
    }
}

impl<W: Way> Store for Pages<W> {
    fn begin(&mut self) {
        self.work = Work::so_far(self.engine.counters());
    }

    fn hit(&mut self, view: Hit) -> Result<()> {
        match self.way.hit(&self.daily, view)?.matched {
            1 => Ok(()),
            _ => Err(Error::WrongSum("a hit on no document".to_owned())),
        }
    }

    fn settle(&mut self) -> Result<()> {
        Ok(self.engine.wait_durable()?)
    }

    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()> {
        let page = self.daily.pages[page].as_str();
        match self.daily.collection.find_by_id(page)? {
            Some(document) => counters_of(&document, counters),
            None => Err(Error::WrongSum(format!("there is no {page}"))),
        }
    }

    fn figures(&self, hits: usize, round: &mut Round) -> Result<()> {
        self.work.figures(&self.engine, hits, round)
    }

    fn close(self) -> Result<()> {
        Ok(self.engine.close()?)
    }
}

/// A hit as [`tallymap::Collection::increment`], with paths that were prepared once.
pub struct Increment;

impl Way for Increment {
    fn prepare(_: &[String]) -> Result<Increment> {
        Ok(Increment)
    }

    fn hit(&self, daily: &Daily, hit: Hit) -> tallymap::Result<UpdateReport> {
        daily.increment(hit)
    }
}

/// A hit as [`tallymap::Collection::update_one`], with BSON that was built once, as for a prepared
/// statement: a filter for each page, an update for each minute.
pub struct UpdateOne {
    filters: Vec<RawDocumentBuf>,
    updates: Vec<RawDocumentBuf>,
}

impl Way for UpdateOne {
    fn prepare(pages: &[String]) -> Result<UpdateOne> {
        let filters = pages.iter().map(|page| rawdoc! { "_id": page.as_str() }).collect();
        let update = |minute| RawDocumentBuf::try_from(&update(minute)).map_err(wrong);
        Ok(UpdateOne { filters, updates: (0..MINUTES).map(update).collect::<Result<_>>()? })
    }

    fn hit(&self, daily: &Daily, hit: Hit) -> tallymap::Result<UpdateReport> {
        let filter = &self.filters[hit.page as usize];
        daily.collection.update_one(filter, &self.updates[hit.minute as usize])?.run()
    }
}
