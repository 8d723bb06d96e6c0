//! What `serve` tells of itself: log, profiler, pid file.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use tallymap::{Profiling, ProfilingLevel};

use super::parameters::Parameters;
use crate::logging::{Format, Rotation, Settings};

/// Options of log and profiler.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log")]
pub struct Logs {
    /// The log file; standard output if there is none
    #[arg(long, value_name = "FILE")]
    pub logpath: Option<PathBuf>,
    /// Go on in a log file that exists; else it is set aside under another name
    #[arg(long, value_parser = BoolishValueParser::new())]
    pub logappend: bool,
    /// How lines are written
    #[arg(long = "logFormat", value_name = "FORMAT", default_value = "text")]
    pub format: Format,
    /// What becomes of the log file at SIGUSR1 and logRotate
    #[arg(long = "logRotate", value_name = "HOW", default_value = "rename")]
    pub rotation: Rotation,
    /// Leave out who connects and disconnects
    #[arg(long, value_parser = BoolishValueParser::new())]
    pub quiet: bool,
    /// Log commands that are refused, too; -vv every command
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// From how many milliseconds on an operation is slow, and logged
    #[arg(long, value_name = "MS", default_value_t = 100, allow_negative_numbers = true)]
    pub slowms: i32,
    /// The share of slow operations that is logged, 0 to 1
    #[arg(
        long = "slowOpSampleRate",
        value_name = "SHARE",
        default_value_t = 1.0,
        value_parser = share
    )]
    pub sample_rate: f64,
    /// Operations that system.profile describes: 0 none, 1 slow ones, 2 all
    #[arg(
        long,
        value_name = "LEVEL",
        default_value_t = 0,
        value_parser = clap::value_parser!(u8).range(0..=2)
    )]
    pub profile: u8,
    /// Write the process's number here; removed at the end
    #[arg(long = "pidfilepath", value_name = "FILE")]
    pub pid_file: Option<PathBuf>,
}

impl Logs {
    /// What the log is told.
    pub fn settings(&self, parameters: &Parameters) -> Settings {
        Settings {
            path: self.logpath.clone(),
            append: self.logappend,
            format: self.format,
            rotation: self.rotation,
            quiet: parameters.quiet.unwrap_or(self.quiet),
            verbosity: parameters.log_level.unwrap_or(0).max(self.verbose),
        }
    }

    /// What the profilers of databases are told.
    pub fn profiling(&self) -> Profiling {
        Profiling {
            level: match self.profile {
                0 => ProfilingLevel::Off,
                1 => ProfilingLevel::Slow,
                _ => ProfilingLevel::All,
            },
            slow_ms: self.slowms.into(),
            sample_rate: self.sample_rate,
        }
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}
