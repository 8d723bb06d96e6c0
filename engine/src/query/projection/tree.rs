//! The tree of names that a projection is.

use std::collections::HashMap;

use super::slice::Slice;
use crate::expression::Expression;
use crate::query::filter::Test;

/// What becomes of a field that no rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It is left out.
    Inclusion,
    /// It stays.
    Exclusion,
}

/// What becomes of a field.
#[derive(Debug)]
pub(super) enum Rule {
    /// It stays.
    Include,
    /// It is left out.
    Exclude,
    /// `$slice`: a part of it stays, if it is an array.
    Slice(Slice),
    /// It stays; the first array on the way to it becomes the element that matched.
    Positional,
    /// The first element that passes the test stays, if there is one.
    ElemMatch(Box<Test>),
    /// It becomes what the expression comes to.
    Computed(Box<Expression>),
    /// There are rules for the fields below it.
    Below(Node),
}

/// A rule and the name that it is for.
#[derive(Debug)]
pub(super) struct Named {
    /// The whole path.
    pub(super) path: Box<str>,
    /// Where the name begins in it.
    name_at: usize,
    pub(super) rule: Rule,
}

impl Named {
    pub(super) fn name(&self) -> &[u8] {
        &self.path.as_bytes()[self.name_at..]
    }
}

/// Rules for the fields of a document.
#[derive(Debug, Default)]
pub(super) struct Node {
    rules: Vec<Named>,
    /// Where a name's rule is; kept once there are many.
    places: HashMap<Box<[u8]>, usize, foldhash::fast::RandomState>,
    /// Is there a computed field here or below?
    pub(super) has_computed: bool,
    /// Is there a positional `$` here or below?
    pub(super) has_positional: bool,
    /// Is there a rule here whose field comes behind those that are kept?
    pub(super) has_behind: bool,
}

/// Up to how many names are compared one by one.
const FEW: usize = 8;

impl Node {
    /// The rules in the order in which the projection names them.
    pub(super) fn rules(&self) -> &[Named] {
        &self.rules
    }

    /// The place of the rule for `name`.
    #[inline]
    pub(super) fn place(&self, name: &[u8]) -> Option<usize> {
        if self.rules.len() <= FEW {
            return self.rules.iter().position(|named| named.name() == name);
        }
        self.places.get(name).copied()
    }

    /// The rule for `name`, to be changed.
    pub(super) fn rule_mut(&mut self, name: &[u8]) -> Option<&mut Rule> {
        self.place(name).map(|at| &mut self.rules[at].rule)
    }

    /// Adds a rule for a name that has none: the last component of `path`.
    pub(super) fn add(&mut self, path: &str, rule: Rule) -> &mut Rule {
        let name_at = path.rfind('.').map_or(0, |dot| dot + 1);
        let at = self.rules.len();
        self.places.insert(path.as_bytes()[name_at..].into(), at);
        self.rules.push(Named { path: path.into(), name_at, rule });
        &mut self.rules[at].rule
    }

    /// Removes the rules of names that `keep` does not want.
    pub(super) fn retain(&mut self, keep: impl Fn(&Named) -> bool) {
        self.rules.retain(keep);
        self.places = HashMap::default();
        for (at, named) in self.rules.iter().enumerate() {
            self.places.insert(named.name().into(), at);
        }
    }

    /// Finds out what is below, once all rules are there.
    pub(super) fn seal(&mut self, mode: Mode) {
        for named in &mut self.rules {
            let (computed, positional, behind) = match &mut named.rule {
                Rule::Below(node) => {
                    node.seal(mode);
                    (node.has_computed, node.has_positional, node.has_computed)
                }
                Rule::Computed(_) => (true, false, true),
                Rule::ElemMatch(_) => (false, false, mode == Mode::Inclusion),
                Rule::Positional => (false, true, false),
                Rule::Include | Rule::Exclude | Rule::Slice(_) => (false, false, false),
            };
            self.has_computed |= computed;
            self.has_positional |= positional;
            self.has_behind |= behind;
        }
    }
}
