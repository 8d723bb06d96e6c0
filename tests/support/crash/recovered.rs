//! What has to hold after a power failure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use oorandom::Rand32;
use parking_lot::Mutex;
use tallymap::disk::HeapDisk;
use tallymap::disk::sim_disk::{Change, SimDisk};

use super::forge::forge_hashes;
use super::run::{History, How, Sabotage};
use super::script::{HITS, PAGES};
use super::world::{World, document};

/// A crash: what it left, and how far the script had come.
#[derive(Debug)]
pub struct Point {
    /// Number of the change that was not made, from 0.
    pub number: u64,
    /// That change.
    pub before: Change,
    /// Operations that were durable.
    pub durable: usize,
    /// Operations that had begun.
    pub begun: usize,
    /// What was left on the disk.
    pub left: HeapDisk,
}

impl Point {
    /// The change and the kind of file.
    pub fn kind(&self) -> String {
        let path = &self.before.path;
        let name = path.file_name().map_or("dbpath".into(), |name| name.to_string_lossy());
        let what = match path.extension().and_then(|extension| extension.to_str()) {
            _ if name == "lsn" => "lsn",
            _ if path.starts_with("journal") && name != "journal" => "journal file",
            Some("keys") => "key file",
            _ if path.starts_with("_tmp") && name != "_tmp" => "new data file",
            Some("ns") => "ns file",
            Some(number) if number.parse::<u32>().is_ok() => "data file",
            _ => &name,
        };
        format!("{} {what}", self.before.op)
    }
}

/// Recovers what is left, and compares it with what may be. Says whether the power failed again
/// while it was recovered.
///
/// # Errors
/// What does not hold.
pub fn check(
    point: &Point,
    how: How,
    history: &History,
    sabotage: Option<Sabotage>,
    seed: u64,
) -> Result<bool, String> {
    let left = point.left.image();
    if sabotage == Some(Sabotage::SectionHash) {
        forge_hashes(&left);
    }
    let mut random = Rand32::new(seed ^ point.number << 32);
    let crash_again = random.rand_range(0..4) == 0;
    let disk = SimDisk::new(left.image());
    let again = if crash_again { Some(second_crash(&disk, &mut random)) } else { None };
    let found = recover(how, disk)?;
    expect(point, history, &found)?;
    let Some(again) = again else { return Ok(false) };
    // None if the recovery made fewer changes.
    let Some(left) = again.lock().take() else { return Ok(false) };
    let found_again = recover(how, SimDisk::new(left))?;
    match found_again == found {
        true => Ok(true),
        false => Err("a crash within the recovery changed what is recovered".into()),
    }
}

/// Keeps what a power failure would leave at some change of the recovery.
fn second_crash(disk: &SimDisk, random: &mut Rand32) -> Arc<Mutex<Option<HeapDisk>>> {
    let left = Arc::new(Mutex::new(None));
    let (mut at, kept) = (random.rand_range(0..40), left.clone());
    let mut random = Rand32::new(u64::from(random.rand_u32()));
    disk.before_each_change(move |disk, _| {
        if at == 0 {
            *kept.lock() = Some(disk.after_power_cut(&mut random));
        }
        at = at.wrapping_sub(1);
    });
    left
}

/// Opens, reads and validates everything; counts on, closes, and opens again.
fn recover(how: How, disk: SimDisk) -> Result<World, String> {
    let told = |error: tallymap::Error| error.to_string();
    let recovered = catch_unwind(AssertUnwindSafe(|| {
        let engine = how.builder(disk.clone()).open().map_err(told)?;
        disk.before_each_change(|_, _| {});
        let found = World::read(&engine)?;
        let after = engine.collection("after.crash").map_err(told)?;
        after.insert_one(raw(1)).map_err(told)?;
        engine.wait_durable().map_err(told)?;
        after.delete_one(bson::rawdoc! {}).map_err(told)?;
        engine.database("after").and_then(|database| database.drop()).map_err(told)?;
        engine.close().map_err(told)?;
        let engine = how.builder(disk).read_only(true).open().map_err(told)?;
        match World::read(&engine)? == found {
            true => Ok(found),
            false => Err("closed and opened again, it holds something else".into()),
        }
    }));
    recovered
        .unwrap_or_else(|panic| Err(format!("it panicked: {:?}", panic.downcast_ref::<String>())))
}

fn raw(id: i32) -> bson::RawDocumentBuf {
    bson::RawDocumentBuf::try_from(document(id, 5)).expect("BSON")
}

/// The states that may be left are those from the last durable operation on, to the end of the
/// last that had begun.
fn expect(point: &Point, history: &History, found: &World) -> Result<(), String> {
    let &Point { durable, begun, .. } = point;
    let begun = begun.min(history.states.len() - 1);
    let last_durable = history.states[durable].last().into_iter();
    let later = history.states[durable + 1..begun.max(durable) + 1].iter().flatten();
    let mut states = last_durable.chain(later);
    if !states.any(|state| state == found) {
        return Err(format!(
            "no state between operation {durable}, which was durable, and {begun} holds {found}"
        ));
    }
    // Once more without the model: hits are only ever counted up.
    let pages = found.0.get(HITS).map(|hits| &hits.documents);
    let sum: i64 = pages.map_or(0, |pages| {
        pages.values().map(|page| i64::from(page.get_i32("n").expect("a counter"))).sum()
    });
    let (least, most) = (history.hits[durable] as i64, history.hits[begun.max(durable)] as i64);
    let has_pages = pages.is_some_and(|pages| pages.len() == PAGES as usize);
    match (least..=most).contains(&sum) && (durable == 0 || has_pages) {
        true => Ok(()),
        false => Err(format!("{sum} hits: {least} were durable, {most} attempted")),
    }
}
