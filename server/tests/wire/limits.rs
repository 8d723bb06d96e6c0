//! Limits: connections, depth; clients that are slow, say half of something, or do not listen.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bson::{RawDocumentBuf, rawdoc};
use tallymap_server::wire::Options;

use crate::support::{Client, Running, document, op_msg, section, sequence};

/// Time after which a test gives up waiting.
const PATIENCE: Duration = Duration::from_secs(30);

fn ping() -> RawDocumentBuf {
    rawdoc! { "ping": 1, "$db": "d" }
}

fn is_answered(client: &mut Client<impl Read + Write>) -> bool {
    client.send(&op_msg(0, &[&section(&ping())]));
    client.receive().is_some()
}

/// Waits until it is so.
fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn there_is_a_most_of_connections() {
    let server = Running::with(&Options { max_connections: 3, ..Options::at("127.0.0.1", 0) });
    let mut clients: Vec<_> = (0..3).map(|_| server.connect()).collect();
    assert!(clients.iter_mut().all(is_answered));
    for _ in 0..3 {
        assert!(!is_answered(&mut server.connect()), "one too many");
    }
    let status = clients[0].run(&rawdoc! { "serverStatus": 1, "$db": "admin" });
    let connections = status.get_document("connections").expect("there");
    assert_eq!(connections.get_i32("current").ok(), Some(3));
    assert_eq!(connections.get_i32("available").ok(), Some(0));
    drop(clients.pop());
    wait("there is room again", || is_answered(&mut server.connect()));
}

/// A command as deep as that: the document itself, and so many within.
fn deep(levels: usize) -> RawDocumentBuf {
    let mut inner = rawdoc! {};
    for _ in 0..levels {
        inner = rawdoc! { "a": inner };
    }
    rawdoc! { "ping": 1, "comment": inner, "$db": "d" }
}

#[test]
fn a_command_has_as_many_levels_as_mongod_takes() {
    let server = Running::start();
    let mut client = server.connect();
    let deepest = client.run(&deep(199));
    assert_eq!(deepest.get_f64("ok").ok(), Some(1.0), "{deepest:?}");
    assert_eq!(client.run(&deep(200)).get_i32("code").ok(), Some(15));
    assert_eq!(client.run(&deep(5_000)).get_i32("code").ok(), Some(15));
    let insert = section(&rawdoc! { "insert": "c", "$db": "d" });
    client.send(&op_msg(0, &[&insert, &sequence("documents", &[deep(5_000)])]));
    let reply = document(&client.receive().expect("a reply"));
    assert_ne!(reply.get_i32("n").ok(), Some(1), "{reply:?}");
    assert!(is_answered(&mut client));
}

/// What was refused last is kept for as long as a connection says nothing else.
#[test]
fn a_refusal_is_short_however_long_the_command_was() {
    let server = Running::with_auth();
    let mut client = server.connect();
    let long = "x".repeat(4 << 20);
    let name = bson::raw::CString::try_from(long.clone()).expect("no NUL");
    let mut unknown = RawDocumentBuf::new();
    unknown.append(name, 1);
    unknown.append(bson::raw::cstr!("$db"), "d");
    // On the way to the first user a refusal repeats the command.
    for command in [unknown, rawdoc! { "find": "c", "comment": long, "$db": "d" }] {
        let reply = client.run(&command);
        assert!(reply.get_str("errmsg").expect("refused").len() < 100_000);
    }
}

/// Names that are there once are compared with each other, but not each with each.
#[test]
fn very_many_fields_and_sequences_take_no_time() {
    let server = Running::start();
    let mut client = server.connect();
    let count = 300_000;
    let mut hello = rawdoc! { "hello": 1, "$db": "admin" };
    let mut fields = hello.clone().into_bytes();
    fields.pop();
    let mut sequences = Vec::new();
    for n in 0..count {
        let name = format!("{n}\0");
        fields.extend([&[10], name.as_bytes()].concat());
        let len = (4 + name.len() as i32).to_le_bytes();
        sequences.extend([&[1], &len[..], name.as_bytes()].concat());
    }
    fields.push(0);
    let len = (fields.len() as i32).to_le_bytes();
    fields[..4].copy_from_slice(&len);
    hello = RawDocumentBuf::from_bytes(fields).expect("a document");
    let ok = |reply: &RawDocumentBuf| reply.get_f64("ok").ok();
    assert_eq!(ok(&client.run(&hello)), Some(1.0));
    client.send(&op_msg(0, &[&section(&ping()), &sequences]));
    assert_eq!(ok(&document(&client.receive().expect("a reply"))), Some(1.0));
    client.send(&op_msg(0, &[&section(&hello), &sequences]));
    let reply = document(&client.receive().expect("a reply"));
    assert_eq!(reply.get_i32("code").ok(), Some(40433));
}

#[test]
fn a_byte_at_a_time_is_a_message_too() {
    let server = Running::start();
    let mut slow = server.connect();
    for byte in op_msg(0, &[&section(&ping())]) {
        slow.send(&[byte]);
        assert!(is_answered(&mut server.connect()), "others go on");
    }
    assert!(slow.receive().is_some());
}

/// Work for a client that is gone is ended, though it asked for a day.
#[test]
fn nobody_works_for_a_client_that_is_gone() {
    let server = Running::start();
    let mut client = server.connect();
    waiting_for_more(&mut client);
    let mut other = server.connect();
    let mut waiters = move || {
        let current = rawdoc! { "currentOp": 1, "op": "getmore", "$db": "admin" };
        let reply = other.run(&current);
        reply.get_array("inprog").expect("an array").into_iter().count()
    };
    wait("it waits", || waiters() == 1);
    drop(client);
    wait("it has ended", || waiters() == 0);
}

/// Makes a client wait a day for another document of a capped collection.
fn waiting_for_more(client: &mut Client) {
    client.run(&rawdoc! { "create": "cap", "capped": true, "size": 4096, "$db": "d" });
    client.run(&rawdoc! { "insert": "cap", "documents": [{ "_id": 1 }], "$db": "d" });
    let find = rawdoc! { "find": "cap", "tailable": true, "awaitData": true, "$db": "d" };
    let found = client.run(&find);
    let id = found.get_document("cursor").expect("a cursor").get_i64("id").expect("a number");
    let more = rawdoc! { "getMore": id, "collection": "cap", "maxTimeMS": 86_400_000, "$db": "d" };
    client.send(&op_msg(0, &[&section(&more)]));
}

/// What a server that ends may find: clients that begin a message and do not end it, that do not
/// read what they asked for, that wait for something, that never stop asking.
#[test]
fn an_end_that_nobody_can_hold_up() {
    let server = Running::start();
    let mut half = server.connect();
    half.send(&op_msg(0, &[&section(&ping())])[..20]);
    let mut waits = server.connect();
    waiting_for_more(&mut waits);
    let text = "x".repeat(1 << 20);
    for id in 0..8 {
        let insert =
            rawdoc! { "insert": "c", "documents": [{ "_id": id, "t": &*text }], "$db": "d" };
        assert_eq!(waits_for(&server, &insert).get_i32("n").ok(), Some(1));
    }
    let mut deaf = server.connect();
    let find = op_msg(0, &[&section(&rawdoc! { "find": "c", "$db": "d" })]);
    deaf.send(&find.repeat(20));
    let flood = TcpStream::connect(server.address()).expect("connects");
    let mut reading = flood.try_clone().expect("a copy");
    std::thread::spawn(move || std::io::copy(&mut reading, &mut std::io::sink()));
    let flooding = std::thread::spawn(move || {
        let pings = op_msg(0, &[&section(&ping())]).repeat(1_000);
        while (&flood).write_all(&pings).is_ok() {}
    });
    assert!(is_answered(&mut server.connect()), "the others go on meanwhile");
    let began = Instant::now();
    server.stop();
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    flooding.join().expect("its connection is closed");
}

fn waits_for(server: &Running, command: &bson::RawDocument) -> RawDocumentBuf {
    server.connect().run(command)
}
