//! What users may do: by roles of all kinds, on open connections, with what others left.

use bson::{RawDocumentBuf, cstr, rawdoc};

use crate::login::{code, with_root};
use crate::scram::log_in;
use crate::support::{Client, Running};

/// A connection as a new user of `d` with these roles.
fn user(server: &Running, root: &mut Client, name: &str, roles: bson::RawArrayBuf) -> Client {
    let create = rawdoc! { "createUser": name, "pwd": "pw", "roles": roles, "$db": "d" };
    assert_eq!(code(root, &create), 0);
    let mut client = server.connect();
    assert_eq!(log_in(&mut client, name, "pw", "d").get_bool("done").ok(), Some(true));
    client
}

fn roles(names: &[&str]) -> bson::RawArrayBuf {
    names.iter().copied().collect()
}

fn insert(db: &str) -> RawDocumentBuf {
    rawdoc! { "insert": "c", "documents": [{ "a": 1 }, { "a": 2 }, { "a": 3 }], "$db": db }
}

#[test]
fn who_reads_does_not_write() {
    let (server, mut root) = with_root();
    assert_eq!(code(&mut root, &insert("d")), 0);
    assert_eq!(code(&mut root, &insert("e")), 0);
    let mut reader = user(&server, &mut root, "reader", roles(&["read"]));
    let refused = reader.run(&insert("d"));
    let message = refused.get_str("errmsg").expect("refused");
    assert!(
        message.starts_with("not authorized on d to execute command { insert: \"c\""),
        "{message}"
    );
    for (command, expected) in [
        (rawdoc! { "find": "c", "$db": "d" }, 0),
        (rawdoc! { "count": "c", "$db": "d" }, 0),
        (rawdoc! { "find": "c", "$db": "e" }, 13),
        (rawdoc! { "drop": "c", "$db": "d" }, 13),
        (rawdoc! { "serverStatus": 1, "$db": "admin" }, 13),
        (rawdoc! { "find": "system.users", "$db": "admin" }, 13),
        (rawdoc! { "filemd5": 1, "$db": "d" }, 0),
        (rawdoc! { "filemd5": 1, "$db": "e" }, 13),
        (rawdoc! { "explain": { "find": "c" }, "$db": "d" }, 0),
        (rawdoc! { "explain": { "findandmodify": "c", "remove": true }, "$db": "d" }, 13),
        (rawdoc! { "findAndModify": "c", "update": { "$set": { "a": 1 } }, "$db": "d" }, 13),
        (rawdoc! { "listDatabases": 1, "authorizedDatabases": false, "$db": "admin" }, 13),
    ] {
        assert_eq!(code(&mut reader, &command), expected, "{command:?}");
    }
    let aggregate = |pipeline: bson::RawArrayBuf| {
        rawdoc! { "aggregate": "c", "pipeline": pipeline, "cursor": {}, "$db": "d" }
    };
    let stages = |stage: RawDocumentBuf| [stage].into_iter().collect::<bson::RawArrayBuf>();
    assert_eq!(code(&mut reader, &aggregate(stages(rawdoc! { "$match": {} }))), 0);
    assert_eq!(code(&mut reader, &aggregate(stages(rawdoc! { "$out": "x" }))), 13);
    assert_eq!(code(&mut reader, &aggregate(stages(rawdoc! { "$merge": "c" }))), 13);
    let listed = reader.run(&rawdoc! { "listDatabases": 1, "nameOnly": true, "$db": "admin" });
    assert_eq!(listed.get_array("databases").expect("there").into_iter().count(), 1);
}

#[test]
fn a_role_for_one_collection_shows_no_other() {
    let (server, mut root) = with_root();
    for name in ["seen", "hidden"] {
        assert_eq!(code(&mut root, &rawdoc! { "create": name, "$db": "d" }), 0);
    }
    let create = rawdoc! {
        "createRole": "one", "roles": [], "$db": "d", "privileges": [{
            "resource": { "db": "d", "collection": "seen" }, "actions": ["find", "insert"],
        }],
    };
    assert_eq!(code(&mut root, &create), 0);
    let mut client = user(&server, &mut root, "u", roles(&["one"]));
    let list = |only: bool| {
        rawdoc! {
            "listCollections": 1, "nameOnly": true, "authorizedCollections": only, "$db": "d",
        }
    };
    assert_eq!(code(&mut client, &list(false)), 13);
    let listed = client.run(&list(true));
    let batch = listed.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    let names: Vec<_> = batch
        .expect("a batch")
        .into_iter()
        .map(|one| one.unwrap().as_document().unwrap().get_str("name").unwrap().to_owned())
        .collect();
    assert_eq!(names, ["seen"]);
    // Chunks are told by their root, and not by what is asked for.
    for root in ["seen", "hidden"] {
        let sum = rawdoc! { "filemd5": "seen", "root": root, "$db": "d" };
        assert_eq!(code(&mut client, &sum), 13, "{root}");
    }
    let look_up = rawdoc! {
        "aggregate": "seen", "cursor": {}, "$db": "d",
        "pipeline": [{ "$lookup": {
            "from": "hidden", "localField": "a", "foreignField": "a", "as": "x",
        } }],
    };
    assert_eq!(code(&mut client, &look_up), 13);
    let upsert = |name: &str| {
        rawdoc! {
            "update": name, "$db": "d",
            "updates": [{ "q": {}, "u": { "$set": { "a": 1 } }, "upsert": true }],
        }
    };
    assert_eq!(code(&mut client, &upsert("seen")), 13, "no updates");
    let grant = rawdoc! {
        "grantPrivilegesToRole": "one", "$db": "d", "privileges": [{
            "resource": { "db": "d", "collection": "seen" }, "actions": ["update"],
        }],
    };
    assert_eq!(code(&mut root, &grant), 0);
    assert_eq!(code(&mut client, &upsert("seen")), 0, "at once");
    assert_eq!(code(&mut client, &upsert("hidden")), 13);
}

#[test]
fn changes_hold_on_open_connections() {
    let (server, mut root) = with_root();
    let mut client = user(&server, &mut root, "u", roles(&["read"]));
    let find = rawdoc! { "find": "c", "$db": "d" };
    assert_eq!((code(&mut client, &find), code(&mut client, &insert("d"))), (0, 13));
    let grant = rawdoc! { "grantRolesToUser": "u", "roles": ["readWrite"], "$db": "d" };
    assert_eq!(code(&mut root, &grant), 0);
    assert_eq!(code(&mut client, &insert("d")), 0);
    let revoke = rawdoc! {
        "revokeRolesFromUser": "u", "roles": ["readWrite", "read"], "$db": "d",
    };
    assert_eq!(code(&mut root, &revoke), 0);
    assert_eq!(code(&mut client, &find), 13);
    assert_eq!(code(&mut root, &grant), 0);
    assert_eq!(code(&mut client, &find), 0);
    // A user of the same name is another one.
    assert_eq!(code(&mut root, &rawdoc! { "dropUser": "u", "$db": "d" }), 0);
    let create = rawdoc! { "createUser": "u", "pwd": "pw", "roles": ["root"], "$db": "d" };
    assert_eq!(code(&mut root, &create), 31);
    let create = rawdoc! { "createUser": "u", "pwd": "pw", "roles": ["read"], "$db": "d" };
    assert_eq!(code(&mut root, &create), 0);
    let refused = client.run(&find);
    assert_eq!(refused.get_str("errmsg").ok(), Some("command find requires authentication"));
    // So are changes by hand.
    log_in(&mut client, "u", "pw", "d");
    assert_eq!(code(&mut client, &find), 0);
    let delete = rawdoc! {
        "delete": "system.users", "deletes": [{ "q": { "_id": "d.u" }, "limit": 1 }],
        "$db": "admin",
    };
    assert_eq!(code(&mut root, &delete), 0);
    assert_eq!(code(&mut client, &find), 13);
}

/// What writes users is a command to `admin`: after any other one nobody's roles are read again.
#[test]
fn no_pipeline_writes_users() {
    let (_server, mut root) = with_root();
    let documents = rawdoc! { "insert": "t", "documents": [{ "_id": "d.u" }], "$db": "d" };
    assert_eq!(code(&mut root, &documents), 0);
    for (name, refused) in [("system.users", [17385, 31319]), ("other", [31321, 31320])] {
        let into = rawdoc! { "db": "admin", "coll": name };
        let out = rawdoc! { "$out": into.clone() };
        let merge = rawdoc! { "$merge": { "into": into } };
        for (stage, expected) in [out, merge].into_iter().zip(refused) {
            for database in ["d", "admin"] {
                let command = rawdoc! {
                    "aggregate": "t", "pipeline": [stage.clone()], "cursor": {}, "$db": database,
                };
                assert_eq!(code(&mut root, &command), expected, "{command:?}");
            }
        }
    }
}

#[test]
fn a_login_that_was_begun_is_none_of_a_user_who_is_gone() {
    use crate::scram::{Hash, Login};
    let (server, mut root) = with_root();
    let create = rawdoc! { "createUser": "u", "pwd": "pw", "roles": ["read"], "$db": "d" };
    assert_eq!(code(&mut root, &create), 0);
    let mut client = server.connect();
    let login =
        Login { hash: Hash::Sha256, user: "u", password: "pw", db: "d", skips_empty: false };
    let first = client.run(&login.start());
    assert_eq!(code(&mut root, &rawdoc! { "dropUser": "u", "$db": "d" }), 0);
    assert_eq!(login.go_on(&mut client, &first).get_i32("code").ok(), Some(18));
    assert_eq!(code(&mut client, &rawdoc! { "find": "c", "$db": "d" }), 13);
}

#[test]
fn cursors_are_for_who_opened_them() {
    let (server, mut root) = with_root();
    assert_eq!(code(&mut root, &insert("d")), 0);
    let open = rawdoc! { "find": "c", "batchSize": 1, "$db": "d" };
    let found = root.run(&open);
    let id = found.get_document("cursor").and_then(|cursor| cursor.get_i64("id")).expect("an id");
    let mut other = user(&server, &mut root, "u", roles(&["readWrite"]));
    let more = rawdoc! { "getMore": id, "collection": "c", "batchSize": 1, "$db": "d" };
    let kill = rawdoc! { "killCursors": "c", "cursors": [id], "$db": "d" };
    assert_eq!((code(&mut other, &more), code(&mut other, &kill)), (13, 13));
    assert_eq!(code(&mut root, &more), 0);
    let mut again = server.connect();
    log_in(&mut again, "root", "pw", "admin");
    assert_eq!(code(&mut again, &more), 0, "the same user elsewhere");
    let killed = again.run(&kill);
    assert_eq!(killed.get_array("cursorsKilled").expect("there").into_iter().count(), 1);
    // Who may not look into it any more does not go on.
    let found = other.run(&open);
    let id = found.get_document("cursor").and_then(|cursor| cursor.get_i64("id")).expect("an id");
    let more = rawdoc! { "getMore": id, "collection": "c", "batchSize": 1, "$db": "d" };
    assert_eq!(code(&mut other, &more), 0);
    let change = |command| rawdoc! { command: "u", "roles": ["readWrite"], "$db": "d" };
    assert_eq!(code(&mut root, &change(cstr!("revokeRolesFromUser"))), 0);
    assert_eq!(code(&mut other, &more), 13);
    assert_eq!(code(&mut root, &change(cstr!("grantRolesToUser"))), 0);
    assert_eq!(code(&mut other, &more), 0);
    // Who may kill any kills those of others.
    let found = other.run(&open);
    let id = found.get_document("cursor").and_then(|cursor| cursor.get_i64("id")).expect("an id");
    assert_eq!(code(&mut root, &rawdoc! { "killCursors": "c", "cursors": [id], "$db": "d" }), 0);
}

#[test]
fn who_gives_roles_has_to_be_allowed_to() {
    let (server, mut root) = with_root();
    let mut keeper = user(&server, &mut root, "keeper", roles(&["userAdmin"]));
    for (command, expected) in [
        (rawdoc! { "createUser": "a", "pwd": "pw", "roles": ["read"], "$db": "d" }, 0),
        (rawdoc! { "createUser": "b", "pwd": "pw", "roles": ["read"], "$db": "e" }, 13),
        (
            rawdoc! {
                "createUser": "b", "pwd": "pw", "$db": "d",
                "roles": [{ "role": "root", "db": "admin" }],
            },
            13,
        ),
        (
            rawdoc! {
                "grantRolesToUser": "keeper", "$db": "d",
                "roles": [{ "role": "root", "db": "admin" }],
            },
            13,
        ),
        (rawdoc! { "updateUser": "a", "pwd": "other", "$db": "d" }, 0),
        (rawdoc! { "usersInfo": 1, "$db": "d" }, 0),
        (rawdoc! { "usersInfo": { "forAllDBs": true }, "$db": "d" }, 13),
        (rawdoc! { "usersInfo": { "user": "root", "db": "admin" }, "$db": "d" }, 13),
        (rawdoc! { "find": "c", "$db": "d" }, 13),
        (rawdoc! { "dropUser": "a", "$db": "d" }, 0),
    ] {
        assert_eq!(code(&mut keeper, &command), expected, "{command:?}");
    }
    let mut nobody = user(&server, &mut root, "nobody", roles(&[]));
    let own = rawdoc! { "usersInfo": "nobody", "showPrivileges": true, "$db": "d" };
    assert_eq!(code(&mut nobody, &own), 0, "oneself");
    assert_eq!(code(&mut nobody, &rawdoc! { "usersInfo": "keeper", "$db": "d" }), 13);
}

#[test]
fn sessions_and_operations_are_seen_by_who_has_them() {
    let (server, mut root) = with_root();
    let mut other = user(&server, &mut root, "u", roles(&["read"]));
    let uuid = bson::Binary { subtype: bson::spec::BinarySubtype::Uuid, bytes: vec![7; 16] };
    let lsid = rawdoc! { "id": uuid };
    let listed = |client: &mut Client, stage: RawDocumentBuf| {
        let command = rawdoc! {
            "aggregate": 1, "pipeline": [stage], "cursor": {}, "lsid": lsid.clone(),
            "$db": "admin",
        };
        let reply = client.run(&command);
        let cursor = reply.get_document("cursor").map(|cursor| cursor.to_owned());
        cursor.ok().map(|cursor| cursor.get_array("firstBatch").expect("one").into_iter().count())
    };
    let of_all = || rawdoc! { "$listLocalSessions": { "allUsers": true } };
    // The same UUID is another session for another user.
    assert_eq!(listed(&mut other, rawdoc! { "$listLocalSessions": {} }), Some(1));
    assert_eq!(listed(&mut root, rawdoc! { "$listLocalSessions": {} }), Some(1));
    assert_eq!((listed(&mut root, of_all()), listed(&mut other, of_all())), (Some(2), None));
    let idle = |all: bool| {
        rawdoc! { "$currentOp": { "allUsers": all, "idleConnections": true } }
    };
    assert_eq!((listed(&mut root, idle(true)), listed(&mut other, idle(true))), (Some(2), None));
    assert_eq!(listed(&mut other, idle(false)), Some(1));
    // One who did not log in leaves none behind.
    let mut nobody = server.connect();
    let ping = rawdoc! { "ping": 1, "lsid": lsid.clone(), "$db": "admin" };
    assert_eq!(code(&mut nobody, &ping), 0);
    assert_eq!(listed(&mut root, of_all()), Some(2));
}

/// Who may read the profile may ask for the level, and not set it by a number that is nearly one.
#[test]
fn a_level_of_the_profiler_is_what_the_command_takes_it_for() {
    let (server, mut root) = with_root();
    let monitor: bson::RawArrayBuf =
        [rawdoc! { "role": "clusterMonitor", "db": "admin" }].into_iter().collect();
    let mut client = user(&server, &mut root, "u", monitor);
    for (level, expected) in [
        (bson::RawBson::Int32(-1), 0),
        (bson::RawBson::Double(7.0), 0),
        (bson::RawBson::Int32(2), 13),
        (bson::RawBson::Double(2.5), 13),
        (bson::RawBson::Double(-0.5), 13),
        (bson::RawBson::Double(f64::NAN), 13),
        (bson::RawBson::Decimal128("0.5".parse().expect("a decimal")), 13),
    ] {
        let command = rawdoc! { "profile": level, "$db": "d" };
        assert_eq!(code(&mut client, &command), expected, "{command:?}");
    }
}

/// What is not said of `$merge`, or said as null, is its default: to insert.
#[test]
fn who_updates_does_not_insert_by_a_pipeline() {
    let (server, mut root) = with_root();
    let create = rawdoc! {
        "createRole": "updates", "roles": [], "$db": "d", "privileges": [{
            "resource": { "db": "d", "collection": "c" }, "actions": ["find", "update"],
        }],
    };
    assert_eq!((code(&mut root, &create), code(&mut root, &insert("d"))), (0, 0));
    let mut client = user(&server, &mut root, "u", roles(&["updates"]));
    for (not_matched, expected) in
        [(bson::RawBson::Null, 13), ("insert".into(), 13), ("discard".into(), 0)]
    {
        let merge = rawdoc! { "$merge": { "into": "c", "whenNotMatched": not_matched } };
        let command = rawdoc! {
            "aggregate": "c", "pipeline": [{ "$set": { "_id": "new" } }, merge], "cursor": {},
            "$db": "d",
        };
        assert_eq!(code(&mut client, &command), expected, "{command:?}");
    }
    let count = root.run(&rawdoc! { "count": "c", "$db": "d" });
    assert_eq!(count.get_i32("n").ok(), Some(3));
}

#[test]
fn a_view_is_not_made_to_show_what_its_user_may_not_find() {
    let (server, mut root) = with_root();
    for create in [
        rawdoc! { "create": "seen", "$db": "d" },
        rawdoc! { "insert": "hidden", "documents": [{ "a": 1 }], "$db": "d" },
        rawdoc! { "create": "v", "viewOn": "seen", "$db": "d" },
        rawdoc! {
            "createRole": "one", "roles": [], "$db": "d", "privileges": [
                { "resource": { "db": "d", "collection": "v" }, "actions": ["find", "collMod"] },
                { "resource": { "db": "d", "collection": "seen" }, "actions": ["find"] },
            ],
        },
    ] {
        assert_eq!(code(&mut root, &create), 0, "{create:?}");
    }
    let mut client = user(&server, &mut root, "u", roles(&["one"]));
    let shows = || rawdoc! { "$unionWith": "hidden" };
    for (change, expected) in [
        (rawdoc! { "viewOn": "seen", "pipeline": [shows()] }, 13),
        (rawdoc! { "viewOn": "hidden", "pipeline": [] }, 13),
        (rawdoc! { "pipeline": [shows()] }, 72),
        (rawdoc! { "viewOn": bson::RawBson::Null, "pipeline": [shows()] }, 72),
        (rawdoc! { "viewOn": "hidden" }, 72),
        (rawdoc! { "viewOn": 1, "pipeline": [shows()] }, 14),
        (rawdoc! { "viewOn": "seen", "pipeline": [{ "$match": {} }] }, 0),
    ] {
        let mut modify = rawdoc! { "collMod": "v", "$db": "d" };
        for field in change.iter() {
            let (name, value) = field.expect("sound");
            modify.append(name, value);
        }
        assert_eq!(code(&mut client, &modify), expected, "{modify:?}");
        let count = client.run(&rawdoc! { "count": "v", "$db": "d" });
        assert_eq!(count.get_i32("n").ok(), Some(0), "{modify:?}");
    }
    let elsewhere = rawdoc! { "collMod": "seen", "pipeline": [], "$db": "d" };
    assert_eq!(code(&mut client, &elsewhere), 13);
    assert_eq!(code(&mut root, &elsewhere), 72, "whoever asks");
}

/// Who may do what may change at any moment of a command that asks for it more than once.
#[test]
fn users_are_changed_while_others_are_answered() {
    let (server, mut root) = with_root();
    assert_eq!(code(&mut root, &rawdoc! { "create": "c", "$db": "d" }), 0);
    let mut client = user(&server, &mut root, "u", roles(&["read"]));
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|s| {
        let changes = s.spawn(|| {
            let (change, mut changes) = (rawdoc! { "invalidateUserCache": 1, "$db": "admin" }, 0);
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                assert_eq!(code(&mut root, &change), 0);
                changes += 1;
            }
            changes
        });
        for command in [
            rawdoc! { "listCollections": 1, "$db": "d" },
            rawdoc! {
                "listCollections": 1, "nameOnly": true, "authorizedCollections": true, "$db": "d",
            },
            rawdoc! { "listDatabases": 1, "$db": "admin" },
            rawdoc! { "find": "c", "$db": "d" },
            rawdoc! { "connectionStatus": 1, "showPrivileges": true, "$db": "d" },
        ] {
            for _ in 0..100 {
                assert_eq!(code(&mut client, &command), 0, "{command:?}");
            }
        }
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(changes.join().expect("no panic") > 0);
    });
}

#[test]
fn who_restores_puts_users_in_the_place_of_those_who_are_there() {
    let (server, mut root) = with_root();
    let mut restorer = server.connect();
    for (name, db, role) in [("kept", "d", "read"), ("gone", "d", "read"), ("giver", "admin", "")] {
        let role = if role.is_empty() { "userAdminAnyDatabase" } else { role };
        let create = rawdoc! { "createUser": name, "pwd": "pw", "roles": [role], "$db": db };
        assert_eq!(code(&mut root, &create), 0);
    }
    let create =
        rawdoc! { "createUser": "tool", "pwd": "pw", "roles": ["restore"], "$db": "admin" };
    assert_eq!(code(&mut root, &create), 0);
    assert_eq!(log_in(&mut restorer, "tool", "pw", "admin").get_bool("done").ok(), Some(true));
    let copy = |pipeline: bson::RawArrayBuf| {
        rawdoc! { "aggregate": "system.users", "pipeline": pipeline, "cursor": {}, "$db": "admin" }
    };
    let found = root.run(&copy([rawdoc! { "$match": { "user": "kept" } }].into_iter().collect()));
    let kept = found.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    let kept = kept.expect("a batch").into_iter().next().expect("one").expect("sound");
    let kept = kept.as_document().expect("a user").to_owned();
    let insert = rawdoc! { "insert": "tempusers", "documents": [kept], "$db": "admin" };
    assert_eq!(code(&mut restorer, &insert), 0);
    let merge = |db: &str| {
        rawdoc! {
            "_mergeAuthzCollections": 1, "tempUsersCollection": "admin.tempusers",
            "tempRolesCollection": "", "db": db, "drop": true, "$db": "admin",
        }
    };
    // He gives any role, but may not read where they come from.
    let mut giver = server.connect();
    assert_eq!(log_in(&mut giver, "giver", "pw", "admin").get_bool("done").ok(), Some(true));
    assert_eq!(code(&mut giver, &merge("d")), 13);
    assert_eq!(code(&mut restorer, &merge("d")), 0);
    let mut client = server.connect();
    assert_eq!(log_in(&mut client, "kept", "pw", "d").get_bool("done").ok(), Some(true));
    assert_eq!(log_in(&mut client, "gone", "pw", "d").get_i32("code").ok(), Some(18));
    // One that is not where it would be looked for takes the others with it: nothing changes.
    let other = rawdoc! {
        "_id": "x", "user": "new", "db": "d", "credentials": {}, "roles": [],
    };
    let insert = rawdoc! { "insert": "tempusers", "documents": [other], "$db": "admin" };
    assert_eq!(code(&mut restorer, &insert), 0);
    assert_eq!(code(&mut restorer, &merge("")), 2);
    let count = rawdoc! { "count": "system.users", "query": {}, "$db": "admin" };
    assert_eq!(root.run(&count).get_i32("n").ok(), Some(4));
}
