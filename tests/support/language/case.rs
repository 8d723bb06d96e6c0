//! A case: commands to be run one after the other on the collection `c`.

use bson::{Bson, Document, doc};

use super::shell;
use super::values::Gen;
use crate::seed::Seed;

/// What a case is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Which documents are found; counted; which values they have.
    Filters,
    /// Sorts, projections, skip and limit.
    Sorts,
    /// Updates of every form.
    Updates,
    /// Indexes, and whatever meets them.
    Indexes,
    /// Aggregations.
    Pipelines,
    /// Batches of results, one after the other. By the wire only.
    Cursors,
    /// Many writes in one command, and what is said of each.
    Batches,
}

impl Kind {
    /// Those about what is asked and written.
    pub const LANGUAGE: [Kind; 5] =
        [Kind::Filters, Kind::Sorts, Kind::Updates, Kind::Indexes, Kind::Pipelines];
    /// All of them.
    pub const ALL: [Kind; 7] = [
        Kind::Filters,
        Kind::Sorts,
        Kind::Updates,
        Kind::Indexes,
        Kind::Pipelines,
        Kind::Cursors,
        Kind::Batches,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Filters => "filters",
            Kind::Sorts => "sorts",
            Kind::Updates => "updates",
            Kind::Indexes => "indexes",
            Kind::Pipelines => "pipelines",
            Kind::Cursors => "cursors",
            Kind::Batches => "batches",
        }
    }
}

/// A script of commands.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its number in its run.
    pub number: u64,
    /// What it is about.
    pub kind: Kind,
    /// The commands.
    pub commands: Vec<Document>,
}

impl Case {
    /// The case of this number in a run of this seed. Its number says which of the kinds it is of.
    ///
    /// # Panics
    /// If there are no kinds.
    pub fn new(seed: u64, number: u64, kinds: &[Kind]) -> Case {
        let kind = kinds[(number % kinds.len() as u64) as usize];
        let mut make = Gen::new(Seed::of_case("language", seed, number));
        let documents = make.documents(if kind == Kind::Updates { 6 } else { 12 });
        let mut commands = vec![insert("c", documents)];
        match kind {
            Kind::Filters => {
                for _ in 0..4 {
                    commands.push(match make.below(8) {
                        0 => make.count(),
                        1 => make.distinct(),
                        _ => doc! { "find": "c", "filter": make.filter(3) },
                    });
                }
            }
            Kind::Sorts => {
                for _ in 0..4 {
                    let find = if make.one_in(5) { make.positional_find() } else { make.find() };
                    commands.push(find);
                }
            }
            Kind::Updates => {
                commands.push(make.update());
                commands.push(contents());
            }
            Kind::Indexes => {
                let create = make.create_index();
                commands.push(create.clone());
                for _ in 0..5 {
                    commands.push(make.with_indexes(&create));
                }
                commands.push(contents());
                commands.push(doc! { "listIndexes": "c" });
            }
            Kind::Pipelines => {
                let documents = make.documents(4);
                commands.push(insert("other", documents));
                for _ in 0..3 {
                    commands.push(make.aggregate());
                }
                if commands.iter().any(writes_out) {
                    commands.push(doc! { "find": "out", "sort": { "_id": 1 } });
                }
            }
            Kind::Cursors => {
                commands =
                    vec![insert("c", (0..40).map(|id| doc! { "_id": id, "n": id % 7 }).collect())];
                for _ in 0..3 {
                    commands.extend(make.opened_and_read());
                }
            }
            Kind::Batches => {
                if make.one_in(2) {
                    commands.push(make.unique_index());
                }
                for _ in 0..4 {
                    commands.push(make.batch());
                }
                commands.push(contents());
            }
        }
        Case { number, kind, commands }
    }

    /// The commands, ready to be run in a shell.
    pub fn script(&self) -> String {
        let mut out = format!("// case {} ({})\n", self.number, self.kind.name());
        for command in &self.commands {
            out += &shell::command(command);
            out.push('\n');
        }
        out
    }
}

fn insert(collection: &str, documents: Vec<Document>) -> Document {
    let documents: Vec<Bson> = documents.into_iter().map(Bson::from).collect();
    doc! { "insert": collection, "documents": documents }
}

fn contents() -> Document {
    doc! { "find": "c", "sort": { "_id": 1 } }
}

fn writes_out(command: &Document) -> bool {
    let stages = command.get_array("pipeline").map_or(&[][..], |stages| stages);
    stages.iter().filter_map(Bson::as_document).any(|stage| stage.contains_key("$out"))
}
