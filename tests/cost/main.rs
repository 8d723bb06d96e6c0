//! Does every update say truly what it cost, and does it cost no more than it must?

mod moves;
mod skips;
mod soundness;
mod support;
mod system_calls;
mod work;
