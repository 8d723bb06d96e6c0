//! What is done: operations chosen by a seed, each in sight of what there is by then.

use oorandom::Rand32;

use super::world::World;

/// One operation. `ns` is a full name.
#[derive(Debug, Clone)]
pub enum Op {
    Insert {
        ns: String,
        id: i32,
        text: usize,
    },
    InsertMany {
        ns: String,
        first: i32,
        count: i32,
        text: usize,
    },
    Increment {
        ns: String,
        id: i32,
        by: i32,
    },
    Grow {
        ns: String,
        id: i32,
        text: usize,
    },
    Upsert {
        ns: String,
        id: i32,
        by: i32,
    },
    Replace {
        ns: String,
        id: i32,
        text: usize,
    },
    AddToMany {
        ns: String,
        k: i32,
    },
    Delete {
        ns: String,
        id: i32,
    },
    DeleteMany {
        ns: String,
        k: i32,
    },
    CreateIndex {
        ns: String,
        field: &'static str,
    },
    DropIndex {
        ns: String,
        field: &'static str,
    },
    CreateCapped {
        ns: String,
    },
    /// A capped collection that needs a data file of its own.
    CreateLarge {
        ns: String,
    },
    CreateTemplate {
        ns: String,
    },
    /// Some documents into a capped collection.
    Log {
        ns: String,
        count: i32,
        text: usize,
    },
    Compact {
        ns: String,
    },
    Truncate {
        ns: String,
    },
    Rename {
        from: String,
        to: String,
    },
    Drop {
        ns: String,
    },
    DropDatabase {
        name: &'static str,
    },
    /// The operations before it are durable when it returns.
    WaitDurable,
    /// Data files synced, the older journal gone.
    Sync,
    /// Closed and opened again.
    Reopen,
}

/// Each kind of operation by name, in order of declaration.
pub const KINDS: [&str; 23] = [
    "insert",
    "insert many",
    "increment",
    "grow",
    "upsert",
    "replace",
    "add to many",
    "delete",
    "delete many",
    "create index",
    "drop index",
    "create capped",
    "create large",
    "create template",
    "log",
    "compact",
    "truncate",
    "rename",
    "drop",
    "drop database",
    "wait durable",
    "sync",
    "reopen",
];

/// Pages whose hits are counted, and never go away.
pub const HITS: &str = "d.hits";
/// Its documents, made first.
pub const PAGES: i32 = 4;
const DOCS: [&str; 3] = ["d.docs", "d.renamed", "e.docs"];
const LOG: &str = "d.log";
const TEMPLATE: &str = "d.template";
/// Texts from a few bytes to more than a page.
const TEXTS: [usize; 5] = [3, 60, 300, 1500, 6000];

impl Op {
    /// One of [`KINDS`].
    pub fn kind(&self) -> &'static str {
        KINDS[match self {
            Op::Insert { .. } => 0,
            Op::InsertMany { .. } => 1,
            Op::Increment { .. } => 2,
            Op::Grow { .. } => 3,
            Op::Upsert { .. } => 4,
            Op::Replace { .. } => 5,
            Op::AddToMany { .. } => 6,
            Op::Delete { .. } => 7,
            Op::DeleteMany { .. } => 8,
            Op::CreateIndex { .. } => 9,
            Op::DropIndex { .. } => 10,
            Op::CreateCapped { .. } => 11,
            Op::CreateLarge { .. } => 12,
            Op::CreateTemplate { .. } => 13,
            Op::Log { .. } => 14,
            Op::Compact { .. } => 15,
            Op::Truncate { .. } => 16,
            Op::Rename { .. } => 17,
            Op::Drop { .. } => 18,
            Op::DropDatabase { .. } => 19,
            Op::WaitDurable => 20,
            Op::Sync => 21,
            Op::Reopen => 22,
        }]
    }

    /// The next operation on `world`. The first ones make the pages of [`HITS`].
    pub fn choose(random: &mut Rand32, number: usize, world: &World) -> Op {
        let below = |random: &mut Rand32, n: usize| random.rand_range(0..n as u32) as usize;
        if number == 0 {
            return Op::InsertMany { ns: HITS.into(), first: 0, count: PAGES, text: 100 };
        }
        // Half of the scripts have each of them from the start.
        if number <= 4 && below(random, 2) == 0 {
            let ns = DOCS[0].to_owned();
            match number {
                1 => return Op::CreateCapped { ns: LOG.into() },
                2 if world.0.contains_key(TEMPLATE) => {}
                2 => return Op::CreateTemplate { ns: TEMPLATE.into() },
                3 => return Op::CreateIndex { ns, field: "s" },
                _ => return Op::InsertMany { ns, first: 0, count: 40, text: 3 },
            }
        }
        let docs = DOCS[below(random, DOCS.len())].to_owned();
        let text = TEXTS[below(random, TEXTS.len())];
        let id = match world.0.get(&docs).map(|found| &found.documents) {
            Some(found) if !found.is_empty() && below(random, 4) > 0 => {
                *found.keys().nth(below(random, found.len())).expect("one of them")
            }
            _ => below(random, 100) as i32,
        };
        let (ns, by) = (docs, below(random, 9) as i32 + 1);
        let field = ["k", "u", "n", "s"][below(random, 4)];
        match below(random, 100) {
            0..12 => Op::Insert { ns, id: below(random, 100) as i32, text },
            12..19 => {
                let first = below(random, 100) as i32;
                Op::InsertMany { ns, first, count: by * 4, text: text.min(300) }
            }
            19..31 => Op::Increment { ns: HITS.into(), id: id % PAGES, by },
            31..38 => Op::Grow { ns, id, text: text * 2 },
            38..42 => Op::Upsert { ns, id, by },
            42..46 => Op::Replace { ns, id, text },
            46..50 => Op::AddToMany { ns, k: by % 5 },
            50..54 => Op::Delete { ns, id },
            54..57 => Op::DeleteMany { ns, k: by % 5 },
            57..61 => Op::CreateIndex { ns, field },
            61 => Op::DropIndex { ns, field },
            63 => Op::CreateLarge { ns: "d.large".into() },
            64..67 if !world.0.contains_key(LOG) => Op::CreateCapped { ns: LOG.into() },
            64..71 if world.0.contains_key(LOG) => Op::Log { ns: LOG.into(), count: by, text },
            71..73 if !world.0.contains_key(TEMPLATE) => Op::CreateTemplate { ns: TEMPLATE.into() },
            71..76 if world.0.contains_key(TEMPLATE) => {
                Op::Increment { ns: TEMPLATE.into(), id: id % 9, by }
            }
            76..78 => Op::Compact { ns },
            78 => Op::Truncate { ns },
            79 => Op::Rename {
                from: DOCS[below(random, 2)].into(),
                to: DOCS[below(random, 2)].into(),
            },
            80 | 82 => Op::Drop { ns: [ns, LOG.into()][below(random, 2)].clone() },
            62 | 81 => Op::DropDatabase { name: "e" },
            83..85 => Op::Sync,
            85..87 => Op::Reopen,
            _ => Op::WaitDurable,
        }
    }
}
