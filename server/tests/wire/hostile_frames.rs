//! Streams of bytes against one connection without a socket: damaged at random, cut at every byte,
//! of every length. Whatever comes, replies are messages, and a good client is answered after it.

use std::io::{self, Read, Write};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bson::{RawDocument, rawdoc};
use tallymap_server::dispatch::Dispatcher;
use tallymap_server::wire::codec::Codec;
use tallymap_server::wire::compressor::Compressor;
use tallymap_server::wire::connection::serve;
use tallymap_server::wire::crc32c::crc32c;
use tallymap_server::wire::stream::Link;

use crate::old_reads::{old_more, old_query};
use crate::old_writes::old_write;
use crate::support::{dispatcher, message, op_msg, section, sequence};

/// A client that sends all of it, in pieces of a length, and keeps what it is told.
struct Stream<'a> {
    bytes: &'a [u8],
    piece: usize,
    replies: Vec<u8>,
}

impl Read for Stream<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let len = bytes.len().min(self.piece);
        self.bytes.read(&mut bytes[..len])
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.replies.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Link for &mut Stream<'_> {
    fn set_read_timeout(&mut self, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }
}

fn is_document(bytes: &[u8]) -> bool {
    RawDocument::from_bytes(bytes).is_ok()
}

/// Are they so many documents, back to back?
fn are_documents(mut bytes: &[u8], count: i32) -> bool {
    let mut found = 0;
    while let Some(len) = bytes.first_chunk().map(|len| i32::from_le_bytes(*len) as usize) {
        if !bytes.get(..len).is_some_and(is_document) {
            return false;
        }
        bytes = &bytes[len..];
        found += 1;
    }
    bytes.is_empty() && found == count
}

/// Sends `bytes`; answers with the kinds of the replies.
fn talk(dispatcher: &Dispatcher, bytes: &[u8], piece: usize) -> Vec<i32> {
    let mut client = dispatcher.client("127.0.0.1:1".to_owned());
    client.set_offers(&Compressor::ALL);
    let mut stream = Stream { bytes, piece, replies: Vec::new() };
    serve(dispatcher, &client, &mut stream, &AtomicBool::new(false)).expect("no failure of ours");
    let (mut kinds, mut rest) = (Vec::new(), &stream.replies[..]);
    while !rest.is_empty() {
        let word = |at: usize| i32::from_le_bytes(*rest[at..].first_chunk().expect("4 bytes"));
        let (len, kind) = (word(0) as usize, word(12));
        match kind {
            2013 if word(16) & 1 == 0 => assert!(is_document(&rest[21..len])),
            2013 => assert_eq!(word(len - 4) as u32, crc32c(&rest[..len - 4])),
            1 => assert!(are_documents(&rest[36..len], word(32))),
            kind => assert_eq!(kind, 2012),
        }
        kinds.push(kind);
        rest = &rest[len..];
    }
    kinds
}

fn is_well(dispatcher: &Dispatcher) {
    let ping = op_msg(0, &[&section(&rawdoc! { "ping": 1, "$db": "d" })]);
    assert_eq!(talk(dispatcher, &ping, usize::MAX), [2013]);
    let find = rawdoc! { "find": "c", "$db": "d" };
    assert_eq!(dispatcher.run(&find).get_f64("ok").ok(), Some(1.0));
}

fn compressed(compressor: Compressor, plain: &[u8]) -> Vec<u8> {
    let len = (plain.len() as i32 - 16).to_le_bytes();
    let mut body = [&plain[12..16], &len, &[compressor.number()]].concat();
    Codec::default().compress(compressor, &plain[16..], &mut body).expect("compresses");
    message(2012, &body)
}

/// One message of each kind, with the kind of its reply; 0 if it has none.
fn sound() -> Vec<(Vec<u8>, i32)> {
    let insert = section(&rawdoc! { "insert": "c", "ordered": false, "$db": "d" });
    let documents = sequence("documents", &[rawdoc! { "a": [1, { "b": "x" }] }, rawdoc! {}]);
    let update = op_msg(
        0,
        &[&section(&rawdoc! {
            "update": "c", "$db": "d", "lsid": { "id": 1 }, "writeConcern": { "w": 1 },
            "updates": [{ "q": { "_id": 1 }, "u": { "$inc": { "n.m": 1 } }, "upsert": true }],
        })],
    );
    let hello = rawdoc! { "isMaster": 1, "compression": ["zlib"], "helloOk": true };
    let query = [&[0; 4][..], b"d.$cmd\0", &[0; 4], &[255; 4], hello.as_bytes()].concat();
    let mut checked = op_msg(1, &[&section(&rawdoc! { "ping": 1, "$db": "d" })]);
    let len = checked.len() as i32 + 4;
    checked[..4].copy_from_slice(&len.to_le_bytes());
    checked.extend_from_slice(&crc32c(&checked).to_le_bytes());
    let mut sound = vec![
        (op_msg(0, &[&insert, &documents]), 2013),
        (op_msg(2, &[&documents, &insert]), 0),
        (message(2004, &query), 1),
        (message(2007, &[0; 16]), 0),
        (old_query(0, 1, &[&rawdoc! { "$query": {}, "$orderby": { "a": 1 } }]), 1),
        (old_more("c", 2, 5), 1),
        (old_write(2001, 1, &[&rawdoc! {}, &rawdoc! { "$inc": { "n": 1 } }]), 0),
        (old_write(2002, 0, &[&rawdoc! { "a": 1 }, &rawdoc! {}]), 0),
        (compressed(Compressor::Zlib, &old_write(2006, 0, &[&rawdoc! { "a": 1 }])), 0),
        (checked, 2013),
        (compressed(Compressor::Zlib, &message(2004, &query)), 2012),
    ];
    sound.extend(Compressor::ALL.map(|compressor| (compressed(compressor, &update), 2012)));
    sound.push((update, 2013));
    sound
}

#[test]
fn sound_messages_are_answered_however_they_are_cut_into_pieces() {
    let dispatcher = dispatcher();
    let (messages, kinds): (Vec<_>, Vec<_>) = sound().into_iter().unzip();
    let kinds: Vec<_> = kinds.into_iter().filter(|kind| *kind != 0).collect();
    for piece in [1, 3, 16, 17, 100, usize::MAX] {
        assert_eq!(talk(&dispatcher, &messages.concat(), piece), kinds, "{piece}");
    }
}

#[test]
fn messages_of_every_kind_cut_at_every_byte_are_not_answered() {
    let dispatcher = dispatcher();
    for (message, kind) in sound() {
        for len in 0..message.len() {
            assert!(talk(&dispatcher, &message[..len], usize::MAX).is_empty(), "{kind} {len}");
        }
    }
    is_well(&dispatcher);
}

/// The length that a header claims and the lengths within a message, each with every value of
/// interest.
#[test]
fn all_lengths() {
    let dispatcher = dispatcher();
    let next = op_msg(0, &[&section(&rawdoc! { "ping": 1, "$db": "d" })]);
    for (message, _) in sound() {
        let len = message.len() as i32;
        let wrong = (-2..len + 20).chain([i32::MIN, i32::MAX, 48_000_000, 48_000_001, 1 << 24]);
        for wrong in wrong {
            for at in [0, 16, 20, 21, 25] {
                let mut bytes = message.clone();
                if let Some(place) = bytes.get_mut(at..at + 4) {
                    place.copy_from_slice(&wrong.to_le_bytes());
                }
                talk(&dispatcher, &[&bytes[..], &next].concat(), usize::MAX);
            }
        }
    }
    is_well(&dispatcher);
}

#[test]
fn damaged_streams_harm_nobody() {
    let seed = 2_013;
    let mut rng = oorandom::Rand32::new(seed);
    let dispatcher = dispatcher();
    let sound = sound();
    let mut answered = 0;
    for round in 0..8_000 {
        let mut bytes = Vec::new();
        for _ in 0..rng.rand_range(1..5) {
            let (message, _) = &sound[rng.rand_range(0..sound.len() as u32) as usize];
            bytes.extend_from_slice(message);
        }
        for _ in 0..rng.rand_range(1..6) {
            let at = rng.rand_range(0..bytes.len() as u32) as usize;
            match rng.rand_range(0..4) {
                0 => bytes[at] ^= 1 << rng.rand_range(0..8),
                1 => bytes[at] = rng.rand_u32() as u8,
                2 => drop(bytes.remove(at)),
                _ => bytes.insert(at, rng.rand_u32() as u8),
            }
        }
        let piece = if round % 7 == 0 { 5 } else { usize::MAX };
        answered += talk(&dispatcher, &bytes, piece).len();
    }
    assert!(answered > 1_000, "seed {seed}: most of it was no message at all");
    is_well(&dispatcher);
}

#[test]
fn noise_is_no_message() {
    let mut rng = oorandom::Rand32::new(9);
    let dispatcher = dispatcher();
    for len in 0..2_000 {
        let noise: Vec<u8> = (0..len).map(|_| rng.rand_u32() as u8).collect();
        talk(&dispatcher, &noise, usize::MAX);
        // As long as it says, of each kind.
        for kind in [2001, 2002, 2004, 2005, 2006, 2007, 2012, 2013] {
            talk(&dispatcher, &message(kind, &noise), usize::MAX);
        }
    }
    is_well(&dispatcher);
}
