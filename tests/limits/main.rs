//! Does it hold at the edges: one directory for one process, the largest document, every type
//! of value, the longest names?

mod documents;
mod lock;
