//! The commands by name, and what of each has to hold before it is run.

use std::collections::HashMap;

use tallymap::Reason;
use tallymap::bson::builder::Builder;

use super::call::Call;
use super::command as c;
use super::common::Common;
use super::counts::Kind;
use super::failure::{Failure, Outcome};

/// What runs a command: its reply, without `ok`.
pub type Run = fn(&Call<'_>) -> Outcome<Builder>;

/// A command.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// What runs it.
    pub run: Run,
    /// What it counts as.
    pub kind: Kind,
    /// May it have a write concern?
    pub is_write: bool,
    /// Is it only for the database `admin`?
    pub is_admin: bool,
    /// Does it belong to API version 1?
    pub is_in_api: bool,
}

const fn command(name: &'static str, run: Run) -> Command {
    let kind = Kind::Command;
    Command { name, run, kind, is_write: false, is_admin: false, is_in_api: false }
}

impl Command {
    const fn kind(mut self, kind: Kind) -> Command {
        self.kind = kind;
        self
    }

    const fn writes(mut self) -> Command {
        self.is_write = true;
        self
    }

    const fn admin(mut self) -> Command {
        self.is_admin = true;
        self
    }

    const fn in_api(mut self) -> Command {
        self.is_in_api = true;
        self
    }

    /// Refuses what does not suit the command, whatever its own fields are.
    ///
    /// # Errors
    /// With the numbers and texts of 5.0.
    pub fn check(&self, common: &Common<'_>) -> Outcome<()> {
        let name = self.name;
        if self.is_admin && common.database != "admin" {
            let message = format!("{name} may only be run against the admin database.");
            return Err(Failure::new(Reason::Unauthorized, message));
        }
        if common.write_concern.is_some() && !self.is_write {
            let message = "Command does not support writeConcern";
            return Err(Failure::new(Reason::InvalidOptions, message));
        }
        if common.is_strict && !self.is_in_api {
            let message = format!(
                "Provided apiStrict:true, but the command {name} is not in API Version 1. \
                 Information on supported commands and migrations in API Version 1 can be found \
                 at https://dochub.mongodb.org/core/manual-versioned-api"
            );
            return Err(Failure::new(Reason::APIStrictError, message));
        }
        Ok(())
    }
}

/// Every command.
const COMMANDS: &[Command] = &[
    command("aggregate", c::aggregate::run).writes().in_api(),
    command("buildInfo", c::build_info::run),
    command("collMod", c::coll_mod::run).writes().in_api(),
    command("collStats", c::stats::collection),
    command("connectionStatus", c::connection_status::run),
    command("count", c::count::run),
    command("create", c::create::run).writes().in_api(),
    command("createIndexes", c::create_indexes::run).writes().in_api(),
    command("dbStats", c::stats::database),
    command("delete", c::delete::run).kind(Kind::Write).writes().in_api(),
    command("distinct", c::distinct::run),
    command("drop", c::drop::collection).writes().in_api(),
    command("dropDatabase", c::drop::database).writes().in_api(),
    command("dropIndexes", c::drop_indexes::run).writes().in_api(),
    command("endSessions", c::sessions::end).in_api(),
    command("explain", c::explain::run).in_api(),
    command("find", c::find::run).kind(Kind::Query).in_api(),
    command("findAndModify", c::find_and_modify::run).writes().in_api(),
    command("fsync", c::fsync::run).admin(),
    command("getCmdLineOpts", c::diagnostic::command_line).admin(),
    command("getLog", c::diagnostic::log).admin(),
    command("getMore", c::get_more::run).kind(Kind::GetMore).in_api(),
    command("getParameter", c::get_parameter::run).admin(),
    command("getnonce", c::connection_status::nonce),
    command("hello", c::hello::run).in_api(),
    command("hostInfo", c::host_info::run),
    command("insert", c::insert::run).kind(Kind::Write).writes().in_api(),
    command("isMaster", c::hello::run),
    command("ismaster", c::hello::run),
    command("killCursors", c::kill_cursors::run).in_api(),
    command("listCollections", c::list_collections::run).in_api(),
    command("listCommands", c::diagnostic::commands),
    command("listDatabases", c::list_databases::run).admin().in_api(),
    command("listIndexes", c::list_indexes::run).in_api(),
    command("ping", c::ping::run).in_api(),
    command("profile", c::profile::run),
    command("refreshSessions", c::sessions::refresh).in_api(),
    command("renameCollection", c::rename_collection::run).admin().writes(),
    command("replSetGetStatus", c::diagnostic::replica_set_status).admin(),
    command("serverStatus", c::server_status::run),
    command("startSession", c::sessions::start),
    command("update", c::update::run).kind(Kind::Write).writes().in_api(),
    command("validate", c::validate::run),
    command("whatsmyuri", c::connection_status::whats_my_uri),
];

/// Other names of commands. Names are exact otherwise.
const ALIASES: &[(&str, &str)] = &[
    ("buildinfo", "buildInfo"),
    ("collstats", "collStats"),
    ("dbstats", "dbStats"),
    ("deleteIndexes", "dropIndexes"),
    ("findandmodify", "findAndModify"),
];

/// The commands, to be found by name.
#[derive(Debug)]
pub struct Commands {
    by_name: HashMap<&'static str, &'static Command>,
}

impl Commands {
    /// All of them.
    pub fn new() -> Commands {
        let mut by_name: HashMap<_, _> =
            COMMANDS.iter().map(|command| (command.name, command)).collect();
        for (alias, name) in ALIASES {
            if let Some(command) = by_name.get(name).copied() {
                by_name.insert(alias, command);
            }
        }
        Commands { by_name }
    }

    /// The command of this name.
    pub fn find(&self, name: &str) -> Option<&'static Command> {
        self.by_name.get(name).copied()
    }

    /// Every command once.
    pub fn all(&self) -> impl Iterator<Item = &'static Command> {
        COMMANDS.iter()
    }
}

impl Default for Commands {
    fn default() -> Commands {
        Commands::new()
    }
}

/// The refusal of a name that is none.
pub fn no_such_command(name: &str) -> Failure {
    Failure::new(Reason::CommandNotFound, format!("no such command: '{name}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_aliases_lead_to_commands() {
        assert!(COMMANDS.is_sorted_by_key(|command| command.name));
        let commands = Commands::new();
        for (alias, name) in ALIASES {
            assert_eq!(commands.find(alias).map(|command| command.name), Some(*name));
        }
        assert!(commands.find("PING").is_none() && commands.find("getmore").is_none());
    }
}
