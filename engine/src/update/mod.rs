//! Updates: parse one, find out what it does to a document, say which bytes change.
//!
//! Pure: an update takes the bytes of a document and gives a [`Mutation`]; writing it is the
//! collection's work. Nothing here knows records or files.

mod apply;
mod arithmetic;
mod inc;
pub mod increment;
mod indexed_paths;
mod min_max;
mod mul;
mod mutation;
mod operators;
mod path_tree;
mod rebuild;
mod replacement;
mod set;
mod set_on_insert;
mod storage_names;
pub mod template;
mod unset;
pub mod upsert;

pub use apply::{Applied, Context};
pub use indexed_paths::IndexedPaths;
pub use mutation::Mutation;
pub use operators::Update;

#[cfg(test)]
mod tests;
