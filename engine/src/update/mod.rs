//! Updates: parse one, find out what it does to a document, say which bytes change.
//!
//! Pure: an update takes the bytes of a document and gives a [`Mutation`]; writing it is the
//! collection's work. Nothing here knows records or files.

mod add_to_set;
mod apply;
mod arithmetic;
mod array;
mod array_filters;
mod bit;
mod current_date;
mod expand;
mod field_order;
mod inc;
pub mod increment;
mod indexed_paths;
mod min_max;
mod mul;
mod mutation;
mod operators;
mod path_tree;
mod pipeline;
mod pop;
mod pull;
mod pull_all;
mod push;
mod push_sort;
mod rebuild;
mod rename;
mod replacement;
mod set;
mod set_on_insert;
mod storage_names;
pub mod template;
mod unset;
mod update_path;
pub mod upsert;
mod value_set;

pub use apply::{Applied, Context};
pub use field_order::FieldOrder;
pub use indexed_paths::IndexedPaths;
pub use mutation::Mutation;
pub use operators::Update;
pub use pipeline::Pipeline;

#[cfg(test)]
mod tests;
