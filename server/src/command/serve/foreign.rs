//! Options that mongod has and that mean nothing here, or something that cannot be: each is
//! known, so that scripts made for mongod are told what becomes of it.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use crate::error::CliError;

/// What becomes of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is what happens anyway, or nothing that matters.
    Accepted(&'static str),
    /// It cannot be had.
    Refused(&'static str),
}

use Fate::{Accepted, Refused};

const ALONE: &str = "this is a server that stands alone";
const NO_SCRIPTS: &str = "there is no JavaScript in the server";
const NO_WIRED_TIGER: &str = "the files are MMAPv1's, and the only engine is that";
const ALWAYS_CHECKED: &str = "documents are always checked";
const NOTHING_SENT: &str = "nothing is sent anywhere";
const NO_SYSLOG: &str = "standard output goes to the journal of systemd; else see --logpath";
const MADE_LATER: &str = "files are made when they are needed";

/// Options without a value.
const FLAGS: &[(&str, Fate)] = &[
    ("configsvr", Refused(ALONE)),
    ("cpu", Accepted("there is no such figure")),
    ("fork", Refused("start it by systemd, or in a shell with `tallymap serve … &`")),
    ("httpinterface", Refused("there is --http ADDR:PORT, with /metrics and /healthz")),
    ("jsonp", Refused("there is --http ADDR:PORT, with /metrics and /healthz")),
    ("master", Refused(ALONE)),
    ("nohttpinterface", Accepted("there is none")),
    ("noobjcheck", Accepted(ALWAYS_CHECKED)),
    ("noprealloc", Accepted(MADE_LATER)),
    ("noscripting", Accepted(NO_SCRIPTS)),
    ("notablescan", Refused("finds may walk a collection")),
    ("objcheck", Accepted(ALWAYS_CHECKED)),
    ("preallocDataFiles", Accepted(MADE_LATER)),
    ("quota", Refused("files are not limited")),
    ("repair", Refused("see `tallymap repair --help`")),
    ("rest", Refused("there is --http ADDR:PORT, with /metrics and /healthz")),
    ("shardsvr", Refused(ALONE)),
    ("shutdown", Refused("send it SIGTERM: `kill $(cat DIR/mongod.lock)`")),
    ("slave", Refused(ALONE)),
    ("sysinfo", Accepted("see `hostInfo`")),
    ("syslog", Refused(NO_SYSLOG)),
    ("tlsAllowInvalidCertificates", Refused("certificates that are shown are checked")),
    ("tlsAllowInvalidHostnames", Accepted("names of clients' hosts are not compared")),
    ("tlsFIPSMode", Refused("the library of ciphers has no such mode")),
    ("tlsOnNormalPorts", Refused("there is --tlsMode requireTLS")),
    ("transitionToAuth", Refused(ALONE)),
    ("upgrade", Accepted("files need none")),
    ("wiredTigerDirectoryForIndexes", Refused(NO_WIRED_TIGER)),
];

/// Options with a value.
const VALUED: &[(&str, Fate)] = &[
    ("awsIamSessionToken", Refused("the ways to log in are SCRAM's")),
    ("clusterAuthMode", Refused(ALONE)),
    ("clusterIpSourceAllowlist", Refused(ALONE)),
    ("configExpand", Refused("the file of --config has values, and nothing to be run")),
    ("enableFreeMonitoring", Accepted(NOTHING_SENT)),
    ("enableMajorityReadConcern", Accepted("what a server that stands alone has is read")),
    ("freeMonitoringTag", Accepted(NOTHING_SENT)),
    ("journalOptions", Accepted("they are for tests of mongod")),
    ("keyFile", Refused(ALONE)),
    ("listenBacklog", Accepted("as many wait as the system allows, up to 4096")),
    ("oplogMinRetentionHours", Accepted("there is no oplog")),
    ("oplogSize", Accepted("there is no oplog")),
    ("profileFilter", Refused("the profiler has no filter")),
    ("quotaFiles", Refused("files are not limited")),
    ("redactClientLogData", Accepted("values are not logged")),
    ("repairpath", Refused("see `tallymap repair --help`")),
    ("replSet", Refused(ALONE)),
    ("source", Refused(ALONE)),
    ("syslogFacility", Refused(NO_SYSLOG)),
    ("timeStampFormat", Accepted("times are ISO 8601, in UTC")),
    ("timeZoneInfo", Accepted("rules of time zones are not used")),
    ("tlsCertificateKeyFilePassword", Refused("the key must not be encrypted")),
    ("tlsClusterCAFile", Refused(ALONE)),
    ("tlsClusterFile", Refused(ALONE)),
    ("tlsClusterPassword", Refused(ALONE)),
    ("tlsCRLFile", Refused("certificates that were revoked are not known")),
    ("tlsDisabledProtocols", Refused("only TLS 1.2 and 1.3 are spoken, both")),
    ("tlsLogVersions", Accepted("versions of TLS are not logged")),
    ("wiredTigerCacheSizeGB", Refused(NO_WIRED_TIGER)),
    ("wiredTigerCollectionBlockCompressor", Refused(NO_WIRED_TIGER)),
    ("wiredTigerIndexPrefixCompression", Refused(NO_WIRED_TIGER)),
    ("wiredTigerJournalCompressor", Refused(NO_WIRED_TIGER)),
    ("zstdDefaultCompressionLevel", Accepted("the level is the library's own")),
];

const ENGINE: &str = "storageEngine";

/// Those that were given.
#[derive(Debug, Clone, Default)]
pub struct Foreign {
    given: BTreeMap<&'static str, String>,
}

impl Foreign {
    /// Refuses what cannot be had; answers a note on each of the others.
    ///
    /// # Errors
    /// Why it cannot be had, and what can instead.
    pub fn check(&self) -> Result<Vec<String>, CliError> {
        let mut notes = Vec::new();
        for (name, value) in &self.given {
            let fates = FLAGS.iter().chain(VALUED);
            let fate = fates.clone().find(|(known, _)| known == name).map(|(_, fate)| *fate);
            match fate {
                None if value == "mmapv1" => {}
                None => {
                    let message = format!("--{ENGINE} {value}: {NO_WIRED_TIGER}");
                    return Err(CliError::Usage(message));
                }
                Some(Accepted(why)) => notes.push(format!("--{name} changes nothing: {why}")),
                Some(Refused(why)) => {
                    return Err(CliError::Usage(format!("--{name} cannot be had: {why}")));
                }
            }
        }
        Ok(notes)
    }
}

impl Args for Foreign {
    fn augment_args(command: Command) -> Command {
        let flag = |name: &'static str| {
            let parser = clap::builder::BoolishValueParser::new();
            Arg::new(name).long(name).hide(true).action(ArgAction::SetTrue).value_parser(parser)
        };
        let valued = |name: &'static str| match name {
            "enableMajorityReadConcern" => {
                Arg::new(name).long(name).hide(true).num_args(0..=1).default_missing_value("true")
            }
            _ => Arg::new(name).long(name).hide(true).num_args(1),
        };
        let engine = Arg::new(ENGINE).long(ENGINE).value_name("ENGINE").hide(true).num_args(1);
        command
            .args(FLAGS.iter().map(|(name, _)| flag(name)))
            .args(VALUED.iter().map(|(name, _)| valued(name)))
            .arg(engine)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Foreign::augment_args(command)
    }
}

impl FromArgMatches for Foreign {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Foreign, Error> {
        let mut given = BTreeMap::new();
        for (name, _) in FLAGS {
            if matches.get_flag(name) {
                given.insert(*name, String::new());
            }
        }
        for name in VALUED.iter().map(|(name, _)| *name).chain([ENGINE]) {
            if let Some(value) = matches.get_one::<String>(name) {
                given.insert(name, value.clone());
            }
        }
        Ok(Foreign { given })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Foreign::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> Result<Vec<String>, String> {
        let command = Foreign::augment_args(Command::new("t").no_binary_name(true));
        let matches = command.try_get_matches_from(line.split_whitespace()).expect("known");
        let foreign = Foreign::from_arg_matches(&matches).expect("strings");
        foreign.check().map_err(|error| error.to_string())
    }

    #[test]
    fn accepted_and_refused() {
        assert_eq!(check("--storageEngine mmapv1"), Ok(Vec::new()));
        assert_eq!(check("--enableMajorityReadConcern").expect("accepted").len(), 1);
        assert_eq!(check("--noprealloc --oplogSize 5").expect("accepted").len(), 2);
        for line in ["--storageEngine wiredTiger", "--replSet rs0", "--shardsvr", "--fork"] {
            assert!(check(line).is_err(), "{line}");
        }
        assert!(check("--replSet rs0").expect_err("refused").contains("stands alone"));
    }
}
