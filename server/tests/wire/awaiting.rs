//! Those who wait at the end of a capped collection: what wakes them, and what they are told.

use bson::{Document, doc};

use crate::support::{Client, Running, document, op_msg, raw, section};

/// A time that no test waits for, milliseconds.
const LONG: i32 = 86_400_000;

/// A client that waits for another document of `d.cap`, and its cursor.
fn waiting(server: &Running) -> (Client, i64) {
    let mut client = server.connect();
    let mut run = |command: Document| client.run(&raw(command));
    run(doc! { "create": "cap", "capped": true, "size": 4096, "$db": "d" });
    run(doc! { "insert": "cap", "documents": [{ "n": 1 }], "$db": "d" });
    let found = run(doc! { "find": "cap", "tailable": true, "awaitData": true, "$db": "d" });
    let id = found.get_document("cursor").expect("a cursor").get_i64("id").expect("a number");
    // So that the next one is about what comes later.
    run(doc! { "getMore": id, "collection": "cap", "maxTimeMS": 1, "$db": "d" });
    let more = doc! { "getMore": id, "collection": "cap", "maxTimeMS": LONG, "$db": "d" };
    client.send(&op_msg(0, &[&section(&raw(more))]));
    let mut other = server.connect();
    let waits = raw(doc! { "currentOp": 1, "op": "getmore", "$db": "admin" });
    while other.run(&waits).get_array("inprog").expect("an array").is_empty() {
        std::thread::yield_now();
    }
    (client, id)
}

fn answer(client: &mut Client) -> Document {
    let reply = document(&client.receive().expect("a reply"));
    Document::try_from(&*reply).expect("sound")
}

fn refusal(client: &mut Client) -> (i32, String) {
    let reply = answer(client);
    let code = reply.get_i32("code").unwrap_or_else(|_| panic!("not refused: {reply}"));
    (code, reply.get_str("errmsg").expect("a text").to_owned())
}

#[test]
fn a_document_that_comes_is_given() {
    let server = Running::start();
    let (mut client, id) = waiting(&server);
    let mut other = server.connect();
    other.run(&raw(doc! { "insert": "elsewhere", "documents": [{ "n": 2 }], "$db": "d" }));
    other.run(&raw(doc! { "insert": "cap", "documents": [{ "_id": 3 }], "$db": "d" }));
    let expected = doc! { "nextBatch": [{ "_id": 3 }], "id": id, "ns": "d.cap" };
    assert_eq!(answer(&mut client).get_document("cursor").ok(), Some(&expected));
}

/// Who waits has not worked: it is no slow command, and nothing that a collection costs.
#[test]
fn the_wait_is_not_counted_as_work() {
    const WAIT_MS: i32 = 1000;
    let server = Running::start();
    let (mut client, id) = waiting(&server);
    let mut other = server.connect();
    // The first batch gave what there is.
    other.run(&raw(doc! { "insert": "cap", "documents": [{ "_id": 3 }], "$db": "d" }));
    answer(&mut client);
    let more = doc! { "getMore": id, "collection": "cap", "maxTimeMS": WAIT_MS, "$db": "d" };
    client.run(&raw(more));
    let status = other.run(&raw(doc! { "serverStatus": 1, "$db": "admin" }));
    let status = Document::try_from(&*status).expect("sound");
    let reads = status.get_document("opLatencies").and_then(|it| it.get_document("reads"));
    let reads = reads.expect("reads").get_i64("latency").expect("a number");
    assert!(reads < i64::from(WAIT_MS) * 1000, "{reads} us");
}

#[test]
fn who_kills_the_cursor_ends_the_wait() {
    let server = Running::start();
    let (mut client, id) = waiting(&server);
    let mut other = server.connect();
    let killed = other.run(&raw(doc! { "killCursors": "cap", "cursors": [id], "$db": "d" }));
    let killed = killed.get_array("cursorsKilled").expect("an array");
    assert_eq!(killed.into_iter().count(), 1);
    let text = "Executor error during getMore :: caused by :: operation was interrupted";
    assert_eq!(refusal(&mut client), (237, text.to_owned()));
    let more = client.run(&raw(doc! { "getMore": id, "collection": "cap", "$db": "d" }));
    assert_eq!(more.get_i32("code").ok(), Some(43));
}

#[test]
fn who_takes_the_collection_away_ends_the_wait() {
    for (command, why) in [
        (doc! { "drop": "cap", "$db": "d" }, "collection dropped"),
        (doc! { "dropDatabase": 1, "$db": "d" }, "collection dropped"),
        (
            doc! { "renameCollection": "d.cap", "to": "d.x", "$db": "admin" },
            "collection renamed from 'd.cap' to 'd.x'",
        ),
    ] {
        let server = Running::start();
        let (mut client, _) = waiting(&server);
        server.connect().run(&raw(command));
        let text = format!("Executor error during getMore :: caused by :: {why}");
        assert_eq!(refusal(&mut client), (175, text));
    }
}

/// Nobody has to wait for those who wait, either.
#[test]
fn an_end_of_the_server_ends_the_wait() {
    let server = Running::start();
    let (mut client, _) = waiting(&server);
    let began = std::time::Instant::now();
    server.stop();
    let text = "Executor error during getMore :: caused by :: interrupted at shutdown";
    assert_eq!(refusal(&mut client), (11600, text.to_owned()));
    let grace = std::time::Duration::from_secs(5);
    assert!(began.elapsed() < grace, "it was not among those that are slow");
}
