//! tallymap: the hit with prepared paths, and the same as an update in BSON.

use bson::{Bson, Document, RawBsonRef, RawDocument, RawDocumentBuf, rawdoc};
use tallymap::{Collection, Engine, FieldPath, UpdateReport};

use super::store::Store;
use super::views::{COUNTERS, HOURS, MINUTES, View};
use crate::bench::{Bench, Work};
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::workload;

/// The documents of pages: 24 hours, 24 × 60 minutes, all zero.
///
/// # Errors
/// There are none.
pub fn documents(pages: &[String]) -> Result<impl Iterator<Item = RawDocumentBuf>> {
    let zeros = |count: usize| (0..count).map(|n| (n.to_string(), Bson::Int32(0)));
    let minutes = (0..HOURS).map(|hour| (hour.to_string(), zeros(60).collect::<Document>().into()));
    let raw = |document: &Document| RawDocumentBuf::try_from(document).map_err(wrong);
    let hourly = raw(&zeros(HOURS).collect())?;
    let minute = raw(&minutes.collect())?;
    let document = move |page: &String| {
        let page = page.as_str();
        rawdoc! { "_id": page, "hourly": hourly.clone(), "minute": minute.clone() }
    };
    Ok(pages.iter().map(document))
}

/// The update of a view, in BSON.
pub fn update(view: View) -> Document {
    let [hour, minute] = paths(view.minute as usize);
    bson::doc! { "$inc": { hour: 1, minute: 1 } }
}

/// The paths of an hour's and a minute's counter.
fn paths(minute: usize) -> [String; 2] {
    let hour = minute / 60;
    [format!("hourly.{hour}"), format!("minute.{hour}.{}", minute % 60)]
}

/// Fills in the first counters of a document, as many as there is room for.
pub fn counters_of(document: &RawDocument, counters: &mut [i64]) -> Result<()> {
    let broken = |error: bson::error::Error| Error::WrongSum(error.to_string());
    let hours = document.get_document("hourly").map_err(wrong)?;
    let mut numbers = Vec::with_capacity(COUNTERS);
    numbers_of(hours, &mut numbers).map_err(broken)?;
    if counters.len() > HOURS {
        numbers_of(document.get_document("minute").map_err(wrong)?, &mut numbers)
            .map_err(broken)?;
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

/// A collection with a document for each page.
struct Pages {
    engine: Engine,
    collection: Collection,
    pages: Vec<String>,
    work: Work,
}

impl Pages {
    fn create(bench: &Bench<'_>, pages: Vec<String>) -> Result<Pages> {
        // Private memory for all pages, and half as much again: the map has them in memory too.
        let budget = (pages.len() as u64 * (18 << 10)).max(256 << 20);
        let engine = bench.builder().private_budget(budget).open()?;
        let collection = engine.collection("stats.daily")?;
        for document in documents(&pages)? {
            collection.insert_one(document)?;
        }
        engine.sync()?;
        let work = Work::so_far(engine.counters());
        Ok(Pages { engine, collection, pages, work })
    }

    fn begin(&mut self) {
        self.work = Work::so_far(self.engine.counters());
    }

    fn read(&self, page: usize, counters: &mut [i64]) -> Result<()> {
        match self.collection.find_by_id(self.pages[page].as_str())? {
            Some(document) => counters_of(&document, counters),
            None => Err(Error::WrongSum(format!("there is no {}", self.pages[page]))),
        }
    }

    fn figures(&self, hits: u64, round: &mut Round) -> Result<()> {
        self.work.figures(&self.engine, hits as usize, round)
    }
}

/// A hit without a match is no hit.
fn matched(report: UpdateReport) -> Result<()> {
    match report.matched {
        1 => Ok(()),
        _ => Err(Error::WrongSum("a hit on no document".to_owned())),
    }
}

/// A hit as [`Collection::increment`], with paths that were prepared once.
pub struct Increment {
    pages: Pages,
    hours: Vec<FieldPath>,
    minutes: Vec<FieldPath>,
}

impl Increment {
    /// With a document for each page.
    ///
    /// # Errors
    /// The engine's.
    pub fn create(bench: &Bench<'_>, pages: Vec<String>) -> Result<Increment> {
        let path = |minute: usize| paths(minute);
        Ok(Increment {
            pages: Pages::create(bench, pages)?,
            hours: workload::paths((0..HOURS).map(|hour| path(60 * hour)[0].clone()))?,
            minutes: workload::paths((0..MINUTES).map(|minute| path(minute)[1].clone()))?,
        })
    }
}

impl Store for Increment {
    fn begin(&mut self) {
        self.pages.begin();
    }

    fn hit(&mut self, view: View) -> Result<()> {
        let increments = [(&self.hours[view.hour()], 1), (&self.minutes[view.minute as usize], 1)];
        let page = self.pages.pages[view.page as usize].as_str();
        matched(self.pages.collection.increment(page, &increments)?)
    }

    fn settle(&mut self) -> Result<()> {
        Ok(self.pages.engine.wait_durable()?)
    }

    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()> {
        self.pages.read(page, counters)
    }

    fn figures(&self, hits: u64, round: &mut Round) -> Result<()> {
        self.pages.figures(hits, round)
    }

    fn close(self) -> Result<()> {
        Ok(self.pages.engine.close()?)
    }
}

/// A hit as [`Collection::update_one`], with BSON that was built once, as for a prepared
/// statement: a filter for each page, an update for each minute.
pub struct UpdateOne {
    pages: Pages,
    filters: Vec<RawDocumentBuf>,
    updates: Vec<RawDocumentBuf>,
}

impl UpdateOne {
    /// With a document for each page.
    ///
    /// # Errors
    /// The engine's.
    pub fn create(bench: &Bench<'_>, pages: Vec<String>) -> Result<UpdateOne> {
        let filters = pages.iter().map(|page| rawdoc! { "_id": page.as_str() }).collect();
        let update = |minute: usize| {
            let update = update(View { page: 0, minute: minute as u32 });
            RawDocumentBuf::try_from(&update).map_err(wrong)
        };
        let updates = (0..MINUTES).map(update).collect::<Result<_>>()?;
        Ok(UpdateOne { pages: Pages::create(bench, pages)?, filters, updates })
    }
}

impl Store for UpdateOne {
    fn begin(&mut self) {
        self.pages.begin();
    }

    fn hit(&mut self, view: View) -> Result<()> {
        let filter = &self.filters[view.page as usize];
        let update = &self.updates[view.minute as usize];
        matched(self.pages.collection.update_one(filter, update)?.run()?)
    }

    fn settle(&mut self) -> Result<()> {
        Ok(self.pages.engine.wait_durable()?)
    }

    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()> {
        self.pages.read(page, counters)
    }

    fn figures(&self, hits: u64, round: &mut Round) -> Result<()> {
        self.pages.figures(hits, round)
    }

    fn close(self) -> Result<()> {
        Ok(self.pages.engine.close()?)
    }
}
