//! Eight counters for each view, against one record of the view.
//!
//! Variants: `event` (the view is inserted), `event/indexed` (with an index by site and time),
//! `counters/8-documents` (each counter in a document of its own), `counters/1-document`.

use std::time::Duration;

use bson::{RawDocument, RawDocumentBuf, rawdoc};
use oorandom::Rand64;
use serde::Deserialize;
use tallymap::{Collection, CollectionOptions, Database, Direction, Engine, FieldPath, IndexSpec};

use super::Variant;
use crate::bench::{Bench, Work};
use crate::case::Case;
use crate::error::{Error, Result};
use crate::figures::Round;
use crate::load;
use crate::memory;
use crate::rate::processor_time;
use crate::tally::{Tally, Verified};
use crate::workload;

/// What a view is counted by, and how many values there are of each.
const DIMENSIONS: [(&str, u64); 8] = [
    ("hour", 24),
    ("minute", 1440),
    ("browser", 6),
    ("platform", 9),
    ("screen", 8),
    ("window", 8),
    ("country", 40),
    ("visitor", 2),
];

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Workload {
    sites: u64,
    views: usize,
    charts: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    Event { indexed: bool },
    EightDocuments,
    OneDocument,
}

/// One view of a page.
struct PageView {
    site: usize,
    /// A value of each dimension.
    values: [usize; 8],
}

/// Reads a case for one of its variants.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    let workload: Workload = case.workload()?;
    if workload.sites == 0 || workload.views == 0 {
        return Err(Error::case(&case.name, "without sites or views"));
    }
    let way = match name {
        "event" => Way::Event { indexed: false },
        "event/indexed" => Way::Event { indexed: true },
        "counters/8-documents" => Way::EightDocuments,
        "counters/1-document" => Way::OneDocument,
        _ => return Err(case.no_variant(name)),
    };
    Ok(Box::new(move |bench| round(bench, workload, way)))
}

/// Views in order of time.
fn views(workload: Workload, random: &mut Rand64) -> Vec<PageView> {
    let view = |number: usize, random: &mut Rand64| {
        let mut values = DIMENSIONS.map(|(_, count)| random.rand_range(0..count) as usize);
        values[1] = number * 1440 / workload.views;
        values[0] = values[1] / 60;
        PageView { site: random.rand_range(0..workload.sites) as usize, values }
    };
    (0..workload.views).map(|number| view(number, random)).collect()
}

/// The collections, the sites and the path of every counter.
struct Store {
    way: Way,
    /// One, or one for each dimension.
    collections: Vec<Collection>,
    sites: Vec<String>,
    paths: Vec<Vec<FieldPath>>,
}

fn round(bench: &Bench<'_>, workload: Workload, way: Way) -> Result<Round> {
    let engine = bench.builder().open()?;
    let store = Store::open(&engine, way, workload.sites)?;
    let views = views(workload, &mut bench.random());
    let work = Work::so_far(engine.counters());
    let (load, writes) = load::run(bench.case.threads, &views, 1, |writes: &mut u64, view| {
        *writes += store.log(view)?;
        Ok(0)
    })?;
    let memory = memory::of_maps(bench.folder).map_err(Error::io(bench.folder))?;
    engine.wait_durable()?;
    let mut round = Round::new(store.verify(&views)?);
    load.figures(&mut round);
    round.figure("writes_per_view", writes.iter().sum::<u64>() as f64 / views.len() as f64);
    round.figure("private_mib", memory.private as f64 / f64::from(1 << 20));
    work.figures(&engine, views.len(), &mut round)?;
    let mut bytes = 0;
    for collection in &store.collections {
        let stats = collection.stats()?;
        bytes += stats.size + 16 * stats.count + stats.total_index_size();
    }
    round.figure("disk_bytes_per_view", bytes as f64 / views.len() as f64);
    let mut random = bench.random();
    let mut time = Duration::ZERO;
    for _ in 0..workload.charts.max(1) {
        let site = random.rand_range(0..workload.sites) as usize;
        let start = processor_time();
        let by_browser = store.chart(site)?;
        time += processor_time() - start;
        let of =
            |browser: usize| move |view: &&PageView| view.site == site && view.values[2] == browser;
        for (browser, &count) in by_browser.iter().enumerate() {
            let counted = views.iter().filter(of(browser)).count() as i64;
            if count != counted {
                return Err(Error::WrongSum(format!("a chart of {count}, not {counted}")));
            }
        }
    }
    round.figure("chart_cpu_us", time.as_secs_f64() * 1e6 / workload.charts.max(1) as f64);
    engine.close()?;
    Ok(round)
}

impl Store {
    fn open(engine: &Engine, way: Way, sites: u64) -> Result<Store> {
        let database = engine.database("stats")?;
        let path = |(name, count): (&str, u64)| {
            workload::paths((0..count).map(|value| format!("{name}.{value}")))
        };
        Ok(Store {
            way,
            collections: collections(&database, way)?,
            sites: (0..sites).map(|site| format!("site-{site:04}")).collect(),
            paths: DIMENSIONS.into_iter().map(path).collect::<Result<_, _>>()?,
        })
    }

    /// Keeps a view, or counts it. Answers how many writes that took.
    fn log(&self, view: &PageView) -> Result<u64> {
        let site = self.sites[view.site].as_str();
        let increments: [(&FieldPath, i64); 8] =
            std::array::from_fn(|at| (&self.paths[at][view.values[at]], 1));
        match self.way {
            Way::Event { .. } => drop(self.collections[0].insert_one(event(site, view))?),
            Way::OneDocument => drop(self.collections[0].increment(site, &increments)?),
            Way::EightDocuments => {
                for (collection, increment) in self.collections.iter().zip(increments) {
                    collection.increment(site, &[increment])?;
                }
                return Ok(increments.len() as u64);
            }
        }
        Ok(1)
    }

    fn verify(&self, views: &[PageView]) -> Result<Verified> {
        let mut tallies: Vec<Tally> = self.collections.iter().map(|_| Tally::default()).collect();
        for view in views {
            for (at, &value) in view.values.iter().enumerate() {
                let tally = if tallies.len() == 1 { 0 } else { at };
                tallies[tally].add(&self.sites[view.site], self.paths[at][value].as_str());
            }
        }
        if let Way::Event { .. } = self.way {
            return tallies[0].compare(&self.count_events()?);
        }
        let mut verified = None;
        for (tally, collection) in tallies.iter().zip(&self.collections) {
            let this = tally.verify(collection)?;
            verified = Some(match verified {
                None => this,
                Some(before) => this.and(before),
            });
        }
        verified.ok_or_else(|| Error::WrongSum("nothing was counted".to_owned()))
    }

    /// The counters that the events amount to.
    fn count_events(&self) -> Result<Tally> {
        let mut tally = Tally::default();
        for located in self.collections[0].scan(Direction::Forward)? {
            let document = located?.document;
            let site = document.get_str("site").unwrap_or_default();
            for (name, _) in DIMENSIONS {
                tally.add(site, &format!("{name}.{}", document.get_i32(name).unwrap_or(-1)));
            }
        }
        Ok(tally)
    }

    /// Views of a site by browser: read, or counted now.
    fn chart(&self, site: usize) -> Result<[i64; 6]> {
        let mut counts = [0; 6];
        let site = self.sites[site].as_str();
        if let Way::Event { .. } = self.way {
            for event in self.collections[0].find(rawdoc! { "site": site }).run()? {
                let browser = event?.get_i32("browser").unwrap_or(-1);
                if let Some(count) = counts.get_mut(browser as usize) {
                    *count += 1;
                }
            }
            return Ok(counts);
        }
        let at = if self.collections.len() == 1 { 0 } else { 2 };
        let Some(document) = self.collections[at].find_by_id(site)? else { return Ok(counts) };
        let browsers = document.get_document("browser");
        for (count, (_, n)) in counts.iter_mut().zip(browsers.into_iter().flatten().flatten()) {
            *count = i64::from(n.as_i32().unwrap_or(0));
        }
        Ok(counts)
    }
}

fn collections(database: &Database, way: Way) -> Result<Vec<Collection>> {
    let create = |name: &str, template: &RawDocument| {
        database.create_collection(name, CollectionOptions::default().template(template))
    };
    let grid = |count: u64| rawdoc! { "$grid": [count as i32] };
    match way {
        Way::Event { indexed } => {
            let events = database.create_collection("events", CollectionOptions::default())?;
            if indexed {
                events.create_index(IndexSpec::new(&[("site", 1), ("at", 1)]))?;
            }
            Ok(vec![events])
        }
        Way::EightDocuments => {
            let each = |(name, count): (&str, u64)| {
                let mut template = RawDocumentBuf::new();
                template.append(field_name(name), grid(count));
                Ok(create(name, &template)?)
            };
            DIMENSIONS.into_iter().map(each).collect()
        }
        Way::OneDocument => {
            let mut template = RawDocumentBuf::new();
            for (name, count) in DIMENSIONS {
                template.append(field_name(name), grid(count));
            }
            Ok(vec![create("days", &template)?])
        }
    }
}

fn field_name(name: &str) -> &bson::raw::CStr {
    name.try_into().expect("a name without zeros")
}

/// A view as a log keeps it.
fn event(site: &str, view: &PageView) -> RawDocumentBuf {
    let at = workload::day().date().timestamp_millis() + view.values[1] as i64 * 60_000;
    let mut event = rawdoc! {
        "site": site,
        "at": bson::DateTime::from_millis(at),
        "path": "/2000/10/counters-everywhere.html",
        "referrer": "https://www.example.org/search?q=counters",
        "agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Safari",
    };
    for ((name, _), value) in DIMENSIONS.into_iter().zip(view.values) {
        event.append(field_name(name), value as i32);
    }
    event
}
