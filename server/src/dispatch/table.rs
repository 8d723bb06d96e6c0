//! The commands by name, and what of each has to hold before it is run.

use std::collections::HashMap;

use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Elements;

use super::call::Call;
use super::command as c;
use super::common::Common;
use super::counts::Count;
use super::failure::{Failure, Outcome};
use super::request::Request;

/// What runs a command: its reply, without `ok`.
pub type Run = fn(&Call<'_>) -> Outcome<Builder>;

/// What a command does, as it is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Does {
    /// A find.
    Query,
    /// The next batch of one.
    GetMore,
    /// Inserts.
    Insert,
    /// Updates.
    Update,
    /// Deletions.
    Remove,
    /// Another way of reading.
    Read,
    /// Another way of writing documents.
    Change,
    /// Anything else.
    #[default]
    Command,
}

impl Does {
    /// Are documents written?
    pub fn writes(self) -> bool {
        matches!(self, Does::Insert | Does::Update | Does::Remove | Does::Change)
    }

    /// Does the time limit hold from the beginning to the end? Where there is a cursor it is for
    /// the work on that, whose query looks at the time itself.
    pub fn is_bounded(self) -> bool {
        !matches!(self, Does::Query | Does::GetMore | Does::Read)
    }

    /// Which of [`super::top::KINDS`] it is.
    pub fn kind(self) -> usize {
        match self {
            Does::Query => 0,
            Does::GetMore => 1,
            Does::Insert => 2,
            Does::Update => 3,
            Does::Remove => 4,
            Does::Read | Does::Change | Does::Command => 5,
        }
    }

    /// Its name in `currentOp`.
    pub fn name(self) -> &'static str {
        match self {
            Does::Query => "query",
            Does::GetMore => "getmore",
            Does::Insert => "insert",
            Does::Update => "update",
            Does::Remove => "remove",
            Does::Read | Does::Change | Does::Command => "command",
        }
    }
}

/// How often a command was run.
#[derive(Debug, Default)]
pub struct Runs {
    /// In all.
    pub total: Count,
    /// In vain.
    pub failed: Count,
}

/// A command.
#[derive(Debug, Clone, Copy)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// What runs it.
    pub run: Run,
    /// What it does, as it is counted.
    pub does: Does,
    /// May it have a write concern?
    pub is_write: bool,
    /// Is it only for the database `admin`?
    pub is_admin: bool,
    /// Does it belong to API version 1?
    pub is_in_api: bool,
}

const fn command(name: &'static str, run: Run) -> Command {
    let does = Does::Command;
    Command { name, run, does, is_write: false, is_admin: false, is_in_api: false }
}

impl Command {
    const fn does(mut self, does: Does) -> Command {
        self.does = does;
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

    /// Refuses a command that is not of the API that is spoken, or is for `admin` and sent
    /// elsewhere: whoever sent it.
    ///
    /// # Errors
    /// [`Reason::APIStrictError`], [`Reason::Unauthorized`].
    pub fn check_place(&self, common: &Common<'_>) -> Outcome<()> {
        if common.is_strict && !self.is_in_api {
            let message = format!(
                "Provided apiStrict:true, but the command {} is not in API Version 1. \
                 Information on supported commands and migrations in API Version 1 can be found \
                 at https://dochub.mongodb.org/core/manual-versioned-api",
                self.name
            );
            return Err(Failure::new(Reason::APIStrictError, message));
        }
        if self.is_admin && common.database != "admin" {
            let message = format!("{} may only be run against the admin database.", self.name);
            return Err(Failure::new(Reason::Unauthorized, message));
        }
        Ok(())
    }

    /// Does it change anything? Then it passes the gate of those who write.
    pub fn changes(&self, request: &Request<'_>) -> bool {
        match self.name {
            // It closes the gate itself.
            "convertToCapped" => false,
            "compact" | "reIndex" | "repairDatabase" => true,
            "validate" => request.field("repair").is_some_and(|it| it.is_true()),
            "aggregate" => writes_at_its_end(request),
            _ => self.is_write,
        }
    }

    /// Refuses what does not suit the command, whatever its own fields are.
    ///
    /// # Errors
    /// With the numbers and texts of 5.0.
    pub fn check(&self, common: &Common<'_>) -> Outcome<()> {
        if common.write_concern.is_some() && !self.is_write {
            let message = "Command does not support writeConcern";
            return Err(Failure::new(Reason::InvalidOptions, message));
        }
        Ok(())
    }
}

/// Does a pipeline end with a stage that writes?
fn writes_at_its_end(request: &Request<'_>) -> bool {
    let Some(pipeline) = request.field("pipeline") else { return false };
    let last = Elements::new(pipeline.bytes).into_iter().flatten().flatten().last();
    let stage = last.and_then(|stage| Elements::new(stage.value).ok()?.next()?.ok());
    stage.is_some_and(|stage| matches!(stage.name, b"$out" | b"$merge"))
}

/// Every command.
const COMMANDS: &[Command] = &[
    command("_mergeAuthzCollections", c::merge_users::run).admin().writes(),
    command("abortTransaction", c::elsewhere::no_transaction).admin().writes().in_api(),
    command("aggregate", c::aggregate::run).does(Does::Read).writes().in_api(),
    command("appendOplogNote", c::elsewhere::replica_set).admin(),
    command("authenticate", c::sasl::authenticate).in_api(),
    command("availableQueryOptions", c::small::query_options),
    command("buildInfo", c::build_info::run),
    command("cloneCollectionAsCapped", c::capped::clone).writes(),
    command("collMod", c::coll_mod::run).writes().in_api(),
    command("collStats", c::stats::collection),
    command("commitTransaction", c::elsewhere::no_transaction).admin().writes().in_api(),
    command("compact", c::maintenance::compact),
    command("connPoolStats", c::small::pools),
    command("connPoolSync", c::small::nothing),
    command("connectionStatus", c::connection_status::run),
    command("convertToCapped", c::capped::convert).writes(),
    command("count", c::count::run).does(Does::Read),
    command("create", c::create::run).writes().in_api(),
    command("createIndexes", c::create_indexes::run).writes().in_api(),
    command("createRole", c::create_role::create).writes(),
    command("createUser", c::create_user::run).writes(),
    command("currentOp", c::current_op::run).admin(),
    command("dataSize", c::data_size::run),
    command("dbHash", c::data_size::hash),
    command("dbStats", c::stats::database),
    command("delete", c::delete::run).does(Does::Remove).writes().in_api(),
    command("distinct", c::distinct::run).does(Does::Read),
    command("drop", c::drop::collection).writes().in_api(),
    command("dropAllRolesFromDatabase", c::drop_role::all).writes(),
    command("dropAllUsersFromDatabase", c::drop_user::all).writes(),
    command("dropDatabase", c::drop::database).writes().in_api(),
    command("dropIndexes", c::drop_indexes::run).writes().in_api(),
    command("dropRole", c::drop_role::run).writes(),
    command("dropUser", c::drop_user::run).writes(),
    command("endSessions", c::sessions::end).in_api(),
    command("explain", c::explain::run).in_api(),
    command("features", c::small::features),
    command("filemd5", c::file_md5::run).does(Does::Read),
    command("find", c::find::run).does(Does::Query).in_api(),
    command("findAndModify", c::find_and_modify::run).does(Does::Change).writes().in_api(),
    command("flushRouterConfig", c::elsewhere::not_sharded).admin(),
    command("fsync", c::fsync::run).admin(),
    command("fsyncUnlock", c::fsync::unlock).admin(),
    command("getCmdLineOpts", c::diagnostic::command_line).admin(),
    command("getDefaultRWConcern", c::elsewhere::no_defaults).admin(),
    command("getDiagnosticData", c::small::diagnostic_data).admin(),
    command("getFreeMonitoringStatus", c::small::free_monitoring).admin(),
    command("getLastError", c::last_error::run),
    command("getLog", c::diagnostic::log).admin(),
    command("getMore", c::get_more::run).does(Does::GetMore).in_api(),
    command("getParameter", c::get_parameter::run).admin(),
    command("getShardMap", c::elsewhere::not_sharded).admin(),
    command("getShardVersion", c::elsewhere::no_shard).admin(),
    command("getnonce", c::connection_status::nonce),
    command("grantPrivilegesToRole", c::role_grants::grant_privileges).writes(),
    command("grantRolesToRole", c::role_grants::grant_roles).writes(),
    command("grantRolesToUser", c::update_user::grant).writes(),
    command("hello", c::hello::run).in_api(),
    command("hostInfo", c::host_info::run),
    command("insert", c::insert::run).does(Does::Insert).writes().in_api(),
    command("invalidateUserCache", c::drop_role::invalidate).admin(),
    command("isMaster", c::hello::run),
    command("ismaster", c::hello::run),
    command("killAllSessions", c::kill_sessions::all),
    command("killAllSessionsByPattern", c::kill_sessions::by_pattern),
    command("killCursors", c::kill_cursors::run).in_api(),
    command("killOp", c::current_op::kill).admin(),
    command("killSessions", c::kill_sessions::some),
    command("listCollections", c::list_collections::run).in_api(),
    command("listCommands", c::diagnostic::commands),
    command("listDatabases", c::list_databases::run).admin().in_api(),
    command("listIndexes", c::list_indexes::run).in_api(),
    command("lockInfo", c::small::locks).admin(),
    command("logRotate", c::log_rotate::run).admin(),
    command("logout", c::sasl::logout),
    command("ping", c::ping::run).in_api(),
    command("planCacheClear", c::maintenance::clear_plans),
    command("planCacheClearFilters", c::maintenance::plan_filters),
    command("planCacheListFilters", c::maintenance::plan_filters),
    command("planCacheSetFilter", c::maintenance::set_plan_filter),
    command("profile", c::profile::run),
    command("reIndex", c::maintenance::re_index),
    command("refreshSessions", c::sessions::refresh).in_api(),
    command("renameCollection", c::rename_collection::run).admin().writes(),
    command("repairDatabase", c::maintenance::repair_database),
    command("replSetAbortPrimaryCatchUp", c::elsewhere::replica_set).admin(),
    command("replSetFreeze", c::elsewhere::replica_set).admin(),
    command("replSetGetConfig", c::elsewhere::replica_set).admin(),
    command("replSetGetRBID", c::elsewhere::replica_set).admin(),
    command("replSetGetStatus", c::elsewhere::replica_set).admin(),
    command("replSetHeartbeat", c::elsewhere::replica_set).admin(),
    command("replSetInitiate", c::elsewhere::replica_set).admin(),
    command("replSetMaintenance", c::elsewhere::replica_set).admin(),
    command("replSetReconfig", c::elsewhere::replica_set).admin(),
    command("replSetRequestVotes", c::elsewhere::replica_set).admin(),
    command("replSetResizeOplog", c::elsewhere::no_oplog).admin(),
    command("replSetStepDown", c::elsewhere::replica_set).admin(),
    command("replSetStepUp", c::elsewhere::replica_set).admin(),
    command("replSetSyncFrom", c::elsewhere::replica_set).admin(),
    command("replSetUpdatePosition", c::elsewhere::replica_set).admin(),
    command("revokePrivilegesFromRole", c::role_grants::revoke_privileges).writes(),
    command("revokeRolesFromRole", c::role_grants::revoke_roles).writes(),
    command("revokeRolesFromUser", c::update_user::revoke).writes(),
    command("rolesInfo", c::roles_info::run),
    command("saslContinue", c::sasl::go_on).in_api(),
    command("saslStart", c::sasl::start).in_api(),
    command("serverStatus", c::server_status::run),
    command("setDefaultRWConcern", c::elsewhere::no_defaults).admin().writes(),
    command("setParameter", c::parameters::set).admin(),
    command("setShardVersion", c::elsewhere::no_shard).admin(),
    command("shardingState", c::small::sharding_state).admin(),
    command("shutdown", c::small::shutdown).admin(),
    command("splitVector", c::elsewhere::no_shard),
    command("startSession", c::sessions::start),
    command("top", c::top::run).admin(),
    command("touch", c::maintenance::touch),
    command("update", c::update::run).does(Does::Update).writes().in_api(),
    command("updateRole", c::create_role::update).writes(),
    command("updateUser", c::update_user::run).writes(),
    command("usersInfo", c::users_info::run),
    command("validate", c::validate::run),
    command("whatsmyuri", c::connection_status::whats_my_uri),
];

/// Other names of commands. Names are exact otherwise.
const ALIASES: &[(&str, &str)] = &[
    ("availablequeryoptions", "availableQueryOptions"),
    ("buildinfo", "buildInfo"),
    ("collstats", "collStats"),
    ("datasize", "dataSize"),
    ("dbhash", "dbHash"),
    ("dbstats", "dbStats"),
    ("deleteIndexes", "dropIndexes"),
    ("findandmodify", "findAndModify"),
    ("getlasterror", "getLastError"),
];

/// The name of a command that has this one, or this other.
pub fn canonical(name: &str) -> Option<&'static str> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name);
    COMMANDS.iter().map(|command| command.name).find(|own| *own == name)
}

/// The commands, to be found by name.
#[derive(Debug)]
pub struct Commands {
    by_name: HashMap<&'static str, usize>,
    runs: Vec<Runs>,
}

impl Commands {
    /// All of them.
    pub fn new() -> Commands {
        let mut by_name: HashMap<_, _> =
            COMMANDS.iter().enumerate().map(|(at, command)| (command.name, at)).collect();
        for (alias, name) in ALIASES {
            if let Some(command) = by_name.get(name).copied() {
                by_name.insert(alias, command);
            }
        }
        Commands { by_name, runs: COMMANDS.iter().map(|_| Runs::default()).collect() }
    }

    /// The command of this name.
    pub fn find(&self, name: &str) -> Option<&'static Command> {
        self.look_up(name).map(|(command, _)| command)
    }

    /// The command of this name, and how often it was run.
    pub fn look_up(&self, name: &str) -> Option<(&'static Command, &Runs)> {
        let at = *self.by_name.get(name)?;
        Some((COMMANDS.get(at)?, self.runs.get(at)?))
    }

    /// Every command once.
    pub fn all(&self) -> impl Iterator<Item = (&'static Command, &Runs)> {
        COMMANDS.iter().zip(&self.runs)
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
        let helped = |command: &&Command| c::help::of(command.name).is_none();
        let without: Vec<_> = COMMANDS.iter().filter(helped).map(|it| it.name).collect();
        assert!(without.is_empty(), "{without:?}");
        assert!(commands.find("PING").is_none() && commands.find("getmore").is_none());
    }
}
