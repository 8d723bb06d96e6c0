//! The language, compared: random scripts of commands, run on two targets, and what came of it.
//!
//! A [`case::Case`] is made from a seed and a number. [`target::Target`] is whoever answers
//! commands: the engine, a MongoDB server, or the naive evaluator. [`compare`] decides
//! whether two replies say the same.

mod batches;
pub mod case;
pub mod compare;
pub mod cursors;
#[cfg(feature = "reference")]
pub mod dispatched;
pub mod embedded;
mod expressions;
mod filters;
mod finds;
mod indexes;
pub mod known;
mod known_writes;
pub mod naive;
mod pipelines;
#[cfg(feature = "reference")]
pub mod reference;
pub mod run;
pub mod shell;
pub mod target;
mod updates;
mod values;
