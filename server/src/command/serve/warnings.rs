//! What an operator should know when the server starts: `getLog startupWarnings` has it too.

use std::fs;

use super::Serve;
use super::parameters::Parameters;
use crate::config::unknown_variables;
use crate::logging::STARTUP;
use crate::wire::options::Options;

/// Memory maps that a process of a few databases needs.
const MAPS_MIN: u64 = 16_384;
/// Connections that there may be, where nobody said fewer.
const CONNECTIONS_LIKELY: u64 = 63_000;
/// Files that are open beside connections.
const FILES_MIN: u64 = 1_000;

impl Serve {
    /// Says it.
    pub(super) fn warn(&self, options: &Options, notes: &[String], parameters: &Parameters) {
        for note in notes {
            tracing::info!(target: "CONTROL", note, "An option means nothing here");
        }
        for parameter in &parameters.ignored {
            tracing::info!(target: "CONTROL", parameter, "A parameter means nothing here");
        }
        for (variable, meant) in unknown_variables() {
            tracing::warn!(
                target: STARTUP, variable, meant,
                "A variable of the environment means nothing: no option has this name"
            );
        }
        if !self.security.auth {
            self.warn_of_access();
        }
        if self.storage.nojournal {
            tracing::warn!(
                target: STARTUP,
                "There is no journal: after a crash the data directory has to be repaired"
            );
        }
        if is_root() {
            tracing::warn!(
                target: STARTUP, id = 22138,
                "You are running this process as the root user, which is not recommended"
            );
        }
        warn_of_limits(options.max_connections as u64);
    }

    fn warn_of_access(&self) {
        tracing::warn!(
            target: STARTUP, id = 22120,
            "Access control is not enabled for the database. Read and write access to data and \
             configuration is unrestricted"
        );
        if !self.network.is_local() {
            tracing::warn!(
                target: STARTUP,
                "Everybody who reaches this machine by the network can read and change the data: \
                 --auth is off, and it listens at other addresses than the loopback one"
            );
        }
    }
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    uids.and_then(|uids| uids.split_whitespace().nth(1)) == Some("0")
}

fn warn_of_limits(connections: u64) {
    let needed = connections.min(CONNECTIONS_LIKELY) + FILES_MIN;
    if let Some(files) = open_files().filter(|files| *files < needed) {
        tracing::warn!(
            target: STARTUP, id = 22184, currentValue = files,
            recommendedMinimum = needed,
            "Soft rlimits for open file descriptors too low"
        );
    }
    if let Some(maps) = number("/proc/sys/vm/max_map_count").filter(|maps| *maps < MAPS_MIN) {
        tracing::warn!(
            target: STARTUP, currentValue = maps, recommendedMinimum = MAPS_MIN,
            "vm.max_map_count is low: each data file is a memory map"
        );
    }
    if number("/proc/sys/vm/overcommit_memory") == Some(2) {
        tracing::warn!(
            target: STARTUP,
            "vm.overcommit_memory is 2: data files are mapped privately, which then needs as \
             much memory and swap as they are long"
        );
    }
}

fn number(file: &str) -> Option<u64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// How many files this process may have open; none if that is not limited.
fn open_files() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}
