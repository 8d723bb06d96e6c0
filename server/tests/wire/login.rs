//! Logging in: the first user, each way, what fails, and what becomes of it.

use bson::cstr;
use bson::{RawDocument, RawDocumentBuf, rawdoc};
use tallymap_server::wire::Options;

use crate::scram::{Hash, Login, log_in, payload};
use crate::support::{Client, Running, dispatcher};

/// What a command is answered with: 0, or the number of its failure.
pub fn code(client: &mut Client, command: &RawDocument) -> i32 {
    let reply = client.run(command);
    match reply.get_f64("ok").ok() {
        Some(1.0) => 0,
        _ => reply.get_i32("code").unwrap_or(-1),
    }
}

/// A server with a user `root`, and a connection as it.
pub fn with_root() -> (Running, Client) {
    let server = Running::with_auth();
    let mut client = server.connect();
    let create = rawdoc! { "createUser": "root", "pwd": "pw", "roles": ["root"], "$db": "admin" };
    assert_eq!(code(&mut client, &create), 0);
    assert_eq!(log_in(&mut client, "root", "pw", "admin").get_bool("done").ok(), Some(true));
    (server, client)
}

fn find() -> RawDocumentBuf {
    rawdoc! { "find": "c", "$db": "d" }
}

#[test]
fn the_first_user_is_made_without_one_and_nothing_else_is_done() {
    let server = Running::with_auth();
    let mut client = server.connect();
    for command in [
        find(),
        rawdoc! { "createUser": "x", "pwd": "pw", "roles": [], "$db": "d" },
        rawdoc! { "createRole": "x", "privileges": [], "roles": [], "$db": "admin" },
        rawdoc! { "usersInfo": 1, "$db": "admin" },
        rawdoc! { "insert": "system.users", "documents": [{ "user": "x" }], "$db": "admin" },
    ] {
        let reply = client.run(&command);
        let message = reply.get_str("errmsg").expect("refused");
        assert!(message.starts_with("not authorized on "), "{message}");
        assert!(!message.contains("pw: \"pw\"") && reply.get_i32("code").ok() == Some(13));
    }
    let create = |user: &str| {
        rawdoc! { "createUser": user, "pwd": "pw", "roles": ["root"], "$db": "admin" }
    };
    assert_eq!(code(&mut client, &create("one")), 0);
    let second = client.run(&create("two"));
    assert_eq!(second.get_str("errmsg").ok(), Some("command createUser requires authentication"));
    // It stays so when there is no user any more.
    log_in(&mut client, "one", "pw", "admin");
    assert_eq!(code(&mut client, &rawdoc! { "dropUser": "one", "$db": "admin" }), 0);
    assert_eq!(code(&mut client, &create("three")), 13);
}

#[test]
fn the_door_for_the_first_user_can_be_shut() {
    let dispatcher = dispatcher().with_auth(true).with_localhost_bypass(false);
    let server = Running::of(dispatcher, &Options::at("127.0.0.1", 0));
    let create = rawdoc! { "createUser": "one", "pwd": "pw", "roles": ["root"], "$db": "admin" };
    let refused = server.connect().run(&create);
    assert_eq!(refused.get_str("errmsg").ok(), Some("command createUser requires authentication"));
}

#[test]
fn the_door_stays_shut_when_the_last_user_goes() {
    let (server, mut root) = with_root();
    assert_eq!(code(&mut root, &rawdoc! { "dropDatabase": 1, "$db": "admin" }), 0);
    let create = rawdoc! { "createUser": "two", "pwd": "pw", "roles": ["root"], "$db": "admin" };
    for client in [&mut root, &mut server.connect()] {
        let refused = client.run(&create);
        let message = refused.get_str("errmsg").expect("refused");
        assert_eq!(message, "command createUser requires authentication");
    }
}

#[test]
fn two_cannot_both_be_the_first() {
    let server = Running::with_auth();
    let made: i32 = std::thread::scope(|scope| {
        let one = |n: i32| {
            let mut client = server.connect();
            let create = rawdoc! {
                "createUser": format!("u{n}"), "pwd": "pw", "roles": [], "$db": "admin",
            };
            i32::from(code(&mut client, &create) == 0)
        };
        let threads: Vec<_> = (0..6).map(|n| scope.spawn(move || one(n))).collect();
        threads.into_iter().map(|thread| thread.join().expect("ran")).sum()
    });
    assert_eq!(made, 1);
}

#[test]
fn each_way_leads_in() {
    let (server, mut root) = with_root();
    let name = "we=ird,name";
    let create = rawdoc! { "createUser": name, "pwd": "pencil", "roles": ["read"], "$db": "d" };
    assert_eq!(code(&mut root, &create), 0);
    for hash in [Hash::Sha1, Hash::Sha256] {
        for skips_empty in [false, true] {
            let mut client = server.connect();
            assert_eq!(code(&mut client, &find()), 13);
            let login = Login { hash, user: name, password: "pencil", db: "d", skips_empty };
            let reply = login.run(&mut client);
            assert_eq!(reply.get_bool("done").ok(), Some(true), "{hash:?} {reply:?}");
            assert_eq!(code(&mut client, &find()), 0);
            // In a hello.
            let mut client = server.connect();
            let mut start = login.start();
            start.append(cstr!("db"), "d");
            let hello = rawdoc! {
                "hello": 1, "saslSupportedMechs": format!("d.{name}"),
                "speculativeAuthenticate": start_of(&start), "$db": "admin",
            };
            let hello = client.run(&hello);
            let ways = hello.get_array("saslSupportedMechs").expect("there");
            let ways: Vec<_> =
                ways.into_iter().map(|way| way.expect("sound").as_str().expect("text")).collect();
            assert_eq!(ways, ["SCRAM-SHA-256", "SCRAM-SHA-1"]);
            let first = hello.get_document("speculativeAuthenticate").expect("begun").to_owned();
            assert_eq!(login.go_on(&mut client, &first).get_bool("done").ok(), Some(true));
            assert_eq!(code(&mut client, &find()), 0);
        }
    }
}

/// A saslStart without what only a message has.
fn start_of(command: &RawDocument) -> RawDocumentBuf {
    let mut out = RawDocumentBuf::new();
    for field in command {
        let (name, value) = field.expect("sound");
        if name.as_str() != "$db" {
            out.append(name, value);
        }
    }
    out
}

#[test]
fn who_fails_learns_nothing() {
    let (server, _root) = with_root();
    let mut client = server.connect();
    let failed = |reply: &RawDocumentBuf| {
        let code = reply.get_i32("code").ok();
        (code, reply.get_str("errmsg").ok().map(str::to_owned), reply.get_str("codeName").is_ok())
    };
    let expected = (Some(18), Some("Authentication failed.".to_owned()), true);
    let wrong = log_in(&mut client, "root", "wrong", "admin");
    assert_eq!(failed(&wrong), expected);
    for (user, db) in [("nobody", "admin"), ("root", "d"), ("nobody", "nowhere")] {
        assert_eq!(failed(&log_in(&mut client, user, "pw", db)), expected);
        let hello = rawdoc! {
            "hello": 1, "saslSupportedMechs": format!("{db}.{user}"), "$db": "admin",
        };
        let hello = client.run(&hello);
        assert_eq!(hello.get("saslSupportedMechs").expect("sound"), None);
    }
    assert_eq!(code(&mut client, &find()), 13, "still nobody");
    // A failed exchange is over.
    let again = rawdoc! {
        "saslContinue": 1, "conversationId": 1, "payload": payload(""), "$db": "admin",
    };
    assert_eq!(code(&mut client, &again), 17);
    let start =
        Login { hash: Hash::Sha256, user: "root", password: "pw", db: "admin", skips_empty: true };
    client.run(&start.start());
    for message in ["", "c=biws", "c=biws,r=x,p=x", "p=,p=,p=", "c=biws,r=,p=AAAA"] {
        client.run(&start.start());
        let go_on = rawdoc! {
            "saslContinue": 1, "conversationId": 1, "payload": payload(message), "$db": "admin",
        };
        assert_eq!(code(&mut client, &go_on), 18, "{message}");
    }
    assert_eq!(code(&mut client, &find()), 13, "still nobody");
}

#[test]
fn a_login_ends_by_logout_and_is_per_database() {
    let (server, mut root) = with_root();
    for db in ["d", "e"] {
        let create = rawdoc! { "createUser": "u", "pwd": "pw", "roles": ["read"], "$db": db };
        assert_eq!(code(&mut root, &create), 0);
    }
    let mut client = server.connect();
    let find_in = |db: &str| rawdoc! { "find": "c", "$db": db };
    log_in(&mut client, "u", "pw", "d");
    log_in(&mut client, "u", "pw", "e");
    assert_eq!((code(&mut client, &find_in("d")), code(&mut client, &find_in("e"))), (0, 0));
    assert_eq!(code(&mut client, &rawdoc! { "logout": 1, "$db": "d" }), 0);
    assert_eq!((code(&mut client, &find_in("d")), code(&mut client, &find_in("e"))), (13, 0));
    assert_eq!(code(&mut client, &rawdoc! { "logout": 1, "$db": "e" }), 0);
    let refused = client.run(&find_in("e"));
    assert_eq!(refused.get_str("errmsg").ok(), Some("command find requires authentication"));
}

#[test]
fn before_a_login_only_what_leads_to_one_is_answered() {
    let (server, _root) = with_root();
    let mut client = server.connect();
    for name in ["hello", "isMaster", "ismaster", "ping", "buildInfo", "whatsmyuri", "getnonce"] {
        let mut command = RawDocumentBuf::new();
        command.append(bson::raw::CString::try_from(name).expect("a name"), 1);
        command.append(cstr!("$db"), "admin");
        assert_eq!(code(&mut client, &command), 0, "{name}");
    }
    for (command, expected) in [
        (rawdoc! { "connectionStatus": 1, "$db": "admin" }, 0),
        (rawdoc! { "listCommands": 1, "$db": "admin" }, 0),
        (rawdoc! { "endSessions": [], "$db": "admin" }, 13),
        (rawdoc! { "find": "c", "nonsense": 1, "$db": "d" }, 13),
        (rawdoc! { "getMore": 5_i64, "collection": "c", "$db": "d" }, 13),
        (rawdoc! { "nonsense": 1, "$db": "d" }, 59),
    ] {
        assert_eq!(code(&mut client, &command), expected, "{command:?}");
    }
}

/// A mongod over the same files may have said from where somebody may log in.
#[test]
fn who_is_bound_to_addresses_does_not_log_in() {
    let (server, mut root) = with_root();
    let restrictions = |names: &[&str]| -> bson::RawArrayBuf {
        names.iter().map(|name| rawdoc! { "clientSource": [*name] }).collect()
    };
    let set = |collection: &str, id: &str, value: bson::RawArrayBuf| {
        rawdoc! {
            "update": collection, "$db": "admin", "updates": [{
                "q": { "_id": id }, "u": { "$set": { "authenticationRestrictions": value } },
            }],
        }
    };
    let role = rawdoc! {
        "createRole": "finds", "roles": [{ "role": "read", "db": "d" }], "privileges": [],
        "$db": "admin",
    };
    assert_eq!(code(&mut root, &role), 0);
    let create = rawdoc! { "createUser": "u", "pwd": "pw", "roles": ["finds"], "$db": "admin" };
    assert_eq!(code(&mut root, &create), 0);
    // Who writes there has to be allowed to: anything.
    let system = rawdoc! { "createUser": "s", "pwd": "pw", "roles": ["__system"], "$db": "admin" };
    assert_eq!(code(&mut root, &system), 0);
    let mut all_powerful = server.connect();
    log_in(&mut all_powerful, "s", "pw", "admin");
    let mut client = server.connect();
    log_in(&mut client, "u", "pw", "admin");
    assert_eq!(code(&mut client, &find()), 0);
    let bind = |client: &mut Client, collection: &str, id: &str, names: &[&str]| {
        assert_eq!(code(client, &set(collection, id, restrictions(names))), 0);
    };
    bind(&mut all_powerful, "system.roles", "admin.finds", &["10.0.0.1"]);
    assert_eq!(code(&mut client, &find()), 13, "the role allows nothing");
    bind(&mut all_powerful, "system.roles", "admin.finds", &[]);
    assert_eq!(code(&mut client, &find()), 0);
    bind(&mut all_powerful, "system.users", "admin.u", &["10.0.0.1"]);
    assert_eq!(code(&mut client, &find()), 13, "he is logged out");
    let refused = log_in(&mut server.connect(), "u", "pw", "admin");
    assert_eq!(refused.get_i32("code").ok(), Some(18), "{refused:?}");
}

#[test]
fn passwords_are_nowhere_to_be_read() {
    let (server, mut root) = with_root();
    let secret = "s3cr3t-pencil";
    assert_eq!(code(&mut root, &rawdoc! { "profile": 2, "$db": "admin" }), 0);
    let create = rawdoc! { "createUser": "u", "pwd": secret, "roles": [], "$db": "admin" };
    assert_eq!(code(&mut root, &create), 0);
    let update = rawdoc! { "updateUser": "u", "pwd": secret, "$db": "admin" };
    assert_eq!(code(&mut root, &update), 0);
    assert_eq!(code(&mut root, &rawdoc! { "profile": 0, "$db": "admin" }), 0);
    let mut read = String::new();
    for command in [
        rawdoc! { "find": "system.profile", "$db": "admin" },
        rawdoc! { "currentOp": 1, "$all": true, "$db": "admin" },
        rawdoc! { "getLog": "global", "$db": "admin" },
        rawdoc! { "serverStatus": 1, "$db": "admin" },
    ] {
        let reply = root.run(&command);
        assert_eq!(reply.get_f64("ok").ok(), Some(1.0), "{reply:?}");
        read.push_str(&format!("{:?}", bson::Document::try_from(&*reply).expect("a document")));
    }
    let mut other = server.connect();
    log_in(&mut other, "u", secret, "admin");
    let refused = rawdoc! { "createUser": "v", "pwd": secret, "roles": [], "$db": "admin" };
    read.push_str(other.run(&refused).get_str("errmsg").expect("refused"));
    let explained = rawdoc! { "explain": refused, "$db": "admin" };
    read.push_str(other.run(&explained).get_str("errmsg").expect("refused"));
    assert!(read.contains("pwd: \"xxx\""));
    assert!(!read.contains(secret) && !read.contains("storedKey"), "{read}");
}
