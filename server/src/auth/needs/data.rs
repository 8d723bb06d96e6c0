//! What commands on data need that say in their fields what they are about.
//!
//! Fields that are there twice, or of another type, are refused by the commands: here each is
//! looked at, and what cannot be read needs more rather than less.

use tallymap::Reason;
use tallymap::bson::element::{Elements, Value};
use tallymap::bson::ty;

use super::pipeline::{self, Start};
use super::{Asked, of};
use crate::auth::Checked;
use crate::auth::action::Action as A;
use crate::auth::privilege::Resource;
use crate::dispatch::command::file_md5::chunks;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::truncated;
use crate::dispatch::request::Request;
use crate::dispatch::table::canonical;

/// What the stages of its pipeline look into, and where the last one writes.
pub fn aggregate(asked: &Asked<'_>) -> Outcome<bool> {
    let checked = asked.checked;
    let start = match checked.target.as_str() {
        Some(name) => Start::Collection(checked.database, name),
        None => Start::Server(checked.database),
    };
    let bypasses = asked.is_true("bypassDocumentValidation");
    let stages = asked.field("pipeline");
    Ok(stages.is_none_or(|stages| pipeline::may(asked.privileges, start, stages, bypasses)))
}

/// A view tells what its pipeline finds: who could find in it must be able to find there.
fn view(asked: &Asked<'_>) -> bool {
    let checked = asked.checked;
    let Some(on) = asked.field("viewOn").and_then(Value::as_str) else { return true };
    if !asked.may(asked.collection(), A::Find) {
        return true;
    }
    let start = Start::Collection(checked.database, on);
    let empty = Value { ty: ty::ARRAY, bytes: &[5, 0, 0, 0, 0] };
    let stages = asked.field("pipeline").unwrap_or(empty);
    pipeline::may(asked.privileges, start, stages, false)
}

/// Whoever may insert may create a plain collection, too.
pub fn create(asked: &Asked<'_>) -> Outcome<bool> {
    let is_plain = !asked.is_true("capped") && asked.field("viewOn").is_none();
    let may = asked.may(asked.collection(), A::CreateCollection)
        || is_plain && asked.may(asked.collection(), A::Insert);
    Ok(may && view(asked))
}

/// The chunks are read.
pub fn file_md5(asked: &Asked<'_>) -> Outcome<bool> {
    let chunks = chunks(asked.checked.request);
    Ok(asked.may(Resource::Collection(asked.checked.database, &chunks), A::Find))
}

/// Changes may make a view show something else: all of what it is then has to be said, so that it
/// can be looked at here.
///
/// # Errors
/// [`Reason::InvalidOptions`] if only a part of it is.
pub fn coll_mod(asked: &Asked<'_>) -> Outcome<bool> {
    if !asked.may(asked.collection(), A::CollMod) {
        return Ok(false);
    }
    // Null is as if it was not there.
    let is_there = |name: &str| asked.field(name).is_some_and(|value| value.ty != ty::NULL);
    if is_there("viewOn") != is_there("pipeline") {
        let message =
            "Must specify both 'viewOn' and 'pipeline' when modifying a view and auth is enabled";
        return Err(Failure::new(Reason::InvalidOptions, message));
    }
    Ok(view(asked))
}

fn may_bypass(asked: &Asked<'_>) -> bool {
    !asked.is_true("bypassDocumentValidation")
        || asked.may(asked.collection(), A::BypassDocumentValidation)
}

/// Inserts.
pub fn insert(asked: &Asked<'_>) -> Outcome<bool> {
    Ok(asked.may(asked.collection(), A::Insert) && may_bypass(asked))
}

/// Updates; one that upserts inserts, too.
pub fn update(asked: &Asked<'_>) -> Outcome<bool> {
    if !asked.may(asked.collection(), A::Update) || !may_bypass(asked) {
        return Ok(false);
    }
    // Nearly everybody may; nobody has to look at each statement then.
    if asked.may(asked.collection(), A::Insert) {
        return Ok(true);
    }
    let upserts = |statement: &[u8]| {
        let mut fields = Elements::new(statement).into_iter().flatten().map_while(Result::ok);
        fields.any(|field| field.name == b"upsert" && field.val().is_true())
    };
    // A batch that cannot be read is refused before anything is written.
    let Ok(statements) = asked.checked.request.batch("update.updates") else { return Ok(true) };
    Ok(!statements.map_while(Result::ok).any(upserts))
}

/// Finds, and changes what it finds.
pub fn find_and_modify(asked: &Asked<'_>) -> Outcome<bool> {
    let mut actions = vec![A::Find];
    let removes = asked.is_true("remove");
    if removes {
        actions.push(A::Remove);
    }
    // Whatever stands for true in the one, the other is done if it is there.
    if !removes || asked.field("update").is_some() {
        actions.push(A::Update);
    }
    if asked.is_true("upsert") {
        actions.push(A::Insert);
    }
    Ok(asked.may_all(asked.collection(), &actions) && may_bypass(asked))
}

/// The collection that it names in full.
pub fn data_size(asked: &Asked<'_>) -> Outcome<bool> {
    let ns = asked.checked.target.as_str().and_then(|ns| ns.split_once('.'));
    let resource = match ns {
        Some((database, name)) => Resource::Collection(database, name),
        None => asked.database(),
    };
    Ok(asked.may(resource, A::Find))
}

/// From one collection into another of the same database.
pub fn clone_as_capped(asked: &Asked<'_>) -> Outcome<bool> {
    let to = asked.field("toCollection").and_then(Value::as_str);
    let to = to.map_or(asked.database(), |to| asked.collection_named(to));
    let into = [A::Insert, A::CreateIndex, A::ConvertToCapped];
    Ok(asked.may(asked.collection(), A::Find) && asked.may_all(to, &into))
}

/// Both collections. Within a database, somebody may not get to see what he could not find.
pub fn rename_collection(asked: &Asked<'_>) -> Outcome<bool> {
    let from = asked.checked.target.as_str().and_then(|ns| ns.split_once('.'));
    let to = asked.field("to").and_then(Value::as_str).and_then(|ns| ns.split_once('.'));
    let (Some((from_db, from)), Some((to_db, to))) = (from, to) else {
        return Ok(asked.may(Resource::AllCollections, A::RenameCollectionSameDB));
    };
    let (source, target) = (Resource::Collection(from_db, from), Resource::Collection(to_db, to));
    if asked.is_true("dropTarget") && !asked.may(target, A::DropCollection) {
        return Ok(false);
    }
    if from_db == to_db {
        let shows = !asked.may(source, A::Find) && asked.may(target, A::Find);
        let renames = |of| asked.may(of, A::RenameCollectionSameDB);
        return Ok(renames(source) && renames(target) && !shows);
    }
    Ok(asked.may_all(source, &[A::Find, A::DropCollection])
        && asked.may_all(target, &[A::Insert, A::CreateIndex]))
}

/// Those who may list; and everybody who may do anything there, for the names of that.
pub fn list_collections(asked: &Asked<'_>) -> Outcome<bool> {
    let is_narrow = asked.is_true("nameOnly") && asked.is_true("authorizedCollections");
    Ok(asked.may(asked.database(), A::ListCollections)
        || is_narrow && asked.privileges.touch(asked.checked.database))
}

/// All databases are for who may list them; his own for everybody.
pub fn list_databases(asked: &Asked<'_>) -> Outcome<bool> {
    let wants_all = asked.field("authorizedDatabases").is_some_and(|value| !value.is_true());
    Ok(!wants_all || asked.may(Resource::Cluster, A::ListDatabases))
}

/// To look at the level, it is enough to be able to look at the profile.
pub fn profile(asked: &Asked<'_>) -> Outcome<bool> {
    // As the command reads it: 2.5 is 2.
    let is_look = truncated(asked.checked.target).is_some_and(|level| !(0..=2).contains(&level));
    let looks = is_look
        && asked.field("slowms").is_none()
        && asked.field("sampleRate").is_none()
        && asked.field("filter").is_none();
    Ok(asked.may(asked.database(), A::EnableProfiler)
        || looks && asked.may(asked.collection_named("system.profile"), A::Find))
}

/// Operations of others.
pub fn current_op(asked: &Asked<'_>) -> Outcome<bool> {
    Ok(asked.is_true("$ownOps") || asked.may(Resource::Cluster, A::Inprog))
}

/// What the command that is explained needs.
pub fn explain(asked: &Asked<'_>) -> Outcome<bool> {
    let Some(inner) = asked.checked.target.as_document() else { return Ok(true) };
    let request = Request::new(inner, Vec::new())?;
    let Some(first) = request.command() else { return Ok(true) };
    let name = first.name_lossy();
    // Explained or not: what is no command is refused as such.
    let Some(command) = canonical(&name) else { return Ok(true) };
    let checked = Checked { command, target: first.val(), request: &request, ..*asked.checked };
    Asked { checked: &checked, ..*asked }.meets(of(command))
}
