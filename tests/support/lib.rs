//! What the whole-system tests share: seeds, directories that are checked when they are closed,
//! and a naive model of a collection. Nothing here reads a byte of a data file.

#![forbid(unsafe_code)]

pub mod crash;
pub mod dbpath;
pub mod evaluate;
pub mod keys;
pub mod model;
pub mod order;
pub mod seed;
