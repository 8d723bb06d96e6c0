//! What is known by name: one core per name for as long as somebody has it or it exists.
//!
//! - N1. A name leads to one core for all who hold one.
//! - N2. There are never more than twice as many cores as were needed when they were last looked
//!   through, or [`SWEEP_MIN`]: names that are asked for and never created are forgotten.

use std::collections::HashMap;
use std::sync::Arc;

/// Cores below which nobody looks.
const SWEEP_MIN: usize = 64;

/// Cores by name. Whoever has the table has no lock of a core.
#[derive(Debug)]
pub struct NameTable<T> {
    cores: HashMap<String, Arc<T>>,
    /// Is a core needed that nobody holds? Asked only where nobody does.
    is_needed: fn(&T) -> bool,
    sweep_at: usize,
}

impl<T> NameTable<T> {
    /// No core is known.
    pub fn new(is_needed: fn(&T) -> bool) -> NameTable<T> {
        NameTable { cores: HashMap::new(), is_needed, sweep_at: SWEEP_MIN }
    }

    /// The core of this name.
    pub fn get(&self, name: &str) -> Option<&Arc<T>> {
        self.cores.get(name)
    }

    /// Adds the core of a name that has none.
    pub fn add(&mut self, name: &str, core: Arc<T>) {
        if self.cores.len() >= self.sweep_at {
            // Who holds one could take another only by this table.
            self.cores.retain(|_, core| Arc::strong_count(core) > 1 || (self.is_needed)(core));
            self.sweep_at = SWEEP_MIN.max(2 * self.cores.len());
        }
        self.cores.insert(name.to_owned(), core);
    }

    /// All cores with their names, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<T>)> {
        self.cores.iter().map(|(name, core)| (name.as_str(), core))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_or_needed_stays() {
        let mut table = NameTable::new(|n: &u32| n.is_multiple_of(1000));
        let mut held = Vec::new();
        let mut most = 0;
        for n in 0..100_000 {
            let core = Arc::new(n);
            if n % 1000 == 1 {
                held.push(core.clone());
            }
            table.add(&n.to_string(), core);
            most = most.max(table.iter().count());
        }
        // 200 stay.
        assert!(most <= 2 * 200 + 1, "{most}");
        for core in held {
            assert!(Arc::ptr_eq(&core, table.get(&core.to_string()).expect("held")));
            let needed = (*core - 1).to_string();
            assert!(table.get(&needed).is_some());
        }
    }
}
