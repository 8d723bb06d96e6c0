//! Which views lead to which: never to themselves, in no more than so many steps, and all of them
//! by one collation.

use std::collections::{BTreeSet, HashMap};

use bson::{RawBsonRef, RawDocument};

use super::{DEPTH_MAX, View};
use crate::error::{Error, Reason, Result};

/// Refuses a view that must not be among these, one of its name left out.
///
/// # Errors
/// [`Reason::GraphContainsCycle`], [`Reason::ViewDepthLimitExceeded`],
/// [`Reason::OptionNotSupportedOnView`] for a collation that another has not.
pub fn check(database: &str, view: &View, others: &[View]) -> Result<()> {
    let mut graph = Graph { database, views: HashMap::new(), depths: HashMap::new(), view };
    for known in others.iter().filter(|other| other.name != view.name).chain([view]) {
        graph.views.insert(&known.name, (known, involved(known)));
    }
    let below = graph.depth_below(&view.name, &mut Vec::new())?;
    let above = graph.depth_above(&view.name, &mut HashMap::new());
    if below + above > DEPTH_MAX {
        return Err(too_deep());
    }
    Ok(())
}

fn too_deep() -> Error {
    let message = format!("View depth limit exceeded; maximum depth is {DEPTH_MAX}");
    Error::refused(Reason::ViewDepthLimitExceeded, message)
}

struct Graph<'v> {
    database: &'v str,
    /// By name, with what each reads.
    views: HashMap<&'v str, (&'v View, BTreeSet<String>)>,
    depths: HashMap<String, usize>,
    /// The one that is checked.
    view: &'v View,
}

impl Graph<'_> {
    /// Views from this one on, itself included, on the longest way to a collection.
    fn depth_below(&mut self, name: &str, path: &mut Vec<String>) -> Result<usize> {
        if let Some(depth) = self.depths.get(name) {
            return Ok(*depth);
        }
        path.push(name.to_owned());
        if path[..path.len() - 1].iter().any(|known| known == name) {
            let full = |name: &String| format!("{}.{name}", self.database);
            let path: Vec<String> = path.iter().map(full).collect();
            let message = format!(
                "View cycle detected: {}.{} => {}",
                self.database,
                self.view.name,
                path.join(" => ")
            );
            return Err(Error::refused(Reason::GraphContainsCycle, message));
        }
        let Some((view, reads)) = self.views.get(name) else {
            path.pop();
            return Ok(0);
        };
        if view.collation != self.view.collation {
            let message = format!(
                "View {0}.{1} has conflicting collation with view {0}.{2}",
                self.database, self.view.name, view.name
            );
            return Err(Error::refused(Reason::OptionNotSupportedOnView, message));
        }
        if path.len() > DEPTH_MAX {
            return Err(too_deep());
        }
        let mut depth = 0;
        for read in reads.clone() {
            depth = depth.max(self.depth_below(&read, path)?);
        }
        path.pop();
        self.depths.insert(name.to_owned(), depth + 1);
        Ok(depth + 1)
    }

    /// Views above this one, on the longest way that leads to it.
    fn depth_above(&self, name: &str, known: &mut HashMap<String, usize>) -> usize {
        if let Some(depth) = known.get(name) {
            return *depth;
        }
        // Who is met again before it is done is in a circle, which is as good as too deep.
        known.insert(name.to_owned(), DEPTH_MAX);
        let mut depth = 0;
        for (view, _) in self.views.values().filter(|(_, reads)| reads.contains(name)) {
            depth = depth.max(1 + self.depth_above(&view.name, known).min(DEPTH_MAX));
        }
        known.insert(name.to_owned(), depth);
        depth
    }
}

/// The collections and views that a view reads.
fn involved(view: &View) -> BTreeSet<String> {
    let mut names = BTreeSet::from([view.on.clone()]);
    view.pipeline.iter().for_each(|stage| stages_read(stage, &mut names));
    names
}

/// What a stage reads. It was parsed before, which bounds its nesting.
fn stages_read(stage: &RawDocument, names: &mut BTreeSet<String>) {
    for (name, value) in stage.iter().flatten() {
        match (name.as_str(), value) {
            ("$unionWith", RawBsonRef::String(other)) => {
                names.insert(other.to_owned());
            }
            ("$lookup" | "$graphLookup" | "$unionWith", RawBsonRef::Document(stage)) => {
                for name in ["from", "coll"] {
                    names.extend(stage.get_str(name).ok().map(str::to_owned));
                }
                within(stage, names);
            }
            ("$facet", RawBsonRef::Document(facets)) => within(facets, names),
            _ => {}
        }
    }
}

/// What the pipelines in these fields read.
fn within(document: &RawDocument, names: &mut BTreeSet<String>) {
    for (_, value) in document.iter().flatten() {
        let RawBsonRef::Array(stages) = value else { continue };
        for stage in stages.into_iter().flatten() {
            if let RawBsonRef::Document(stage) = stage {
                stages_read(stage, names);
            }
        }
    }
}
