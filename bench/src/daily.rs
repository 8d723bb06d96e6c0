//! The workload of the figures: a pre-allocated document for each page, with 24 counters of hours
//! and 24 × 60 of minutes; hits of few pages often and of most seldom, at any minute of the day.

use bson::{RawDocumentBuf, rawdoc};
use oorandom::Rand64;
use tallymap::{Collection, CollectionOptions, Database, FieldPath, SizingPolicy, UpdateReport};

use crate::error::{Error, Result};
use crate::tally::{Tally, Verified};
use crate::workload;
use crate::zipf::Zipf;

/// How uneven the pages are.
const S: f64 = 0.99;

/// Counters of a page: one for each hour, then one for each minute.
pub const COUNTERS: usize = HOURS + MINUTES;
pub const HOURS: usize = 24;
pub const MINUTES: usize = 1440;

/// One hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    pub page: u32,
    /// Of the day.
    pub minute: u32,
}

impl Hit {
    /// The hour's counter, and the minute's.
    pub fn counters(self) -> [usize; 2] {
        [self.hour(), HOURS + self.minute as usize]
    }

    /// The hour that the minute is in.
    pub fn hour(self) -> usize {
        self.minute as usize / 60
    }
}

/// The documents of all pages, and the paths of their counters.
#[derive(Debug)]
pub struct Daily {
    pub collection: Collection,
    pub pages: Vec<String>,
    hours: Vec<FieldPath>,
    minutes: Vec<FieldPath>,
}

/// Which pages are hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Choice {
    /// By Zipf's law. The pages of most hits lie anywhere.
    Zipf,
    /// Each as often as any other.
    Even,
}

/// Hits that depend on nothing but the seed.
pub fn hits(pages: usize, count: usize, choice: Choice, random: &mut Rand64) -> Vec<Hit> {
    let mut order: Vec<u32> = (0..pages as u32).collect();
    workload::shuffle(&mut order, random);
    let zipf = Zipf::new(pages as u32, S);
    let one = |_| {
        let rank = match choice {
            Choice::Zipf => zipf.pick(random.rand_float()),
            Choice::Even => random.rand_range(0..pages as u64) as u32,
        };
        Hit { page: order[rank as usize], minute: random.rand_range(0..MINUTES as u64) as u32 }
    };
    (0..count).map(one).collect()
}

/// The counters of a day, all zero, as a template has them.
pub fn template() -> RawDocumentBuf {
    rawdoc! { "hourly": { "$grid": [24] }, "minute": { "$grid": [24, 60] } }
}

/// The documents of pages as the template makes them.
pub fn documents(pages: &[String]) -> impl Iterator<Item = RawDocumentBuf> {
    let (hourly, minute) = (numbered(HOURS, 0), numbered(HOURS, numbered(60, 0)));
    pages.iter().map(move |page| {
        let page = page.as_str();
        rawdoc! { "_id": page, "hourly": hourly.clone(), "minute": minute.clone() }
    })
}

/// The path of the counter of an hour.
pub fn hour_path(hour: usize) -> String {
    format!("hourly.{hour}")
}

/// The path of the counter of a minute of the day.
pub fn minute_path(minute: usize) -> String {
    format!("minute.{}.{}", minute / 60, minute % 60)
}

/// So many fields named by their number.
fn numbered(count: usize, value: impl Into<bson::RawBson>) -> RawDocumentBuf {
    let (mut document, value) = (RawDocumentBuf::new(), value.into());
    for number in 0..count {
        let name = bson::raw::CString::try_from(number.to_string());
        document.append(name.expect("digits"), value.clone());
    }
    document
}

impl Daily {
    /// The collection, without a document yet. Records are as long as their documents, which
    /// never grow.
    ///
    /// # Errors
    /// The engine's.
    pub fn empty(database: &Database, pages: usize) -> Result<Daily> {
        let options = CollectionOptions::default().policy(SizingPolicy::Exact);
        let collection = database.create_collection("daily", options.template(template()))?;
        Ok(Daily::of(collection, workload::pages(pages))?)
    }

    /// The documents that `collection` has or is to have.
    ///
    /// # Errors
    /// None but of the paths, which are sound.
    pub fn of(collection: Collection, pages: Vec<String>) -> tallymap::Result<Daily> {
        Ok(Daily {
            collection,
            pages,
            hours: workload::paths((0..HOURS).map(hour_path))?,
            minutes: workload::paths((0..MINUTES).map(minute_path))?,
        })
    }

    /// Makes the documents of all pages.
    ///
    /// # Errors
    /// The engine's.
    pub fn fill(&self) -> Result<()> {
        for document in documents(&self.pages) {
            self.collection.insert_one(document)?;
        }
        Ok(())
    }

    /// Counts a hit: its hour and its minute.
    ///
    /// # Errors
    /// The engine's.
    #[inline]
    pub fn count(&self, hit: &Hit) -> Result<()> {
        self.increment(*hit)?;
        Ok(())
    }

    /// The same, with what the engine says about it.
    ///
    /// # Errors
    /// The engine's.
    #[inline]
    pub fn increment(&self, hit: Hit) -> tallymap::Result<UpdateReport> {
        let (hour, minute) = (&self.hours[hit.hour()], &self.minutes[hit.minute as usize]);
        let page = self.pages[hit.page as usize].as_str();
        self.collection.increment(page, &[(hour, 1), (minute, 1)])
    }

    /// Compares every counter of every document with `hits`, each counted so many `times`.
    ///
    /// # Errors
    /// [`Error::WrongSum`]; the engine's.
    pub fn verify(&self, counted: &[(&[Hit], i64)]) -> Result<Verified> {
        let mut by_page: Vec<(u32, u32, i64)> = Vec::new();
        for (hits, times) in counted {
            by_page.extend(hits.iter().map(|hit| (hit.page, hit.minute, *times)));
        }
        by_page.sort_unstable();
        let total: i64 = by_page.iter().map(|(.., times)| 2 * times).sum();
        let verified = Tally::verify_each(&self.collection, self.pages.len(), |id| {
            let number = id.rsplit('-').next().and_then(|digits| digits.parse::<u32>().ok());
            let Some(number) = number else {
                return Err(Error::WrongSum(format!("a document '{id}', which is of no page")));
            };
            let first = by_page.partition_point(|(page, ..)| *page < number);
            let of_page = by_page[first..].iter().take_while(|(page, ..)| *page == number);
            let mut tally = Tally::default();
            for (_, minute, times) in of_page {
                let minute = *minute as usize;
                tally.add_many(id, self.hours[minute / 60].as_str(), *times);
                tally.add_many(id, self.minutes[minute].as_str(), *times);
            }
            Ok(tally)
        })?;
        match verified.counts() == total.unsigned_abs() {
            true => Ok(verified),
            false => Err(Error::WrongSum(format!("{} in all, not {total}", verified.counts()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tallymap::{Engine, disk::HeapDisk};

    use super::*;

    #[test]
    fn every_hit_counts_and_a_wrong_one_is_noticed() {
        let disk = Arc::new(HeapDisk::new());
        let builder = Engine::builder("ram").disk(disk).ns_size_mib(1).background(false);
        let engine = builder.open().unwrap();
        let daily = Daily::empty(&engine.database("stats").unwrap(), 5).unwrap();
        daily.fill().unwrap();
        for choice in [Choice::Zipf, Choice::Even] {
            assert_eq!(hits(5, 0, choice, &mut Rand64::new(1)), []);
        }
        let counted = hits(5, 200, Choice::Zipf, &mut Rand64::new(1));
        assert_eq!(counted, hits(5, 200, Choice::Zipf, &mut Rand64::new(1)));
        for _ in 0..3 {
            counted.iter().for_each(|hit| daily.count(hit).unwrap());
        }
        assert_eq!(daily.verify(&[(&counted, 3)]).unwrap().counts(), 2 * 3 * 200);
        let (some, rest) = counted.split_at(50);
        assert_eq!(daily.verify(&[(some, 3), (rest, 3)]).unwrap().counts(), 2 * 3 * 200);
        for wrong in [&[(&counted[..], 2)][..], &[(some, 3)], &[(some, 3), (rest, 4)]] {
            assert!(matches!(daily.verify(wrong), Err(Error::WrongSum(_))));
        }
        daily.collection.delete_one(rawdoc! { "_id": daily.pages[0].as_str() }).unwrap();
        assert!(matches!(daily.verify(&[(&counted, 3)]), Err(Error::WrongSum(_))));
    }
}
