//! What the server tells of itself: `serverStatus`, `top`, `currentOp`, and `killOp`.

use bson::{Document, RawDocumentBuf, doc};
use tallymap_server::dispatch::Dispatcher;

use crate::support::{Running, dispatcher};

fn run(dispatcher: &Dispatcher, command: Document) -> Document {
    let command = RawDocumentBuf::try_from(&command).expect("a command");
    Document::try_from(&*dispatcher.run(&command)).expect("a reply")
}

fn status(dispatcher: &Dispatcher) -> Document {
    run(dispatcher, doc! { "serverStatus": 1, "$db": "admin" })
}

fn number(document: &Document, path: &str) -> i64 {
    let (mut at, mut names) = (document, path.split('/').peekable());
    while let Some(name) = names.next() {
        if names.peek().is_some() {
            at = at.get_document(name).unwrap_or_else(|_| panic!("{path} in {document}"));
            continue;
        }
        let value = at.get(name);
        let integer = value.and_then(|it| it.as_i64().or(it.as_i32().map(i64::from)));
        return integer.unwrap_or_else(|| panic!("{path} in {document}"));
    }
    0
}

/// What commands add to figures, as mongod 5.0.4 counted the same ones.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn commands_are_counted() {
    let dispatcher = dispatcher();
    let documents: Vec<_> = (0..300).map(|n| doc! { "_id": n, "a": n }).collect();
    let find = |more: Document| {
        let mut find = doc! { "find": "c", "filter": {}, "singleBatch": true, "$db": "d" };
        find.extend(more);
        find
    };
    let update = |q: Document, u: Document, multi: bool, upsert: bool| {
        let one = doc! { "q": q, "u": u, "multi": multi, "upsert": upsert };
        doc! { "update": "c", "updates": [one], "$db": "d" }
    };
    let a = "metrics/document/";
    let q = "metrics/queryExecutor/";
    let cases: Vec<(Document, Vec<(String, i64)>)> = vec![
        (
            doc! { "insert": "c", "documents": documents, "$db": "d" },
            vec![
                (format!("{a}inserted"), 300),
                ("opcounters/insert".into(), 300),
                ("opLatencies/writes/ops".into(), 1),
                ("metrics/commands/insert/total".into(), 1),
            ],
        ),
        (
            doc! { "insert": "c", "documents": [{ "_id": 1 }], "$db": "d" },
            vec![("asserts/user".into(), 1), (format!("{a}inserted"), 0)],
        ),
        (
            update(doc! { "_id": 1 }, doc! { "$set": { "a": 1 } }, false, false),
            vec![(format!("{a}updated"), 1), (format!("{q}scannedObjects"), 1)],
        ),
        (
            update(doc! { "_id": 1 }, doc! { "$inc": { "a": 1 } }, false, false),
            vec![(format!("{a}updated"), 1), ("tallymap/updates/inPlace".into(), 1)],
        ),
        (
            update(doc! { "_id": 1000 }, doc! { "$set": { "a": 2 } }, false, true),
            vec![(format!("{a}updated"), 0), ("opcounters/update".into(), 1)],
        ),
        (
            update(doc! { "_id": 1 }, doc! { "$foo": { "a": 2 } }, false, false),
            vec![("asserts/user".into(), 1), ("metrics/commands/update/failed".into(), 0)],
        ),
        (
            update(doc! {}, doc! { "$inc": { "b": 2 } }, true, false),
            vec![
                (format!("{a}updated"), 301),
                (format!("{q}scannedObjects"), 301),
                (format!("{q}collectionScans/total"), 1),
            ],
        ),
        (
            doc! { "delete": "c", "deletes": [{ "q": { "_id": 5 }, "limit": 1 }], "$db": "d" },
            vec![(format!("{a}deleted"), 1), ("opcounters/delete".into(), 1)],
        ),
        (
            find(doc! { "limit": 200, "batchSize": 200 }),
            vec![
                (format!("{a}returned"), 200),
                (format!("{q}scannedObjects"), 200),
                ("opcounters/query".into(), 1),
                ("opLatencies/reads/ops".into(), 1),
                ("metrics/cursor/totalOpened".into(), 1),
            ],
        ),
        (
            find(doc! { "sort": { "a": 1 }, "batchSize": 300 }),
            vec![(format!("{a}returned"), 300), ("metrics/operation/scanAndOrder".into(), 1)],
        ),
        (
            doc! { "findAndModify": "c", "query": { "_id": 1 }, "update": { "$inc": { "b": 2 } },
            "$db": "d" },
            vec![
                (format!("{a}updated"), 1),
                ("opcounters/update".into(), 0),
                ("opLatencies/writes/ops".into(), 1),
            ],
        ),
        (
            doc! { "nosuch": 1, "$db": "d" },
            vec![("metrics/commands/<UNKNOWN>".into(), 1), ("asserts/user".into(), 0)],
        ),
        (
            doc! { "collStats": 1, "$db": "d" },
            vec![
                ("metrics/commands/collStats/failed".into(), 1),
                ("metrics/commands/collStats/total".into(), 1),
            ],
        ),
    ];
    for (command, expected) in cases {
        let shown = command.to_string();
        let before = status(&dispatcher);
        run(&dispatcher, command);
        let after = status(&dispatcher);
        for (path, more) in expected {
            let found = number(&after, &path) - number(&before, &path);
            assert_eq!(found, more, "{path} of {}", &shown[..shown.len().min(100)]);
        }
    }
}

#[test]
fn sections_are_switched_by_name() {
    let dispatcher = dispatcher();
    let all = status(&dispatcher);
    let mut without: Vec<_> = all.keys().cloned().collect();
    let reply = run(
        &dispatcher,
        doc! { "serverStatus": 1, "metrics": 0, "dur": false, "mem": 1, "host": 0, "$db": "admin" },
    );
    // Memory is told with the metrics, whatever is said of it.
    without.retain(|name| !["metrics", "dur", "mem"].contains(&name.as_str()));
    assert_eq!(reply.keys().cloned().collect::<Vec<_>>(), without);
    for section in ["asserts", "dur", "extra_info", "mem", "opLatencies", "tallymap", "network"] {
        assert!(all.get_document(section).is_ok(), "{section}");
    }
    assert!(number(&all, "mem/mapped") <= number(&all, "mem/mappedWithJournal"));
}

#[test]
fn the_top_counts_by_collection_until_it_is_dropped() {
    let dispatcher = dispatcher();
    let top = || {
        let reply = run(&dispatcher, doc! { "top": 1, "$db": "admin" });
        reply.get_document("totals").expect("totals").clone()
    };
    run(&dispatcher, doc! { "find": "none", "$db": "d" });
    run(&dispatcher, doc! { "insert": "c", "documents": [{ "_id": 1 }], "$db": "d" });
    run(&dispatcher, doc! { "find": "c", "$db": "d" });
    run(&dispatcher, doc! { "count": "c", "$db": "d" });
    let totals = top();
    assert_eq!(totals.keys().collect::<Vec<_>>(), ["note", "d.c"]);
    let counts = |kind| number(&totals, &format!("d.c/{kind}/count"));
    let kinds = ["total", "readLock", "writeLock", "queries", "getmore", "insert", "commands"];
    assert_eq!(kinds.map(counts), [3, 2, 1, 1, 0, 1, 1]);
    run(&dispatcher, doc! { "drop": "c", "$db": "d" });
    assert_eq!(top().keys().collect::<Vec<_>>(), ["note"]);
}

/// Somebody waits at the end of a capped collection, is seen there, and is ended.
#[test]
fn an_operation_is_seen_and_killed() {
    let server = Running::start();
    let raw = |command: Document| RawDocumentBuf::try_from(&command).expect("a command");
    let mut one = server.connect();
    let mut other = server.connect();
    one.run(&raw(doc! { "create": "cap", "capped": true, "size": 4096, "$db": "d" }));
    one.run(&raw(doc! { "insert": "cap", "documents": [{ "_id": 1 }], "$db": "d" }));
    let find = doc! { "find": "cap", "tailable": true, "awaitData": true, "$db": "d" };
    let found = Document::try_from(&*one.run(&raw(find))).expect("a reply");
    let id = found.get_document("cursor").and_then(|it| it.get_i64("id")).expect("a cursor");
    let waiting = std::thread::spawn(move || {
        let more = doc! { "getMore": id, "collection": "cap", "maxTimeMS": 15_000, "$db": "d" };
        Document::try_from(&*one.run(&raw(more))).expect("a reply")
    });
    let current = doc! { "currentOp": 1, "op": "getmore", "$db": "admin" };
    let seen = (0..1000).find_map(|_| {
        let reply = Document::try_from(&*other.run(&raw(current.clone()))).expect("a reply");
        let listed = reply.get_array("inprog").expect("a list").clone();
        std::thread::yield_now();
        listed.first().and_then(|it| it.as_document().cloned())
    });
    let seen = seen.expect("it is listed");
    assert_eq!(seen.get_str("ns").ok(), Some("d.cap"));
    let command = seen.get_document("command").expect("its command");
    assert_eq!(command.get_i64("getMore").ok(), Some(id));
    let number = seen.get_i32("opid").expect("a number");
    other.run(&raw(doc! { "killOp": 1, "op": number, "$db": "admin" }));
    let ended = waiting.join().expect("an answer");
    assert_eq!(ended.get_i32("code").ok(), Some(11601), "{ended}");
    let reply = Document::try_from(&*other.run(&raw(current))).expect("a reply");
    assert!(reply.get_array("inprog").expect("a list").is_empty());
}

/// What is shown of a command has no password in it.
#[test]
fn passwords_are_not_shown() {
    let operations = tallymap_server::dispatch::operations::Operations::default();
    let commands = tallymap_server::dispatch::table::Commands::new();
    let command = commands.find("createUser").expect("a command");
    let body = bson::rawdoc! { "createUser": "u", "pwd": "secret", "roles": [], "$db": "d" };
    let request = tallymap_server::dispatch::request::Request::new(body.as_bytes(), vec![]);
    let request = request.expect("a request");
    let connection = operations.connect(1, String::new());
    let common = tallymap_server::dispatch::common::Common::parse("createUser", body.as_bytes());
    let (common, began) = (common.expect("sound"), std::time::Instant::now());
    let running = operations.begin(&connection, command, &common, &request, began);
    let shown = operations.snapshots().remove(0).active.expect("under way").command;
    let shown = Document::try_from(RawDocumentBuf::from_bytes(shown).expect("a document"));
    assert_eq!(shown.expect("readable").get_str("pwd").ok(), Some("xxx"));
    drop(running);
    assert!(operations.snapshots().remove(0).active.is_none());
}
