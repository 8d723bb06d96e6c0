//! Documents that are not BSON: one of every type, cut and bent in every place. The engine
//! refuses exactly what the `bson` crate cannot walk to its end, by every request.
//!
//! A mongod 5.0.4 was given the same 672 documents: it refuses the same, with 22, but for two kinds
//! that it stores. Text that is not UTF-8, and old binary data whose inner length is wrong: no
//! client in Rust could read such a document again, so they are refused here.

use bson::RawDocument;
use tallymap::bson::document::check;
use tallymap_tests::bson_walk::walk;
use tallymap_tests::every_type::document;

use crate::world::{World, every_request};

/// The offsets of all lengths in a document that is sound.
fn lengths(doc: &[u8], start: usize, out: &mut Vec<usize>) {
    out.push(start);
    let number = |at: usize| i32::from_le_bytes(*doc[at..].first_chunk().expect("a length"));
    let text_end = |at: usize| at + doc[at..].iter().position(|b| *b == 0).expect("a NUL") + 1;
    let end = start + number(start) as usize - 1;
    let mut at = start + 4;
    while at < end {
        let (ty, value) = (doc[at], text_end(at + 1));
        let counted = |extra: usize| value + 4 + number(value) as usize + extra;
        match ty {
            0x03 | 0x04 => lengths(doc, value, out),
            0x02 | 0x0c | 0x0d | 0x0e => out.push(value),
            0x05 => {
                out.push(value);
                out.extend((doc[value + 4] == 2).then_some(value + 5));
            }
            0x0f => {
                out.extend([value, value + 4]);
                lengths(doc, value + 8 + number(value + 4) as usize, out);
            }
            _ => {}
        }
        at = match ty {
            0x03 | 0x04 | 0x0f => value + number(value) as usize,
            0x02 | 0x0d | 0x0e => counted(0),
            0x05 => counted(1),
            0x0c => counted(12),
            0x0b => text_end(text_end(value)),
            0x06 | 0x0a | 0x7f | 0xff => value,
            0x08 => value + 1,
            0x10 => value + 4,
            0x07 => value + 12,
            0x13 => value + 16,
            _ => value + 8,
        };
    }
    assert_eq!(at, end, "the walk is right");
}

/// The document with other bytes at `at`.
fn bent(doc: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut out = doc.to_vec();
    out[at..at + bytes.len()].copy_from_slice(bytes);
    out
}

/// Every length with every value that might be mistaken for one.
fn with_wrong_lengths(doc: &[u8]) -> Vec<Vec<u8>> {
    let mut places = Vec::new();
    lengths(doc, 0, &mut places);
    assert_eq!(places.len(), 16, "{places:?}");
    let mut out = Vec::new();
    for at in places {
        let len = i32::from_le_bytes(*doc[at..].first_chunk().expect("a length"));
        let near = [len - 1, len + 1, len - 4, len + 4, doc.len() as i32];
        for wrong in [0, 1, -1, 4, 5, i32::MIN, i32::MAX].into_iter().chain(near) {
            out.push(bent(doc, at, &wrong.to_le_bytes()));
        }
    }
    out
}

/// Its first bytes, with the length and the end of a document.
fn cut(doc: &[u8], len: usize) -> Vec<u8> {
    let mut out = [&doc[..len], b"\0"].concat();
    let len = (out.len() as i32).to_le_bytes();
    out[..4].copy_from_slice(&len);
    out
}

/// Does the engine agree with the crate? Answers whether they accept.
fn agreed(bytes: &[u8]) -> bool {
    let (ours, theirs) = (check(bytes), walk(bytes));
    assert_eq!(ours.is_ok(), theirs.is_ok(), "{ours:?}, {:?}: {bytes:x?}", theirs.err());
    if let Err(error) = &ours {
        // A length above 16 MiB is that of a document that is too large.
        assert!(matches!(error.code(), 22 | 2), "{error}");
    }
    ours.is_ok()
}

#[test]
fn the_document_that_is_bent_is_sound() {
    assert!(agreed(&document()));
    let world = World::new();
    let collection = world.collection("new");
    let doc = RawDocument::from_bytes(&document()).expect("a document").to_owned();
    collection.insert_one(&doc).expect("inserts");
    assert_eq!(collection.find_by_id(1).expect("read"), Some(doc));
}

#[test]
fn whatever_a_byte_becomes_the_crate_says_if_it_is_bson() {
    let doc = document();
    let (mut accepted, mut refused) = (0, 0);
    for at in 0..doc.len() {
        assert!(!agreed(&doc[..at]), "cut off at {at}");
        for byte in 0..=255 {
            match agreed(&bent(&doc, at, &[byte])) {
                true => accepted += 1,
                false => refused += 1,
            }
        }
    }
    assert!(accepted > 20_000 && refused > 20_000, "{accepted} {refused}");
    assert!(!agreed(&[&doc[..], b"\0"].concat()), "something follows");
}

#[test]
fn every_request_refuses_what_is_not_bson() {
    let (world, doc) = (World::new(), document());
    let mut bad = with_wrong_lengths(&doc);
    bad.extend((4..doc.len() - 1).map(|len| cut(&doc, len)));
    // Names and strings without their NUL, and text that is not UTF-8.
    let zeros = (4..doc.len() - 1).filter(|at| doc[*at] == 0);
    bad.extend(zeros.map(|at| bent(&doc, at, b"x")));
    let letters = (4..doc.len() - 1).filter(|at| doc[*at].is_ascii_alphabetic());
    bad.extend(letters.map(|at| bent(&doc, at, b"\xe9")));
    let mut count = 0;
    for bytes in bad {
        let accepted = agreed(&bytes);
        // What does not even begin and end as a document, the crate lets nobody have.
        let Ok(document) = RawDocument::from_bytes(&bytes) else { continue };
        if accepted {
            continue;
        }
        count += 1;
        for (request, done) in every_request(&world, document) {
            world.refused((request, document.as_bytes()), done, 22);
        }
        if count % 50 == 0 {
            world.unchanged();
        }
    }
    assert!(count > 400, "{count}");
    world.unchanged();
}
