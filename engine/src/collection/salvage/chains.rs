//! Which extents belong to which namespace, by chains that may be broken.
//!
//! C1. A link counts if the extent that it leads to links back, was made for the same namespace,
//!     or has no header left that could say so. So one wrong link neither loses an extent nor
//!     takes one from another namespace.
//! C2. Whole chains come first: no extent of theirs, and no free one, goes to a broken chain.
//! C3. What no chain has goes to the namespace that it was made for, or that the other extents
//!     of the chain were made for, if that is one which lost something. A rename does not change
//!     what an extent was made for.
//! C4. Following costs what there is, however many nodes lead to one place.

use std::collections::{HashMap, HashSet};

use super::extents::{Extents, Header, Remains};
use super::nodes::Node;
use crate::disk::View;
use crate::disk_loc::{DiskLoc, ExtentLoc, FileNo};
use crate::store::data_file::{DataFile, free_list};

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
    /// Is the list of free extents whole?
    knows_free: bool,
}

/// The key of the list of free extents, which no namespace can have.
const FREE: &str = "";

type Ends = (Option<ExtentLoc>, Option<ExtentLoc>);

impl Chains {
    /// Follows the chains of `nodes` and the list of free extents.
    pub fn follow(view: &impl View, extents: &Extents, nodes: &[&Node]) -> Chains {
        let header = DataFile::read(view, FileNo::FIRST);
        let free = header.and_then(|_| free_list(view)).ok();
        let free_ends = free.flatten().map_or((None, None), |(a, b)| (Some(a), Some(b)));
        let named = nodes.iter().map(|node| (Some(node.name.as_str()), node.ends));
        let all: Vec<(Option<&str>, Ends)> = named.chain([(None, free_ends)]).collect();
        let mut chains =
            Chains { by_name: HashMap::new(), left: HashMap::new(), knows_free: free.is_some() };
        let (mut taken, mut tried) = (HashSet::new(), HashSet::new());
        // C2.
        for wants_whole in [true, false] {
            for (name, ends) in &all {
                let key = name.unwrap_or(FREE);
                let is_new = ends.0.is_none_or(|first| !wants_whole || tried.insert(first));
                if !is_new || chains.by_name.contains_key(key) {
                    continue;
                }
                let chain = match wants_whole {
                    true => whole(extents, &taken, *ends),
                    false => Some(broken(extents, &taken, *name, *ends)),
                };
                if let Some(chain) = chain {
                    taken.extend(chain.extents.iter().copied());
                    chains.by_name.insert(key.to_owned(), chain);
                }
            }
        }
        chains.knows_free &= chains.by_name.get(FREE).is_some_and(|free| free.is_whole);
        for remains in extents.values().filter(|remains| !taken.contains(&remains.loc)) {
            chains.left.entry(remains.ns.clone()).or_default().push(remains.loc);
        }
        chains
    }

    /// Takes the extents of namespace `name` (C3).
    pub fn take(&mut self, name: &str, extents: &Extents) -> Chain {
        let mut chain = self.by_name.remove(name).unwrap_or_default();
        if chain.is_whole && !chain.extents.is_empty() {
            return chain;
        }
        let made_for = chain.extents.iter().filter_map(|loc| extents.get(loc));
        let names: HashSet<&str> =
            made_for.map(|extent| extent.ns.as_str()).chain([name]).collect();
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            if let Some(left) = self.left.remove(name) {
                chain.extents.extend(left);
                chain.is_whole = false;
            }
        }
        chain
    }

    /// Is there nothing that `name` could take?
    pub fn has_nothing_for(&self, name: &str) -> bool {
        let chain = self.by_name.get(name);
        chain.is_none_or(|chain| chain.extents.is_empty()) && !self.left.contains_key(name)
    }

    /// Gives to `name`, which was another before a rename, what is left over of extents that
    /// were made for a namespace that is gone or whole. Where it may still be about and have lost
    /// them itself, as `lacks` says, only what hangs together with the first of several chains:
    /// it is the older one that was renamed. Answers what the extents were made for.
    pub fn adopt(
        &mut self,
        name: &str,
        extents: &Extents,
        is_users: impl Fn(&str) -> bool,
        lacks: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let mut names: Vec<String> = self.left_over().map(|(name, _)| name.to_owned()).collect();
        names.retain(|made_for| {
            is_users(made_for) && self.by_name.get(made_for).is_none_or(|chain| chain.is_whole)
        });
        names.sort_by_key(|made_for| (lacks(made_for), made_for.clone()));
        for made_for in names {
            let (adopted, rest): (Vec<_>, Vec<_>) = match lacks(&made_for) {
                true => self.first_of_several(&made_for, extents),
                false => (self.left[&made_for].clone(), Vec::new()),
            };
            if lacks(&made_for) && rest.is_empty() {
                continue;
            }
            self.left.insert(made_for.clone(), rest);
            self.left.insert(name.to_owned(), adopted);
            return Some(made_for);
        }
        None
    }

    /// The extents made for `made_for` that hang together with the first, and the others.
    fn first_of_several(
        &self,
        made_for: &str,
        extents: &Extents,
    ) -> (Vec<ExtentLoc>, Vec<ExtentLoc>) {
        let left = self.left.get(made_for).map_or(&[][..], Vec::as_slice);
        let mut together = HashSet::new();
        for along in [FORWARD, BACKWARD] {
            let (none, mut met) = (HashSet::new(), HashSet::new());
            let first = left.iter().min().copied();
            together.extend(walk(extents, &none, Some(made_for), first, along, &mut met));
        }
        left.iter().partition(|loc| together.contains(loc))
    }

    /// The namespaces for which extents were made that no chain has. None if the list of free
    /// extents is not known: they may be of collections that were dropped.
    pub fn left_over(&self) -> impl Iterator<Item = (&str, &[ExtentLoc])> {
        let left = self.left.iter().filter(|_| self.knows_free);
        left.map(|(name, extents)| (name.as_str(), extents.as_slice()))
    }
}

/// One direction along a chain: the link that leads on, and the one that leads back.
#[derive(Clone, Copy)]
struct Along {
    on: fn(&Remains) -> DiskLoc,
    back: fn(&Remains) -> DiskLoc,
}

const FORWARD: Along = Along { on: |extent| extent.next, back: |extent| extent.prev };
const BACKWARD: Along = Along { on: |extent| extent.prev, back: |extent| extent.next };

/// The chain between the ends, if every link is right. Stops at the first that is not, so that
/// no extent is visited for two ends.
fn whole(extents: &Extents, taken: &HashSet<ExtentLoc>, (first, last): Ends) -> Option<Chain> {
    let (mut chain, mut before, mut next) = (Vec::new(), DiskLoc::NULL, first);
    while let Some(loc) = next {
        let extent = extents.get(&loc).filter(|_| !taken.contains(&loc))?;
        let links_back =
            if before.is_null() { extent.prev.is_null() } else { extent.prev == before };
        if !links_back || extent.header != Header::Sound {
            return None;
        }
        chain.push(loc);
        (before, next) = (loc.0, Some(ExtentLoc(extent.next)).filter(|next| !next.0.is_null()));
    }
    (chain.last().copied() == last).then_some(Chain { extents: chain, is_whole: true })
}

/// What can be reached from both ends.
fn broken(
    extents: &Extents,
    taken: &HashSet<ExtentLoc>,
    name: Option<&str>,
    (first, last): Ends,
) -> Chain {
    let mut met = HashSet::new();
    let mut chain = walk(extents, taken, name, first, FORWARD, &mut met);
    let backward = walk(extents, taken, name, last, BACKWARD, &mut met);
    chain.extend(backward.into_iter().rev());
    Chain { extents: chain, is_whole: false }
}

/// Follows links that count (C1) to extents that were not met.
fn walk(
    extents: &Extents,
    taken: &HashSet<ExtentLoc>,
    name: Option<&str>,
    from: Option<ExtentLoc>,
    along: Along,
    met: &mut HashSet<ExtentLoc>,
) -> Vec<ExtentLoc> {
    let (mut walked, mut before, mut next) = (Vec::new(), None::<&Remains>, from);
    while let Some(loc) = next {
        let found = extents.get(&loc).filter(|_| !taken.contains(&loc) && met.insert(loc));
        let Some(extent) = found else { break };
        let back = (along.back)(extent);
        let links_back = before.map_or(back.is_null(), |before| back == before.loc.0);
        // An extent of the free list was made for whoever had it.
        let made_for = before.map_or(name, |before| name.map(|_| before.ns.as_str()));
        let is_ruined = extent.header == Header::Ruined;
        if !links_back && !is_ruined && made_for != Some(extent.ns.as_str()) {
            met.remove(&loc);
            break;
        }
        walked.push(loc);
        if is_ruined {
            break;
        }
        let on = (along.on)(extent);
        (before, next) = (Some(extent), Some(ExtentLoc(on)).filter(|_| !on.is_null()));
    }
    walked
}
