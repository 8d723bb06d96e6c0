//! `find`: a query, its first batch, and a cursor for the rest.

use std::time::Duration;

use tallymap::bson::builder::Builder;
use tallymap::bson::element::{Elements, Value};
use tallymap::bson::ty;
use tallymap::{Collection, Find, Reason};

use crate::dispatch::call::{Call, document, hint};
use crate::dispatch::cursors::{FIRST_BATCH, OpenCursor, Source, put_first, put_list};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::Fields;

/// What errors call the command.
const PATH: &str = "FindCommandRequest";
/// Time that a fetch waits at the end of a capped collection, unless told.
const AWAIT: Duration = Duration::from_secs(1);
/// An empty document.
const EMPTY: &[u8] = &[5, 0, 0, 0, 0];

/// The fields of a find.
#[derive(Debug, Default)]
pub struct Query<'a> {
    filter: Option<&'a [u8]>,
    projection: Option<&'a [u8]>,
    sort: Option<&'a [u8]>,
    hint: Option<Value<'a>>,
    min: Option<&'a [u8]>,
    max: Option<&'a [u8]>,
    variables: Option<&'a [u8]>,
    collation: Option<&'a [u8]>,
    skip: u64,
    limit: u64,
    batch_size: Option<u64>,
    single_batch: bool,
    return_key: bool,
    show_record_id: bool,
    tailable: bool,
    await_data: bool,
    no_cursor_timeout: bool,
    allow_partial_results: bool,
}

/// Runs a find.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let query = Query::parse(call.fields(PATH)?)?;
    let collection = call.collection()?;
    if query.single_batch || query.no_cursor_timeout || query.allow_partial_results {
        query.check_pageable(&collection)?;
    }
    let mut find = query.find(&collection)?;
    if let Some(max_time) = call.common.max_time {
        find = find.max_time(max_time);
    }
    let source = Source::Engine(find.run()?);
    let ns = collection.namespace().to_string();
    // As the server does who finds one by its place in the index, and looks no further.
    let is_one = query.is_by_id() && collection.exists();
    let limit = match query.tailable {
        // There it waits for more, which will not come.
        true => 0,
        false if is_one => 1,
        false => query.limit,
    };
    let mut cursor = OpenCursor::new(source, ns, limit, call.common.session);
    cursor.has_timeout = !query.no_cursor_timeout;
    if query.tailable {
        cursor.tailable = Some(if query.await_data { AWAIT } else { Duration::ZERO });
    }
    let count = query.batch_size.unwrap_or(FIRST_BATCH);
    if !collection.exists() && collection.view()?.is_none() {
        return put_list(call.cursors(), cursor, count, true);
    }
    // Where nothing is nobody waits, not even if nothing was asked for yet.
    let is_over = query.tailable && count == 0 && collection.stats()?.count == 0;
    put_first(call.cursors(), cursor, count, query.single_batch || is_over)
        .map_err(|failure| failure.during("Executor error during find command"))
}

impl<'a> Query<'a> {
    /// Reads the fields of a find.
    ///
    /// # Errors
    /// For what is no field of it, or of the wrong type.
    pub fn parse(fields: Fields<'a>) -> Outcome<Query<'a>> {
        let mut query = Query::default();
        // What was said by a number before there were the fields `limit` and `batchSize`.
        let mut count = None;
        for field in fields {
            let field = field?;
            match field.name {
                "filter" => query.filter = Some(field.old_object()?),
                "projection" => query.projection = Some(field.old_object()?),
                "sort" => query.sort = Some(field.old_object()?),
                "hint" => query.hint = Some(field.hint()?),
                "min" => query.min = Some(field.old_object()?),
                "max" => query.max = Some(field.old_object()?),
                "let" => query.variables = field.object()?,
                "collation" => query.collation = Some(field.old_object()?),
                "skip" => query.skip = field.non_negative()?.unwrap_or(0),
                "limit" => query.limit = field.non_negative()?.unwrap_or(0),
                "batchSize" => query.batch_size = field.non_negative()?,
                "ntoreturn" => count = field.non_negative()?,
                "singleBatch" => query.single_batch = field.old_bool()?,
                "returnKey" => query.return_key = field.old_bool()?,
                "showRecordId" => query.show_record_id = field.old_bool()?,
                "tailable" => query.tailable = field.old_bool()?,
                "awaitData" => query.await_data = field.old_bool()?,
                "noCursorTimeout" => query.no_cursor_timeout = field.old_bool()?,
                "allowPartialResults" => query.allow_partial_results = field.old_bool()?,
                "oplogReplay" if field.value.ty != ty::BOOL => {
                    let message = "Expected field oplogReplayto be of type object";
                    return Err(Failure::new(Reason::TypeMismatch, message));
                }
                "allowDiskUse" | "oplogReplay" => {
                    field.old_bool()?;
                }
                _ => return field.unknown(),
            }
        }
        if count.is_some() && (query.limit > 0 || query.batch_size.is_some()) {
            let message = "'limit' or 'batchSize' fields can not be set with 'ntoreturn' field.";
            return Err(Failure::new(Reason::BadValue, message));
        }
        query.batch_size = query.batch_size.or(count.filter(|count| *count > 0));
        if query.await_data && !query.tailable {
            let message = "Cannot set 'awaitData' without also setting 'tailable'";
            return Err(Failure::new(Reason::FailedToParse, message));
        }
        if query.tailable && query.single_batch {
            let message = "cannot use tailable option with the 'singleBatch' option";
            return Err(Failure::new(Reason::BadValue, message));
        }
        Ok(query)
    }

    /// Refuses of a view what no pipeline has.
    fn check_pageable(&self, collection: &Collection) -> Outcome<()> {
        if collection.view()?.is_none() {
            return Ok(());
        }
        let name = match (self.no_cursor_timeout, self.single_batch) {
            (true, _) => "noCursorTimeout",
            (false, true) => "singleBatch",
            (false, false) => "allowPartialResults",
        };
        let message = format!("Option {name} not supported in aggregation.");
        Err(Failure::new(Reason::InvalidPipelineOperator, message))
    }

    /// Is it by one `_id`, and by nothing else?
    fn is_by_id(&self) -> bool {
        let others = [self.sort, self.min, self.max, self.variables, self.collation];
        let is_alone = others.iter().flatten().all(|other| other.len() <= EMPTY.len())
            && self.hint.is_none()
            && self.skip == 0
            && !self.tailable;
        let mut fields = self.filter.and_then(|filter| Elements::new(filter).ok());
        let Some(Ok(first)) = fields.as_mut().and_then(Iterator::next) else { return false };
        let is_value = match first.ty {
            ty::REGEX | ty::ARRAY | ty::UNDEFINED => false,
            ty::DOCUMENT => !starts_with_operator(first.value),
            _ => true,
        };
        is_alone
            && is_value
            && first.name == b"_id"
            && fields.is_some_and(|mut f| f.next().is_none())
    }

    /// The find of the engine.
    pub fn find(&self, collection: &Collection) -> Outcome<Find> {
        let mut find = collection.find(document(self.filter.unwrap_or(EMPTY))?);
        if let Some(projection) = self.projection {
            find = find.projection(document(projection)?);
        }
        if let Some(sort) = self.sort {
            find = find.sort(document(sort)?);
        }
        if let Some(hint) = self.hint.and_then(hint) {
            find = find.hint(hint);
        }
        if let Some(min) = self.min.filter(|min| min.len() > EMPTY.len()) {
            find = find.min(document(min)?);
        }
        if let Some(max) = self.max.filter(|max| max.len() > EMPTY.len()) {
            find = find.max(document(max)?);
        }
        if let Some(variables) = self.variables {
            find = find.variables(document(variables)?);
        }
        if let Some(collation) = self.collation {
            find = find.collation(document(collation)?);
        }
        find = find.skip(self.skip).limit(self.limit);
        // Keys have no record beside them.
        let show_record_id = self.show_record_id && !self.return_key;
        find = find.return_key(self.return_key).show_record_id(show_record_id);
        Ok(find.tailable(self.tailable))
    }
}

/// Does a document begin with the name of an operator?
fn starts_with_operator(document: &[u8]) -> bool {
    let first = Elements::new(document).ok().and_then(|mut fields| fields.next());
    matches!(first, Some(Ok(first)) if first.name.starts_with(b"$"))
}
