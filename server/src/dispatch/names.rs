//! Names that were met: is one there twice? However many a client sends, that takes one look each.

use std::collections::HashSet;

/// So many are simply looked through: most commands have fewer.
const FEW: usize = 32;

/// Names, each once.
#[derive(Debug, Default)]
pub struct Names<'a> {
    few: Vec<&'a str>,
    more: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    /// Adds one; false if it was there.
    pub fn add(&mut self, name: &'a str) -> bool {
        if self.contains(name) {
            return false;
        }
        if self.few.len() < FEW {
            self.few.push(name);
        } else {
            self.more.insert(name);
        }
        true
    }

    /// Is it there?
    pub fn contains(&self, name: &str) -> bool {
        self.few.contains(&name) || (!self.more.is_empty() && self.more.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_added_once() {
        let texts: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        let mut names = Names::default();
        for text in &texts {
            assert!(!names.contains(text));
            assert!(names.add(text));
        }
        assert!(texts.iter().all(|text| !names.add(text) && names.contains(text)));
        assert!(!names.contains("1000"));
    }
}
