//! `--setParameter`: the parameters of mongod that mean something here, and those that tools set
//! out of habit.

use std::time::Duration;

use clap::Args;

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
    /// Set a parameter: ttlMonitorSleepSecs, logLevel, quiet, enableLocalhostAuthBypass,
    /// honorSystemUmask
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
        for text in ["ttlMonitorSleepSecs=0", "logLevel=6", "quiet=?", "nonsense=1", "quiet"] {
            assert!(parse(&[text]).is_err(), "{text}");
        }
    }
}
