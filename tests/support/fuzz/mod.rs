//! What is fuzzed: one function of bytes per target, which panics where a promise is broken.
//! `tests/fuzz` gives them to libFuzzer, `tests/corpus` runs them on the inputs that are kept.

pub mod bson;
pub mod btree;
pub mod frames;
pub mod image;
mod input;
pub mod journal;
pub mod open;
pub mod probe;
pub mod update;

/// A target: its name, which is that of its folders, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 6] = [
    ("bson", bson::run),
    ("btree", btree::run),
    ("frames", frames::run),
    ("journal", journal::run),
    ("open", open::run),
    ("update", update::run),
];
