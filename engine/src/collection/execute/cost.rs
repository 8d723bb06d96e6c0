//! What finding documents came to, in short.

use std::cell::{Cell, RefCell};

use super::{Looked, Node};
use crate::bson::builder::Builder;
use crate::bson::element::get;
use crate::bson::text;
use crate::counters::Counters;

/// What was looked at, and how.
#[derive(Debug, Clone, Default)]
pub struct Cost {
    pub looked: Looked,
    /// Was anything sorted in memory?
    pub sorts: bool,
    /// Where documents came from: `IXSCAN { a: 1 }`.
    pub plan: String,
}

impl Cost {
    /// That of stages, whether or not they are at their end.
    pub fn of(node: &Node) -> Cost {
        let mut cost = Cost { looked: node.looked(), ..Cost::default() };
        cost.add(node);
        cost
    }

    /// Adds the work of other queries; the first one's plan is told.
    pub fn add_work(&mut self, other: Cost) {
        self.looked.keys += other.looked.keys;
        self.looked.documents += other.looked.documents;
        self.sorts |= other.sorts;
        if self.plan.is_empty() {
            self.plan = other.plan;
        }
    }

    /// Plans are no deeper than a few stages.
    fn add(&mut self, node: &Node) {
        let name = node.stage.name();
        self.sorts |= name == "SORT";
        let inputs = node.stage.inputs();
        inputs.iter().for_each(|input| self.add(input));
        if !inputs.is_empty() {
            return;
        }
        if !self.plan.is_empty() {
            self.plan.push_str(", ");
        }
        self.plan.push_str(name);
        let mut described = Builder::new();
        node.stage.describe(&mut described, false);
        let described = described.finish();
        if let Ok(Some(pattern)) = get(&described, "keyPattern") {
            self.plan.push(' ');
            self.plan.push_str(&text::value(pattern.val()));
        }
    }
}

/// What of a query's work was told already.
#[derive(Debug, Default)]
pub struct Told(Option<Looked>);

impl Told {
    /// Tells the counters, and whoever listens on this thread, what these stages did since they
    /// were asked last.
    pub fn tell(&mut self, counters: &Counters, node: &Node) {
        let now = node.looked();
        let before = self.0.replace(now);
        let told = before.unwrap_or_default();
        let (keys, documents) =
            (now.keys.saturating_sub(told.keys), now.documents.saturating_sub(told.documents));
        counters.keys_examined.add(keys);
        counters.documents_examined.add(documents);
        EXAMINED.with(|sum| {
            let Examined { keys: before, documents: so_far } = sum.get();
            sum.set(Examined { keys: before + keys, documents: so_far + documents });
        });
        let is_first = before.is_none();
        if is_first {
            counters.collection_scans.add(u64::from(has(node, "COLLSCAN")));
            counters.sorts_in_memory.add(u64::from(has(node, "SORT")));
        }
        HEARD.with(|place| {
            let Some(heard) = &mut *place.borrow_mut() else { return };
            heard.looked.keys += keys;
            heard.looked.documents += documents;
            if is_first {
                heard.sorts |= has(node, "SORT");
                if heard.plan.is_empty() {
                    heard.plan = Cost::of(node).plan;
                }
            }
        });
    }
}

/// Is there such a stage? Plans are no deeper than a few stages.
fn has(node: &Node, name: &str) -> bool {
    node.stage.name() == name || node.stage.inputs().iter().any(|input| has(input, name))
}

/// What queries on a thread looked at since it began: for who compares before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Examined {
    /// Entries of indexes.
    pub keys: u64,
    /// Documents.
    pub documents: u64,
}

impl Examined {
    /// Those of this thread.
    #[inline]
    pub fn so_far() -> Examined {
        EXAMINED.with(Cell::get)
    }
}

thread_local! {
    static EXAMINED: Cell<Examined> = const { Cell::new(Examined { keys: 0, documents: 0 }) };
    static HEARD: RefCell<Option<Cost>> = const { RefCell::new(None) };
}

/// Listens to what queries on this thread do, until it is asked for the sum.
#[derive(Debug)]
pub struct Listening(Option<Cost>);

impl Listening {
    /// Begins. Who listened before hears nothing meanwhile.
    pub fn begin() -> Listening {
        Listening(HEARD.with(|place| place.replace(Some(Cost::default()))))
    }

    /// What was done since it began; nothing if no query was at work.
    pub fn end(self) -> Option<Cost> {
        let heard = HEARD.with(|place| place.borrow_mut().take());
        heard.filter(|cost| !cost.plan.is_empty() || cost.looked != Looked::default())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let before = self.0.take();
        HEARD.with(|place| place.replace(before));
    }
}
