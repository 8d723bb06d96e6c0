//! Explanations of writes: what an update or a deletion would find, and what it would do with
//! that. Nothing is changed.

use bson::{RawDocument, RawDocumentBuf};

use super::execute::{Copied, Cx, Member, describe::count};
use super::explain::{self, Top};
use super::find::Verbosity;
use super::handle::Collection;
use super::locate::question;
use super::query_run::Query;
use super::search::{Hint, Search};
use super::update_job::{Keep, UpdateJob};
use super::update_source::{UpdateSource, with_array_filters};
use super::variables::{named_variables, scope_of};
use crate::bson::builder::Builder;
use crate::bson::{document, ty};
use crate::error::Result;
use crate::query::plan::Question;
use crate::query::{Filter, SortPattern};
use crate::update::{Mutation, Update};

/// A write to be explained. Made by [`Collection::explain_update`] and
/// [`Collection::explain_delete`].
#[derive(Debug, Clone)]
#[must_use = "nothing is explained until it is run"]
pub struct ExplainWrite {
    collection: Collection,
    filter: RawDocumentBuf,
    /// None deletes.
    update: Option<UpdateSource>,
    array_filters: Vec<RawDocumentBuf>,
    sort: Option<RawDocumentBuf>,
    hint: Option<Hint>,
    variables: Option<RawDocumentBuf>,
    collation: Option<RawDocumentBuf>,
    many: bool,
    upsert: bool,
    returns: Option<bool>,
}

/// What a write would do.
#[derive(Debug, Default)]
struct Effect {
    matched: u64,
    modified: u64,
    in_place: u64,
    rewritten: u64,
    moved: u64,
    fields_skipped: u64,
    bytes_skipped: u64,
    padding_left: u64,
}

impl Collection {
    /// Explains an update of the first match, or of a document found and modified.
    pub fn explain_update(
        &self,
        filter: impl AsRef<RawDocument>,
        update: impl AsRef<RawDocument>,
    ) -> ExplainWrite {
        self.explain_write(filter.as_ref(), Some(UpdateSource::document(update.as_ref())))
    }

    /// Explains an update by a pipeline.
    pub fn explain_update_by_pipeline<S: AsRef<RawDocument>>(
        &self,
        filter: impl AsRef<RawDocument>,
        stages: impl IntoIterator<Item = S>,
    ) -> ExplainWrite {
        self.explain_write(filter.as_ref(), Some(UpdateSource::pipeline(stages)))
    }

    /// Explains a deletion of the first match, or of a document found and deleted.
    pub fn explain_delete(&self, filter: impl AsRef<RawDocument>) -> ExplainWrite {
        self.explain_write(filter.as_ref(), None)
    }

    fn explain_write(&self, filter: &RawDocument, update: Option<UpdateSource>) -> ExplainWrite {
        ExplainWrite {
            collection: self.clone(),
            filter: filter.to_owned(),
            update,
            array_filters: vec![],
            sort: None,
            hint: None,
            variables: None,
            collation: None,
            many: false,
            upsert: false,
            returns: None,
        }
    }
}

impl ExplainWrite {
    /// Whether all matches would be written.
    pub fn many(mut self, many: bool) -> Self {
        self.many = many;
        self
    }

    /// Whether a document would be inserted if none matches.
    pub fn upsert(mut self, upsert: bool) -> Self {
        self.upsert = upsert;
        self
    }

    /// The document would be given back, as it is then if `is_new`, else as it was.
    pub fn returning(mut self, is_new: bool) -> Self {
        self.returns = Some(is_new);
        self
    }

    /// In which order the matches are: the first one would be written.
    pub fn sort(mut self, sort: impl AsRef<RawDocument>) -> Self {
        self.sort = Some(sort.as_ref().to_owned());
        self
    }

    /// Which index to use.
    pub fn hint(mut self, hint: Hint) -> Self {
        self.hint = Some(hint);
        self
    }

    /// Variables of `$expr` and of a pipeline, as `let` names them.
    pub fn variables(mut self, variables: impl AsRef<RawDocument>) -> Self {
        self.variables = Some(variables.as_ref().to_owned());
        self
    }

    /// By which collation texts are compared.
    pub fn collation(mut self, collation: impl AsRef<RawDocument>) -> Self {
        self.collation = Some(collation.as_ref().to_owned());
        self
    }

    /// Which elements of arrays each `$[identifier]` of the update stands for.
    pub fn array_filters<D: AsRef<RawDocument>>(
        mut self,
        filters: impl IntoIterator<Item = D>,
    ) -> Self {
        self.array_filters = filters.into_iter().map(|filter| filter.as_ref().to_owned()).collect();
        self
    }

    /// Says how it would be done, in the form of MongoDB 5.0.
    ///
    /// # Errors
    /// As the write.
    pub fn run(self, verbosity: Verbosity) -> Result<RawDocumentBuf> {
        self.collection.check_no_view()?;
        let now_ms = self.collection.database.shared.clock.unix_ms();
        let variables = named_variables(self.variables.as_deref(), now_ms)?;
        let scope =
            scope_of(&variables).under(self.collection.collation_for(self.collation.as_deref())?);
        document::check(self.filter.as_bytes())?;
        let filter = Filter::parse_in(self.filter.as_bytes(), &scope)?;
        let update = match &self.update {
            None => None,
            Some(source) => {
                let parsed = source.parse(&scope)?;
                Some(with_array_filters(parsed, &self.array_filters)?)
            }
        };
        let sort = match self.sort.as_ref().filter(|sort| !sort.is_empty()) {
            Some(sort) => {
                document::check(sort.as_bytes())?;
                Some(SortPattern::parse(sort.as_bytes())?.collated(scope.collation()))
            }
            None => None,
        };
        let (hint, variables) = (self.hint.as_ref(), variables.as_slice());
        let search = || Search { filter: &filter, sort: sort.as_ref(), hint, variables, now_ms };
        let mut query = self.query(&search())?;
        query.collation = scope.collation().cloned();
        let mut effect = Effect::default();
        let mut each = |cx: &Cx<'_>, member: &Member| {
            self.look_at(cx, member, search(), update.as_ref(), &mut effect)
        };
        let (core, shared) = (&self.collection.core, &self.collection.database.shared);
        let to_its_end = verbosity != Verbosity::QueryPlanner;
        let explained = explain::run(core, shared, &query, to_its_end, &mut each)?;
        let (name, done) = match &update {
            Some(_) => ("UPDATE", self.done_by_update(&effect)),
            None => ("DELETE", done_by_deletion(&effect)),
        };
        let returned = match (self.returns, effect.matched) {
            (None, _) => 0,
            (Some(_), 1..) => 1,
            (Some(is_new), 0) => u64::from(is_new && self.upsert && update.is_some()),
        };
        let top = Top::Verb { name, done: &|_| done.clone(), returned };
        explain::shown(core, &query, &explained, verbosity, &top)
    }

    fn query(&self, search: &Search<'_>) -> Result<Query> {
        let guard = self.collection.core.shared();
        let question = match guard.open()? {
            Some(open) => {
                if self.update.is_none() {
                    open.check_shrinkable()?;
                }
                question(open, search)?
            }
            None => Question::of(std::sync::Arc::new(search.filter.clone())),
        };
        let mut query = Query {
            copied: Copied::Document,
            now_ms: search.now_ms,
            variables: search.variables.to_vec(),
            ..Query::of(question)
        };
        if !self.many {
            (query.limit, query.question.enough) = (1, 1);
        }
        Ok(query)
    }

    /// Sees what would become of one record.
    fn look_at(
        &self,
        cx: &Cx<'_>,
        member: &Member,
        search: Search<'_>,
        update: Option<&Update>,
        effect: &mut Effect,
    ) -> Result<()> {
        effect.matched += 1;
        let (Some(update), Some(document)) = (update, &member.document) else { return Ok(()) };
        let room = cx.open.store.read(cx.view, member.loc)?.data.len();
        let job = UpdateJob { search, update, upsert: false, keep: Keep::Nothing };
        let context = self.collection.context(cx.open, &job, document)?;
        let applied = update.apply(document, &context)?;
        effect.fields_skipped += u64::from(applied.skips.fields);
        effect.bytes_skipped += u64::from(applied.skips.bytes);
        let len = match &applied.mutation {
            Mutation::Nothing => document.len(),
            Mutation::InPlace(_) => {
                effect.modified += 1;
                effect.in_place += 1;
                document.len()
            }
            Mutation::Regrow(new) => {
                effect.modified += 1;
                let moves = new.len() > room;
                effect.moved += u64::from(moves);
                effect.rewritten += u64::from(!moves);
                new.len()
            }
        };
        effect.padding_left += room.saturating_sub(len) as u64;
        Ok(())
    }

    fn done_by_update(&self, effect: &Effect) -> Vec<u8> {
        let mut out = Builder::new();
        count(&mut out, "nMatched", effect.matched);
        count(&mut out, "nWouldModify", effect.modified);
        count(&mut out, "nWouldUpsert", u64::from(self.upsert && effect.matched == 0));
        out.begin(ty::DOCUMENT, "tallymap");
        for (name, number) in [
            ("nWouldStayInPlace", effect.in_place),
            ("nWouldBeRewritten", effect.rewritten),
            ("nWouldMove", effect.moved),
            ("fieldsSkipped", effect.fields_skipped),
            ("bytesSkipped", effect.bytes_skipped),
            ("paddingLeft", effect.padding_left),
        ] {
            count(&mut out, name, number);
        }
        out.end();
        out.finish()
    }
}

fn done_by_deletion(effect: &Effect) -> Vec<u8> {
    let mut out = Builder::new();
    count(&mut out, "nWouldDelete", effect.matched);
    out.finish()
}
