//! Filters, projections, sorts: parse one, ask it about a document.

pub mod field_names;
pub mod filter;
mod matcher;
pub mod mismatch;
pub mod plan;
pub mod projection;
pub mod sort_pattern;
pub mod sorter;
pub mod telling;

pub use filter::{Filter, Matched};
pub use projection::{Policy, Projection};
pub use sort_pattern::SortPattern;
pub use sorter::{SortBound, Sorter};
