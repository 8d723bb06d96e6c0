//! `OP_COMPRESSED`: requests and replies in it, and what is refused.

use bson::{RawDocument, RawDocumentBuf, rawdoc};
use tallymap_server::wire::codec::Codec;
use tallymap_server::wire::compressor::Compressor;
use tallymap_server::wire::{MESSAGE_LEN_MAX, Options};

use crate::support::{Client, Running, document, message, op_msg, section};

/// A compressed message: the kind within, the length that is claimed, the compressor, its bytes.
fn compressed(opcode: i32, len: i32, compressor: u8, bytes: &[u8]) -> Vec<u8> {
    let head = [opcode, len].map(i32::to_le_bytes).concat();
    message(2012, &[&head[..], &[compressor], bytes].concat())
}

/// `plain` in compressed form.
fn compress(compressor: Compressor, plain: &[u8]) -> Vec<u8> {
    let opcode = i32::from_le_bytes(*plain[12..].first_chunk().expect("4 bytes"));
    let mut packed = Vec::new();
    Codec::default().compress(compressor, &plain[16..], &mut packed).expect("compresses");
    compressed(opcode, plain.len() as i32 - 16, compressor.number(), &packed)
}

/// The message within a compressed one, with a header of its own.
fn decompress(compressor: Compressor, reply: &[u8]) -> Vec<u8> {
    let word = |at: usize| i32::from_le_bytes(*reply[at..].first_chunk().expect("4 bytes"));
    assert_eq!((word(12), reply[24]), (2012, compressor.number()));
    let len = word(20) as usize;
    let mut plain = [16 + len as i32, word(4), word(8), word(16)].map(i32::to_le_bytes).concat();
    let done = Codec::default().decompress(compressor, &reply[25..], len, &mut plain);
    assert_eq!(done, Some(()));
    plain
}

fn ask(client: &mut Client, compressor: Compressor, command: &RawDocument) -> RawDocumentBuf {
    client.send(&compress(compressor, &op_msg(0, &[&section(command)])));
    document(&decompress(compressor, &client.receive().expect("a reply")))
}

fn ping() -> Vec<u8> {
    op_msg(0, &[&section(&rawdoc! { "ping": 1, "$db": "d" })])
}

fn names(reply: &RawDocumentBuf) -> Vec<String> {
    let Ok(names) = reply.get_array("compression") else { return Vec::new() };
    let text = |name: bson::error::Result<bson::RawBsonRef<'_>>| {
        name.ok().and_then(|name| name.as_str().map(str::to_owned)).expect("a text")
    };
    names.into_iter().map(text).collect()
}

#[test]
fn hello_answers_with_what_both_know_in_the_client_s_order() {
    let options = Options { compressors: vec![Compressor::Snappy, Compressor::Zlib], ..local() };
    let server = Running::with(&options);
    let mut client = server.connect();
    let mut hello = |compression: Option<&[&str]>| {
        let mut command = rawdoc! { "hello": 1, "$db": "admin" };
        if let Some(compression) = compression {
            let names: bson::RawArrayBuf = compression.iter().copied().collect();
            command.append(bson::raw::cstr!("compression"), names);
        }
        names(&client.run(&command))
    };
    assert!(hello(None).is_empty());
    assert_eq!(hello(Some(&["zlib", "zstd", "lzw", "snappy", "zlib"])), ["zlib", "snappy"]);
    assert_eq!(hello(None), ["zlib", "snappy"], "as agreed");
    assert_eq!(hello(Some(&["snappy"])), ["snappy"]);
    assert!(hello(Some(&["zstd"])).is_empty());
    assert!(hello(None).is_empty());
    for (hello, code) in [
        (rawdoc! { "hello": 1, "compression": "zlib", "$db": "admin" }, 14),
        (rawdoc! { "hello": 1, "compression": ["zlib", 1], "$db": "admin" }, 14),
        (rawdoc! { "hello": 1, "compression": null, "$db": "admin" }, 10065),
    ] {
        assert_eq!(client.run(&hello).get_i32("code").ok(), Some(code), "{hello:?}");
    }
}

fn local() -> Options {
    Options::at("127.0.0.1", 0)
}

#[test]
fn requests_and_replies_by_each_compressor() {
    let server = Running::start();
    for (at, compressor) in Compressor::ALL.into_iter().enumerate() {
        let mut client = server.connect();
        let hello = rawdoc! { "hello": 1, "compression": [compressor.name()], "$db": "admin" };
        assert_eq!(names(&client.run(&hello)), [compressor.name()]);
        // mongod answers a compressed hello too.
        assert_eq!(names(&ask(&mut client, compressor, &hello)), [compressor.name()]);
        let text = "many times the same ".repeat(50_000);
        let insert = rawdoc! { "insert": "c", "documents": [{ "_id": at as i32, "text": &*text }] };
        let mut insert = insert;
        insert.append(bson::raw::cstr!("$db"), "d");
        assert_eq!(ask(&mut client, compressor, &insert).get_i32("n").ok(), Some(1));
        let find = rawdoc! { "find": "c", "filter": { "_id": at as i32 }, "$db": "d" };
        let found = ask(&mut client, compressor, &find);
        let batch = found.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
        let first = batch.get_document(0).expect("a document");
        assert_eq!(first.get_str("text").expect("text"), text);
        // A plain one is answered plainly, on the same connection.
        assert_eq!(client.run(&rawdoc! { "ping": 1, "$db": "d" }).get_f64("ok").ok(), Some(1.0));
        let refused = ask(&mut client, compressor, &rawdoc! { "nonsense": 1, "$db": "d" });
        assert_eq!(refused.get_i32("code").ok(), Some(59));
    }
}

#[test]
fn what_compression_saves_is_counted() {
    let server = Running::start();
    let mut client = server.connect();
    let text = "the same ".repeat(10_000);
    let ping = rawdoc! { "ping": 1, "comment": &*text, "$db": "d" };
    ask(&mut client, Compressor::Zstd, &ping);
    let status = client.run(&rawdoc! { "serverStatus": 1, "$db": "admin" });
    let network = status.get_document("network").expect("there");
    let compression = network.get_document("compression").expect("there");
    let bytes = |name: &str, side: &str| {
        let side = compression.get_document(name).and_then(|it| it.get_document(side));
        let side = side.expect("there");
        (side.get_i64("bytesIn").expect("a number"), side.get_i64("bytesOut").expect("a number"))
    };
    let (packed, plain) = bytes("zstd", "decompressor");
    assert_eq!(plain, op_msg(0, &[&section(&ping)]).len() as i64);
    assert!(packed < 200, "{packed}");
    let (plain, packed) = bytes("zstd", "compressor");
    // A short reply is no shorter.
    assert_eq!((plain, packed), (38, packed.max(38)));
    assert_eq!(bytes("zlib", "decompressor"), (0, 0));
    let (all, physical) = (network.get_i64("bytesIn"), network.get_i64("physicalBytesIn"));
    assert!(all.expect("a number") - physical.expect("a number") > 80_000);
}

#[test]
fn what_needs_no_answer_may_be_compressed_and_so_may_op_query() {
    let server = Running::start();
    let mut client = server.connect();
    let insert = section(&rawdoc! { "insert": "c", "documents": [{ "a": 1 }], "$db": "d" });
    client.send(&compress(Compressor::Zlib, &op_msg(2, &[&insert])));
    let count = ask(&mut client, Compressor::Zlib, &rawdoc! { "count": "c", "$db": "d" });
    assert_eq!(count.get_i32("n").ok(), Some(1));
    let hello = rawdoc! { "isMaster": 1 };
    let query = [&[0; 4][..], b"d.$cmd\0", &[0; 4], &[255; 4], hello.as_bytes()].concat();
    client.send(&compress(Compressor::Snappy, &message(2004, &query)));
    let reply = decompress(Compressor::Snappy, &client.receive().expect("a reply"));
    assert_eq!(&reply[12..16], &1_i32.to_le_bytes());
    let reply = RawDocument::from_bytes(&reply[36..]).expect("a document");
    assert_eq!(reply.get_bool("ismaster").ok(), Some(true));
}

#[test]
fn lies_end_the_connection() {
    let server = Running::start();
    let body = ping()[16..].to_vec();
    let len = body.len() as i32;
    for compressor in Compressor::ALL {
        let number = compressor.number();
        let mut packed = Vec::new();
        Codec::default().compress(compressor, &body, &mut packed).expect("compresses");
        let nested = compress(compressor, &compress(compressor, &ping()));
        let longest = (MESSAGE_LEN_MAX - 16) as i32;
        for bytes in [
            compressed(2013, len - 1, number, &packed),
            compressed(2013, len + 1, number, &packed),
            compressed(2013, 0, number, &packed),
            compressed(2013, -1, number, &packed),
            compressed(2013, longest, number, &packed),
            compressed(2013, longest + 1, number, &packed),
            compressed(2013, i32::MAX, number, &packed),
            compressed(2013, len, number, &packed[..packed.len() - 1]),
            compressed(2013, len, number, b""),
            compressed(2013, len, number, b"no such thing"),
            compressed(1, len, number, &packed),
            compressed(2012, len, number, &packed),
            compressed(99, len, number, &packed),
            compressed(2013, len, 0, &body),
            compressed(2013, len, 4, &packed),
            compressed(2013, len, 255, &packed),
            message(2012, &[0; 8]),
            nested,
        ] {
            let mut client = server.connect();
            client.send(&bytes);
            client.send_end();
            assert_eq!(client.receive(), None, "{compressor} {bytes:?}");
        }
    }
    let options = Options { compressors: vec![Compressor::Zstd], ..local() };
    let server = Running::with(&options);
    let mut client = server.connect();
    client.send(&compress(Compressor::Zlib, &ping()));
    assert_eq!(client.receive(), None, "not offered");
}

/// A few bytes that decompress to as much as a message can have: that is taken, and is no command.
#[test]
fn what_decompresses_to_very_much_is_only_a_long_message() {
    let server = Running::start();
    let zeros = vec![0; MESSAGE_LEN_MAX - 16];
    for compressor in Compressor::ALL {
        let mut packed = Vec::new();
        Codec::default().compress(compressor, &zeros, &mut packed).expect("compresses");
        let mut client = server.connect();
        client.send(&compressed(2013, zeros.len() as i32, compressor.number(), &packed));
        let reply = document(&decompress(compressor, &client.receive().expect("a reply")));
        assert_eq!(reply.get_f64("ok").ok(), Some(0.0));
        // One byte more than it claims, which is as much as it could.
        packed.clear();
        let more = [&zeros[..], &[0]].concat();
        Codec::default().compress(compressor, &more, &mut packed).expect("compresses");
        client.send(&compressed(2013, zeros.len() as i32, compressor.number(), &packed));
        assert_eq!(client.receive(), None, "{compressor}");
    }
}
