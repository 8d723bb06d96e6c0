//! What `listCommands` says of each command, in a line.

/// The texts, in the order of the names.
const TEXTS: &[(&str, &str)] = &[
    (
        "_mergeAuthzCollections",
        "Takes users and roles over from other collections: { _mergeAuthzCollections: 1, \
         tempUsersCollection: \"admin.x\", tempRolesCollection: \"admin.y\", db: \"\", drop: \
         false }",
    ),
    ("abortTransaction", "Ends a transaction; a standalone has none"),
    ("aggregate", "Runs a pipeline: { aggregate: collection or 1, pipeline: [...], cursor: {} }"),
    ("appendOplogNote", "Of replica sets"),
    ("authenticate", "Logs in by a certificate; not supported"),
    ("availableQueryOptions", "The flags of the older wire protocol"),
    ("buildInfo", "Version and limits of the server"),
    (
        "cloneCollectionAsCapped",
        "Copies a collection into a capped one: { cloneCollectionAsCapped: from, \
         toCollection: to, size: bytes }",
    ),
    ("collMod", "Changes the options of a collection or of an index"),
    ("collStats", "Figures of a collection: { collStats: collection, scale: 1 }"),
    ("commitTransaction", "Ends a transaction; a standalone has none"),
    (
        "compact",
        "Moves the documents of a collection together and builds its indexes anew: { \
         compact: collection, paddingFactor: 1.0, paddingBytes: 0, preservePadding: \
         false }",
    ),
    ("connPoolStats", "Connections to other servers: none"),
    ("connPoolSync", "Does nothing: there are no connections to other servers"),
    ("connectionStatus", "Who is logged in on this connection"),
    ("convertToCapped", "Makes a collection capped: { convertToCapped: collection, size: bytes }"),
    ("count", "Counts documents: { count: collection, query: {...} }"),
    ("create", "Creates a collection or a view"),
    ("createIndexes", "Creates indexes: { createIndexes: collection, indexes: [{ key, name }] }"),
    ("createRole", "Makes a role: { createRole: name, privileges: [...], roles: [...] }"),
    ("createUser", "Makes a user: { createUser: name, pwd: password, roles: [...] }"),
    ("currentOp", "Lists what is being done: { currentOp: 1, $all: false, ...filter }"),
    (
        "dataSize",
        "Bytes of the documents of a collection or of a range of an index: { dataSize: \
         \"db.collection\", keyPattern, min, max }",
    ),
    ("dbHash", "MD5 sums of the collections of a database"),
    ("dbStats", "Figures of a database: { dbStats: 1, scale: 1 }"),
    ("delete", "Deletes documents: { delete: collection, deletes: [{ q, limit }] }"),
    ("distinct", "Different values of a field: { distinct: collection, key: field, query: {...} }"),
    ("drop", "Drops a collection"),
    ("dropAllRolesFromDatabase", "Drops the roles of a database"),
    ("dropAllUsersFromDatabase", "Drops the users of a database"),
    ("dropDatabase", "Drops a database with its files"),
    ("dropIndexes", "Drops indexes: { dropIndexes: collection, index: name, key or \"*\" }"),
    ("dropRole", "Drops a role"),
    ("dropUser", "Drops a user"),
    ("endSessions", "Ends sessions"),
    ("explain", "Says how a command would be run, or was"),
    ("features", "What the server is built with"),
    ("filemd5", "MD5 sum of a file of GridFS: { filemd5: files_id, root: \"fs\" }"),
    ("find", "Finds documents"),
    ("findAndModify", "Finds a document and changes or deletes it"),
    ("flushRouterConfig", "Of sharded clusters"),
    ("fsync", "Writes everything to the data files"),
    ("fsyncUnlock", "Ends a lock of fsync"),
    ("getCmdLineOpts", "How the server was started"),
    ("getDefaultRWConcern", "Of replica sets"),
    ("getDiagnosticData", "Diagnostic data: none is collected"),
    ("getFreeMonitoringStatus", "Nothing is sent anywhere"),
    ("getLastError", "What became of the last write on this connection"),
    (
        "getLog",
        "The last lines of the log: { getLog: \"global\" }, or \"startupWarnings\"; \
         \"*\" lists the names",
    ),
    ("getMore", "The next batch of a cursor"),
    ("getParameter", "Settings: { getParameter: 1, name: 1 }, or \"*\" for all"),
    ("getShardMap", "Of sharded clusters"),
    ("getShardVersion", "Of sharded clusters"),
    ("getnonce", "A number used once; for older clients"),
    (
        "grantPrivilegesToRole",
        "Lets a role do more: { grantPrivilegesToRole: name, privileges: [...] }",
    ),
    ("grantRolesToRole", "Gives roles to a role"),
    ("grantRolesToUser", "Gives roles to a user: { grantRolesToUser: name, roles: [...] }"),
    ("hello", "What a client has to know first"),
    ("hostInfo", "The machine"),
    ("insert", "Inserts documents: { insert: collection, documents: [...] }"),
    ("invalidateUserCache", "Has users and roles read anew"),
    ("isMaster", "The older form of hello"),
    ("ismaster", "The older form of hello"),
    ("killAllSessions", "Ends all sessions, or those of users"),
    ("killAllSessionsByPattern", "Ends the sessions that a pattern fits"),
    ("killCursors", "Kills cursors: { killCursors: collection, cursors: [id] }"),
    ("killOp", "Asks an operation to end: { killOp: 1, op: opid }"),
    ("killSessions", "Ends sessions with what they do: { killSessions: [{ id: uuid }] }"),
    ("listCollections", "Lists the collections of a database"),
    ("listCommands", "Lists the commands"),
    ("listDatabases", "Lists the databases"),
    ("listIndexes", "Lists the indexes of a collection"),
    ("lockInfo", "Locks of everything: none"),
    ("logRotate", "Begins a new log file"),
    ("logout", "Logs out of a database"),
    ("ping", "Answers"),
    ("planCacheClear", "Forgets which plans did well: { planCacheClear: collection }"),
    ("planCacheClearFilters", "Removes index filters: there are none"),
    ("planCacheListFilters", "Lists index filters: there are none"),
    ("planCacheSetFilter", "Sets an index filter; not supported"),
    (
        "profile",
        "Tells the profiler of a database: { profile: level, slowms: 100, sampleRate: \
         1.0 }; -1 asks",
    ),
    ("reIndex", "Builds all indexes of a collection anew"),
    ("refreshSessions", "Keeps sessions"),
    (
        "renameCollection",
        "Gives a collection another name: { renameCollection: \"db.from\", to: \
         \"db.to\", dropTarget: false }",
    ),
    ("repairDatabase", "Compacts every collection of a database"),
    ("replSetAbortPrimaryCatchUp", "Of replica sets"),
    ("replSetFreeze", "Of replica sets"),
    ("replSetGetConfig", "Of replica sets"),
    ("replSetGetRBID", "Of replica sets"),
    ("replSetGetStatus", "Of replica sets"),
    ("replSetHeartbeat", "Of replica sets"),
    ("replSetInitiate", "Of replica sets"),
    ("replSetMaintenance", "Of replica sets"),
    ("replSetReconfig", "Of replica sets"),
    ("replSetRequestVotes", "Of replica sets"),
    ("replSetResizeOplog", "Of replica sets"),
    ("replSetStepDown", "Of replica sets"),
    ("replSetStepUp", "Of replica sets"),
    ("replSetSyncFrom", "Of replica sets"),
    ("replSetUpdatePosition", "Of replica sets"),
    ("revokePrivilegesFromRole", "Lets a role do less"),
    ("revokeRolesFromRole", "Takes roles from a role"),
    ("revokeRolesFromUser", "Takes roles from a user"),
    ("rolesInfo", "Describes roles: { rolesInfo: name or 1 }"),
    ("saslContinue", "The next step of logging in"),
    ("saslStart", "Begins to log in: { saslStart: 1, mechanism: name, payload: bytes }"),
    (
        "serverStatus",
        "The figures of the server; sections are switched by name: { serverStatus: 1, \
         metrics: 0 }",
    ),
    ("setDefaultRWConcern", "Of replica sets"),
    ("setParameter", "Changes a setting: { setParameter: 1, name: value }"),
    ("setShardVersion", "Of sharded clusters"),
    ("shardingState", "Whether this is a shard: no"),
    ("shutdown", "Ends the server cleanly: { shutdown: 1, force: false }"),
    ("splitVector", "Of sharded clusters"),
    ("startSession", "Makes a session"),
    ("top", "How often, and for how long, each collection was read and written"),
    ("touch", "Reads a collection into memory: { touch: collection, data: true, index: true }"),
    ("update", "Updates documents: { update: collection, updates: [{ q, u, multi, upsert }] }"),
    ("updateRole", "Changes a role"),
    ("updateUser", "Changes a user: { updateUser: name, pwd: password, roles: [...] }"),
    ("usersInfo", "Describes users: { usersInfo: name or 1 }"),
    ("validate", "Checks a collection: { validate: collection, full: false }"),
    ("whatsmyuri", "Where this connection comes from"),
];

/// The text of a command.
pub fn of(name: &str) -> Option<&'static str> {
    let at = TEXTS.binary_search_by_key(&name, |(name, _)| name).ok()?;
    TEXTS.get(at).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_in_order() {
        assert!(TEXTS.is_sorted_by_key(|(name, _)| name));
        assert_eq!(of("ping"), Some("Answers"));
        assert_eq!(of("pong"), None);
    }
}
