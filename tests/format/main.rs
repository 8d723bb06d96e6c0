//! Do the documentation and the code show the same bytes?

mod tables;
