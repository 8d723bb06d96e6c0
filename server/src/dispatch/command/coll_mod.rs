//! `collMod`: other options for a collection, one of its indexes, or a view.

use tallymap::bson::builder::Builder;
use tallymap::{Collection, Error, ModifiedIndex, Reason};

use super::create::Rules;
use crate::dispatch::call::{Call, document};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::Fields;
use crate::dispatch::put::Put;

/// What of an index is to be changed.
#[derive(Debug, Default)]
struct Change<'a> {
    name: Option<&'a str>,
    key: Option<&'a [u8]>,
    expire_after_seconds: Option<i64>,
    hidden: Option<bool>,
}

/// What is asked for.
#[derive(Debug, Default)]
struct Request<'a> {
    index: Option<Change<'a>>,
    rules: Rules<'a>,
    view_on: Option<&'a str>,
    pipeline: Option<Vec<&'a [u8]>>,
    /// The first option that no view has.
    not_of_views: Option<&'a str>,
    /// The flags of MMAPv1, each if it is to be changed.
    power_of_2: Option<bool>,
    no_padding: Option<bool>,
}

/// Changes options.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let request = Request::parse(call)?;
    let collection = call.collection()?;
    let name = collection.namespace().collection();
    if collection.view()?.is_some() {
        return request.modify_view(call, name);
    }
    if !collection.exists() || collection.namespace().is_catalogue() {
        return Err(Failure::new(Reason::NamespaceNotFound, "ns does not exist"));
    }
    if request.view_on.is_some() || request.pipeline.is_some() {
        let option = if request.view_on.is_some() { "viewOn" } else { "pipeline" };
        return Err(invalid(&format!("'{option}' option only supported on a view")));
    }
    let rules = request.rules.to_engine()?;
    // Before anything is changed: of several changes all are made, or none.
    rules.check_change()?;
    let mut out = Builder::new();
    if let Some(change) = &request.index {
        put_modified(&mut out, &change.run(&collection)?);
    }
    if !rules.is_empty() {
        collection.set_validation(rules)?;
    }
    if request.power_of_2.is_some() || request.no_padding.is_some() {
        let (before, after) = collection.set_flags(request.power_of_2, request.no_padding)?;
        for (name, flag, asked) in
            [("usePowerOf2Sizes", 1, request.power_of_2), ("noPadding", 2, request.no_padding)]
        {
            if asked.is_some() {
                out.put_bool(&format!("{name}_old"), before & flag != 0);
                out.put_bool(&format!("{name}_new"), after & flag != 0);
            }
        }
    }
    Ok(out)
}

fn invalid(message: &str) -> Failure {
    Failure::new(Reason::InvalidOptions, message)
}

impl<'a> Request<'a> {
    fn parse(call: &Call<'a>) -> Outcome<Request<'a>> {
        let mut request = Request::default();
        for field in call.fields("collMod")? {
            let field = field?;
            if !matches!(field.name, "viewOn" | "pipeline") {
                request.not_of_views.get_or_insert(field.name);
            }
            if request.rules.take(&field)? {
                continue;
            }
            match field.name {
                "index" => request.index = field.object()?.map(Change::parse).transpose()?,
                "viewOn" => request.view_on = field.string()?,
                "pipeline" => request.pipeline = Some(field.documents()?),
                "usePowerOf2Sizes" => request.power_of_2 = field.number_or_bool()?,
                "noPadding" => request.no_padding = field.number_or_bool()?,
                // There is no replication that it could be of use to.
                "recordPreImages" => drop(field.number_or_bool()?),
                "expireAfterSeconds" => {
                    let message = "'expireAfterSeconds' option is only supported on collections \
                                   clustered by _id";
                    return Err(invalid(message));
                }
                "timeseries" => {
                    field.object()?;
                    let message = "option only supported on a time-series collection: timeseries";
                    return Err(invalid(message));
                }
                _ => return field.unknown(),
            }
        }
        Ok(request)
    }

    fn modify_view(&self, call: &Call<'_>, name: &str) -> Outcome<Builder> {
        if let Some(option) = self.not_of_views {
            return Err(invalid(&format!("option not supported on a view: {option}")));
        }
        let on = self.view_on.map(str::to_owned);
        let stages = |stages: &Vec<&[u8]>| {
            let stages = stages.iter().map(|stage| document(stage).map(ToOwned::to_owned));
            stages.collect::<Outcome<Vec<_>>>()
        };
        let pipeline = self.pipeline.as_ref().map(stages).transpose()?;
        call.database()?.modify_view(name, on, pipeline).map_err(|error| match error {
            Error::NotFound { .. } => Failure::new(Reason::NamespaceNotFound, "ns does not exist"),
            error => error.into(),
        })?;
        Ok(Builder::new())
    }
}

impl<'a> Change<'a> {
    fn parse(index: &'a [u8]) -> Outcome<Change<'a>> {
        let mut change = Change::default();
        for field in Fields::of("collMod.index", index)? {
            let field = field?;
            match field.name {
                "name" => change.name = field.string()?,
                "keyPattern" => change.key = field.object()?,
                "expireAfterSeconds" => {
                    let seconds = field.integer()?;
                    change.expire_after_seconds =
                        seconds.map(|seconds| seconds.min(i64::from(i32::MAX)));
                }
                "hidden" => change.hidden = field.number_or_bool()?,
                _ => return field.unknown(),
            }
        }
        Ok(change)
    }

    fn run(&self, collection: &Collection) -> Outcome<ModifiedIndex> {
        let (seconds, hidden) = (self.expire_after_seconds, self.hidden);
        match (self.name, self.key) {
            (Some(_), Some(_)) => Err(invalid("Cannot specify both key pattern and name.")),
            (None, None) => Err(invalid("Must specify either index name or key pattern.")),
            (Some(name), None) => Ok(collection.modify_index(name, seconds, hidden)?),
            (None, Some(key)) => {
                Ok(collection.modify_index_by_key(document(key)?, seconds, hidden)?)
            }
        }
    }
}

fn put_modified(out: &mut Builder, modified: &ModifiedIndex) {
    if let Some((before, after)) = modified.expire_after_seconds {
        out.put_integer("expireAfterSeconds_old", before);
        out.put_integer("expireAfterSeconds_new", after);
    }
    if let Some((before, after)) = modified.hidden {
        out.put_bool("hidden_old", before);
        out.put_bool("hidden_new", after);
    }
}
