//! Documents for the tests of this folder and of those above it.

use oorandom::Rand32;

use super::builder::{Builder, Index};
use super::number::Number;
use super::ty;

/// Names that random documents use; few, so that paths hit.
pub const NAMES: [&str; 6] = ["a", "b", "c", "0", "1", "long_name_of_a_field"];

fn day() -> Builder {
    let mut doc = Builder::new();
    doc.str("_id", "20001010/site-1/apache_pb.gif");
    doc.begin(ty::DOCUMENT, "metadata").str("site", "site-1").str("page", "/apache_pb.gif").end();
    zeroes(doc.begin(ty::DOCUMENT, "hourly"), 24).end();
    doc
}

fn zeroes(doc: &mut Builder, count: usize) -> &mut Builder {
    for i in 0..count {
        doc.number(Index::new(i), Number::Int32(0));
    }
    doc
}

/// A pre-allocated day: `_id`, `metadata`, `hourly` 0–23, `minute` 0–23 of 0–59.
pub fn hierarchical_day() -> Vec<u8> {
    let mut doc = day();
    doc.begin(ty::DOCUMENT, "minute");
    for hour in 0..24 {
        zeroes(doc.begin(ty::DOCUMENT, Index::new(hour)), 60).end();
    }
    doc.end();
    doc.finish()
}

/// A pre-allocated day with `minute` 0–1439.
pub fn flat_day() -> Vec<u8> {
    let mut doc = day();
    zeroes(doc.begin(ty::DOCUMENT, "minute"), 1440).end();
    doc.finish()
}

/// A small document of all kinds of values, some names twice.
pub fn random_document(rng: &mut Rand32) -> Vec<u8> {
    let mut doc = Builder::new();
    append_random(rng, &mut doc, 3);
    doc.finish()
}

fn append_random(rng: &mut Rand32, doc: &mut Builder, levels: u32) {
    for i in 0..rng.rand_range(0..6) as usize {
        let name = NAMES[rng.rand_range(0..6) as usize];
        append_random_value(rng, doc, name.as_bytes(), levels, i);
    }
}

fn append_random_value(rng: &mut Rand32, doc: &mut Builder, name: &[u8], levels: u32, i: usize) {
    let small = i64::from(rng.rand_range(0..5)) - 2;
    match rng.rand_range(0..9) {
        0 | 1 if levels > 0 => {
            append_random(rng, doc.begin(ty::DOCUMENT, name), levels - 1);
            doc.end();
        }
        2 if levels > 0 => {
            doc.begin(ty::ARRAY, name);
            for i in 0..rng.rand_range(0..4) as usize {
                append_random_value(rng, doc, Index::new(i).as_ref(), levels - 1, i);
            }
            doc.end();
        }
        3 => {
            doc.str(name, ["", "x", "text"][rng.rand_range(0..3) as usize]);
        }
        4 => {
            doc.null(name);
        }
        5 => {
            doc.number(name, Number::Int64(small << 40));
        }
        6 => {
            doc.number(name, Number::Double(small as f64 / 2.0));
        }
        7 => {
            doc.object_id(name, [i as u8; 12]);
        }
        _ => {
            doc.number(name, Number::Int32(small as i32));
        }
    }
}
