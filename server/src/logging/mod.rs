//! The server's log: what happens, a line each, as text or as JSON with the fields of mongod's.
//!
//! Lines are `tracing` events. Their target names the component (`NETWORK`, `COMMAND` …; the
//! engine's modules have theirs by `component`); the field `id` is a number that tools know a
//! line by, and a field whose name ends in `.json` holds JSON. `subscriber` collects an event,
//! `levels` says whether it is wanted, `line` writes it, `sink` has the file, `ring` the lines
//! that `getLog` shows.
//!
//! L1. An event whose level is off costs one load and a comparison: nothing is formatted.
//! L2. A log that cannot be written stops nobody; how many lines were lost is said by the next
//!     one that can be.
//! L3. No line has a password, a key or a token: who writes one leaves them out.

pub mod levels;
pub mod line;
pub mod ring;
pub mod sink;
mod subscriber;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use self::levels::Levels;
use self::sink::Sink;
use self::subscriber::Collector;

/// The target of lines that tell of connections that come and go; `--quiet` leaves them out.
pub const CONNECTION: &str = "NETWORK.connection";
/// The target of warnings that `getLog` shows as those of the start.
pub const STARTUP: &str = "CONTROL.startup";

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// `2010-10-10T13:55:36.000+00:00 I NETWORK [conn1] what happened name=value`
    #[default]
    Text,
    /// A document a line, with the fields of mongod's log
    Json,
}

/// What becomes of a log file when a new one is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Rotation {
    /// It gets the time as a suffix
    #[default]
    Rename,
    /// Whoever moved it away meanwhile has it; the name is opened again
    Reopen,
}

/// What is logged, how, and where to.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The file; standard output if there is none.
    pub path: Option<PathBuf>,
    /// Go on in a file that exists, instead of beginning a new one.
    pub append: bool,
    /// How lines are written.
    pub format: Format,
    /// What becomes of a file that is ended.
    pub rotation: Rotation,
    /// Leave out who comes and goes.
    pub quiet: bool,
    /// 0: what an operator wants to know. 1: also details; 2 and more: everything.
    pub verbosity: u8,
}

static SINK: OnceLock<Sink> = OnceLock::new();

/// Begins the log of this process. Only the first call does something. Answers what changes how
/// much is logged.
///
/// # Errors
/// If the file cannot be opened.
pub fn begin(settings: &Settings) -> io::Result<Arc<Levels>> {
    let sink = Sink::open(settings)?;
    let levels = Arc::new(Levels::new(settings.verbosity, settings.quiet));
    if SINK.set(sink).is_ok() {
        let collector = Collector::new(levels.clone(), settings.format);
        // Where another collector was installed before, lines go there.
        let _ = tracing::subscriber::set_global_default(collector);
        tell_of_panics();
    }
    Ok(levels)
}

/// A thread that panics is told of, by the place: what it says may be somebody's data.
fn tell_of_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(target: "CONTROL", place, "A thread panicked: this is a mistake of ours");
        before(panic);
    }));
}

/// Ends the log file and begins another one, as it was told to; nothing without a file. Tells the
/// log of it.
///
/// # Errors
/// If it cannot be renamed or opened. The one before goes on then.
pub fn rotate() -> io::Result<()> {
    match SINK.get().map_or(Ok(false), Sink::rotate) {
        Ok(true) => tracing::info!(target: "CONTROL", "Log file begun"),
        Ok(false) => {}
        Err(error) => {
            tracing::error!(target: "CONTROL", %error, "Log file not ended");
            return Err(error);
        }
    }
    Ok(())
}

/// The component that a line is of, by the target of its event.
fn component(target: &str) -> &str {
    if let Some(module) = target.strip_prefix("tallymap::") {
        return match module.split("::").next() {
            Some("journal") => "JOURNAL",
            Some("index") => "INDEX",
            _ => "STORAGE",
        };
    }
    target.split(['.', ':']).next().unwrap_or(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_by_target() {
        assert_eq!(component(CONNECTION), "NETWORK");
        assert_eq!(component(STARTUP), "CONTROL");
        assert_eq!(component("tallymap::journal::lifecycle"), "JOURNAL");
        assert_eq!(component("tallymap::collection::ttl"), "STORAGE");
        assert_eq!(component("rustls::server"), "rustls");
    }
}
