//! Does what the commands say of data agree with what was put in, also after damage and crashes?
//! All of it through the built binary.

mod chart;
mod crash;
mod demo;
mod ingest;
mod repair;
mod support;
