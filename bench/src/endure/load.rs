//! The mixed load of a long run: hits as fast as they go; documents that come, grow, move and
//! go at a steady pace; readers. Each part keeps its own account of what it counted.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bson::rawdoc;
use oorandom::Rand64;
use parking_lot::Mutex;
use tallymap::{
    Collection, CollectionOptions, Direction, Engine, Error, IndexSpec, Lengths, Result,
};

use crate::daily::{self, Choice, Daily, Hit, MINUTES};

pub const PAGES: &str = "stats.daily";
pub const EVENTS: &str = "stats.events";
const LOG: &str = "stats.log";

/// Documents that are hit, of 12 KB each.
const PAGE_COUNT: usize = 2_000;
/// Documents that come and go.
const EVENT_COUNT: usize = 4_000;
/// A burst of work on them, and the rest after it.
const BURST: usize = 20;
const REST: Duration = Duration::from_millis(20);

/// A document id for page `n`.
fn page_id(n: usize) -> String {
    format!("20001010/site-1/page-{n:05}")
}

/// Those of all pages.
fn page_ids() -> Vec<String> {
    (0..PAGE_COUNT).map(page_id).collect()
}

/// Makes the collections.
///
/// # Errors
/// The engine's.
pub fn prepare(engine: &Engine) -> Result<()> {
    let database = engine.database("stats")?;
    let pages = database.collection("daily")?;
    for page in daily::documents(&page_ids()) {
        pages.insert_one(page)?;
    }
    database.create_collection("log", CollectionOptions::default().capped(1 << 20))?;
    let events = database.collection("events")?;
    events.create_index(IndexSpec::new(&[("site", 1)]))?;
    engine.sync()
}

/// How long the hits took since it was last taken.
pub type Hits = Mutex<Lengths>;

/// Hits pages until it is told to stop. Gives the hits counted by page.
///
/// # Errors
/// The engine's.
pub fn hit(engine: &Engine, seed: u64, times: &Hits, stop: &AtomicBool) -> Result<Vec<u64>> {
    let mut random = Rand64::new(u128::from(seed));
    let daily = Daily::of(engine.collection(PAGES)?, page_ids())?;
    let order = daily::hits(PAGE_COUNT, 1 << 20, Choice::Zipf, &mut random);
    let mut counted = vec![0; PAGE_COUNT];
    let mut local = Lengths::default();
    let mut last = Instant::now();
    for (number, &Hit { page, .. }) in order.iter().cycle().enumerate() {
        // Another minute each time, so that the list is no end of what is touched.
        let minute = random.rand_range(0..MINUTES as u64) as u32;
        counted[page as usize] += daily.increment(Hit { page, minute })?.matched;
        let now = Instant::now();
        local.add(now - last);
        last = now;
        if number % 4096 == 0 {
            times.lock().absorb(&std::mem::take(&mut local));
            if stop.load(Relaxed) {
                break;
            }
            last = Instant::now();
        }
    }
    times.lock().absorb(&local);
    Ok(counted)
}

/// Inserts, updates, grows and deletes at a steady pace until it is told to stop. Gives what the
/// counter of each document has to be.
///
/// # Errors
/// The engine's.
pub fn churn(engine: &Engine, seed: u64, stop: &AtomicBool) -> Result<HashMap<i32, i32>> {
    let mut random = Rand64::new(u128::from(seed) + 1);
    let (events, log) = (engine.collection(EVENTS)?, engine.collection(LOG)?);
    let mut counters: HashMap<i32, i32> = HashMap::new();
    let mut alive: Vec<i32> = Vec::new();
    let mut next = 0;
    while !stop.load(Relaxed) {
        for _ in 0..BURST {
            let text = "x".repeat(random.rand_range(20..2_000) as usize);
            let site = format!("site-{}", random.rand_range(0..50));
            if alive.len() >= EVENT_COUNT {
                let gone = alive.swap_remove(random.rand_range(0..alive.len() as u64) as usize);
                events.delete_one(rawdoc! { "_id": gone })?;
                counters.remove(&gone);
            }
            events
                .insert_one(rawdoc! { "_id": next, "site": site, "n": 0, "text": text.as_str() })?;
            log.insert_one(rawdoc! { "_id": next, "text": text.as_str() })?;
            alive.push(next);
            counters.insert(next, 0);
            next += 1;
            let id = alive[random.rand_range(0..alive.len() as u64) as usize];
            let longer = "y".repeat(random.rand_range(20..4_000) as usize);
            let update = match random.rand_range(0..3) {
                0 => rawdoc! { "$inc": { "n": 1 }, "$set": { "text": longer.as_str() } },
                _ => rawdoc! { "$inc": { "n": 1 } },
            };
            let report = events.update_one(rawdoc! { "_id": id }, update)?.run()?;
            *counters.entry(id).or_default() += report.modified as i32;
        }
        // Until it is as full as it gets, without rest.
        if alive.len() >= EVENT_COUNT {
            std::thread::sleep(REST);
        }
    }
    Ok(counters)
}

/// Reads until it is told to stop: all events, a page, the index; validates now and then.
///
/// # Errors
/// The engine's; what a validation finds.
pub fn read(engine: &Engine, stop: &AtomicBool) -> Result<()> {
    let (events, pages) = (engine.collection(EVENTS)?, engine.collection(PAGES)?);
    for round in 0.. {
        if stop.load(Relaxed) {
            break;
        }
        let mut documents = 0;
        for located in events.scan(Direction::Forward)? {
            documents += u64::from(!located?.document.is_empty());
        }
        pages.find_by_id(page_id(round % PAGE_COUNT).as_str())?;
        if round % 50 == 0 && documents > 0 {
            check_valid(&events)?;
        }
        std::thread::sleep(10 * REST);
    }
    Ok(())
}

fn check_valid(collection: &Collection) -> Result<()> {
    let validation = collection.validate(true)?;
    match validation.findings().first() {
        None => Ok(()),
        Some(finding) => Err(Error::NotFound {
            what: "soundness",
            name: format!("{}: {finding:?}", collection.namespace()),
        }),
    }
}

/// Compares all that was counted with what the engine holds.
///
/// # Errors
/// The first that differs.
pub fn verify(engine: &Engine, hits: &[u64], counters: &HashMap<i32, i32>) -> Result<()> {
    let wrong = |what: String| Error::NotFound { what: "count", name: what };
    let pages = engine.collection(PAGES)?;
    for (n, &counted) in hits.iter().enumerate() {
        let page = pages.find_by_id(page_id(n).as_str())?.ok_or_else(|| wrong(page_id(n)))?;
        let page = bson::Document::try_from(page).map_err(|_| wrong(page_id(n)))?;
        let number = |value: &bson::Bson| value.as_i32().map_or(0, i64::from);
        let of = |name: &str| page.get_document(name).map_err(|_| wrong(page_id(n)));
        let hourly: i64 = of("hourly")?.values().map(number).sum();
        let hours = of("minute")?.values().filter_map(bson::Bson::as_document);
        let minutes: i64 = hours.flat_map(bson::Document::values).map(number).sum();
        if hourly != counted as i64 || minutes != counted as i64 {
            return Err(wrong(format!("{}: {hourly} and {minutes}, not {counted}", page_id(n))));
        }
    }
    let events = engine.collection(EVENTS)?;
    let mut found = 0;
    for located in events.scan(Direction::Forward)? {
        let document = located?.document;
        let (id, n) = (document.get_i32("_id"), document.get_i32("n"));
        let expected = id.ok().and_then(|id| counters.get(&id));
        if n.ok().as_ref() != expected {
            return Err(wrong(format!("an event, not {expected:?}")));
        }
        found += 1;
    }
    if found != counters.len() {
        return Err(wrong(format!("{found} events, not {}", counters.len())));
    }
    check_valid(&pages)?;
    check_valid(&events)?;
    check_valid(&engine.collection(LOG)?)
}
