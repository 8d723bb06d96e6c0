//! Conversations over a socket: what only the frames decide.

use bson::rawdoc;

use crate::support::{Running, document, message, op_msg, section, sequence};

#[test]
fn the_first_hello_by_either_kind_of_message() {
    let server = Running::start();
    let mut client = server.connect();
    let hello = rawdoc! {
        "ismaster": 1, "helloOk": true,
        "client": { "driver": { "name": "none", "version": "1" }, "os": { "type": "any" } },
    };
    let body = [&[0; 4][..], b"admin.$cmd\0", &[0; 4], &[255; 4], hello.as_bytes()].concat();
    client.send(&message(2004, &body));
    let reply = client.receive().expect("a reply");
    assert_eq!(
        (&reply[12..16], &reply[8..12]),
        (&1_i32.to_le_bytes()[..], &7_i32.to_le_bytes()[..])
    );
    let reply = bson::RawDocumentBuf::from_bytes(reply[36..].to_vec()).expect("a document");
    assert_eq!(reply.get_bool("ismaster").ok(), Some(true));
    assert_eq!(reply.get_i32("maxWireVersion").ok(), Some(13));
    let again = client.run(&rawdoc! { "hello": 1, "$db": "admin" });
    assert_eq!(again.get_bool("isWritablePrimary").ok(), Some(true));
    assert_eq!(again.get_i32("connectionId").ok(), reply.get_i32("connectionId").ok());
}

#[test]
fn documents_may_come_beside_the_command_and_need_no_answer() {
    let server = Running::start();
    let mut client = server.connect();
    let insert = section(&rawdoc! { "insert": "c", "$db": "d", "writeConcern": { "w": 0 } });
    let documents = sequence("documents", &[rawdoc! { "_id": 1 }, rawdoc! { "_id": 2 }]);
    client.send(&op_msg(2, &[&documents, &insert]));
    let refused = section(&rawdoc! { "nonsense": 1, "$db": "d" });
    client.send(&op_msg(2, &[&refused]));
    let count = client.run(&rawdoc! { "count": "c", "$db": "d" });
    assert_eq!(count.get_i32("n").ok(), Some(2), "{count:?}");
}

#[test]
fn requests_that_come_together_are_answered_in_order() {
    let server = Running::start();
    let mut client = server.connect();
    let ping = op_msg(0, &[&section(&rawdoc! { "ping": 1, "$db": "d" })]);
    let hello = op_msg(0, &[&section(&rawdoc! { "hello": 1, "$db": "d" })]);
    client.send(&[&ping[..], &hello, &ping].concat());
    let replies: Vec<_> = (0..3).map(|_| document(&client.receive().expect("a reply"))).collect();
    let is_hello = |at: usize| replies[at].get("isWritablePrimary").expect("sound").is_some();
    assert_eq!([is_hello(0), is_hello(1), is_hello(2)], [false, true, false]);
}

#[test]
fn cursors_outlive_the_connection_that_opened_them() {
    let server = Running::start();
    let mut client = server.connect();
    let documents: Vec<_> = (0..10).map(|n| rawdoc! { "_id": n }).collect();
    let insert = section(&rawdoc! { "insert": "c", "$db": "d" });
    client.send(&op_msg(0, &[&insert, &sequence("documents", &documents)]));
    assert!(client.receive().is_some());
    let found = client.run(&rawdoc! { "find": "c", "batchSize": 4, "$db": "d" });
    let id = found.get_document("cursor").and_then(|cursor| cursor.get_i64("id")).expect("an id");
    drop(client);
    let mut other = server.connect();
    let rest = other.run(&rawdoc! { "getMore": id, "collection": "c", "$db": "d" });
    let cursor = rest.get_document("cursor").expect("a cursor");
    assert_eq!(cursor.get_array("nextBatch").expect("a batch").into_iter().count(), 6);
    assert_eq!(cursor.get_i64("id").ok(), Some(0));
}

#[test]
fn a_tailable_cursor_stays_at_the_end_of_a_capped_collection() {
    let server = Running::start();
    let mut client = server.connect();
    client.run(&rawdoc! { "create": "c", "capped": true, "size": 4096, "$db": "d" });
    let find = rawdoc! { "find": "c", "tailable": true, "awaitData": true, "$db": "d" };
    let id_of = |reply: &bson::RawDocumentBuf| {
        reply.get_document("cursor").and_then(|cursor| cursor.get_i64("id")).expect("an id")
    };
    assert_eq!(id_of(&client.run(&find)), 0, "nothing to stand on");
    let insert = |id: i32| rawdoc! { "insert": "c", "documents": [{ "_id": id }], "$db": "d" };
    client.run(&insert(1));
    let id = id_of(&client.run(&find));
    assert_ne!(id, 0);
    let more = rawdoc! { "getMore": id, "collection": "c", "maxTimeMS": 20, "$db": "d" };
    let batch = |reply: bson::RawDocumentBuf| {
        let cursor = reply.get_document("cursor").expect("a cursor");
        cursor.get_array("nextBatch").expect("a batch").into_iter().count()
    };
    assert_eq!(batch(client.run(&more)), 0);
    client.run(&insert(2));
    assert_eq!(batch(client.run(&more)), 1);
    let of_all = client.run(&rawdoc! { "find": "e", "tailable": true, "$db": "d" });
    assert_eq!(id_of(&of_all), 0, "no collection");
}

#[test]
fn a_server_that_is_stopped_ends_its_connections() {
    let server = Running::start();
    let mut client = server.connect();
    client.run(&rawdoc! { "ping": 1, "$db": "d" });
    server.stop();
    assert_eq!(client.receive(), None);
}
