//! Which views lead to which: never to themselves, in no more than so many steps, by pipelines that
//! are together no longer than may be, and all of them by one collation.

use std::collections::{BTreeSet, HashMap};

use bson::{RawBsonRef, RawDocument};

use super::{DEPTH_MAX, View};
use crate::error::{Error, Reason, Result};

/// Longest pipeline that views may come to, bytes of its stages.
const PIPELINE_LEN_MAX: usize = 16_000_000;

/// How far it is on the longest way: in views, and in bytes of their pipelines.
#[derive(Debug, Clone, Copy, Default)]
struct Way {
    views: usize,
    len: usize,
}

impl Way {
    /// The longer of two.
    fn or(self, other: Way) -> Way {
        Way { views: self.views.max(other.views), len: self.len.max(other.len) }
    }

    /// The same with one view more.
    fn with(self, view: &View) -> Way {
        let own: usize = view.pipeline.iter().map(|stage| stage.as_bytes().len()).sum();
        Way { views: self.views + 1, len: self.len.saturating_add(own) }
    }
}

/// Refuses a view that must not be among these, one of its name left out.
///
/// # Errors
/// [`Reason::GraphContainsCycle`], [`Reason::ViewDepthLimitExceeded`],
/// [`Reason::ViewPipelineMaxSizeExceeded`], [`Reason::OptionNotSupportedOnView`] for a collation
/// that another has not.
pub fn check(database: &str, view: &View, others: &[View]) -> Result<()> {
    let mut graph = Graph { database, views: HashMap::new(), ways: HashMap::new(), view };
    for known in others.iter().filter(|other| other.name != view.name).chain([view]) {
        graph.views.insert(&known.name, (known, involved(known)));
    }
    let below = graph.way_below(&view.name, &mut Vec::new())?;
    let above = graph.way_above(&view.name, &mut HashMap::new());
    if below.views + above.views > DEPTH_MAX {
        return Err(too_deep());
    }
    if below.len.saturating_add(above.len) > PIPELINE_LEN_MAX {
        let message = format!(
            "Operation would result in a resolved view pipeline that exceeds the maximum size of \
             {PIPELINE_LEN_MAX} bytes"
        );
        return Err(Error::refused(Reason::ViewPipelineMaxSizeExceeded, message));
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
    ways: HashMap<String, Way>,
    /// The one that is checked.
    view: &'v View,
}

impl Graph<'_> {
    /// Views from this one on, itself included, on the longest way to a collection.
    fn way_below(&mut self, name: &str, path: &mut Vec<String>) -> Result<Way> {
        if let Some(way) = self.ways.get(name) {
            return Ok(*way);
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
            return Ok(Way::default());
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
        let (view, mut way) = (*view, Way::default());
        for read in reads.clone() {
            way = way.or(self.way_below(&read, path)?);
        }
        path.pop();
        let way = way.with(view);
        self.ways.insert(name.to_owned(), way);
        Ok(way)
    }

    /// Views above this one, on the longest way that leads to it.
    fn way_above(&self, name: &str, known: &mut HashMap<String, Way>) -> Way {
        if let Some(way) = known.get(name) {
            return *way;
        }
        // Who is met again before it is done is in a circle, which is as good as too deep.
        known.insert(name.to_owned(), Way { views: DEPTH_MAX, len: 0 });
        let mut way = Way::default();
        for (view, _) in self.views.values().filter(|(_, reads)| reads.contains(name)) {
            let mut above = self.way_above(&view.name, known);
            above.views = above.views.min(DEPTH_MAX);
            way = way.or(above.with(view));
        }
        known.insert(name.to_owned(), way);
        way
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
