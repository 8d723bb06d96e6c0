//! The hit beside what it cannot beat: two counters of a pre-allocated page, and the same two in
//! a map of arrays that nobody persists. Rounds alternate; the sums are compared at the end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bson::{Document, RawDocumentBuf, doc};
use clap::Args;
use foldhash::fast::RandomState;
use oorandom::Rand64;
use tallymap::{Collection, Engine, Error, FieldPath};

use crate::median::Spread;
use crate::zipf::Zipf;

/// Counters of a page: its hours, then its minutes.
const COUNTERS: usize = 24 + 24 * 60;

/// Options of the experiment.
#[derive(Args)]
pub struct Hit {
    /// Pages, a document each, hit by Zipf (0.99)
    #[arg(long, default_value_t = 1_000)]
    pages: u32,
    /// Hits of one round
    #[arg(long, default_value_t = 1_000_000)]
    hits: u32,
    /// Rounds of each, alternating
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Hits go through the day in order, instead of to random minutes
    #[arg(long)]
    in_order: bool,
    /// Numbers that choose pages and minutes
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// One hit: the number of its page, its minute of the day.
type Choice = (u32, u16);

/// What a round of one side took.
#[derive(Default)]
struct Times {
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

impl Times {
    fn add(&mut self, hits: u32, wall: Duration, cpu: Duration) {
        self.wall.push(wall.as_nanos() as f64 / f64::from(hits));
        self.cpu.push(cpu.as_nanos() as f64 / f64::from(hits));
    }
}

impl Hit {
    /// Runs it and prints a table.
    pub fn run(&self) -> Result<(), Error> {
        let folder = tempfile::tempdir().map_err(|source| Error::Io {
            file: std::env::temp_dir(),
            op: "create",
            source,
        })?;
        let engine = Engine::open(folder.path())?;
        let names: Vec<String> =
            (0..self.pages).map(|n| format!("20101010/site-1/page-{n:07}.html")).collect();
        let collection = fill(&engine, &names)?;
        let paths = Paths::prepare()?;
        let mut map: HashMap<String, Box<[i64; COUNTERS]>, RandomState> = HashMap::default();
        for name in &names {
            map.insert(name.clone(), Box::new([0; COUNTERS]));
        }
        let mut choices = Choices::new(self);
        let (mut ours, mut bare) = (Times::default(), Times::default());
        for round in 0..=self.rounds {
            let hits = choices.round();
            let before = (Instant::now(), process_cpu());
            for (page, minute) in &hits {
                let increments = paths.of(*minute);
                collection.increment(names[*page as usize].as_str(), &increments)?;
            }
            let between = (Instant::now(), process_cpu());
            for (page, minute) in &hits {
                let counters = map.get_mut(names[*page as usize].as_str()).ok_or_else(lost)?;
                counters[usize::from(minute / 60)] += 1;
                counters[24 + usize::from(*minute)] += 1;
            }
            let after = (Instant::now(), process_cpu());
            // The first round warms up.
            if round > 0 {
                ours.add(self.hits, between.0 - before.0, between.1 - before.1);
                bare.add(self.hits, after.0 - between.0, after.1 - between.1);
            }
        }
        verify(&collection, &map)?;
        report(&mut ours, &mut bare);
        let journal = engine.counters().journal_bytes.get();
        let all = f64::from(self.hits) * f64::from(self.rounds + 1);
        println!("{:.2} journal bytes a hit; the sums agree", journal as f64 / all);
        engine.close()
    }
}

fn report(ours: &mut Times, bare: &mut Times) {
    println!("{:<10} {:>9} {:>19} {:>9}", "", "ns/hit", "min … max", "CPU ns");
    let mut medians = Vec::new();
    for (name, times) in [("increment", ours), ("bare map", bare)] {
        let (Some(wall), Some(cpu)) = (Spread::of(&mut times.wall), Spread::of(&mut times.cpu))
        else {
            return;
        };
        medians.push(wall.median);
        println!(
            "{name:<10} {:>9.1} {:>8.1} … {:>8.1} {:>9.1}",
            wall.median, wall.min, wall.max, cpu.median
        );
    }
    println!("{:.2} of the bare map's rate", medians[1] / medians[0]);
}

fn lost() -> Error {
    Error::NotFound { what: "page", name: "of a choice".into() }
}

/// CPU time of all threads of this process.
fn process_cpu() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

/// One pre-allocated hierarchical document per page.
fn fill(engine: &Engine, names: &[String]) -> Result<Collection, Error> {
    let hours: Document = (0..24).map(|h| (h.to_string(), 0_i32.into())).collect();
    let of_hour: Document = (0..60).map(|m| (m.to_string(), 0_i32.into())).collect();
    let minutes: Document = (0..24).map(|h| (h.to_string(), of_hour.clone().into())).collect();
    let collection = engine.collection("lab.pages")?;
    for name in names {
        let page = doc! { "_id": name, "hourly": hours.clone(), "minute": minutes.clone() };
        let page = RawDocumentBuf::try_from(&page).map_err(|_| lost())?;
        collection.insert_one(page)?;
    }
    Ok(collection)
}

/// The prepared paths of a day.
struct Paths {
    hours: Vec<FieldPath>,
    minutes: Vec<FieldPath>,
}

impl Paths {
    fn prepare() -> Result<Paths, Error> {
        let hours = (0..24).map(|h| FieldPath::parse(&format!("hourly.{h}")));
        let minutes = (0..1440).map(|m| FieldPath::parse(&format!("minute.{}.{}", m / 60, m % 60)));
        Ok(Paths {
            hours: hours.collect::<Result<_, _>>()?,
            minutes: minutes.collect::<Result<_, _>>()?,
        })
    }

    fn of(&self, minute: u16) -> [(&FieldPath, i64); 2] {
        let minute = usize::from(minute);
        [(&self.hours[minute / 60], 1), (&self.minutes[minute], 1)]
    }
}

/// Chooses hits.
struct Choices {
    rng: Rand64,
    zipf: Zipf,
    hits: u32,
    in_order: bool,
    rounds: u32,
    done: u64,
}

impl Choices {
    fn new(options: &Hit) -> Choices {
        let rng = Rand64::new(u128::from(options.seed));
        let zipf = Zipf::new(options.pages, 0.99);
        let (hits, in_order) = (options.hits, options.in_order);
        Choices { rng, zipf, hits, in_order, rounds: options.rounds + 1, done: 0 }
    }

    fn round(&mut self) -> Vec<Choice> {
        let all = u64::from(self.hits) * u64::from(self.rounds);
        (0..self.hits)
            .map(|_| {
                let page = self.zipf.pick(self.rng.rand_float());
                let minute = match self.in_order {
                    true => self.done * 1440 / all,
                    false => self.rng.rand_range(0..1440),
                };
                self.done += 1;
                (page, minute as u16)
            })
            .collect()
    }
}

/// Every counter of every document is that of the map.
fn verify(
    collection: &Collection,
    map: &HashMap<String, Box<[i64; COUNTERS]>, RandomState>,
) -> Result<(), Error> {
    for (name, counters) in map {
        let document = collection.find_by_id(name.as_str())?.ok_or_else(lost)?;
        let document = Document::try_from(document.as_ref()).map_err(|_| lost())?;
        let number = |path: &[String]| {
            let mut below = &document;
            for part in &path[..path.len() - 1] {
                below = below.get_document(part).map_err(|_| lost())?;
            }
            below.get_i32(&path[path.len() - 1]).map(i64::from).map_err(|_| lost())
        };
        for (n, counted) in counters.iter().enumerate() {
            let path = match n.checked_sub(24) {
                None => vec!["hourly".to_owned(), n.to_string()],
                Some(m) => {
                    vec!["minute".to_owned(), (m / 60).to_string(), (m % 60).to_string()]
                }
            };
            assert_eq!(number(&path)?, *counted, "{name} {path:?}");
        }
    }
    Ok(())
}
