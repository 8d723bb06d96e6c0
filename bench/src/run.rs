//! Runs cases: a warm-up of every variant, then the rounds, interleaved; each in a fresh folder.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::awake::Awake;
use crate::bench::Bench;
use crate::case::{Case, RUN};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::experiments::{self, Variant};
use crate::figures::{CaseResult, LeftOut, Results, Round, rounded};

/// Variables of the environment with the URIs of servers.
pub const SERVERS: [&str; 2] = ["LAB_REDIS", "LAB_MONGODB"];
/// Those with the paths of servers that the lab starts itself.
const PROGRAMS: [&str; 2] = [experiments::MONGOD, experiments::REDIS];

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
    /// By the names that they were called by: a case's own, or a file's.
    pub cases: Vec<(String, Case)>,
    /// The size, if it is not the full one.
    pub size: Option<String>,
    pub place: Place,
}

impl Request {
    /// How a reader runs these again.
    fn command<'a>(&self, names: impl Iterator<Item = &'a str>) -> String {
        let mut command = RUN.to_owned();
        if self.cases.iter().any(|(_, case)| case.experiment.starts_with("wire-")) {
            command.insert_str(0, &set(&PROGRAMS));
            if cfg!(feature = "wire-tokio") {
                command += " --features wire-tokio";
            }
        }
        if self.cases.iter().any(|(_, case)| case.feature.is_some()) {
            command.insert_str(0, &set(&SERVERS));
            command += if cfg!(feature = "rocksdb") {
                " --features rocksdb"
            } else {
                " --features rivals"
            };
        }
        command += " -- run";
        names.for_each(|name| command += &format!(" {name}"));
        match self.size.as_deref() {
            None => {}
            Some("quick") => command += " --quick",
            Some(size) => command += &format!(" --size {size}"),
        }
        if self.place.ram {
            command += " --ram";
        }
        command
    }

    /// Runs all of it.
    ///
    /// # Errors
    /// Of a case, the engine and the system; [`Error::WrongSum`].
    pub fn run(&self) -> Result<Results> {
        let seconds: u32 = self.cases.iter().map(|(_, case)| case.seconds).sum();
        let rounds =
            |(_, case): &(String, Case)| case.variants.len() as u64 * u64::from(case.rounds + 1);
        let all = self.cases.iter().map(rounds).sum();
        eprintln!("{all} rounds, about {} on two cores", minutes(seconds));
        let style =
            ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed}, {eta} left  {msg}");
        let bar = ProgressBar::new(all);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.enable_steady_tick(Duration::from_millis(250));
        let mut results = Results {
            command: self.command(self.cases.iter().map(|(name, _)| name.as_str())),
            environment: Environment::of(&self.place)?,
            cases: Vec::new(),
        };
        for (name, case) in &self.cases {
            let command = self.command(std::iter::once(name.as_str()));
            results.cases.push(run_case(case, command, &self.place, &bar)?);
        }
        bar.finish_and_clear();
        Ok(results)
    }
}

/// Those of some variables that are set, for a command: not to what.
fn set(variables: &[&str]) -> String {
    let set = variables.iter().filter(|name| std::env::var_os(name).is_some());
    set.map(|name| format!("{name}=… ")).collect()
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
    let awake = case.awake.then(Awake::hold).flatten();
    let mut variants: Vec<(&str, Variant)> = Vec::new();
    for name in &case.variants {
        variants.push((name, experiments::variant(case, name)?));
    }
    let mut left_out: Vec<LeftOut> = Vec::new();
    let mut run = |number: u32| {
        let run_one = |(name, variant): &(&str, Variant)| {
            bar.set_message(format!("{} {name}", case.name));
            bar.inc(1);
            if left_out.iter().any(|it| it.variant == *name) {
                return Ok(None);
            }
            let folder = tempfile::tempdir_in(&place.scratch).map_err(Error::io(&place.scratch))?;
            let seed = case.seed + u64::from(number);
            match variant(&Bench { case, folder: folder.path(), ram: place.ram, seed }) {
                Err(error) if error.leaves_out() => {
                    let (variant, why) = ((*name).to_owned(), error.to_string());
                    left_out.push(LeftOut { variant, why });
                    Ok(None)
                }
                round => round.map(Some),
            }
        };
        variants.iter().map(run_one).collect::<Result<Vec<Option<Round>>>>()
    };
    let mut result = CaseResult {
        case: case.clone(),
        command,
        seconds: 0.0,
        verified: 0,
        variants: Vec::new(),
        left_out: Vec::new(),
        awake: awake.is_some(),
        findings: Vec::new(),
    };
    // A warm-up, for code, files and allocator. A finding that names a figure that there is not
    // ends the run here, and not when all is over.
    let warm_up = run(0)?;
    let rounds = (1..=case.rounds).map(&mut run).collect::<Result<Vec<_>>>();
    result.left_out = left_out;
    result.take(&[warm_up])?;
    result.take(&rounds?)?;
    result.seconds = rounded(start.elapsed().as_secs_f64(), 3);
    Ok(result)
}
