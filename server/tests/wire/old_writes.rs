//! Writes from before there were commands for them: nobody is answered, and they are done.

use bson::{RawDocument, RawDocumentBuf, rawdoc};

use crate::login::with_root;
use crate::support::{Client, Running, message};

/// A write of `d.c`: 2001 updates, 2002 inserts, 2006 deletes.
pub fn old_write(opcode: i32, flags: i32, documents: &[&RawDocument]) -> Vec<u8> {
    let flags = flags.to_le_bytes();
    let mut body = if opcode == 2002 { flags.to_vec() } else { vec![0; 4] };
    body.extend_from_slice(b"d.c\0");
    if opcode != 2002 {
        body.extend_from_slice(&flags);
    }
    documents.iter().for_each(|document| body.extend_from_slice(document.as_bytes()));
    message(opcode, &body)
}

fn last_error(client: &mut Client) -> RawDocumentBuf {
    client.run(&rawdoc! { "getLastError": 1, "$db": "d" })
}

/// How many documents match.
fn count(client: &mut Client, query: RawDocumentBuf) -> i32 {
    let reply = client.run(&rawdoc! { "count": "c", "query": query, "$db": "d" });
    reply.get_i32("n").expect("a count")
}

#[test]
fn they_are_done_in_order_and_not_answered() {
    let server = Running::start();
    let mut client = server.connect();
    let [one, two, three] = [1, 2, 3].map(|id| rawdoc! { "_id": id });
    let set = |value: i32| rawdoc! { "$set": { "a": value } };
    let writes = [
        old_write(2002, 0, &[&one, &two, &three]),
        old_write(2001, 0, &[&rawdoc! {}, &set(1)]),
        old_write(2001, 2, &[&rawdoc! { "_id": { "$gt": 1 } }, &set(2)]),
        old_write(2001, 1, &[&rawdoc! { "_id": 4 }, &set(3)]),
        old_write(2006, 1, &[&rawdoc! { "a": 2 }]),
        old_write(2006, 0, &[&rawdoc! { "a": 3 }]),
    ];
    client.send(&writes.concat());
    assert_eq!(count(&mut client, rawdoc! {}), 2);
    assert_eq!(count(&mut client, rawdoc! { "a": 1 }), 1);
    assert_eq!(count(&mut client, rawdoc! { "a": 2 }), 1);
}

#[test]
fn the_last_error_tells_what_came_of_them() {
    let server = Running::start();
    let mut client = server.connect();
    let one = rawdoc! { "_id": 1 };
    for (flags, n) in [(0, 1), (1, 2)] {
        client.send(&old_write(2006, 0, &[&rawdoc! {}]));
        client.send(&old_write(2002, flags, &[&one, &one, &rawdoc! { "_id": 2 }]));
        assert_eq!(last_error(&mut client).get_i32("code").ok(), Some(11000));
        assert_eq!(count(&mut client, rawdoc! {}), n, "{flags}");
    }
    client.send(&old_write(2001, 2, &[&rawdoc! {}, &rawdoc! { "$inc": { "a": 1 } }]));
    let reply = last_error(&mut client);
    assert_eq!(reply.get_i32("n").ok(), Some(2), "{reply:?}");
    assert_eq!(reply.get_bool("updatedExisting").ok(), Some(true), "{reply:?}");
    let namespace_of_nothing = message(2002, &[&[0; 4][..], b"d\0", one.as_bytes()].concat());
    for (write, code) in [
        (namespace_of_nothing, 16257),
        (old_write(2002, 0, &[]), 16),
        (old_write(2001, 0, &[&one]), 22),
        (old_write(2001, 0, &[&one, &rawdoc! { "$no": 1 }]), 9),
        (old_write(2006, 0, &[&rawdoc! { "_id": { "$no": 1 } }]), 2),
    ] {
        client.send(&write);
        assert_eq!(last_error(&mut client).get_i32("code").ok(), Some(code), "{write:?}");
    }
    assert_eq!(count(&mut client, rawdoc! {}), 2);
}

#[test]
fn who_may_not_write_does_not() {
    let (server, mut root) = with_root();
    let one = rawdoc! { "_id": 1 };
    let mut nobody = server.connect();
    nobody.send(&old_write(2002, 0, &[&one]));
    nobody.run(&rawdoc! { "hello": 1, "$db": "d" });
    assert_eq!(count(&mut root, rawdoc! {}), 0);
    root.send(&old_write(2002, 0, &[&one]));
    assert_eq!(count(&mut root, rawdoc! {}), 1);
    nobody.send(&old_write(2006, 0, &[&one]));
    nobody.run(&rawdoc! { "hello": 1, "$db": "d" });
    assert_eq!(count(&mut root, rawdoc! {}), 1);
}
