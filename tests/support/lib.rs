//! What the whole-system tests share: seeds, directories that are checked when they are closed,
//! a naive model of a collection, and what is fuzzed.

#![forbid(unsafe_code)]

pub mod bson_walk;
pub mod crash;
pub mod damage;
pub mod dbpath;
pub mod evaluate;
pub mod every_type;
pub mod fuzz;
pub mod journal_bytes;
pub mod keys;
pub mod language;
pub mod model;
pub mod order;
pub mod random_run;
pub mod seed;
pub mod watched_disk;
