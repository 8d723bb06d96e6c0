//! Filters: parse one, ask it about a document.

pub mod filter;
mod matcher;

pub use filter::Filter;
