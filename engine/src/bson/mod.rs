//! Documents as bytes: walk them, find fields, compare values, write new ones.
//!
//! Pure: no files, no locks, no clock. Documents enter and leave the engine as the types of
//! the `bson` crate; inside they are the bytes that lie in the record.

pub mod builder;
pub mod collation;
pub mod compare;
pub mod decimal;
pub mod document;
pub mod element;
pub mod field;
pub mod field_path;
pub mod number;
pub mod object_id;
pub mod shape;
#[cfg(test)]
pub mod test_documents;
pub mod text;
pub mod timestamp;
pub mod ty;
