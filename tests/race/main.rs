//! Do threads that work on the same documents leave exact sums, whole documents, and a store that
//! validates?

mod closing;
mod create;
mod mixed;
mod neighbours;
mod scans;
mod support;
mod torn;
mod upsert;
mod wait_durable;
