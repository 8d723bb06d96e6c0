//! Who asks for what changes about the server: it waits, is sent answers unasked, and is told when
//! that ends.

use std::time::{Duration, Instant};

use bson::{RawDocument, RawDocumentBuf, oid::ObjectId, rawdoc};

use crate::support::{Client, Running, document, op_msg, section};

/// Longer than any test.
const HOUR: i32 = 3_600_000;
const EXHAUST_ALLOWED: u32 = 1 << 16;

/// The version that a reply tells.
fn version(reply: &RawDocument) -> RawDocumentBuf {
    reply.get_document("topologyVersion").expect("a version").to_owned()
}

fn hello(version: &RawDocument, patience: i32) -> RawDocumentBuf {
    rawdoc! {
        "hello": 1, "topologyVersion": version.to_owned(), "maxAwaitTimeMS": patience,
        "$db": "admin",
    }
}

fn code(reply: &RawDocument) -> Option<i32> {
    reply.get_i32("code").ok()
}

/// A figure of the connections in `serverStatus`.
fn connections(client: &mut Client, name: &str) -> i32 {
    let status = client.run(&rawdoc! { "serverStatus": 1, "$db": "admin" });
    let connections = status.get_document("connections").expect("a section");
    connections.get_i32(name).expect("a figure")
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < until, "it does not become so");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ends the only hello under way.
fn kill_hello(client: &mut Client) {
    let found = client.run(&rawdoc! { "currentOp": 1, "command.hello": 1, "$db": "admin" });
    let operations = found.get_array("inprog").expect("operations");
    let hello = operations.into_iter().flatten().filter_map(|it| it.as_document()).next();
    let number = hello.and_then(|hello| hello.get_i32("opid").ok()).expect("a number");
    client.run(&rawdoc! { "killOp": 1, "op": number, "$db": "admin" });
}

fn int(message: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(message[at..at + 4].try_into().expect("four bytes"))
}

#[test]
fn who_knows_the_version_waits_and_who_knows_another_does_not() {
    let server = Running::start();
    let mut client = server.connect();
    let known = version(&client.run(&rawdoc! { "hello": 1, "$db": "admin" }));
    let again = version(&client.run(&rawdoc! { "isMaster": 1, "$db": "admin" }));
    assert_eq!(again, known);
    let patience = Duration::from_millis(50);
    let began = Instant::now();
    let reply = client.run(&hello(&known, 50));
    assert!(began.elapsed() >= patience, "it waited");
    assert_eq!(version(&reply), known);
    let other = rawdoc! { "processId": ObjectId::from_bytes([7; 12]), "counter": 7_i64 };
    assert_eq!(version(&client.run(&hello(&other, HOUR))), known);
    let process = known.get_object_id("processId").expect("an id");
    let future = rawdoc! { "processId": process, "counter": 5_i64 };
    assert_eq!(code(&client.run(&hello(&future, HOUR))), Some(51764));
    let limited = rawdoc! {
        "hello": 1, "topologyVersion": known, "maxAwaitTimeMS": HOUR, "maxTimeMS": 20,
        "$db": "admin",
    };
    assert_eq!(code(&client.run(&limited)), Some(50));
    // Nobody waits any more, and nobody was slow.
    assert_eq!(connections(&mut client, "awaitingTopologyChanges"), 0);
}

#[test]
fn a_wait_is_ended_by_others_by_its_client_and_with_the_server() {
    let server = Running::start();
    let mut other = server.connect();
    let known = version(&other.run(&rawdoc! { "hello": 1, "$db": "admin" }));
    let waiting = || {
        let mut client = server.connect();
        client.send(&op_msg(0, &[&section(&hello(&known, HOUR))]));
        client
    };
    let mut killed = waiting();
    wait_until(|| connections(&mut other, "awaitingTopologyChanges") == 1);
    kill_hello(&mut other);
    let reply = document(&killed.receive().expect("a reply"));
    assert_eq!(code(&reply), Some(11601), "{reply:?}");
    let gone = waiting();
    wait_until(|| connections(&mut other, "awaitingTopologyChanges") == 1);
    drop(gone);
    wait_until(|| connections(&mut other, "awaitingTopologyChanges") == 0);
    let mut last = waiting();
    wait_until(|| connections(&mut other, "awaitingTopologyChanges") == 1);
    let began = Instant::now();
    server.stop();
    assert!(began.elapsed() < Duration::from_secs(4), "nobody had to be interrupted");
    let reply = document(&last.receive().expect("a reply"));
    assert_eq!(code(&reply), Some(11600), "{reply:?}");
    assert_eq!(last.receive(), None);
}

#[test]
fn answers_come_unasked_to_who_allows_it() {
    let server = Running::start();
    let (mut client, mut other) = (server.connect(), server.connect());
    // What it knows is old: only the first answer comes at once.
    let old = rawdoc! { "processId": ObjectId::from_bytes([7; 12]), "counter": 7_i64 };
    client.send(&op_msg(EXHAUST_ALLOWED, &[&section(&hello(&old, 20))]));
    let mut number = 7;
    for _ in 0..4 {
        let reply = client.receive().expect("a reply");
        assert_eq!(int(&reply, 8), number, "each answers the one before");
        assert_eq!(int(&reply, 16), 2, "more is to come");
        number = int(&reply, 4);
        version(&document(&reply));
    }
    wait_until(|| connections(&mut other, "exhaustHello") == 1);
    assert_eq!(connections(&mut other, "exhaustIsMaster"), 0);
    drop(client);
    wait_until(|| connections(&mut other, "exhaustHello") == 0);

    let mut client = server.connect();
    client.send(&op_msg(EXHAUST_ALLOWED, &[&section(&hello(&old, HOUR))]));
    assert_eq!(int(&client.receive().expect("a reply"), 16), 2);
    wait_until(|| connections(&mut other, "awaitingTopologyChanges") == 1);
    kill_hello(&mut other);
    let reply = client.receive().expect("a reply");
    assert_eq!((int(&reply, 16), code(&document(&reply))), (0, Some(11601)));
    assert!(client.run(&rawdoc! { "ping": 1, "$db": "admin" }).get_f64("ok").is_ok());
}

#[test]
fn who_does_not_wait_is_answered_once() {
    let server = Running::start();
    let mut client = server.connect();
    let known = version(&client.run(&rawdoc! { "hello": 1, "$db": "admin" }));
    for request in [
        rawdoc! { "hello": 1, "$db": "admin" },
        rawdoc! { "hello": 1, "topologyVersion": known.clone(), "$db": "admin" },
        rawdoc! { "ping": 1, "topologyVersion": known.clone(), "$db": "admin" },
    ] {
        client.send(&op_msg(EXHAUST_ALLOWED, &[&section(&request)]));
        assert_eq!(int(&client.receive().expect("a reply"), 16), 0, "{request:?}");
    }
    assert_eq!(code(&client.run(&rawdoc! { "nonsense": 1, "$db": "d" })), Some(59));
}
