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

#[test]
fn batches_come_unasked_to_who_allows_it() {
    let server = Running::start();
    let mut client = server.connect();
    let documents: Vec<_> = (0..10).map(|n| rawdoc! { "_id": n }).collect();
    let insert = section(&rawdoc! { "insert": "c", "$db": "d" });
    client.send(&op_msg(0, &[&insert, &sequence("documents", &documents)]));
    assert!(client.receive().is_some());
    let found = client.run(&rawdoc! { "find": "c", "batchSize": 1, "$db": "d" });
    let cursor = found.get_document("cursor").expect("a cursor");
    let id = cursor.get_i64("id").expect("a number");
    let more = rawdoc! { "getMore": id, "collection": "c", "batchSize": 4, "$db": "d" };
    client.send(&op_msg(1 << 16, &[&section(&more)]));
    let int = |reply: &[u8], at| i32::from_le_bytes(reply[at..at + 4].try_into().expect("four"));
    // To what it answers, and whether more is to come.
    let mut said = Vec::new();
    let mut number = 7;
    for _ in 0..3 {
        let reply = client.receive().expect("a reply");
        assert_eq!(int(&reply, 8), number, "each answers the one before");
        number = int(&reply, 4);
        let batch = document(&reply);
        let batch = batch.get_document("cursor").and_then(|cursor| cursor.get_array("nextBatch"));
        said.push((int(&reply, 16), batch.expect("a batch").into_iter().count()));
    }
    assert_eq!(said, [(2, 4), (2, 4), (0, 1)]);
    assert!(client.run(&rawdoc! { "ping": 1, "$db": "d" }).get("ok").is_ok_and(|ok| ok.is_some()));
}

#[test]
fn cursors_are_over_where_5_0_ends_them() {
    let server = Running::start();
    let mut client = server.connect();
    let documents: Vec<_> = (0..10).map(|n| rawdoc! { "_id": n }).collect();
    let insert = section(&rawdoc! { "insert": "c", "$db": "d" });
    client.send(&op_msg(0, &[&insert, &sequence("documents", &documents)]));
    assert!(client.receive().is_some());
    let limited = [rawdoc! { "$match": {} }, rawdoc! { "$limit": 4 }];
    let pipeline = || limited.iter().map(|stage| stage.as_ref()).collect::<bson::RawArrayBuf>();
    for (command, is_open) in [
        (rawdoc! { "find": "c", "filter": { "_id": 3 }, "batchSize": 1, "$db": "d" }, false),
        (
            rawdoc! { "find": "c", "filter": { "_id": { "$gt": 8 } }, "batchSize": 1, "$db": "d" },
            true,
        ),
        (rawdoc! { "find": "c", "limit": 4, "batchSize": 4, "$db": "d" }, false),
        (rawdoc! { "listIndexes": "c", "cursor": { "batchSize": 1 }, "$db": "d" }, false),
        (rawdoc! { "listCollections": 1, "cursor": { "batchSize": 1 }, "$db": "d" }, false),
        (
            rawdoc! {
                "aggregate": "c", "pipeline": pipeline(), "cursor": { "batchSize": 4 }, "$db": "d",
            },
            true,
        ),
    ] {
        let reply = client.run(&command);
        let cursor = reply.get_document("cursor").expect("a cursor");
        assert_eq!(cursor.get_i64("id").expect("a number") != 0, is_open, "{command:?}");
    }
    let half = rawdoc! {
        "aggregate": "c", "pipeline": pipeline(), "cursor": { "batchSize": 2 }, "$db": "d",
    };
    let half = client.run(&half);
    let id = half.get_document("cursor").and_then(|cursor| cursor.get_i64("id")).expect("open");
    let rest = |max_time: i32| {
        rawdoc! {
            "getMore": id, "collection": "c", "batchSize": 2, "maxTimeMS": max_time, "$db": "d",
        }
    };
    let refused = client.run(&rest(1000));
    assert_eq!(refused.get_i32("code").ok(), Some(2), "it does not wait: {refused:?}");
    let rest = client.run(&rest(0));
    let id = rest.get_document("cursor").and_then(|cursor| cursor.get_i64("id"));
    assert_eq!(id.ok(), Some(0), "{rest:?}");
}

#[test]
fn a_command_whose_update_has_no_such_stage_writes_nothing() {
    let server = Running::start();
    let mut client = server.connect();
    let good = rawdoc! { "q": {}, "u": [{ "$set": { "a": 1 } }], "upsert": true };
    let bad = rawdoc! { "q": {}, "u": [{ "$nonsense": { "a": 1 } }] };
    let update = rawdoc! { "update": "c", "updates": [good, bad], "$db": "d" };
    let reply = client.run(&update);
    assert_eq!(reply.get_i32("code").ok(), Some(40324), "{reply:?}");
    let count = client.run(&rawdoc! { "count": "c", "$db": "d" });
    assert_eq!(count.get_i32("n").ok(), Some(0), "{count:?}");
}

#[test]
fn pipelines_write_into_other_databases() {
    let server = Running::start();
    let mut client = server.connect();
    let insert = section(&rawdoc! { "insert": "c", "$db": "d" });
    let documents: Vec<_> = (0..3).map(|n| rawdoc! { "_id": n }).collect();
    client.send(&op_msg(0, &[&insert, &sequence("documents", &documents)]));
    assert!(client.receive().is_some());
    for (stage, ns) in [
        (rawdoc! { "$out": { "db": "e", "coll": "out" } }, "out"),
        (rawdoc! { "$merge": { "into": { "db": "e", "coll": "merged" } } }, "merged"),
    ] {
        let command = rawdoc! { "aggregate": "c", "pipeline": [stage], "cursor": {}, "$db": "d" };
        let reply = client.run(&command);
        assert!(reply.get_document("cursor").is_ok(), "{reply:?}");
        let count = client.run(&rawdoc! { "count": ns, "$db": "e" });
        assert_eq!(count.get_i32("n").ok(), Some(3), "{ns}");
    }
    let merge = rawdoc! { "$merge": { "into": { "db": "e", "coll": "sessions" } } };
    let mine = rawdoc! { "$listLocalSessions": {} };
    let session = rawdoc! { "id": bson::Binary {
        subtype: bson::spec::BinarySubtype::Uuid,
        bytes: vec![7; 16],
    } };
    client.run(&rawdoc! { "ping": 1, "lsid": session.clone(), "$db": "d" });
    let command = rawdoc! {
        "aggregate": 1, "pipeline": [mine, merge], "cursor": {}, "lsid": session, "$db": "admin",
    };
    let reply = client.run(&command);
    assert!(reply.get_document("cursor").is_ok(), "{reply:?}");
    let count = client.run(&rawdoc! { "count": "sessions", "$db": "e" });
    assert!(count.get_i32("n").is_ok_and(|n| n >= 1), "{count:?}");
    let special = rawdoc! { "$out": { "db": "admin", "coll": "system.users" } };
    let command = rawdoc! { "aggregate": "c", "pipeline": [special], "cursor": {}, "$db": "d" };
    assert!(client.run(&command).get_i32("code").is_ok());
}

#[test]
fn the_strict_api_has_fewer_stages_and_change_streams_need_a_replica_set() {
    let server = Running::start();
    let mut client = server.connect();
    for (stage, code) in [
        (rawdoc! { "$indexStats": {} }, 323),
        (rawdoc! { "$collStats": { "storageStats": {} } }, 323),
        (rawdoc! { "$facet": { "a": [{ "$indexStats": {} }] } }, 323),
        (
            rawdoc! { "$lookup": { "from": "d", "as": "x", "pipeline": [{ "$indexStats": {} }] } },
            323,
        ),
        (rawdoc! { "$changeStream": {} }, 40573),
    ] {
        let command = rawdoc! {
            "aggregate": "c", "pipeline": [stage], "cursor": {}, "$db": "d",
            "apiVersion": "1", "apiStrict": true,
        };
        let reply = client.run(&command);
        assert_eq!(reply.get_i32("code").ok(), Some(code), "{command:?}: {reply:?}");
    }
}
