//! The script: every operation of the engine that touches the disk, in parts that each begin
//! where another ended.

use crate::stage::How;
use crate::steps::*;

/// Where a part begins.
#[derive(Debug, Clone, Copy)]
pub enum Start {
    New,
    /// What the part of this name left.
    Closed(&'static str),
    /// What it had on the disk before it closed, its engine killed.
    Killed(&'static str),
}

/// Opens, does its steps, closes.
pub struct Part {
    pub name: &'static str,
    pub start: Start,
    pub how: How,
    pub steps: Vec<Step>,
}

const JOURNALED: How = How { read_only: false, directory_per_db: false, unjournaled: false };
const READ_ONLY: How = How { read_only: true, ..JOURNALED };
const APART: How = How { directory_per_db: true, ..JOURNALED };
const UNJOURNALED: How = How { unjournaled: true, ..JOURNALED };

fn part(name: &'static str, start: Start, how: How, steps: Vec<Step>) -> Part {
    Part { name, start, how, steps }
}

/// The parts, each after the one that it begins with.
pub fn parts() -> Vec<Part> {
    let mut parts = living();
    parts.extend(otherwise());
    parts.extend(opening());
    parts
}

/// A new directory, from its first database to its last.
fn living() -> Vec<Part> {
    vec![
        part(
            "new",
            Start::New,
            JOURNALED,
            vec![
                insert_first(),
                wait_durable(),
                create_with_options(),
                create_capped(),
                upsert(),
                sync(),
                increment(),
                log(),
            ],
        ),
        part(
            "growing",
            Start::Closed("new"),
            JOURNALED,
            vec![
                insert_large(),
                wait_durable(),
                move_document(),
                increment(),
                insert_elsewhere(),
                delete_large(),
                wait_durable(),
                increment(),
            ],
        ),
        part(
            "catalogue",
            Start::Closed("growing"),
            JOURNALED,
            vec![
                create_index(),
                create_second_capped(),
                wait_durable(),
                rename(),
                compact(),
                truncate(),
                wait_durable(),
                drop_index(),
                drop_database(),
                drop_collection(),
            ],
        ),
    ]
}

/// The same in short, with other options.
fn otherwise() -> Vec<Part> {
    vec![
        part(
            "a directory for each",
            Start::New,
            APART,
            vec![insert_first(), wait_durable(), insert_elsewhere(), drop_database(), increment()],
        ),
        part(
            "without a journal",
            Start::New,
            UNJOURNALED,
            vec![
                insert_first(),
                wait_durable(),
                create_capped(),
                insert_large(),
                sync(),
                insert_elsewhere(),
                drop_database(),
                increment(),
            ],
        ),
    ]
}

/// Recoveries, and opening read-only.
fn opening() -> Vec<Part> {
    vec![
        part("recovery", Start::Killed("growing"), JOURNALED, vec![increment(), wait_durable()]),
        part("recovery of drops", Start::Killed("catalogue"), JOURNALED, vec![increment()]),
        part("reading what crashed", Start::Killed("growing"), READ_ONLY, vec![]),
        part("reading", Start::Closed("catalogue"), READ_ONLY, vec![]),
        part("recovery of directories", Start::Killed("a directory for each"), APART, vec![]),
    ]
}
