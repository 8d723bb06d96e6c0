//! Runs cases: a warm-up of every variant, then the rounds, interleaved; each in a fresh folder.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::bench::Bench;
use crate::case::Case;
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::experiments::{self, Variant};
use crate::figures::{CaseResult, Measured, Results, Round, rounded};

/// Where the databases are while they are measured.
#[derive(Debug, Clone)]
pub struct Place {
    /// A folder on the disk that is meant.
    pub scratch: PathBuf,
    /// In memory instead.
    pub ram: bool,
}

/// What `lab run` was asked for.
pub struct Request {
    pub cases: Vec<Case>,
    /// The size, if it is not the full one.
    pub size: Option<String>,
    pub place: Place,
}

/// How a reader runs it again.
fn command(cases: &[Case], size: Option<&str>, ram: bool) -> String {
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let size = match size {
        None => String::new(),
        Some("quick") => " --quick".to_owned(),
        Some(size) => format!(" --size {size}"),
    };
    let ram = if ram { " --ram" } else { "" };
    format!("cargo run --release -p tallymap-lab -- run {}{size}{ram}", names.join(" "))
}

impl Request {
    /// Runs all of it.
    ///
    /// # Errors
    /// Of a case, the engine and the system; [`Error::WrongSum`].
    pub fn run(&self) -> Result<Results> {
        let seconds: u32 = self.cases.iter().map(|case| case.seconds).sum();
        let rounds = |case: &Case| case.variants.len() as u64 * u64::from(case.rounds + 1);
        let all = self.cases.iter().map(rounds).sum();
        eprintln!("{all} rounds, about {} on two cores", minutes(seconds));
        let style =
            ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}, {eta} left  {msg}");
        let bar = ProgressBar::new(all);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(250));
        let size = self.size.as_deref();
        let mut results = Results {
            command: command(&self.cases, size, self.place.ram),
            environment: Environment::of(&self.place),
            cases: Vec::new(),
        };
        for case in &self.cases {
            let command = command(std::slice::from_ref(case), size, self.place.ram);
            results.cases.push(run_case(case, command, &self.place, &bar)?);
        }
        bar.finish_and_clear();
        Ok(results)
    }
}

/// A number of seconds as one would say it.
pub fn minutes(seconds: u32) -> String {
    match seconds {
        0..=99 => format!("{seconds} s"),
        _ => format!("{} min", seconds.div_ceil(60)),
    }
}

/// Runs one case, and checks its findings.
///
/// # Errors
/// As [`Request::run`].
pub fn run_case(
    case: &Case,
    command: String,
    place: &Place,
    bar: &ProgressBar,
) -> Result<CaseResult> {
    let start = Instant::now();
    let mut variants: Vec<(&str, Variant)> = Vec::new();
    for name in &case.variants {
        variants.push((name, experiments::variant(case, name)?));
    }
    let mut rounds: Vec<Vec<Round>> = vec![Vec::new(); variants.len()];
    for number in 0..=case.rounds {
        for ((name, variant), of_variant) in variants.iter().zip(&mut rounds) {
            bar.set_message(format!("{} {name}", case.name));
            let folder = tempfile::tempdir_in(&place.scratch).map_err(Error::io(&place.scratch))?;
            let seed = case.seed + u64::from(number);
            let round = variant(&Bench { case, folder: folder.path(), ram: place.ram, seed })?;
            // The first warms up: code, files, allocator.
            if number > 0 {
                of_variant.push(round);
            }
            bar.inc(1);
        }
    }
    let mut result = CaseResult {
        case: case.clone(),
        command,
        seconds: rounded(start.elapsed().as_secs_f64(), 3),
        verified: rounds.iter().flatten().map(|round| round.verified).sum(),
        variants: variants
            .iter()
            .zip(&rounds)
            .map(|((name, _), of)| Measured::of(name, of))
            .collect(),
        findings: Vec::new(),
    };
    result.check()?;
    Ok(result)
}
