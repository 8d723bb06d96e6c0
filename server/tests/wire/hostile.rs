//! Messages that are none: the answer is an error or the end of the connection, and others go on.

use bson::rawdoc;

use crate::support::{Running, document, message, op_msg, section, sequence};

#[test]
fn what_is_no_message_ends_the_connection() {
    let server = Running::start();
    let ping = op_msg(0, &[&section(&rawdoc! { "ping": 1, "$db": "d" })]);
    let mut wrong_checksum = op_msg(1, &[&section(&rawdoc! { "ping": 1, "$db": "d" }), &[9; 4]]);
    let with_len = |len: i32| [&len.to_le_bytes()[..], &ping[4..]].concat();
    let mut unknown_flag = ping.clone();
    unknown_flag[16] = 4;
    wrong_checksum[16] = 1;
    for bytes in [
        with_len(0),
        with_len(15),
        with_len(-1),
        with_len(48_000_001),
        message(99, &[0; 20]),
        message(2001, b"\0\0\0\0no end"),
        message(2002, &[0; 3]),
        message(2006, b"\0\0\0\0d.c\0\0"),
        message(2004, b"\0\0\0\0no end"),
        message(2013, &[]),
        unknown_flag,
        wrong_checksum,
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        let mut client = server.connect();
        client.send(&bytes);
        client.send_end();
        assert_eq!(client.receive(), None, "{bytes:?}");
    }
}

#[test]
fn what_is_no_command_is_refused() {
    let server = Running::start();
    let mut client = server.connect();
    let insert = section(&rawdoc! { "insert": "c", "$db": "d" });
    let torn = [1, 255, 0, 0, 0, b'a', 0];
    for (sections, code) in [
        (vec![&insert[..], &insert], 40430),
        (vec![&insert[..], &sequence("a", &[]), &sequence("a", &[])], 40431),
        (vec![&insert[..], &[7, 1, 2, 3]], 40432),
        (vec![&insert[..], &sequence("$db", &[])], 40433),
        (vec![&insert[..], &torn], 22),
        (vec![&section(&rawdoc! { "ping": 1 })[..]], 40571),
        (vec![&section(&rawdoc! {})[..]], 59),
        (vec![&section(&rawdoc! { "no\nsuch": 1, "$db": "d" })[..]], 59),
    ] {
        client.send(&op_msg(0, &sections));
        let reply = document(&client.receive().expect("a reply"));
        assert_eq!(reply.get_i32("code").ok(), Some(code), "{reply:?}");
    }
    assert_eq!(client.run(&rawdoc! { "ping": 1, "$db": "d" }).get_f64("ok").ok(), Some(1.0));
}

#[test]
fn messages_that_end_early_harm_nobody() {
    let server = Running::start();
    let insert = section(&rawdoc! { "insert": "c", "$db": "d" });
    let whole = op_msg(0, &[&insert, &sequence("documents", &[rawdoc! { "a": "text" }])]);
    for len in 0..whole.len() {
        let mut client = server.connect();
        client.send(&whole[..len]);
        client.send_end();
        assert_eq!(client.receive(), None, "{len}");
    }
    assert_eq!(
        server.connect().run(&rawdoc! { "count": "c", "$db": "d" }).get_i32("n").ok(),
        Some(0)
    );
}

/// Each byte of sound commands is changed at random; whatever comes of it, the server goes on.
#[test]
fn damaged_messages_harm_nobody() {
    let seed = 27_017;
    let mut rng = oorandom::Rand32::new(seed);
    let server = Running::start();
    let sound = [
        op_msg(
            0,
            &[&section(&rawdoc! {
                "find": "c", "filter": { "a": { "$gt": 1 } }, "sort": { "a": -1 }, "limit": 5,
                "batchSize": 2, "projection": { "b": 1 }, "$db": "d", "lsid": { "id": 1 },
            })],
        ),
        op_msg(
            0,
            &[
                &section(&rawdoc! { "insert": "c", "ordered": false, "$db": "d" }),
                &sequence("documents", &[rawdoc! { "a": [1, { "b": "x" }] }, rawdoc! { "a": 2 }]),
            ],
        ),
        op_msg(
            0,
            &[
                &section(&rawdoc! { "update": "c", "$db": "d", "writeConcern": { "w": 1 } }),
                &sequence(
                    "updates",
                    &[rawdoc! {
                        "q": { "a": 1 }, "u": { "$inc": { "n.m": 1 }, "$push": { "l": 1 } },
                        "upsert": true,
                    }],
                ),
            ],
        ),
        op_msg(
            0,
            &[&section(&rawdoc! {
                "aggregate": "c", "pipeline": [{ "$match": { "a": 1 } }, { "$limit": 3 }],
                "cursor": { "batchSize": 1 }, "$db": "d",
            })],
        ),
        op_msg(
            0,
            &[&section(&rawdoc! {
                "createIndexes": "c", "indexes": [{ "key": { "a": 1 }, "name": "a_1" }], "$db": "d",
            })],
        ),
    ];
    for round in 0..3_000 {
        let mut bytes = sound[round % sound.len()].clone();
        for _ in 0..rng.rand_range(1..4) {
            let at = rng.rand_range(16..bytes.len() as u32) as usize;
            bytes[at] = rng.rand_u32() as u8;
        }
        let mut client = server.connect();
        client.send(&bytes);
        client.send_end();
        while let Some(reply) = client.receive() {
            assert!(document(&reply).get_f64("ok").is_ok(), "seed {seed}, round {round}");
        }
    }
    let reply = server.connect().run(&rawdoc! { "ping": 1, "$db": "d" });
    assert_eq!(reply.get_f64("ok").ok(), Some(1.0));
}
