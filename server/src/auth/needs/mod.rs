//! What a command needs to be run: one line each. A command that has none may be run by nobody but
//! who may do anything.

mod data;
mod pipeline;
mod users;

use std::collections::HashMap;
use std::sync::LazyLock;

use tallymap::bson::element::{Elements, Value};

use super::Checked;
use super::action::Action;
use super::login::State;
use super::privilege::{Privileges, Resource};
use crate::dispatch::failure::Outcome;

/// What a command needs.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// Not even to have logged in.
    Nothing,
    /// To have logged in, as whoever.
    Login,
    /// An action on the server.
    Server(Action),
    /// An action on the database that it is sent to.
    Database(Action),
    /// An action on the collection that its first field names.
    Collection(Action),
    /// What is found by a look at its fields.
    Fields(fn(&Asked<'_>) -> Outcome<bool>),
}

/// A command, and what who sent it may do.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The command.
    pub checked: &'a Checked<'a>,
    /// What may be done.
    pub privileges: &'a Privileges,
    /// Who it is.
    pub state: &'a State,
}

use Action as A;
use Need::{Collection, Database, Fields, Login, Nothing, Server};

const NEEDS: &[(&str, Need)] = &[
    ("_mergeAuthzCollections", Fields(users::merge)),
    ("aggregate", Fields(data::aggregate)),
    ("authenticate", Nothing),
    ("availableQueryOptions", Nothing),
    ("buildInfo", Nothing),
    ("collMod", Fields(data::coll_mod)),
    ("collStats", Collection(A::CollStats)),
    ("compact", Collection(A::Compact)),
    ("connPoolStats", Server(A::ConnPoolStats)),
    ("connectionStatus", Nothing),
    ("convertToCapped", Collection(A::ConvertToCapped)),
    ("cloneCollectionAsCapped", Fields(data::clone_as_capped)),
    ("count", Collection(A::Find)),
    ("create", Fields(data::create)),
    ("createIndexes", Collection(A::CreateIndex)),
    ("createRole", Fields(users::create_role)),
    ("createUser", Fields(users::create_user)),
    ("currentOp", Fields(data::current_op)),
    ("dataSize", Fields(data::data_size)),
    ("dbHash", Database(A::DbHash)),
    ("dbStats", Database(A::DbStats)),
    ("delete", Collection(A::Remove)),
    ("distinct", Collection(A::Find)),
    ("drop", Collection(A::DropCollection)),
    ("dropAllRolesFromDatabase", Database(A::DropRole)),
    ("dropAllUsersFromDatabase", Database(A::DropUser)),
    ("dropConnections", Server(A::DropConnections)),
    ("dropDatabase", Database(A::DropDatabase)),
    ("dropIndexes", Collection(A::DropIndex)),
    ("dropRole", Database(A::DropRole)),
    ("dropUser", Database(A::DropUser)),
    ("endSessions", Login),
    ("explain", Fields(data::explain)),
    ("features", Login),
    ("filemd5", Fields(data::file_md5)),
    ("find", Collection(A::Find)),
    ("findAndModify", Fields(data::find_and_modify)),
    ("fsync", Server(A::Fsync)),
    ("fsyncUnlock", Server(A::Unlock)),
    ("getCmdLineOpts", Server(A::GetCmdLineOpts)),
    ("getDefaultRWConcern", Server(A::GetDefaultRWConcern)),
    ("getDiagnosticData", Server(A::ServerStatus)),
    ("getFreeMonitoringStatus", Server(A::ServerStatus)),
    ("getLastError", Nothing),
    ("getLog", Server(A::GetLog)),
    // Cursors belong to who opened them.
    ("getMore", Login),
    ("getParameter", Server(A::GetParameter)),
    ("getPrevError", Login),
    ("getnonce", Nothing),
    ("grantPrivilegesToRole", Fields(users::grant_privileges)),
    ("grantRolesToRole", Fields(users::grant_roles)),
    ("grantRolesToUser", Fields(users::grant_roles)),
    ("hello", Nothing),
    ("hostInfo", Server(A::HostInfo)),
    ("insert", Fields(data::insert)),
    ("invalidateUserCache", Server(A::InvalidateUserCache)),
    ("isMaster", Nothing),
    ("ismaster", Nothing),
    ("killAllSessions", Server(A::KillAnySession)),
    ("killAllSessionsByPattern", Server(A::KillAnySession)),
    ("killCursors", Login),
    ("killOp", Server(A::Killop)),
    ("killSessions", Login),
    // Those that somebody may not look into are left out.
    ("listCollections", Fields(data::list_collections)),
    ("listCommands", Nothing),
    ("listDatabases", Fields(data::list_databases)),
    ("listIndexes", Collection(A::ListIndexes)),
    ("lockInfo", Server(A::ServerStatus)),
    ("logRotate", Server(A::LogRotate)),
    ("logout", Login),
    ("ping", Nothing),
    ("planCacheClear", Collection(A::PlanCacheWrite)),
    ("planCacheClearFilters", Collection(A::PlanCacheIndexFilter)),
    ("planCacheListFilters", Collection(A::PlanCacheIndexFilter)),
    ("planCacheSetFilter", Collection(A::PlanCacheIndexFilter)),
    ("profile", Fields(data::profile)),
    ("reIndex", Collection(A::ReIndex)),
    ("refreshSessions", Login),
    ("renameCollection", Fields(data::rename_collection)),
    // As compact: all of its database is written anew.
    ("repairDatabase", Database(A::Compact)),
    ("replSetGetConfig", Server(A::ReplSetGetConfig)),
    ("replSetGetStatus", Server(A::ReplSetGetStatus)),
    ("revokePrivilegesFromRole", Fields(users::revoke_privileges)),
    ("revokeRolesFromRole", Fields(users::revoke_roles)),
    ("revokeRolesFromUser", Fields(users::revoke_roles)),
    ("rolesInfo", Fields(users::roles_info)),
    ("saslContinue", Nothing),
    ("saslStart", Nothing),
    ("serverStatus", Server(A::ServerStatus)),
    ("setParameter", Server(A::SetParameter)),
    ("shutdown", Server(A::Shutdown)),
    ("startSession", Login),
    ("top", Server(A::Top)),
    ("touch", Server(A::Touch)),
    ("update", Fields(data::update)),
    ("updateRole", Fields(users::update_role)),
    ("updateUser", Fields(users::update_user)),
    ("usersInfo", Fields(users::users_info)),
    ("validate", Collection(A::Validate)),
    ("whatsmyuri", Nothing),
    // Of other kinds of servers: a standalone refuses them, whoever asks.
    ("abortTransaction", Login),
    ("appendOplogNote", Login),
    ("commitTransaction", Login),
    ("connPoolSync", Login),
    ("flushRouterConfig", Login),
    ("getShardMap", Login),
    ("getShardVersion", Login),
    ("replSetAbortPrimaryCatchUp", Login),
    ("replSetFreeze", Login),
    ("replSetGetRBID", Login),
    ("replSetHeartbeat", Login),
    ("replSetInitiate", Login),
    ("replSetMaintenance", Login),
    ("replSetReconfig", Login),
    ("replSetRequestVotes", Login),
    ("replSetResizeOplog", Login),
    ("replSetStepDown", Login),
    ("replSetStepUp", Login),
    ("replSetSyncFrom", Login),
    ("replSetUpdatePosition", Login),
    ("setDefaultRWConcern", Login),
    ("setShardVersion", Login),
    ("shardingState", Login),
    ("splitVector", Login),
];

static BY_NAME: LazyLock<HashMap<&str, Need>> = LazyLock::new(|| NEEDS.iter().copied().collect());

/// What a command needs.
pub fn of(command: &str) -> Need {
    BY_NAME.get(command).copied().unwrap_or(Server(A::AnyAction))
}

/// May who makes the first user run it? He may make one, of whatever roles, and ask what there is.
pub fn is_for_the_first(checked: &Checked<'_>) -> bool {
    match checked.command {
        "createUser" => checked.database == "admin",
        "listDatabases" => true,
        other => matches!(of(other), Login),
    }
}

impl<'a> Asked<'a> {
    /// Is a need met?
    ///
    /// # Errors
    /// If the fields that tell it cannot be read.
    pub fn meets(&self, need: Need) -> Outcome<bool> {
        Ok(match need {
            Nothing | Login => true,
            Server(action) => self.may(Resource::Cluster, action),
            Database(action) => self.may(self.database(), action),
            Collection(action) => self.may(self.collection(), action),
            Fields(look) => look(self)?,
        })
    }

    fn may(&self, resource: Resource<'_>, action: Action) -> bool {
        self.privileges.allow(resource, action)
    }

    fn may_all(&self, resource: Resource<'_>, actions: &[Action]) -> bool {
        actions.iter().all(|action| self.may(resource, *action))
    }

    fn database(&self) -> Resource<'a> {
        Resource::Database(self.checked.database)
    }

    /// The collection that the first field names; the database, if it names none.
    fn collection(&self) -> Resource<'a> {
        match self.checked.target.as_str() {
            Some(name) if !name.is_empty() => self.collection_named(name),
            _ => self.database(),
        }
    }

    fn collection_named(&self, name: &'a str) -> Resource<'a> {
        Resource::Collection(self.checked.database, name)
    }

    fn field(&self, name: &str) -> Option<Value<'a>> {
        self.checked.request.field(name)
    }

    /// Is a field true, or a number other than 0?
    fn is_true(&self, name: &str) -> bool {
        self.field(name).is_some_and(Value::is_true)
    }
}

/// The elements of an array; none of what is no array, which the command refuses.
fn elements(array: Value<'_>) -> impl Iterator<Item = Value<'_>> {
    let elements = Elements::new(array.bytes).ok();
    let elements = elements.filter(|_| array.ty == tallymap::bson::ty::ARRAY);
    elements.into_iter().flatten().map_while(Result::ok).map(|element| element.val())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::table::Commands;

    #[test]
    fn every_command_says_what_it_needs() {
        let lacking: Vec<_> = Commands::new()
            .all()
            .map(|(command, _)| command.name)
            .filter(|name| !BY_NAME.contains_key(name))
            .collect();
        assert!(lacking.is_empty(), "{lacking:?}");
        assert_eq!(BY_NAME.len(), NEEDS.len(), "one line each");
    }

    #[test]
    fn what_says_nothing_is_for_nobody() {
        let of_root =
            super::super::built_in::privileges(&super::super::name::Name::new("root", "admin"));
        let Server(action) = of("fly") else { panic!("an action") };
        assert!(!of_root.expect("there").allow(Resource::Cluster, action));
    }
}
