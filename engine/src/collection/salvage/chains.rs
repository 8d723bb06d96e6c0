//! Which extents belong to which namespace, by chains that may be broken.
//!
//! C1. A link counts if the extent that it leads to links back, was made for the same namespace,
//!     or has no header left that could say so. So one wrong link neither loses an extent nor
//!     takes one from another namespace.
//! C2. Whole chains come first: no extent of theirs, and no free one, goes to a broken chain.
//! C3. What no chain has goes to the namespace that it was made for, if that is one which lost
//!     something. A rename does not change what an extent was made for.

use std::collections::{HashMap, HashSet};

use super::extents::{Extents, Header, Remains};
use super::nodes::Node;
use crate::disk::View;
use crate::disk_loc::{DiskLoc, ExtentLoc, FileNo};
use crate::format::data_file_header::{FREE_LIST_END, FREE_LIST_START};

/// The extents of one namespace.
#[derive(Debug, Clone, Default)]
pub struct Chain {
    /// From the first to the last; those that no link leads to come after.
    pub extents: Vec<ExtentLoc>,
    /// Did every link lead on, both ways, from the first to the last?
    pub is_whole: bool,
}

/// The chains by namespace, and what is left over.
#[derive(Debug)]
pub struct Chains {
    by_name: HashMap<String, Chain>,
    left: HashMap<String, Vec<ExtentLoc>>,
}

/// The key of the list of free extents, which no namespace can have.
const FREE: &str = "";

type Ends = (Option<ExtentLoc>, Option<ExtentLoc>);

impl Chains {
    /// Follows the chains of all `nodes` and the list of free extents.
    pub fn follow(view: &impl View, extents: &Extents, nodes: &[Node]) -> Chains {
        let mut taken = HashSet::new();
        let mut by_name = HashMap::new();
        let free = (free_end(view, FREE_LIST_START.ofs), free_end(view, FREE_LIST_END.ofs));
        let named = nodes.iter().filter(|node| node.is_in_use);
        let named = named.map(|node| (Some(node.name.as_str()), node.ends));
        let all: Vec<(Option<&str>, Ends)> = named.chain([(None, free)]).collect();
        // C2.
        for wants_whole in [true, false] {
            for (name, ends) in &all {
                let key = name.unwrap_or(FREE).to_owned();
                if by_name.contains_key(&key) {
                    continue;
                }
                let chain = chain(extents, &taken, *name, *ends);
                if chain.is_whole || !wants_whole {
                    taken.extend(chain.extents.iter().copied());
                    by_name.insert(key, chain);
                }
            }
        }
        let mut left: HashMap<String, Vec<ExtentLoc>> = HashMap::new();
        for remains in extents.values().filter(|remains| !taken.contains(&remains.loc)) {
            left.entry(remains.ns.clone()).or_default().push(remains.loc);
        }
        Chains { by_name, left }
    }

    /// The extents of namespace `name` (C3).
    pub fn of(&self, name: &str) -> Chain {
        let mut chain = self.by_name.get(name).cloned().unwrap_or_default();
        let left = self.left.get(name).filter(|_| !chain.is_whole || chain.extents.is_empty());
        if let Some(left) = left {
            chain.extents.extend(left);
            chain.is_whole = false;
        }
        chain
    }

    /// The namespaces for which extents were made that no chain has. None if the list of free
    /// extents is broken: they may be of collections that were dropped.
    pub fn left_over(&self) -> impl Iterator<Item = &str> {
        let is_known = self.by_name.get(FREE).is_some_and(|free| free.is_whole);
        self.left.keys().map(String::as_str).filter(move |_| is_known)
    }
}

fn free_end(view: &impl View, ofs: usize) -> Option<ExtentLoc> {
    let field = crate::format::Field::<DiskLoc>::new(ofs);
    let end = view.get(DiskLoc::new(FileNo::FIRST, 0), field).ok()?;
    Some(ExtentLoc(end)).filter(|_| !end.is_null_or_unset())
}

/// One direction along a chain: the link that leads on, and the one that leads back.
#[derive(Clone, Copy)]
struct Along {
    on: fn(&Remains) -> DiskLoc,
    back: fn(&Remains) -> DiskLoc,
}

const FORWARD: Along = Along { on: |extent| extent.next, back: |extent| extent.prev };
const BACKWARD: Along = Along { on: |extent| extent.prev, back: |extent| extent.next };

fn chain(
    extents: &Extents,
    taken: &HashSet<ExtentLoc>,
    name: Option<&str>,
    (first, last): Ends,
) -> Chain {
    let (mut chain, end) = walk(extents, taken, name, first, FORWARD);
    if end == End::Whole && chain.last().copied() == last {
        return Chain { extents: chain, is_whole: true };
    }
    let (backward, _) = walk(extents, taken, name, last, BACKWARD);
    let met: HashSet<_> = chain.iter().copied().collect();
    chain.extend(backward.into_iter().rev().filter(|loc| !met.contains(loc)));
    Chain { extents: chain, is_whole: false }
}

/// How a walk ended.
#[derive(PartialEq, Eq)]
enum End {
    /// At a null link, all links having been right.
    Whole,
    Broken,
}

fn walk(
    extents: &Extents,
    taken: &HashSet<ExtentLoc>,
    name: Option<&str>,
    from: Option<ExtentLoc>,
    along: Along,
) -> (Vec<ExtentLoc>, End) {
    let (mut walked, mut met, mut end) = (Vec::new(), HashSet::new(), End::Whole);
    let mut before: Option<&Remains> = None;
    let mut next = from;
    while let Some(loc) = next {
        let found = extents.get(&loc).filter(|_| !taken.contains(&loc) && met.insert(loc));
        let Some(extent) = found else { return (walked, End::Broken) };
        let back = (along.back)(extent);
        let links_back = match before {
            None => back.is_null(),
            Some(before) => back == before.loc.0,
        };
        // An extent of the free list was made for whoever had it.
        let made_for = before.map_or(name, |before| name.map(|_| before.ns.as_str()));
        let is_ruined = extent.header == Header::Ruined;
        if !links_back && !is_ruined && made_for != Some(extent.ns.as_str()) {
            return (walked, End::Broken);
        }
        walked.push(loc);
        if is_ruined {
            return (walked, End::Broken);
        }
        if !links_back || extent.header != Header::Sound {
            end = End::Broken;
        }
        before = Some(extent);
        let on = (along.on)(extent);
        next = Some(ExtentLoc(on)).filter(|_| !on.is_null());
    }
    (walked, end)
}
