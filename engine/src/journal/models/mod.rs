//! Every interleaving of the gate, the stripes, the dirty lines and the hand-over of a commit, by
//! loom.
//!
//! Loom runs a model again and again until it has tried every order of its atomic operations
//! and locks, and every value that a relaxed load may see; a thread that sleeps for ever is
//! found too. [`check`] bounds the times that a thread is interrupted where it need not wait.
//! Bytes of a file are stood for by relaxed atomics: whoever is not ordered behind a write may
//! read what was there before; those of lines also by loom's cells, which tell a race. Each model
//! has canaries: [`Weakness`], or a misuse, with which it must fail.

mod commit;
mod gate;
mod lines;
mod stripes;

use crate::sync::model::{Weakness, weaken};

/// Runs `model` under every schedule in which threads are interrupted at most `interruptions`
/// times, all else as in production but for `weakness`.
fn check(interruptions: usize, weakness: Weakness, model: impl Fn() + Send + Sync + 'static) {
    weaken(weakness);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(interruptions);
    builder.check(model);
}
