//! The long form of the test `damage`: all damages of all parts.

use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use tallymap_tests::damage::journal::Killed;
use tallymap_tests::damage::plan::{PARTS, Part, Plan};
use tallymap_tests::damage::trial::panic_text;
use tallymap_tests::seed::Seed;

/// Damages every field of the format, every sector and every length of the files of a small
/// database, one at a time; salvages, opens, reads, validates and writes what is left
#[derive(Parser)]
struct Options {
    /// The seed of what is random
    #[arg(long, default_value_t = 30)]
    seed: u64,
    /// Only this part
    #[arg(long)]
    part: Option<Only>,
}

/// A part of the damages.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    Fields,
    Lengths,
    Sectors,
    Bits,
    Files,
    Journal,
}

impl Only {
    fn of(part: Part) -> Only {
        match part {
            Part::Fields => Only::Fields,
            Part::Lengths => Only::Lengths,
            Part::Sectors => Only::Sectors,
            Part::Bits => Only::Bits,
            Part::Files => Only::Files,
        }
    }
}

fn progress(of: &str, len: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:8} {bar:30} {pos}/{len}, {eta} left");
    let bar = ProgressBar::new(len).with_message(of.to_owned());
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn main() -> ExitCode {
    let options = Options::parse();
    let wants = |part: Only| options.part.is_none_or(|only| only == part);
    // What is caught is reported with its damage.
    std::panic::set_hook(Box::new(|_| {}));
    let plan = Plan::make();
    let mut is_sound = true;
    for part in PARTS {
        let name = format!("{part:?}").to_lowercase();
        if !wants(Only::of(part)) {
            continue;
        }
        let started = Instant::now();
        let damages = plan.all(part, &mut Seed::new("damage", options.seed));
        let bar = progress(&name, damages.len() as u64);
        let tally = plan.run(&damages, || bar.inc(1));
        bar.finish_and_clear();
        println!("{name}: {tally}, in {:.0} s", started.elapsed().as_secs_f64());
        for broken in &tally.broken {
            println!("  {broken}");
            is_sound = false;
        }
    }
    if wants(Only::Journal) {
        is_sound &= journal();
    }
    if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn journal() -> bool {
    let started = Instant::now();
    let killed = Killed::make().expect("a disk in RAM");
    let damages = killed.damages();
    let bar = progress("journal", damages.len() as u64);
    let (mut opened, mut broken) = (0, 0);
    for damage in &damages {
        let tried = std::panic::AssertUnwindSafe(|| killed.try_one(damage));
        match std::panic::catch_unwind(tried) {
            Ok(was_opened) => opened += u64::from(was_opened),
            Err(panic) => {
                broken += 1;
                let said = panic_text(&*panic);
                bar.suspend(|| println!("  {:?}: {said}", damage.field));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let seconds = started.elapsed().as_secs_f64();
    let tried = damages.len();
    println!(
        "journal: {tried} damages, {opened} opened, {broken} promises broken, in {seconds:.0} s"
    );
    broken == 0
}
