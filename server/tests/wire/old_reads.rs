//! Reads from before there were commands for them: what the commands find comes the old way.

use bson::{RawDocument, RawDocumentBuf, rawdoc};

use crate::login::with_root;
use crate::support::{Client, Running, message, raw};

/// A query of `d.c`.
pub fn old_query(flags: i32, wanted: i32, documents: &[&RawDocument]) -> Vec<u8> {
    let head = [&flags.to_le_bytes()[..], b"d.c\0", &[0; 4], &wanted.to_le_bytes()].concat();
    let documents = documents.iter().flat_map(|it| it.as_bytes().to_vec());
    message(2004, &head.into_iter().chain(documents).collect::<Vec<_>>())
}

/// A fetch from a cursor on `d.` and this.
pub fn old_more(name: &str, wanted: i32, id: i64) -> Vec<u8> {
    let head = [&[0; 4][..], b"d.", name.as_bytes(), b"\0", &wanted.to_le_bytes()].concat();
    message(2005, &[&head[..], &id.to_le_bytes()].concat())
}

/// The end of a cursor.
fn old_kill(id: i64) -> Vec<u8> {
    message(2007, &[&[0, 0, 0, 0, 1, 0, 0, 0][..], &id.to_le_bytes()].concat())
}

/// An answer: its flags, the cursor, where it begins, the documents.
fn ask(client: &mut Client, question: &[u8]) -> (i32, i64, i32, Vec<RawDocumentBuf>) {
    client.send(question);
    let reply = client.receive().expect("an answer");
    let int = |at: usize| i32::from_le_bytes(*reply[at..].first_chunk().expect("a number"));
    assert_eq!((int(8), int(12)), (7, 1));
    let (mut documents, mut rest) = (Vec::new(), &reply[36..]);
    while !rest.is_empty() {
        let len = i32::from_le_bytes(*rest.first_chunk().expect("a length")) as usize;
        documents.push(RawDocumentBuf::from_bytes(rest[..len].to_vec()).expect("a document"));
        rest = &rest[len..];
    }
    assert_eq!(int(32), documents.len() as i32);
    (int(16), i64::from_le_bytes(*reply[20..].first_chunk().expect("one")), int(28), documents)
}

fn insert(client: &mut Client, ids: std::ops::Range<i32>) {
    let documents: Vec<_> = ids.map(|id| bson::doc! { "_id": id }).collect();
    let command = raw(bson::doc! { "insert": "c", "documents": documents, "$db": "d" });
    assert!(client.run(&command).get_i32("n").is_ok());
}

fn ids(documents: &[RawDocumentBuf]) -> Vec<i32> {
    documents.iter().map(|document| document.get_i32("_id").expect("its _id")).collect()
}

#[test]
fn what_is_found_comes_batch_by_batch() {
    let server = Running::start();
    let mut client = server.connect();
    insert(&mut client, 0..10);
    let (flags, id, from, found) = ask(&mut client, &old_query(0, 3, &[&rawdoc! {}]));
    assert_eq!((flags, from, &ids(&found)[..]), (8, 0, &[0, 1, 2][..]));
    let (_, same, from, found) = ask(&mut client, &old_more("c", 4, id));
    assert_eq!((same, from, &ids(&found)[..]), (id, 3, &[3, 4, 5, 6][..]));
    let (_, over, from, found) = ask(&mut client, &old_more("c", 0, id));
    assert_eq!((over, from, &ids(&found)[..]), (0, 7, &[7, 8, 9][..]));
    let gone = (1, 0, 0, vec![]);
    assert_eq!(ask(&mut client, &old_more("c", 0, id)), gone);
    let sorted = rawdoc! { "$query": { "_id": { "$gt": 3 } }, "$orderby": { "_id": -1 } };
    let (_, over, _, found) = ask(&mut client, &old_query(0, -2, &[&sorted]));
    assert_eq!((over, &ids(&found)[..]), (0, &[9, 8][..]));
    let (_, id, ..) = ask(&mut client, &old_query(0, 2, &[&rawdoc! {}]));
    client.send(&old_kill(id));
    assert_eq!(ask(&mut client, &old_more("c", 0, id)), gone);
}

#[test]
fn what_a_command_began_is_fetched() {
    let server = Running::start();
    let mut client = server.connect();
    insert(&mut client, 0..3);
    let list = rawdoc! { "listCollections": 1, "cursor": { "batchSize": 0 }, "$db": "d" };
    let reply = client.run(&list);
    let id = reply.get_document("cursor").and_then(|it| it.get_i64("id")).expect("a cursor");
    let (_, over, _, found) = ask(&mut client, &old_more("$cmd.listCollections", 0, id));
    assert_eq!((over, found.len()), (0, 1));
    assert_eq!(found[0].get_str("name").ok(), Some("c"));
    let (_, id, ..) = ask(&mut client, &old_query(0, 2, &[&rawdoc! {}]));
    let more = client.run(&rawdoc! { "getMore": id, "collection": "c", "$db": "d" });
    assert!(more.get_document("cursor").is_ok(), "{more:?}");
}

#[test]
fn what_cannot_be_answered_is_refused() {
    let server = Running::start();
    let mut client = server.connect();
    insert(&mut client, 0..3);
    let nowhere = message(2005, &[&[0; 4][..], b"d\0", &[0; 12]].concat());
    let all = rawdoc! {};
    for (question, code) in [
        (old_query(0, 0, &[&rawdoc! { "a": { "$no": 1 } }]), 2),
        (old_query(0, 0, &[]), 22),
        (old_query(0, 0, &[&all, &rawdoc! { "a": 1, "b": 0 }]), 31254),
        (old_query(2, 0, &[&all]), 2),
        (old_query(64, 0, &[&all]), 352),
        (nowhere, 73),
    ] {
        let (flags, id, _, found) = ask(&mut client, &question);
        assert_eq!((flags, id, found[0].get_i32("code").ok()), (2, 0, Some(code)), "{found:?}");
    }
}

#[test]
fn who_may_not_read_does_not() {
    let (server, mut root) = with_root();
    insert(&mut root, 0..3);
    let (_, id, ..) = ask(&mut root, &old_query(0, 2, &[&rawdoc! {}]));
    let mut nobody = server.connect();
    for question in [old_query(0, 0, &[&rawdoc! {}]), old_more("c", 0, id)] {
        let (flags, over, _, found) = ask(&mut nobody, &question);
        let code = found[0].get_i32("code").ok();
        assert_eq!((flags, over, code), (2, 0, Some(13)), "{found:?}");
    }
    nobody.send(&old_kill(id));
    nobody.run(&rawdoc! { "hello": 1, "$db": "d" });
    assert_eq!(ids(&ask(&mut root, &old_more("c", 0, id)).3), [2]);
}
