//! Do the articles' schemas count right, grow only where they are meant to grow, and fail where
//! MongoDB fails?

mod counting;
mod erroneous;
mod growth;
mod hits;
mod preallocate;
mod technology;
