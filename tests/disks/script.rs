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
    parts.extend(filled());
    parts.extend(otherwise());
    parts.extend(opening());
    parts
}

/// A new directory, from its first database to its last.
fn living() -> Vec<Part> {
    let new = vec![
        growing(insert_first()),
        wait_durable(),
        create_with_options(),
        upsert(),
        insert_more(),
        sync(),
        increment(),
        create_capped(),
        log(),
    ];
    let more = vec![
        fill_up(),
        growing(insert_large()),
        wait_durable(),
        increment(),
        growing(insert_elsewhere()),
        delete_large(),
        wait_durable(),
        increment(),
    ];
    let catalogue = vec![
        rename(),
        create_index(),
        wait_durable(),
        truncate(),
        wait_durable(),
        drop_index(),
        drop_database(),
        drop_collection(),
    ];
    vec![
        part("new", Start::New, JOURNALED, new),
        part("growing", Start::Closed("new"), JOURNALED, more),
        part("catalogue", Start::Closed("growing"), JOURNALED, catalogue),
    ]
}

/// What else takes extents, where there are none.
fn filled() -> Vec<Part> {
    let moving = vec![fill_up(), growing(move_document()), wait_durable()];
    let indexing = vec![fill_up(), growing(create_index()), wait_durable(), drop_index()];
    let compacting = vec![create_index(), fill_up(), growing(compact()), wait_durable()];
    vec![
        part("moving", Start::Closed("new"), JOURNALED, moving),
        part("indexing", Start::Closed("new"), JOURNALED, indexing),
        part("compacting", Start::Closed("new"), JOURNALED, compacting),
    ]
}

/// The same in short, with other options.
fn otherwise() -> Vec<Part> {
    let apart = vec![
        growing(insert_first()),
        wait_durable(),
        growing(insert_elsewhere()),
        drop_database(),
        increment(),
    ];
    let unjournaled = vec![
        growing(insert_first()),
        wait_durable(),
        fill_up(),
        growing(insert_large()),
        sync(),
        growing(insert_elsewhere()),
        drop_database(),
        increment(),
    ];
    vec![
        part("a directory for each", Start::New, APART, apart),
        part("without a journal", Start::New, UNJOURNALED, unjournaled),
    ]
}

/// Recoveries, and opening read-only.
fn opening() -> Vec<Part> {
    let recovery = vec![increment(), wait_durable()];
    let apart = Start::Killed("a directory for each");
    vec![
        part("recovery", Start::Killed("growing"), JOURNALED, recovery),
        part("recovery of drops", Start::Killed("catalogue"), JOURNALED, vec![increment()]),
        part("recovery of directories", apart, APART, vec![]),
        part("reading what crashed", Start::Killed("growing"), READ_ONLY, vec![]),
        part("reading", Start::Closed("catalogue"), READ_ONLY, vec![]),
    ]
}
