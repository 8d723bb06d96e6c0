//! Are documents and requests that cannot be refused with MongoDB's code, and is nothing changed
//! then: not a document, not an index entry, not a figure, not a byte of a data file?
//!
//! The codes are those that a mongod 5.0.4 gives for the same request, unless a comment says why
//! not: MMAPv1 decides otherwise, or mongod of its time did.

mod bson;
mod documents;
mod duplicates;
mod keys;
mod names;
mod requests;
mod world;
