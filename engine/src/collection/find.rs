//! Queries: a filter, what to give back of each match, in which order, how many.

use std::sync::Arc;
use std::time::Duration;

use bson::{RawDocument, RawDocumentBuf, cstr, rawdoc};

use super::cursor::{Cursor, Source};
use super::execute::{Copied, Cost, Member};
use super::handle::Collection;
use super::locked::CollectionCore;
use super::planning::{hinted, key_range, natural};
use super::query_run::{Query, QueryRun};
use super::search::Hint;
use super::shared::EngineShared;
use super::tail::Tail;
use super::variables::{named_variables, scope_of};
use super::{Aggregate, explain, explain_2_4, view};
use crate::bson::document;
use crate::error::{Error, Reason, Result};
use crate::query::plan::{KeyRange, Question};
use crate::query::{Filter, Policy, Projection, SortBound, SortPattern};

/// A query that is ready to run. Made by [`Collection::find`].
#[derive(Debug, Clone)]
#[must_use = "a query does nothing until it is run"]
pub struct Find {
    collection: Collection,
    filter: RawDocumentBuf,
    projection: Option<RawDocumentBuf>,
    sort: Option<RawDocumentBuf>,
    hint: Option<Hint>,
    min: Option<RawDocumentBuf>,
    max: Option<RawDocumentBuf>,
    variables: Option<RawDocumentBuf>,
    skip: u64,
    limit: u64,
    max_time: Option<Duration>,
    return_key: bool,
    show_record_id: bool,
    tailable: bool,
    collation: Option<RawDocumentBuf>,
    sort_bound: SortBound,
}

/// How much an explanation says, and how much it runs for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// The plan that would be run.
    QueryPlanner,
    /// It is run, and says what it cost.
    ExecutionStats,
    /// The rejected plans say what their trials cost, too.
    AllPlansExecution,
}

impl Collection {
    /// The documents that `filter` matches. Nothing is looked at before [`Find::run`].
    ///
    /// ```
    /// # let data = tempfile::tempdir()?;
    /// use bson::{DateTime, rawdoc};
    /// use tallymap::{Engine, IndexSpec, Verbosity};
    ///
    /// # let engine = Engine::open(data.path())?;
    /// let daily = engine.collection("stats.daily")?;
    /// # for day in 0..30 {
    /// #     let date = DateTime::from_millis(day * 86_400_000);
    /// #     let metadata = rawdoc! { "site": "site-1", "page": "/apache_pb.gif", "date": date };
    /// #     daily.insert_one(rawdoc! { "_id": day, "metadata": metadata, "hourly": [1, 2] })?;
    /// # }
    /// # let (from, to) = (DateTime::from_millis(0), DateTime::from_millis(7 * 86_400_000));
    /// let by_page = [("metadata.site", 1), ("metadata.page", 1), ("metadata.date", 1)];
    /// daily.create_index(IndexSpec::new(&by_page))?;
    /// let week = daily
    ///     .find(rawdoc! {
    ///         "metadata.site": "site-1", "metadata.page": "/apache_pb.gif",
    ///         "metadata.date": { "$gte": from, "$lt": to },
    ///     })
    ///     .sort(rawdoc! { "metadata.date": 1 })
    ///     .projection(rawdoc! { "hourly": 1 });
    /// let explained = week.clone().explain(Verbosity::ExecutionStats)?;
    /// let stats = explained.get_document("executionStats")?;
    /// assert_eq!(stats.get_i32("totalDocsExamined")?, 7); // as many as there are, nothing sorted
    /// for day in week.run()? {
    ///     println!("{:?}", day?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn find(&self, filter: impl AsRef<RawDocument>) -> Find {
        Find {
            collection: self.clone(),
            filter: filter.as_ref().to_owned(),
            projection: None,
            sort: None,
            hint: None,
            min: None,
            max: None,
            variables: None,
            skip: 0,
            limit: 0,
            max_time: None,
            return_key: false,
            show_record_id: false,
            tailable: false,
            collation: None,
            sort_bound: SortBound::FIND,
        }
    }
}

impl Find {
    /// Which fields to give back.
    pub fn projection(mut self, projection: impl AsRef<RawDocument>) -> Self {
        self.projection = Some(projection.as_ref().to_owned());
        self
    }

    /// In which order.
    pub fn sort(mut self, sort: impl AsRef<RawDocument>) -> Self {
        self.sort = Some(sort.as_ref().to_owned());
        self
    }

    /// Which index to use.
    pub fn hint(mut self, hint: Hint) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The least key of the hinted index.
    pub fn min(mut self, min: impl AsRef<RawDocument>) -> Self {
        self.min = Some(min.as_ref().to_owned());
        self
    }

    /// The key of the hinted index before which to stop.
    pub fn max(mut self, max: impl AsRef<RawDocument>) -> Self {
        self.max = Some(max.as_ref().to_owned());
        self
    }

    /// Variables of `$expr` and of the projection, as `let` names them.
    pub fn variables(mut self, variables: impl AsRef<RawDocument>) -> Self {
        self.variables = Some(variables.as_ref().to_owned());
        self
    }

    /// Matches to pass over.
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// Most documents to give; 0 for all.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// Time after which to give up.
    pub fn max_time(mut self, max_time: Duration) -> Self {
        self.max_time = Some(max_time);
        self
    }

    /// Whether to give the keys of the index that was used, and not documents.
    pub fn return_key(mut self, return_key: bool) -> Self {
        self.return_key = return_key;
        self
    }

    /// Whether to add each record's place as `$recordId`.
    pub fn show_record_id(mut self, show: bool) -> Self {
        self.show_record_id = show;
        self
    }

    /// Whether the cursor of a capped collection waits at its end for more.
    pub fn tailable(mut self, tailable: bool) -> Self {
        self.tailable = tailable;
        self
    }

    /// By which collation texts are compared: `{ locale: "en", strength: 2 }`.
    pub fn collation(mut self, collation: impl AsRef<RawDocument>) -> Self {
        self.collation = Some(collation.as_ref().to_owned());
        self
    }

    /// Memory that a sort may take. It is that of a find if nothing is said.
    pub(super) fn sort_bound(mut self, bound: SortBound) -> Self {
        self.sort_bound = bound;
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] if a part of it is not what it should be.
    pub fn run(self) -> Result<Cursor> {
        let cursor = self.run_unwatched()?;
        Ok(cursor.profiled(&self.collection, "query", || self.to_command()))
    }

    /// As [`Find::run`], for a part of another operation, which is the one that is profiled.
    pub(super) fn run_unwatched(&self) -> Result<Cursor> {
        if let Some(aggregate) = self.over_view()? {
            return aggregate.run_unwatched().map_err(view::unsupported);
        }
        let (core, shared) = self.parts();
        let query = self.query()?;
        if self.tailable {
            return Ok(Cursor::of(Tail::new(core, shared, query, self.sort.as_deref())?));
        }
        Ok(Cursor::of(Found(QueryRun::new(core, shared, query)?)))
    }

    /// The aggregation that it is if it is of a view; none if it is of a collection.
    fn over_view(&self) -> Result<Option<Aggregate>> {
        if self.collection.view()?.is_none() {
            return Ok(None);
        }
        view::check_find(&[
            ("min", self.min.is_some()),
            ("max", self.max.is_some()),
            ("returnKey", self.return_key),
            ("showRecordId", self.show_record_id),
            ("tailable", self.tailable),
        ])?;
        document::check(self.filter.as_bytes())?;
        let given = |part: &Option<RawDocumentBuf>| part.clone().filter(|part| !part.is_empty());
        let (mut sort, mut hint) = (given(&self.sort), self.hint.clone());
        if let Some(order) =
            sort.take_if(|order| order.get("$natural").is_ok_and(|it| it.is_some()))
        {
            hint = Some(Hint::Keys(order.as_bytes().to_vec()));
        }
        let projection = given(&self.projection);
        let bounds = (self.skip, self.limit);
        let stages =
            view::find_as_pipeline(&self.filter, sort.as_deref(), bounds, projection.as_deref());
        let mut aggregate = self.collection.aggregate(stages);
        aggregate.set_options(hint, &self.variables, &self.collation, self.max_time);
        Ok(Some(aggregate))
    }

    /// The query as the command `find`.
    fn to_command(&self) -> RawDocumentBuf {
        let mut command = rawdoc! {
            "find": self.collection.namespace().collection(), "filter": self.filter.clone(),
        };
        let parts = [
            (cstr!("projection"), &self.projection),
            (cstr!("sort"), &self.sort),
            (cstr!("min"), &self.min),
            (cstr!("max"), &self.max),
        ];
        for (name, part) in parts {
            if let Some(part) = part {
                command.append(name, part.clone());
            }
        }
        if let Some(hint) = &self.hint {
            command.append(cstr!("hint"), hint.to_bson());
        }
        for (name, number) in [(cstr!("skip"), self.skip), (cstr!("limit"), self.limit)] {
            if number > 0 {
                command.append(name, i64::try_from(number).unwrap_or(i64::MAX));
            }
        }
        command
    }

    /// Says how it would be run, or was, in the form of MongoDB 5.0.
    ///
    /// # Errors
    /// As [`Find::run`].
    pub fn explain(self, verbosity: Verbosity) -> Result<RawDocumentBuf> {
        if let Some(aggregate) = self.over_view()? {
            return aggregate.explain(verbosity);
        }
        let (core, shared) = self.parts();
        explain::explain(&core, &shared, &self.query()?, verbosity, &explain::Top::Nothing)
    }

    /// The same in the form of MongoDB 2.4.
    ///
    /// # Errors
    /// As [`Find::run`].
    pub fn explain_as_2_4(self) -> Result<RawDocumentBuf> {
        let (core, shared) = self.parts();
        explain_2_4::explain(&core, &shared, &self.query()?)
    }

    fn parts(&self) -> (Arc<CollectionCore>, Arc<EngineShared>) {
        (self.collection.core.clone(), self.collection.database.shared.clone())
    }

    /// The query, parsed.
    fn query(&self) -> Result<Query> {
        let ns = self.collection.core.ns.as_str();
        let now_ms = self.collection.database.shared.clock.unix_ms();
        let variables = named_variables(self.variables.as_deref(), now_ms)?;
        let collation = self.collection.collation_for(self.collation.as_deref())?;
        let scope = scope_of(&variables).under(collation);
        document::check(self.filter.as_bytes())?;
        let filter = Arc::new(Filter::parse_in(self.filter.as_bytes(), &scope)?);
        let projection = match &self.projection {
            Some(projection) if projection.as_bytes().len() > EMPTY_LEN => {
                document::check(projection.as_bytes())?;
                let bytes = projection.as_bytes();
                let parsed = Projection::parse(bytes, Policy::Find, Some(&filter), &scope)?;
                Some((Arc::new(parsed), bytes.to_vec()))
            }
            _ => None,
        };
        let (sort, hint) = order(self.sort.as_deref(), self.hint.as_ref())?;
        let sort = sort.map(|sort| sort.collated(scope.collation()));
        check_same_names(self.min.as_deref(), self.max.as_deref())?;
        let wanted = projection.as_ref().filter(|_| !self.return_key);
        let wanted = wanted.and_then(|(projection, _)| projection.fields());
        let wanted = wanted.map(|paths| paths.into_iter().map(str::to_owned).collect());
        let enough = if self.limit > 0 { self.skip.saturating_add(self.limit) } else { 0 };
        let guard = self.collection.core.shared();
        let open = guard.open()?;
        let hint = hinted(open, ns, hint.as_ref())?;
        let (min, max) = (self.min.as_deref(), self.max.as_deref());
        let range = match open {
            Some(open) => {
                let bytes = |end: Option<&'_ RawDocument>| end.map(|end| end.as_bytes().to_vec());
                let (min, max) = (bytes(min), bytes(max));
                key_range(open, ns, &hint, min.as_deref(), max.as_deref())?
            }
            None => KeyRange::default(),
        };
        let is_id_hack = !self.return_key;
        let question = Question { filter, sort, wanted, hint, range, enough, is_id_hack };
        Ok(Query {
            skip: self.skip,
            limit: self.limit,
            copied: Copied::Document,
            projection,
            return_key: self.return_key,
            record_id: self.show_record_id,
            now_ms,
            variables,
            collation: scope.collation().cloned(),
            sort_bound: self.sort_bound,
            max_ms: self.max_time.map(|time| time.as_millis() as u64).filter(|ms| *ms > 0),
            ..Query::of(question)
        })
    }
}

/// What to sort by, and by which index. A natural order is a hint.
pub(super) fn order(
    sort: Option<&RawDocument>,
    hint: Option<&Hint>,
) -> Result<(Option<SortPattern>, Option<Hint>)> {
    let Some(sort) = sort.filter(|sort| sort.as_bytes().len() > EMPTY_LEN) else {
        return Ok((None, hint.cloned()));
    };
    document::check(sort.as_bytes())?;
    if SortPattern::natural(sort.as_bytes())?.is_none() {
        return Ok((Some(SortPattern::parse(sort.as_bytes())?), hint.cloned()));
    }
    match hint {
        None => Ok((None, Some(Hint::Keys(sort.as_bytes().to_vec())))),
        Some(Hint::Keys(keys)) if natural(keys)?.is_some() => Ok((None, hint.cloned())),
        Some(_) => {
            let message = "index hint not allowed with $natural sort order";
            Err(Error::refused(Reason::BadValue, message))
        }
    }
}

/// Bytes of a document without fields.
const EMPTY_LEN: usize = 5;

/// The ends of a walk name the same fields, in the same order.
fn check_same_names(min: Option<&RawDocument>, max: Option<&RawDocument>) -> Result<()> {
    let (Some(min), Some(max)) = (min, max) else { return Ok(()) };
    let names = |doc: &RawDocument| -> Vec<String> {
        let fields = doc.iter().flatten();
        fields.map(|(name, _)| name.as_str().to_owned()).collect()
    };
    match min.is_empty() || max.is_empty() || names(min) == names(max) {
        true => Ok(()),
        false => {
            let message = "min and max must have the same field names";
            Err(Error::refused(Reason::Location(51176), message))
        }
    }
}

/// The documents that a query finds.
struct Found(QueryRun);

impl Source for Found {
    fn next(&mut self) -> Option<Result<RawDocumentBuf>> {
        self.0.next().and_then(|member| member.map(document_of).transpose()).transpose()
    }

    fn is_exhausted(&self) -> bool {
        self.0.is_over()
    }

    fn expect(&mut self, documents: u64) {
        self.0.expect(documents);
    }

    fn cost(&self) -> Option<Cost> {
        self.0.stages().map(Cost::of)
    }
}

/// The document of a member.
pub(super) fn document_of(member: Member) -> Result<RawDocumentBuf> {
    let bytes = member.document.unwrap_or_else(|| vec![5, 0, 0, 0, 0]);
    RawDocumentBuf::from_bytes(bytes)
        .map_err(|_| Error::corrupt(member.loc, "document", "is as long as it says", 0))
}
