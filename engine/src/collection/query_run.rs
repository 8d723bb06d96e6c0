//! A query at work: its plans on trial, then the best of them, with the collection let go in
//! between.

use std::collections::VecDeque;
use std::sync::Arc;

use super::execute::{
    Contest, Copied, Cx, Entrant, Limit, Member, Node, Project, Run, Shown, Skip, Told, Wanted,
    build,
};
use super::locate::Holding;
use super::locked::{CollectionCore, OpenCollection};
use super::plan_cache::Winner;
use super::planning::{Choice, MUCH_WORSE, choose};
use super::shared::EngineShared;
use crate::bson::collation::Collation;
use crate::bson::element::OwnedValue;
use crate::disk_loc::RecordLoc;
use crate::error::{Error, Reason, Result};
use crate::expression::Variables;
use crate::interrupt;
use crate::journal::ReadView;
use crate::query::plan::{Plan, Question};
use crate::query::{Projection, SortBound};

/// Looks before the collection is given to others.
const LOOKS_MAX: usize = 1000;
/// Looks after which the time is asked for.
const LOOKS_TIMED: usize = 64;
/// A batch ends after so many documents or bytes, whichever comes first.
const BATCH_DOCUMENTS: usize = 256;
const BATCH_BYTES: usize = 1 << 20;

/// A query, parsed, and what is wanted of what it finds.
#[derive(Debug)]
pub struct Query {
    pub question: Question,
    pub skip: u64,
    pub limit: u64,
    pub copied: Copied,
    pub counts: bool,
    pub projection: Option<(Arc<Projection>, Vec<u8>)>,
    pub return_key: bool,
    pub record_id: bool,
    pub now_ms: i64,
    pub variables: Vec<(String, OwnedValue)>,
    /// How texts are compared, to be told; the filter and the sort know it themselves.
    pub collation: Option<Arc<Collation>>,
    /// Memory that a sort may take.
    pub sort_bound: SortBound,
    /// Milliseconds that it may take.
    pub max_ms: Option<u64>,
}

impl Query {
    /// One that finds places of records, and nothing else.
    pub fn of(question: Question) -> Query {
        Query {
            question,
            skip: 0,
            limit: 0,
            copied: Copied::Nothing,
            counts: false,
            projection: None,
            return_key: false,
            record_id: false,
            now_ms: 0,
            variables: vec![],
            collation: None,
            sort_bound: SortBound::FIND,
            max_ms: None,
        }
    }

    /// What expressions may refer to.
    pub fn variables(&self) -> Variables<'_> {
        let mut variables = Variables::new(self.now_ms);
        for (name, value) in &self.variables {
            variables.set(name, value.clone());
        }
        variables
    }

    /// The stages of a plan, complete.
    pub fn stages(&self, plan: &Plan) -> Node {
        let wanted = Wanted {
            copied: self.copied,
            keys: self.return_key,
            counts: self.counts,
            sort_bound: self.sort_bound,
        };
        let mut node = build(&self.question, plan, wanted);
        if self.skip > 0 {
            node = Node::new(Skip::new(self.skip, node));
        }
        if self.return_key || self.record_id || self.projection.is_some() {
            node = self.projected(plan, node);
        }
        if self.limit > 0 && !plan.sorts {
            node = Node::new(Limit::new(self.limit, node));
        }
        node
    }

    fn projected(&self, plan: &Plan, node: Node) -> Node {
        let mut paths = vec![];
        plan.root.each_scan(&mut |scan| paths.clone_from(&scan.index.paths));
        let name = match &self.projection {
            _ if self.return_key => "RETURN_KEY",
            _ if !plan.fetches => "PROJECTION_COVERED",
            Some((_, text)) if is_simple(text) => "PROJECTION_SIMPLE",
            Some(_) => "PROJECTION_DEFAULT",
            None => "RECORD_ID",
        };
        Node::new(Project::new(self.shown(paths), name, node))
    }

    /// What is given of each document, or of the key of an index on `paths`.
    pub fn shown(&self, paths: Vec<String>) -> Shown {
        Shown {
            projection: self.projection.clone().filter(|_| !self.return_key),
            paths,
            return_key: self.return_key,
            record_id: self.record_id,
            now_ms: self.now_ms,
            variables: self.variables.clone(),
        }
    }

    /// A plan as an entrant of a trial.
    pub fn entrant(&self, open: &OpenCollection, plan: Plan) -> Entrant {
        let run = Run::new(self.stages(&plan), open);
        Entrant::new(plan, run)
    }
}

/// Does the projection only name fields, and none inside of others?
fn is_simple(projection: &[u8]) -> bool {
    let elements = crate::bson::element::Elements::new(projection).into_iter().flatten();
    elements.map_while(Result::ok).all(|element| {
        let value = element.val();
        let is_flag = value.as_number().is_some() || value.ty == crate::bson::ty::BOOL;
        is_flag && !element.name.contains(&b'.')
    })
}

/// How far a query is.
#[derive(Debug)]
enum Phase {
    Contest(Contest, Box<[u8]>),
    /// A plan that won before shows that it still does well: what it gives is kept until then.
    Proving(Box<Entrant>, Box<[u8]>, u64),
    Running(Box<Run>),
    Over,
}

/// A query at work.
#[derive(Debug)]
pub struct QueryRun {
    core: Arc<CollectionCore>,
    shared: Arc<EngineShared>,
    query: Arc<Query>,
    phase: Phase,
    batch: VecDeque<Member>,
    /// Documents to look for at a time.
    expected: usize,
    /// What was met behind the documents of the batch.
    failed: Option<Error>,
    used_ms: u64,
    /// The stages, when they are at their end: what they did is still asked for.
    finished: Option<Box<Run>>,
    told: Told,
}

impl QueryRun {
    /// Plans the query; nothing is read of the collection yet.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn new(
        core: Arc<CollectionCore>,
        shared: Arc<EngineShared>,
        query: Query,
    ) -> Result<QueryRun> {
        let phase = Phase::Over;
        let batch = VecDeque::new();
        let query = Arc::new(query);
        let (finished, told) = (None, Told::default());
        let (expected, failed) = (BATCH_DOCUMENTS, None);
        let mut run = QueryRun {
            core,
            shared,
            query,
            phase,
            batch,
            expected,
            failed,
            used_ms: 0,
            finished,
            told,
        };
        let core = run.core.clone();
        let guard = core.shared();
        if let Some(open) = guard.open()? {
            let view = ReadView::new(&open.files, &guard);
            let (shared, query) = (run.shared.clone(), run.query.clone());
            let (holding, counters) = (Holding::EachRecord(&core), &*shared.counters);
            let variables = &query.variables();
            run.begin(&Cx { open, view: &view, holding, counters, variables }, true)?;
        }
        Ok(run)
    }

    /// Begins, anew if it must be.
    fn begin(&mut self, cx: &Cx<'_>, trusting: bool) -> Result<()> {
        let choice = choose(cx, &self.query.question, trusting)?;
        let entrant = |plan| self.query.entrant(cx.open, plan);
        self.phase = match (choice.shape, choice.winner) {
            (Some(shape), Some(winner)) => {
                let looks_max = winner.looks.saturating_mul(MUCH_WORSE);
                match choice.plans.into_iter().next().map(entrant) {
                    Some(entrant) => Phase::Proving(Box::new(entrant), shape, looks_max),
                    None => Phase::Over,
                }
            }
            (Some(shape), None) => {
                let entrants = choice.plans.into_iter().map(entrant).collect();
                Phase::Contest(Contest::new(entrants, records(cx)?), shape)
            }
            (None, _) => match choice.plans.into_iter().next().map(entrant) {
                Some(entrant) => Phase::Running(Box::new(entrant.run)),
                None => Phase::Over,
            },
        };
        Ok(())
    }

    /// The stages that find the documents, once one plan was chosen.
    pub fn stages(&self) -> Option<&Node> {
        match &self.phase {
            Phase::Running(run) => Some(&run.root),
            Phase::Proving(entrant, ..) => Some(&entrant.run.root),
            Phase::Contest(..) => None,
            Phase::Over => self.finished.as_ref().map(|run| &run.root),
        }
    }

    /// Is it at its end?
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over) && self.batch.is_empty() && self.failed.is_none()
    }

    /// So many documents will be asked for now: no more are looked for at a time.
    pub fn expect(&mut self, documents: u64) {
        let documents = usize::try_from(documents).unwrap_or(usize::MAX);
        self.expected = documents.clamp(1, BATCH_DOCUMENTS);
    }

    /// The next record, or what was made of it.
    pub fn next(&mut self) -> Result<Option<Member>> {
        while self.batch.is_empty() && !matches!(self.phase, Phase::Over) {
            if let Err(error) = self.fill() {
                self.phase = Phase::Over;
                // What was found before it comes first.
                self.failed = Some(error.in_database(self.core.ns.database()));
            }
        }
        match self.batch.pop_front() {
            None => self.failed.take().map_or(Ok(None), Err),
            found => Ok(found),
        }
    }

    fn fill(&mut self) -> Result<()> {
        let (core, shared) = (self.core.clone(), self.shared.clone());
        let guard = core.shared();
        let Some(open) = guard.open()? else {
            // It was there when the walk began.
            let message = format!("collection dropped: {}", core.ns);
            return Err(Error::refused(Reason::QueryPlanKilled, message));
        };
        let view = ReadView::new(&open.files, &guard);
        let query = self.query.clone();
        let (holding, counters) = (Holding::EachRecord(&core), &*shared.counters);
        let variables = &query.variables();
        let cx = Cx { open, view: &view, holding, counters, variables };
        self.look_for(&cx, self.expected)
    }

    /// Looks on while the caller holds the collection, which he then lets go, until something is
    /// found or others are to have their turn.
    ///
    /// # Errors
    /// As [`QueryRun::next`]; it is over then.
    pub fn look_on(&mut self, cx: &Cx<'_>) -> Result<VecDeque<Member>> {
        let looked = self.look_for(cx, 1);
        if looked.is_err() {
            self.phase = Phase::Over;
        }
        looked.map(|()| std::mem::take(&mut self.batch))
    }

    fn look_for(&mut self, cx: &Cx<'_>, documents: usize) -> Result<()> {
        let clock = self.shared.clock.clone();
        let began = clock.uptime_ms();
        match &mut self.phase {
            Phase::Contest(contest, _) => contest.resume(cx)?,
            Phase::Proving(entrant, ..) => entrant.resume(cx)?,
            Phase::Running(run) => run.resume(cx)?,
            Phase::Over => {}
        }
        let mut bytes = 0;
        for look in 0..LOOKS_MAX {
            if look % LOOKS_TIMED == 0 {
                self.check_time(clock.uptime_ms() - began)?;
            }
            if self.batch.len() >= documents || bytes >= BATCH_BYTES {
                break;
            }
            match self.look(cx)? {
                Some(len) => bytes += len,
                None => break,
            }
        }
        match &mut self.phase {
            Phase::Contest(contest, _) => contest.rest(cx),
            Phase::Proving(entrant, ..) => entrant.rest(cx),
            Phase::Running(run) => run.rest(),
            Phase::Over => {}
        }
        self.used_ms += clock.uptime_ms() - began;
        let mut told = std::mem::take(&mut self.told);
        if let Some(stages) = self.stages() {
            told.tell(&self.shared.counters, stages);
        }
        self.told = told;
        Ok(())
    }

    fn check_time(&self, now_ms: u64) -> Result<()> {
        interrupt::check()?;
        match self.query.max_ms {
            Some(max) if self.used_ms + now_ms > max => Err(interrupt::too_late()),
            _ => Ok(()),
        }
    }

    /// One look. Answers the bytes that it gave; none at the end.
    fn look(&mut self, cx: &Cx<'_>) -> Result<Option<usize>> {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Over => return Ok(None),
            Phase::Running(mut run) => {
                let given = match run.work(cx)? {
                    super::execute::Worked::Advanced(member) => {
                        let len = member.document.as_ref().map_or(0, Vec::len);
                        self.batch.push_back(member);
                        len
                    }
                    super::execute::Worked::NeedTime => 0,
                    super::execute::Worked::Eof => {
                        self.finished = Some(run);
                        return Ok(None);
                    }
                };
                self.phase = Phase::Running(run);
                return Ok(Some(given));
            }
            Phase::Contest(mut contest, shape) => match contest.round(cx)? {
                false => self.phase = Phase::Contest(contest, shape),
                true => {
                    if let (Some(winner), _) = contest.decide() {
                        let (id, looks) = (winner.plan.id.clone(), winner.looks());
                        cx.open.plans.remember(shape, Winner { id, looks });
                        return Ok(self.go_on_with(winner));
                    }
                }
            },
            Phase::Proving(mut entrant, shape, looks_max) => match entrant.step(cx) {
                Ok(true) => return Ok(self.go_on_with(*entrant)),
                // It sorts more than it may, say: others may not have to.
                failed if failed.is_err() || entrant.looks() > looks_max => {
                    cx.open.plans.forget(&shape);
                    self.begin(cx, false)?;
                }
                _ => self.phase = Phase::Proving(entrant, shape, looks_max),
            },
        }
        Ok(Some(0))
    }

    fn go_on_with(&mut self, entrant: Entrant) -> Option<usize> {
        let bytes = entrant.given.iter().map(|m| m.document.as_ref().map_or(0, Vec::len)).sum();
        self.batch.extend(entrant.given);
        if entrant.is_over {
            self.phase = Phase::Over;
            self.finished = Some(Box::new(entrant.run));
            return None;
        }
        self.phase = Phase::Running(Box::new(entrant.run));
        Some(bytes)
    }
}

/// The place of the first record that a query finds, the collection being held all the while.
///
/// # Errors
/// `Corrupt`; a sort that takes too much memory.
pub fn first(cx: &Cx<'_>, query: &Query) -> Result<Option<RecordLoc>> {
    let choice = choose(cx, &query.question, true)?;
    let Some(shape) = choice.shape.clone().filter(|_| choice.winner.is_some()) else {
        return first_by(cx, query, choice);
    };
    first_by(cx, query, choice).or_else(|_| {
        // It sorts more than it may, say: others may not have to.
        cx.open.plans.forget(&shape);
        first_by(cx, query, choose(cx, &query.question, false)?)
    })
}

/// The same by one of these plans.
fn first_by(cx: &Cx<'_>, query: &Query, choice: Choice) -> Result<Option<RecordLoc>> {
    let looks_max = choice.winner.map(|winner| winner.looks.saturating_mul(MUCH_WORSE));
    let entrants: Vec<_> =
        choice.plans.into_iter().map(|plan| query.entrant(cx.open, plan)).collect();
    let is_contest = entrants.len() > 1;
    let mut contest = Contest::new(entrants, records(cx)?);
    let mut looks = 0;
    let mut check_now_and_then = || {
        looks += 1;
        if looks % LOOKS_TIMED == 0 { interrupt::check() } else { Ok(()) }
    };
    while is_contest && !contest.round(cx)? {
        check_now_and_then()?;
    }
    let (Some(mut best), _) = contest.decide() else { return Ok(None) };
    while best.given.is_empty() && !best.is_over {
        check_now_and_then()?;
        best.step(cx)?;
    }
    Told::default().tell(cx.counters, &best.run.root);
    if let Some(shape) = choice.shape {
        let (id, looks) = (best.plan.id.clone(), best.looks());
        match looks_max {
            Some(max) if looks > max => cx.open.plans.forget(&shape),
            Some(_) => {}
            None => cx.open.plans.remember(shape, Winner { id, looks }),
        }
    }
    Ok(best.given.front().map(|member| member.loc))
}

/// Records of the collection.
pub fn records(cx: &Cx<'_>) -> Result<u64> {
    Ok(cx.open.details().stats(cx.view)?.records.max(0) as u64)
}
