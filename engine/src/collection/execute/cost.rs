//! What finding documents came to, in short.

use super::{Looked, Node};
use crate::bson::builder::Builder;
use crate::bson::element::get;
use crate::bson::text;

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
