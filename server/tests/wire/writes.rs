//! How far writes are kept, and what ends them: write concerns, `getLastError`, time limits.

use std::sync::Arc;

use bson::{Document, RawDocumentBuf, doc, rawdoc};
use tallymap::disk::HeapDisk;
use tallymap::{Durability, Engine};
use tallymap_server::dispatch::Dispatcher;
use tallymap_server::dispatch::call::Client;
use tallymap_server::dispatch::request::Request;
use tallymap_server::dispatch::table::Commands;

use crate::support::{Running, dispatcher, document, op_msg, raw, section};

fn ask(dispatcher: &Dispatcher, client: &Client, command: Document) -> Document {
    let command = raw(command);
    let request = Request::new(command.as_bytes(), vec![]).expect("a request");
    let reply = dispatcher.answer(client, &request);
    Document::try_from(RawDocumentBuf::from_bytes(reply).expect("a document")).expect("readable")
}

fn code(reply: &Document) -> i32 {
    reply.get_i32("code").unwrap_or(0)
}

fn insert(id: i32, concern: Document) -> Document {
    doc! { "insert": "c", "documents": [{ "_id": id }], "writeConcern": concern, "$db": "d" }
}

#[test]
fn what_nobody_asks_about_is_done_without_a_word() {
    let server = Running::start();
    let mut client = server.connect();
    // The second is refused, and nobody hears of that either.
    for id in [1, 1, 2] {
        client.send(&op_msg(2, &[&section(&raw(insert(id, doc! { "w": 0 })))]));
    }
    // The next reply is that of the next command.
    client.send(&op_msg(0, &[&section(&raw(doc! { "count": "c", "$db": "d" }))]));
    let reply = document(&client.receive().expect("a reply"));
    assert_eq!(reply.get_i32("n").ok(), Some(2), "{reply:?}");
    // Without the flag there is a reply, and it tells nothing.
    let reply = client.run(&raw(insert(3, doc! { "w": 0 })));
    assert_eq!(reply, bson::rawdoc! { "n": 0, "ok": 1.0 });
}

/// However many wait for the journal at a time, one commit is enough for what they wrote before.
#[test]
fn those_who_wait_for_the_journal_share_commits() {
    const CLIENTS: usize = 8;
    const TIMES: usize = 50;
    // Without threads of its own only those who wait commit.
    let builder = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).ns_size_mib(1);
    let engine = builder.background(false).open().expect("opens");
    let dispatcher = Dispatcher::new(engine.clone());
    let commits = || engine.counters().commits.get();
    let alone = dispatcher.client(String::new());
    let before = commits();
    for id in 0..10 {
        ask(&dispatcher, &alone, insert(id, doc! { "w": 1, "j": true }));
    }
    assert_eq!(commits() - before, 10, "each waits for one of its own");
    let before = commits();
    let all = std::sync::Barrier::new(CLIENTS);
    std::thread::scope(|s| {
        for n in 0..CLIENTS {
            let (dispatcher, all) = (&dispatcher, &all);
            s.spawn(move || {
                let client = dispatcher.client(String::new());
                for time in 0..TIMES {
                    let id = (1000 + time * CLIENTS + n) as i32;
                    let done = ask(dispatcher, &client, insert(id, doc! { "w": 1 }));
                    assert_eq!(done.get_i32("n").ok(), Some(1));
                    // All have written, and nobody has waited yet; then nobody waits any more.
                    all.wait();
                    let wait = doc! { "getLastError": 1, "j": true, "$db": "d" };
                    assert_eq!(ask(dispatcher, &client, wait).get_f64("ok").ok(), Some(1.0));
                    all.wait();
                }
            });
        }
    });
    assert_eq!(commits() - before, TIMES as u64, "one for all eight");
    let counted = engine.collection("d.c").and_then(|collection| collection.count());
    assert_eq!(counted.expect("counted"), (10 + CLIENTS * TIMES) as u64);
}

/// What every command does that takes a write concern and changes something, in this order.
fn changes() -> Vec<Document> {
    let privilege = doc! { "resource": { "db": "d", "collection": "" }, "actions": ["find"] };
    let index = |name: &str, on: &str| {
        let index = doc! { "key": { name: 1 }, "name": name };
        doc! { "createIndexes": on, "indexes": [index], "$db": "d" }
    };
    let role = doc! { "_id": "d.t", "role": "t", "db": "d", "privileges": [], "roles": [] };
    vec![
        doc! { "insert": "c", "documents": [{ "_id": 1, "a": 1 }, { "_id": 2 }], "$db": "d" },
        doc! { "update": "c", "updates": [{ "q": {}, "u": { "$inc": { "a": 1 } } }], "$db": "d" },
        doc! { "findAndModify": "c", "update": { "$set": { "b": 1 } }, "$db": "d" },
        doc! { "delete": "c", "deletes": [{ "q": { "_id": 2 }, "limit": 1 }], "$db": "d" },
        doc! { "create": "e", "$db": "d" },
        doc! { "create": "view", "viewOn": "c", "pipeline": [], "$db": "d" },
        doc! { "collMod": "e", "validator": { "a": 1 }, "$db": "d" },
        index("a", "c"),
        index("b", "new"),
        doc! { "collMod": "c", "index": { "name": "a", "hidden": true }, "$db": "d" },
        doc! { "dropIndexes": "c", "index": "a", "$db": "d" },
        doc! { "aggregate": "c", "pipeline": [{ "$out": "out" }], "cursor": {}, "$db": "d" },
        doc! { "aggregate": "c", "pipeline": [{ "$merge": "more" }], "cursor": {}, "$db": "d" },
        doc! { "renameCollection": "d.out", "to": "d.other", "$db": "admin" },
        doc! { "renameCollection": "d.other", "to": "f.other", "$db": "admin" },
        doc! { "cloneCollectionAsCapped": "c", "toCollection": "cap", "size": 4096, "$db": "d" },
        doc! { "convertToCapped": "c", "size": 4096, "$db": "d" },
        doc! { "drop": "c", "$db": "d" },
        doc! { "drop": "view", "$db": "d" },
        doc! { "dropDatabase": 1, "$db": "f" },
        doc! { "createRole": "r", "privileges": [], "roles": [], "$db": "d" },
        doc! { "updateRole": "r", "roles": ["read"], "$db": "d" },
        doc! { "grantPrivilegesToRole": "r", "privileges": [privilege.clone()], "$db": "d" },
        doc! { "revokePrivilegesFromRole": "r", "privileges": [privilege], "$db": "d" },
        doc! { "revokeRolesFromRole": "r", "roles": ["read"], "$db": "d" },
        doc! { "grantRolesToRole": "r", "roles": ["readWrite"], "$db": "d" },
        doc! { "createUser": "u", "pwd": "x", "roles": [], "$db": "d" },
        doc! { "updateUser": "u", "customData": { "n": 1 }, "$db": "d" },
        doc! { "grantRolesToUser": "u", "roles": ["r"], "$db": "d" },
        doc! { "revokeRolesFromUser": "u", "roles": ["r"], "$db": "d" },
        doc! { "dropUser": "u", "$db": "d" },
        doc! { "createUser": "v", "pwd": "x", "roles": [], "$db": "d" },
        doc! { "dropAllUsersFromDatabase": 1, "$db": "d" },
        doc! { "dropRole": "r", "$db": "d" },
        doc! { "createRole": "s", "privileges": [], "roles": [], "$db": "d" },
        doc! { "dropAllRolesFromDatabase": 1, "$db": "d" },
        doc! { "insert": "roles", "documents": [role], "$db": "d" },
        doc! {
            "_mergeAuthzCollections": 1, "tempRolesCollection": "d.roles", "db": "d",
            "$db": "admin",
        },
    ]
}

/// Whatever changes something waits for the journal if it is told to: with the answer nothing of
/// it is left to be committed.
#[test]
fn whatever_changes_something_waits_for_the_journal() {
    let builder = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).ns_size_mib(1);
    let engine = builder.background(false).open().expect("opens");
    let dispatcher = Dispatcher::new(engine.clone());
    let client = dispatcher.client(String::new());
    let commands = changes();
    // What these wait for is told elsewhere, or they change nothing here.
    let others = ["abortTransaction", "commitTransaction", "setDefaultRWConcern"];
    let names = commands.iter().filter_map(|command| command.keys().next().cloned());
    let tested: std::collections::BTreeSet<String> = names.collect();
    let all = Commands::new();
    let untested: Vec<_> = all
        .all()
        .filter(|(it, _)| it.is_write && !tested.contains(it.name) && !others.contains(&it.name))
        .map(|(command, _)| command.name)
        .collect();
    assert!(untested.is_empty(), "{untested:?}");
    for mut command in commands {
        command.insert("writeConcern", doc! { "j": true });
        let before = engine.counters().commits.get();
        let reply = ask(&dispatcher, &client, command.clone());
        assert_eq!(reply.get_f64("ok").ok(), Some(1.0), "{command}: {reply}");
        // Files that are gone are gone without a commit.
        let is_gone = command.contains_key("dropDatabase");
        assert!(is_gone || engine.counters().commits.get() > before, "{command}");
        let before = engine.counters().commits.get();
        engine.wait_durable().expect("durable");
        assert_eq!(engine.counters().commits.get(), before, "{command} left something behind");
    }
    // Those that change how things lie take no write concern, as in 5.0.
    for name in ["compact", "reIndex", "repairDatabase", "touch", "fsync", "setParameter"] {
        let reply = ask(
            &dispatcher,
            &client,
            doc! {
                name: "c", "writeConcern": { "j": true }, "$db": "admin",
            },
        );
        assert_eq!(code(&reply), 72, "{reply}");
    }
}

#[test]
fn without_a_journal_nobody_waits_for_one() {
    let builder = Engine::builder("heap").disk(Arc::new(HeapDisk::new())).ns_size_mib(1);
    let engine = builder.durability(Durability::None).open().expect("opens");
    let dispatcher = Dispatcher::new(engine);
    let client = dispatcher.client(String::new());
    let refused = ask(&dispatcher, &client, insert(1, doc! { "j": true }));
    let text = "cannot use 'j' option when a host does not have journaling enabled";
    assert_eq!((code(&refused), refused.get_str("errmsg").ok()), (2, Some(text)));
    let synced = ask(&dispatcher, &client, insert(2, doc! { "fsync": true }));
    assert_eq!(synced.get_i32("n").ok(), Some(1));
    let count = ask(&dispatcher, &client, doc! { "count": "c", "$db": "d" });
    assert_eq!(count.get_i32("n").ok(), Some(1), "what was refused was not written");
}

#[test]
fn the_last_error_is_that_of_the_connection() {
    let dispatcher = dispatcher();
    let (one, other) = (dispatcher.client(String::new()), dispatcher.client(String::new()));
    let last = |client| ask(&dispatcher, client, doc! { "getLastError": 1, "$db": "d" });
    ask(&dispatcher, &one, insert(1, doc! {}));
    assert!(last(&one).get("err").is_some_and(|err| err.as_null().is_some()));
    ask(&dispatcher, &one, insert(1, doc! {}));
    let told = last(&one);
    assert_eq!((code(&told), told.get_str("ns").ok()), (11000, Some("d.c")), "{told}");
    assert_eq!(code(&last(&other)), 0);
    let update = |id: i32| {
        let one = doc! { "q": { "_id": id }, "u": { "$set": { "a": 1 } }, "upsert": true };
        doc! { "update": "c", "updates": [one], "$db": "d" }
    };
    ask(&dispatcher, &one, update(1));
    let told = last(&one);
    assert_eq!(told.get_bool("updatedExisting").ok(), Some(true));
    assert_eq!(told.get_i32("n").ok(), Some(1));
    ask(&dispatcher, &one, update(77));
    let told = last(&one);
    assert_eq!(told.get_bool("updatedExisting").ok(), Some(false));
    assert_eq!(told.get_i32("upserted").ok(), Some(77));
    let delete = doc! { "delete": "c", "deletes": [{ "q": {}, "limit": 0 }], "$db": "d" };
    ask(&dispatcher, &one, delete);
    assert_eq!(last(&one).get_i32("n").ok(), Some(2));
    ask(&dispatcher, &one, doc! { "ping": 1, "$db": "d" });
    assert_eq!(last(&one).get_i32("n").ok(), Some(0));
    ask(&dispatcher, &one, doc! { "nosuch": 1, "$db": "d" });
    assert_eq!(code(&last(&one)), 59);
    let bad = ask(&dispatcher, &one, doc! { "getLastError": 1, "w": 2, "$db": "d" });
    assert_eq!(bad.get_f64("ok").ok(), Some(0.0));
    assert_eq!(bad.get_document("badGLE").ok(), Some(&doc! { "getLastError": 1, "w": 2 }));
}

/// What takes too long ends with what it did until then.
#[test]
fn writes_end_in_time() {
    const DOCUMENTS: i32 = 30_000;
    let dispatcher = dispatcher();
    let client = dispatcher.client(String::new());
    let documents: Vec<_> = (0..DOCUMENTS).map(|id| doc! { "_id": id, "a": 0 }).collect();
    ask(&dispatcher, &client, doc! { "insert": "c", "documents": documents, "$db": "d" });
    let late = |command: Document| {
        let mut command = command;
        command.extend(doc! { "maxTimeMS": 1, "$db": "d" });
        let ended = ask(&dispatcher, &client, command);
        assert_eq!(code(&ended), 50, "{ended}");
        assert_eq!(ended.get_str("errmsg").ok(), Some("operation exceeded time limit"));
    };
    let update = doc! { "q": {}, "u": { "$inc": { "a": 1 } }, "multi": true };
    late(doc! { "update": "c", "updates": [update] });
    let count = doc! { "count": "c", "query": { "a": 1 }, "$db": "d" };
    let updated = ask(&dispatcher, &client, count).get_i32("n").expect("a number");
    assert!(updated < DOCUMENTS, "{updated}");
    late(doc! { "delete": "c", "deletes": [{ "q": { "a": 0 }, "limit": 0 }] });
    late(doc! { "count": "c", "query": { "b": 1 } });
    late(doc! { "findAndModify": "c", "query": { "b": 1 }, "remove": true });
    let index = doc! { "key": { "a": 1 }, "name": "a_1" };
    late(doc! { "createIndexes": "c", "indexes": [index] });
    let listed = ask(&dispatcher, &client, doc! { "listIndexes": "c", "$db": "d" });
    let listed = listed.get_document("cursor").and_then(|it| it.get_array("firstBatch"));
    assert_eq!(listed.expect("a list").len(), 1, "the index is not half there");
}

/// A batch that takes too long counts for what it did.
#[test]
fn what_was_done_in_time_counts() {
    const DOCUMENTS: i32 = 30_000;
    let dispatcher = dispatcher();
    let client = dispatcher.client(String::new());
    let counted = || {
        let status = ask(&dispatcher, &client, doc! { "serverStatus": 1, "$db": "admin" });
        let metrics = status.get_document("metrics").and_then(|it| it.get_document("document"));
        metrics.expect("metrics").get_i64("updated").expect("a number")
    };
    let documents: Vec<_> = (0..DOCUMENTS).map(|id| doc! { "_id": id, "a": 0 }).collect();
    ask(&dispatcher, &client, doc! { "insert": "c", "documents": documents, "$db": "d" });
    let update = |id: i32| doc! { "q": { "_id": id }, "u": { "$inc": { "a": 1 } } };
    let updates: Vec<_> = (0..DOCUMENTS).map(update).collect();
    let command = doc! { "update": "c", "updates": updates, "maxTimeMS": 1, "$db": "d" };
    assert_eq!(code(&ask(&dispatcher, &client, command)), 50);
    let count = doc! { "count": "c", "query": { "a": 1 }, "$db": "d" };
    let updated = ask(&dispatcher, &client, count).get_i32("n").expect("a number");
    assert!(updated < DOCUMENTS, "{updated}");
    assert_eq!(counted(), i64::from(updated));
}

/// While the files are locked writers wait, and others read.
#[test]
fn locked_files_are_not_written() {
    let dispatcher = dispatcher();
    let client = dispatcher.client(String::new());
    let ask = |command: Document| ask(&dispatcher, &client, command);
    ask(insert(1, doc! {}));
    let lock = || doc! { "fsync": 1, "lock": true, "$db": "admin" };
    let unlock = || doc! { "fsyncUnlock": 1, "$db": "admin" };
    let counts = [ask(lock()), ask(lock())].map(|reply| reply.get_i64("lockCount").ok());
    assert_eq!(counts, [Some(1), Some(2)]);
    let is_locked = || {
        let operations = ask(doc! { "currentOp": 1, "$db": "admin" });
        operations.get_bool("fsyncLock").unwrap_or(false)
    };
    assert!(is_locked());
    let mut late = insert(2, doc! {});
    late.insert("maxTimeMS", 20);
    assert_eq!(code(&ask(late)), 50);
    let count = || ask(doc! { "count": "c", "$db": "d" }).get_i32("n").ok();
    assert_eq!(count(), Some(1));
    let pipeline = vec![doc! { "$match": {} }];
    let read = ask(doc! { "aggregate": "c", "pipeline": pipeline, "cursor": {}, "$db": "d" });
    assert_eq!(read.get_f64("ok").ok(), Some(1.0), "{read}");
    let waited = std::thread::scope(|s| {
        let waiting = s.spawn(|| {
            let client = dispatcher.client(String::new());
            super::writes::ask(&dispatcher, &client, insert(3, doc! {}))
        });
        let counts = [ask(unlock()), ask(unlock())].map(|reply| reply.get_i64("lockCount").ok());
        assert_eq!(counts, [Some(1), Some(0)]);
        waiting.join().expect("an answer")
    });
    assert_eq!(waited.get_i32("n").ok(), Some(1));
    assert_eq!(count(), Some(2));
    let again = ask(unlock());
    assert_eq!(again.get_str("errmsg").ok(), Some("fsyncUnlock called when not locked"));
    assert!(!is_locked());
}

/// Each condition that a document breaks is told, with the value: there may be many of both.
#[test]
fn why_a_document_is_refused_is_told_in_a_few_megabytes() {
    let server = Running::start();
    let mut client = server.connect();
    let long = "x".repeat(1 << 20);
    let ints = |count: usize| -> bson::RawArrayBuf {
        (0..count).map(|_| rawdoc! { "bsonType": "int" }).collect()
    };
    let equal: bson::RawArrayBuf = (0..300).map(|n: i32| rawdoc! { "a": n }).collect();
    let schema = |count| {
        rawdoc! { "$jsonSchema": { "properties": { "a": { "anyOf": ints(count) } } } }
    };
    for (name, validator, expected) in [
        ("few", schema(2), (false, true)),
        ("schema", schema(300), (true, true)),
        ("filter", rawdoc! { "$and": equal }, (true, true)),
        ("many", schema(100_000), (false, false)),
    ] {
        let create = rawdoc! { "create": name, "validator": validator, "$db": "d" };
        assert_eq!(client.run(&create).get_f64("ok").ok(), Some(1.0), "{name}");
        let insert =
            rawdoc! { "insert": name, "documents": [{ "_id": 1, "a": &*long }], "$db": "d" };
        let reply = client.run(&insert);
        assert!(reply.as_bytes().len() < 8 << 20, "{name}: {}", reply.as_bytes().len());
        let errors = reply.get_array("writeErrors").expect("refused");
        let error = errors.into_iter().next().expect("one").expect("sound");
        let info = error.as_document().expect("a document").get_document("errInfo").expect("there");
        assert_eq!(info.get_i32("failingDocumentId").ok(), Some(1), "{name}");
        let told = (info.get_bool("truncated").is_ok(), info.get_document("details").is_ok());
        assert_eq!(told, expected, "{name}");
        assert_eq!(info.get_str("note").is_ok(), !expected.1, "{name}");
    }
}
