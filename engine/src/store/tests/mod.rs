//! The store as a whole, on files in memory: every test ends with a check of every byte.

mod capped;
mod compaction;
mod damage;
mod growth;
mod policies;
pub mod support;
mod worked_example;
