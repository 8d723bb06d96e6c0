//! The stages by their names, and pipelines of them.

use std::sync::Arc;

use super::add_fields::{self, AddFields};
use super::bucket::Bucket;
use super::bucket_auto::BucketAuto;
use super::chain::Run;
use super::count::{self, Count};
use super::facet::Facet;
use super::graph_lookup::GraphLookup;
use super::group::Group;
use super::limit_skip::{Limit, Skip, parse_limit, parse_skip};
use super::lookup::Lookup;
use super::merge::Merge;
use super::out::Out;
use super::project::{self, Project};
use super::redact::Redact;
use super::replace_root::ReplaceRoot;
use super::sample::{self, Sample};
use super::sort::{self, Sort};
use super::stats::{CollStatsParts, check_index_stats};
use super::union_with::UnionWith;
use super::unwind::Unwind;
use super::{Context, overview, sort_by_count};
use crate::bson::collation::Collation;
use crate::bson::element::{Elements, Value};
use crate::bson::ty;
use crate::error::{Error, Reason, Result};
use crate::expression::{ComputedFields, Scope, Variables, location, name_of};
use crate::query::{Filter, Projection, SortPattern};

/// Deepest nesting of pipelines.
const DEPTH_MAX: usize = 20;
/// What is being done when a constant is found to be wrong.
const OPTIMIZING: &str = "Failed to optimize pipeline";
/// Most stages of a pipeline.
const STAGES_MAX: usize = 1000;

/// Stages that MongoDB 5.0 has and this engine has not.
const UNSUPPORTED: &[&str] = &[
    "$changeStream",
    "$currentOp",
    "$geoNear",
    "$listLocalSessions",
    "$listSessions",
    "$planCacheStats",
    "$setWindowFields",
];

/// A parsed stage.
#[derive(Debug, Clone)]
pub(crate) struct Stage {
    name: Box<str>,
    /// Its specification, as it was given.
    source: Box<[u8]>,
    kind: Kind,
}

/// What a stage does. The specifications are shared by the runs.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Match(Arc<Filter>),
    Project(Projection),
    AddFields(Arc<ComputedFields>),
    Group(Arc<Group>),
    Sort(SortPattern, Option<u64>),
    Limit(u64),
    Skip(u64),
    Unwind(Arc<Unwind>),
    Count(Box<str>),
    ReplaceRoot(Arc<ReplaceRoot>),
    Sample(u64),
    Facet(Arc<Facet>),
    Bucket(Arc<Bucket>),
    BucketAuto(Arc<BucketAuto>),
    Lookup(Arc<Lookup>),
    GraphLookup(Arc<GraphLookup>),
    Redact(Arc<Redact>),
    UnionWith(Arc<UnionWith>),
    CollStats(CollStatsParts),
    IndexStats,
    Out(Out),
    Merge(Arc<Merge>),
}

/// Stages, one after the other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pipeline {
    stages: Vec<Stage>,
}

impl Pipeline {
    /// Parses the stages of an aggregation.
    pub fn parse<'s>(
        stages: impl IntoIterator<Item = &'s [u8]>,
        scope: &Scope,
    ) -> Result<Pipeline> {
        let stages: Vec<&[u8]> = stages.into_iter().collect();
        overview::check(stages.iter().copied(), DEPTH_MAX)?;
        scope.constants_last(OPTIMIZING, |scope| parse_stages(stages.into_iter().map(Ok), scope, 0))
    }

    /// Parses a pipeline within a stage.
    pub fn parse_nested(stages: Value<'_>, scope: &Scope, depth: usize) -> Result<Pipeline> {
        if depth >= DEPTH_MAX {
            let message = format!("pipelines nest at most {DEPTH_MAX} levels");
            return Err(location(232, message));
        }
        let stages = Elements::new(stages.bytes)?.map(|stage| {
            let stage = stage?;
            if stage.ty != ty::DOCUMENT {
                let message = "Each element of the 'pipeline' array must be an object";
                return Err(Error::refused(Reason::TypeMismatch, message));
            }
            Ok(stage.value)
        });
        scope.constants_last(OPTIMIZING, |scope| parse_stages(stages, scope, depth + 1))
    }

    /// Looks at the form of stages only: that there are such, and what no other could make up for.
    pub fn check_form<'s>(stages: impl IntoIterator<Item = &'s [u8]>) -> Result<()> {
        overview::check(stages, DEPTH_MAX)
    }

    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }
}

fn parse_stages<'s>(
    stages: impl Iterator<Item = Result<&'s [u8]>>,
    scope: &Scope,
    depth: usize,
) -> Result<Pipeline> {
    let mut parsed: Vec<Stage> = vec![];
    for stage in stages {
        let element = overview::only_field(stage?)?;
        let name = name_of(&element)?;
        if let Some(stage) = parsed.last().filter(|stage| stage.writes()) {
            let message = format!("{} can only be the final stage in the pipeline", stage.name);
            return Err(location(40601, message));
        }
        parse_stage(name, element.val(), scope, depth, &mut parsed)?;
        if parsed.len() > STAGES_MAX {
            let message = format!("a pipeline has at most {STAGES_MAX} stages");
            return Err(Error::refused(Reason::FailedToParse, message));
        }
    }
    if let Some(stage) = parsed.iter().skip(1).find(|stage| stage.is_source()) {
        let message = format!("{} is only valid as the first stage in a pipeline.", stage.name);
        return Err(location(40602, message));
    }
    // A sort keeps no more than what a limit right behind it lets through.
    for at in 1..parsed.len() {
        if let Kind::Limit(limit) = parsed[at].kind
            && let Kind::Sort(_, kept) = &mut parsed[at - 1].kind
        {
            *kept = Some(limit);
        }
    }
    Ok(Pipeline { stages: parsed })
}

fn parse_stage(
    name: &str,
    value: Value<'_>,
    scope: &Scope,
    depth: usize,
    out: &mut Vec<Stage>,
) -> Result<()> {
    let kind = match name {
        "$match" => Kind::Match(Arc::new(parse_match(
            value,
            scope,
            depth > 0 || out.iter().any(Stage::holds),
        )?)),
        "$project" => Kind::Project(project::parse(value, scope)?),
        "$unset" => Kind::Project(project::parse_unset(value, scope)?),
        "$addFields" | "$set" => Kind::AddFields(Arc::new(add_fields::parse(name, value, scope)?)),
        "$group" => Kind::Group(Arc::new(Group::parse(value, scope)?)),
        "$sort" => Kind::Sort(sort::parse(value, scope)?, None),
        "$limit" => Kind::Limit(parse_limit(value)?),
        "$skip" => Kind::Skip(parse_skip(value)?),
        "$unwind" => Kind::Unwind(Arc::new(Unwind::parse(value)?)),
        "$count" => Kind::Count(count::parse(value)?),
        "$replaceRoot" => Kind::ReplaceRoot(Arc::new(ReplaceRoot::parse(value, scope)?)),
        "$replaceWith" => Kind::ReplaceRoot(Arc::new(ReplaceRoot::parse_with(value, scope)?)),
        "$sample" => Kind::Sample(sample::parse(value)?),
        "$facet" => Kind::Facet(Arc::new(Facet::parse(value, scope, depth)?)),
        "$bucket" => Kind::Bucket(Arc::new(Bucket::parse(value, scope)?)),
        "$bucketAuto" => Kind::BucketAuto(Arc::new(BucketAuto::parse(value, scope)?)),
        "$lookup" => Kind::Lookup(Arc::new(Lookup::parse(value, scope, depth)?)),
        "$graphLookup" => Kind::GraphLookup(Arc::new(GraphLookup::parse(value, scope)?)),
        "$redact" => Kind::Redact(Arc::new(Redact::parse(value, scope)?)),
        "$unionWith" => Kind::UnionWith(Arc::new(UnionWith::parse(value, scope, depth)?)),
        "$collStats" => Kind::CollStats(CollStatsParts::parse(value)?),
        "$indexStats" => {
            check_index_stats(value)?;
            Kind::IndexStats
        }
        "$out" => Kind::Out(Out::parse(value)?),
        "$merge" => Kind::Merge(Arc::new(Merge::parse(value, scope)?)),
        "$sortByCount" => {
            let (group, sort) = sort_by_count::parse(value, scope)?;
            out.push(Stage::new(name, value, Kind::Group(Arc::new(group))));
            Kind::Sort(sort, None)
        }
        name if UNSUPPORTED.contains(&name) => {
            if name == "$changeStream" {
                let message = "The $changeStream stage is only supported on replica sets";
                return Err(location(40573, message));
            }
            let message = format!("The stage '{name}' is not supported");
            return Err(Error::refused(Reason::CommandNotSupported, message));
        }
        name => {
            return Err(location(40324, format!("Unrecognized pipeline stage name: '{name}'")));
        }
    };
    out.push(Stage::new(name, value, kind));
    Ok(())
}

/// Only a filter that a find can run has its conditions in another order than it was written.
fn parse_match(value: Value<'_>, scope: &Scope, is_as_written: bool) -> Result<Filter> {
    if value.ty != ty::DOCUMENT {
        return Err(location(15959, "the match filter must be an expression in an object"));
    }
    match is_as_written {
        true => Filter::parse_as_written(value.bytes, scope),
        false => Filter::parse_in(value.bytes, scope),
    }
}

impl Stage {
    /// Must a filter behind it stay there?
    fn holds(&self) -> bool {
        matches!(self.kind, Kind::Limit(_) | Kind::Group(_))
    }

    fn new(name: &str, value: Value<'_>, kind: Kind) -> Stage {
        Stage { name: name.into(), source: value.bytes.into(), kind }
    }

    /// A `$match` of this filter.
    pub fn matching(filter: &[u8], collation: Option<Arc<Collation>>) -> Result<Stage> {
        let parsed = Filter::parse_in(filter, &Scope::default().under(collation))?;
        let value = Value { ty: ty::DOCUMENT, bytes: filter };
        Ok(Stage::new("$match", value, Kind::Match(Arc::new(parsed))))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn kind(&self) -> &Kind {
        &self.kind
    }

    /// The bytes of its specification; the type is the stage's to know.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// Does it write a collection?
    pub fn writes(&self) -> bool {
        matches!(self.kind, Kind::Out(_) | Kind::Merge(_))
    }

    /// Does it make documents of its own, before all others?
    pub fn is_source(&self) -> bool {
        matches!(self.kind, Kind::CollStats(_) | Kind::IndexStats)
    }

    /// May it stand in a `$facet`?
    pub fn fits_in_facet(&self) -> bool {
        !self.writes() && !self.is_source() && !matches!(self.kind, Kind::Facet(_))
    }

    /// The fields that it reads, if nothing of a document shows behind it but by them.
    pub fn fields(&self) -> Option<Vec<&str>> {
        match &self.kind {
            Kind::Group(group) => group.fields(),
            Kind::Count(_) => Some(vec![]),
            Kind::Project(projection) => projection.fields(),
            _ => None,
        }
    }

    /// Begins a run of it.
    pub fn start(&self, context: &Context) -> Box<dyn Run> {
        match &self.kind {
            Kind::Match(filter) => {
                Box::new(Match { filter: filter.clone(), vars: context.vars.clone() })
            }
            Kind::Project(projection) => Box::new(Project::new(projection, context)),
            Kind::AddFields(fields) => Box::new(AddFields::new(fields, context)),
            Kind::Group(group) => group.start(context),
            Kind::Sort(pattern, limit) => Box::new(Sort::new(pattern.clone(), *limit)),
            Kind::Limit(limit) => Box::new(Limit { left: *limit }),
            Kind::Skip(skip) => Box::new(Skip { left: *skip }),
            Kind::Unwind(unwind) => unwind.start(),
            Kind::Count(name) => Box::new(Count { name: name.clone(), count: 0 }),
            Kind::ReplaceRoot(root) => root.start(context),
            Kind::Sample(size) => Box::new(Sample::new(*size)),
            Kind::Facet(facet) => facet.start(context),
            Kind::Bucket(bucket) => bucket.start(context),
            Kind::BucketAuto(bucket) => bucket.start(context),
            Kind::Lookup(lookup) => lookup.start(context),
            Kind::GraphLookup(lookup) => lookup.start(context),
            Kind::Redact(redact) => redact.start(context),
            Kind::UnionWith(union) => union.start(context),
            // Who runs the pipeline does these.
            Kind::CollStats(_) | Kind::IndexStats | Kind::Out(_) | Kind::Merge(_) => {
                Box::new(Skip { left: 0 })
            }
        }
    }
}

/// `$match`
#[derive(Debug)]
struct Match {
    filter: Arc<Filter>,
    vars: Arc<Variables<'static>>,
}

impl Run for Match {
    fn push(&mut self, doc: Vec<u8>, out: &mut dyn super::chain::Sink) -> Result<()> {
        match self.filter.matches_with(&doc, &self.vars)? {
            true => out.accept(doc),
            false => Ok(()),
        }
    }
}
