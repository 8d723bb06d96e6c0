//! `--setParameter`: the parameters of mongod that mean something here, and those that tools set
//! out of habit.

use std::time::Duration;

use clap::Args;
use tallymap::bson::element::Value;
use tallymap::bson::ty;

use crate::dispatch::command::log_levels;
use crate::dispatch::failure::{Failure, Outcome};
use crate::error::CliError;

/// Parameters that may be set to anything: what they switch is not there.
const WITHOUT_MEANING: [&str; 4] = [
    "diagnosticDataCollectionEnabled",
    "enableTestCommands",
    "internalQueryExecMaxBlockingSortBytes",
    "transactionLifetimeLimitSeconds",
];

/// Parameters that were given.
#[derive(Debug, Args)]
#[command(next_help_heading = "General")]
pub struct ParameterOptions {
    /// Set a parameter: ttlMonitorSleepSecs, ttlMonitorEnabled, cursorTimeoutMillis, logLevel,
    /// logComponentVerbosity, quiet, enableLocalhostAuthBypass, honorSystemUmask
    #[arg(long = "setParameter", value_name = "NAME=VALUE")]
    pub set_parameter: Vec<String>,
}

/// What they come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameters {
    /// Time between deletions of documents that have expired.
    pub ttl_interval: Duration,
    /// How much is logged, if that was set.
    pub log_level: Option<u8>,
    /// Is who comes and goes left out of the log, if that was set?
    pub quiet: Option<bool>,
    /// May the first user be made from this machine by whomever?
    pub localhost_bypass: bool,
    /// Are files made with the permissions that the system's mask leaves, instead of for their
    /// owner alone?
    pub honors_umask: bool,
    /// How much is logged of parts of the server.
    pub log_levels: Vec<(usize, i64)>,
    /// Are documents that have expired deleted, if that was set?
    pub expires: Option<bool>,
    /// Time without use after which a cursor is dropped, if that was set, milliseconds.
    pub cursor_timeout_ms: Option<u64>,
    /// Names of those that mean nothing here.
    pub ignored: Vec<String>,
}

impl ParameterOptions {
    /// Reads them.
    ///
    /// # Errors
    /// For what is no parameter, or no value for it.
    pub fn parse(&self) -> Result<Parameters, CliError> {
        let mut out = Parameters {
            ttl_interval: Duration::from_secs(60),
            log_level: None,
            quiet: None,
            localhost_bypass: true,
            honors_umask: false,
            log_levels: Vec::new(),
            expires: None,
            cursor_timeout_ms: None,
            ignored: Vec::new(),
        };
        for text in &self.set_parameter {
            let (name, value) = text.split_once('=').ok_or_else(|| {
                CliError::Usage(format!("--setParameter: expected NAME=VALUE, not '{text}'"))
            })?;
            let bad = |expected: &str| {
                let message = format!("--setParameter {name}: expected {expected}, not '{value}'");
                CliError::Usage(message)
            };
            let truth = || match value {
                "true" | "1" => Ok(true),
                "false" | "0" => Ok(false),
                _ => Err(bad("true or false")),
            };
            match name {
                "ttlMonitorSleepSecs" => {
                    let seconds = value.parse().ok().filter(|seconds| *seconds > 0);
                    let seconds = seconds.ok_or_else(|| bad("seconds, at least 1"))?;
                    out.ttl_interval = Duration::from_secs(seconds);
                }
                "logLevel" => {
                    let level = value.parse().ok().filter(|level| *level <= 5);
                    out.log_level = Some(level.ok_or_else(|| bad("0 to 5"))?);
                }
                "logComponentVerbosity" => {
                    let levels = log_levels(value).ok_or_else(|| {
                        bad("a document such as {\"command\": {\"verbosity\": 2}}")
                    })?;
                    let refused = |failure: Failure| {
                        CliError::Usage(format!("--setParameter {name}: {}", failure.message()))
                    };
                    out.log_levels.extend(levels.map_err(refused)?);
                }
                "ttlMonitorEnabled" => out.expires = Some(truth()?),
                "cursorTimeoutMillis" => {
                    let ms = value.parse().map_err(|_| bad("milliseconds"))?;
                    out.cursor_timeout_ms = Some(ms);
                }
                "quiet" => out.quiet = Some(truth()?),
                "enableLocalhostAuthBypass" => out.localhost_bypass = truth()?,
                "honorSystemUmask" => out.honors_umask = truth()?,
                name if WITHOUT_MEANING.contains(&name) => out.ignored.push(name.to_owned()),
                name => {
                    let message = format!("--setParameter: no such parameter: '{name}'");
                    return Err(CliError::Usage(message));
                }
            }
        }
        Ok(out)
    }
}

/// Reads the levels of parts of the server; none if that is no document.
fn log_levels(json: &str) -> Option<Outcome<Vec<(usize, i64)>>> {
    let document: serde_json::Map<_, _> = serde_json::from_str(json).ok()?;
    let document = bson::Document::try_from(document).ok()?;
    let document = bson::RawDocumentBuf::try_from(&document).ok()?;
    Some(log_levels::parse(Value { ty: ty::DOCUMENT, bytes: document.as_bytes() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Result<Parameters, CliError> {
        let set_parameter = texts.iter().map(|&text| text.to_owned()).collect();
        ParameterOptions { set_parameter }.parse()
    }

    #[test]
    fn parameters() {
        let all = ["ttlMonitorSleepSecs=1", "logLevel=2", "quiet=true", "enableTestCommands=1"];
        let parsed = parse(&all).expect("known");
        assert_eq!(parsed.ttl_interval, Duration::from_secs(1));
        assert_eq!((parsed.log_level, parsed.quiet), (Some(2), Some(true)));
        assert_eq!(parsed.ignored, ["enableTestCommands"]);
        assert!(parsed.localhost_bypass && !parsed.honors_umask);
        assert!(parse(&["honorSystemUmask=true"]).expect("known").honors_umask);
        let shut = parse(&["enableLocalhostAuthBypass=0"]).expect("known");
        assert!(!shut.localhost_bypass);
        let levels = parse(&["logComponentVerbosity={\"command\": 2}", "cursorTimeoutMillis=5"]);
        let levels = levels.expect("known");
        assert_eq!((levels.log_levels.len(), levels.cursor_timeout_ms), (1, Some(5)));
        assert_eq!(parse(&["ttlMonitorEnabled=false"]).expect("known").expires, Some(false));
        for text in ["logComponentVerbosity=2", "logComponentVerbosity={\"x\":1}"] {
            assert!(parse(&[text]).is_err(), "{text}");
        }
        for text in [
            "cursorTimeoutMillis=-1",
            "ttlMonitorEnabled=2",
            "ttlMonitorSleepSecs=0",
            "logLevel=6",
            "quiet=?",
            "nonsense=1",
            "quiet",
        ] {
            assert!(parse(&[text]).is_err(), "{text}");
        }
    }
}
