//! The roles that are there from the beginning, with the privileges that 5.0 gives them.

use super::action::Action::{self, *};
use super::action::Actions;
use super::name::Name;
use super::privilege::{Pattern, Privileges};

const READ: Actions = Actions::of(&[
    ChangeStream,
    CollStats,
    DbHash,
    DbStats,
    Find,
    KillCursors,
    ListCollections,
    ListIndexes,
    PlanCacheRead,
]);
const CHANGE: Actions = Actions::of(&[Insert, Remove, Update]);
const READ_WRITE: Actions = READ.and(CHANGE).and(Actions::of(&[
    ConvertToCapped,
    CreateCollection,
    CreateIndex,
    DropCollection,
    DropIndex,
    Emptycapped,
    RenameCollectionSameDB,
]));
const DB_ADMIN: Actions = Actions::of(&[
    BypassDocumentValidation,
    CollMod,
    CollStats,
    Compact,
    ConvertToCapped,
    CreateCollection,
    CreateIndex,
    DbStats,
    DropCollection,
    DropDatabase,
    DropIndex,
    EnableProfiler,
    ListCollections,
    ListIndexes,
    PlanCacheIndexFilter,
    PlanCacheRead,
    PlanCacheWrite,
    ReIndex,
    RenameCollectionSameDB,
    StorageDetails,
    Validate,
]);
/// What who administers a database may do to its profile.
const PROFILE: Actions =
    READ.and(Actions::of(&[ConvertToCapped, CreateCollection, DropCollection]));
const USER_ADMIN: Actions = Actions::of(&[
    ChangeCustomData,
    ChangePassword,
    CreateRole,
    CreateUser,
    DropRole,
    DropUser,
    GrantRole,
    RevokeRole,
    SetAuthenticationRestriction,
    ViewRole,
    ViewUser,
]);
const MONITOR: Actions = Actions::of(&[
    CheckFreeMonitoringStatus,
    ConnPoolStats,
    GetCmdLineOpts,
    GetDefaultRWConcern,
    GetLog,
    GetParameter,
    GetShardMap,
    HostInfo,
    Inprog,
    ListDatabases,
    ListSessions,
    ListShards,
    Netstat,
    OperationMetrics,
    ReplSetGetConfig,
    ReplSetGetStatus,
    ServerStatus,
    ShardingState,
    Top,
    UseUUID,
]);
const MONITOR_DATABASE: Actions =
    Actions::of(&[CollStats, DbStats, GetDatabaseVersion, GetShardVersion, IndexStats]);
const HOST: Actions = Actions::of(&[
    ApplicationMessage,
    AuditConfigure,
    ConnPoolSync,
    DropConnections,
    FlushRouterConfig,
    Fsync,
    InvalidateUserCache,
    KillAnyCursor,
    KillAnySession,
    Killop,
    LogRotate,
    OidReset,
    ReplSetResizeOplog,
    Resync,
    RotateCertificates,
    SetParameter,
    Shutdown,
    Touch,
    TrafficRecord,
    Unlock,
]);
const MANAGE: Actions = Actions::of(&[
    AddShard,
    AppendOplogNote,
    ApplicationMessage,
    CleanupOrphaned,
    FlushRouterConfig,
    GetDefaultRWConcern,
    ListSessions,
    ListShards,
    RemoveShard,
    ReplSetConfigure,
    ReplSetGetConfig,
    ReplSetGetStatus,
    ReplSetStateChange,
    Resync,
    RunTenantMigration,
    SetDefaultRWConcern,
    SetFeatureCompatibilityVersion,
    SetFreeMonitoring,
]);
const SHARDS: Actions = Actions::of(&[
    ClearJumboFlag,
    EnableSharding,
    MoveChunk,
    RefineCollectionShardKey,
    ReshardCollection,
    SplitChunk,
    SplitVector,
]);
const RESTORE: Actions = Actions::of(&[
    BypassDocumentValidation,
    CollMod,
    ConvertToCapped,
    CreateCollection,
    CreateIndex,
    DropCollection,
    Insert,
]);

/// Roles that every database has.
const OF_DATABASES: [&str; 6] =
    ["dbAdmin", "dbOwner", "enableSharding", "read", "readWrite", "userAdmin"];
/// Roles that only `admin` has.
const OF_ADMIN: [&str; 13] = [
    "__queryableBackup",
    "__system",
    "backup",
    "clusterAdmin",
    "clusterManager",
    "clusterMonitor",
    "dbAdminAnyDatabase",
    "hostManager",
    "readAnyDatabase",
    "readWriteAnyDatabase",
    "restore",
    "root",
    "userAdminAnyDatabase",
];

/// The names of a database's built-in roles.
pub fn names(db: &str) -> impl Iterator<Item = Name> {
    let of_admin = OF_ADMIN.iter().filter(move |_| db == "admin");
    OF_DATABASES.iter().chain(of_admin).map(move |name| Name::new(name, db))
}

/// Is it the name of a built-in role?
pub fn is_built_in(name: &Name) -> bool {
    let own = name.name.as_str();
    OF_DATABASES.contains(&own) || name.db == "admin" && OF_ADMIN.contains(&own)
}

/// The privileges of a built-in role.
pub fn privileges(name: &Name) -> Option<Privileges> {
    let mut all = Privileges::default();
    is_built_in(name).then(|| {
        add(&mut all, &name.name, &name.db);
        all
    })
}

fn all_of(db: &str) -> Pattern {
    Pattern::Database(db.to_owned())
}

fn one(db: &str, collection: &str) -> Pattern {
    Pattern::Collection(db.to_owned(), collection.to_owned())
}

fn only(action: Action) -> Actions {
    Actions::of(&[action])
}

fn add(all: &mut Privileges, role: &str, db: &str) {
    match role {
        "read" => add_reader(all, READ, db),
        "readWrite" => add_reader(all, READ_WRITE, db),
        "dbAdmin" => {
            all.add(all_of(db), DB_ADMIN);
            all.add(one(db, "system.profile"), PROFILE);
        }
        "userAdmin" => all.add(all_of(db), USER_ADMIN),
        "dbOwner" => {
            for part in ["readWrite", "dbAdmin", "userAdmin"] {
                add(all, part, db);
            }
        }
        "enableSharding" => {
            let actions = &[EnableSharding, RefineCollectionShardKey, ReshardCollection];
            all.add(all_of(""), Actions::of(actions));
        }
        "readAnyDatabase" => add_any_reader(all, READ),
        "readWriteAnyDatabase" => add_any_reader(all, READ_WRITE),
        "dbAdminAnyDatabase" => {
            all.add(Pattern::Cluster, Actions::of(&[ApplyOps, ListDatabases]));
            all.add(all_of(""), DB_ADMIN);
            all.add(one("", "system.profile"), PROFILE);
            all.add(Pattern::Buckets, DB_ADMIN);
        }
        "userAdminAnyDatabase" => add_user_admin(all),
        "clusterManager" => add_manager(all),
        "clusterMonitor" => add_monitor(all),
        "hostManager" => {
            all.add(Pattern::Cluster, HOST);
            all.add(all_of(""), only(KillCursors));
        }
        "clusterAdmin" => {
            for part in ["clusterManager", "clusterMonitor", "hostManager"] {
                add(all, part, db);
            }
            all.add(all_of(""), only(DropDatabase));
            all.add(Pattern::Anything, Actions::of(&[ExportCollection, ImportCollection]));
        }
        "backup" => {
            add_backup(all);
            all.add(Pattern::Cluster, Actions::of(&[AppendOplogNote, ServerStatus]));
            all.add(one("config", "settings"), Actions::of(&[Insert, Update]));
        }
        "__queryableBackup" => add_backup(all),
        "restore" => add_restore(all),
        "root" => {
            for part in [
                "clusterAdmin",
                "userAdminAnyDatabase",
                "dbAdminAnyDatabase",
                "readWriteAnyDatabase",
                "backup",
                "restore",
            ] {
                add(all, part, db);
            }
            all.add(Pattern::Anything, only(Validate));
        }
        _ => all.add(Pattern::Anything, only(AnyAction)),
    }
}

fn add_reader(all: &mut Privileges, actions: Actions, db: &str) {
    all.add(all_of(db), actions);
    all.add(one(db, "system.js"), actions);
}

fn add_any_reader(all: &mut Privileges, actions: Actions) {
    add_reader(all, actions, "");
    all.add(Pattern::Cluster, only(ListDatabases));
    all.add(Pattern::Buckets, actions);
}

fn add_user_admin(all: &mut Privileges) {
    all.add(all_of(""), USER_ADMIN.and(only(ListCachedAndActiveUsers)));
    all.add(all_of("local"), USER_ADMIN);
    all.add(all_of("config"), USER_ADMIN);
    let server = &[AuthSchemaUpgrade, InvalidateUserCache, ListDatabases, ViewUser];
    all.add(Pattern::Cluster, Actions::of(server));
    all.add(one("", "system.users"), READ);
    for name in ["system.users", "system.roles"] {
        all.add(one("admin", name), READ.and(Actions::of(&[CreateIndex, DropIndex])));
    }
    for name in ["system.version", "system.backup_users"] {
        all.add(one("admin", name), READ);
    }
}

fn add_manager(all: &mut Privileges) {
    all.add(Pattern::Cluster, MANAGE);
    all.add(all_of(""), SHARDS);
    all.add(all_of("config"), SHARDS.and(READ).and(CHANGE));
    all.add(all_of("local"), SHARDS.and(CHANGE));
    all.add(one("local", "system.replset"), READ);
    all.add(one("config", "system.js"), READ);
    for name in ["replset.election", "replset.minvalid"] {
        all.add(one("local", name), CHANGE);
    }
}

fn add_monitor(all: &mut Privileges) {
    all.add(Pattern::Cluster, MONITOR);
    all.add(all_of(""), MONITOR_DATABASE);
    for db in ["config", "local"] {
        all.add(all_of(db), READ.and(MONITOR_DATABASE));
        all.add(one(db, "system.js"), READ);
    }
    for name in ["system.replset", "replset.election", "replset.minvalid"] {
        all.add(one("local", name), only(Find));
    }
    all.add(one("", "system.profile"), only(Find));
}

fn add_backup(all: &mut Privileges) {
    all.add(Pattern::Cluster, Actions::of(&[GetParameter, ListDatabases, UseUUID]));
    all.add(Pattern::Anything, Actions::of(&[CollStats, ListCollections, ListIndexes]));
    for pattern in [
        all_of(""),
        Pattern::Buckets,
        all_of("config"),
        all_of("local"),
        one("config", "settings"),
        one("local", "replset.election"),
        one("local", "replset.minvalid"),
        one("", "system.js"),
        one("", "system.users"),
        one("", "system.profile"),
        one("admin", "system.backup_users"),
        one("admin", "system.roles"),
        one("admin", "system.version"),
    ] {
        all.add(pattern, only(Find));
    }
}

fn add_restore(all: &mut Privileges) {
    for pattern in [
        all_of(""),
        all_of("config"),
        all_of("local"),
        Pattern::Buckets,
        one("", "system.js"),
        one("", "system.users"),
        one("local", "system.replset"),
        one("local", "replset.election"),
        one("local", "replset.minvalid"),
        one("admin", "system.backup_users"),
        one("admin", "system.version"),
    ] {
        all.add(pattern, RESTORE);
    }
    all.add(all_of(""), USER_ADMIN);
    all.add(one("", "system.users"), Actions::of(&[Find, Remove, Update]));
    for name in ["system.version", "tempusers", "temproles"] {
        all.add(one("admin", name), only(Find));
    }
    all.add(one("admin", "system.roles"), only(CreateIndex));
    all.add(Pattern::Anything, only(ListCollections));
    all.add(Pattern::Cluster, Actions::of(&[ForceUUID, GetParameter, UseUUID]));
}
