//! `drop` and `dropDatabase`.

use tallymap::bson::builder::Builder;
use tallymap::{Collection, ProfilingLevel, Reason};

use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Field, missing};
use crate::dispatch::put::Put;

/// Why a cursor has no more.
pub const DROPPED: &str = "collection dropped";

/// Drops a collection.
pub fn collection(call: &Call<'_>) -> Outcome<Builder> {
    call.check_no_fields("drop")?;
    let collection = call.writable_collection()?;
    if collection.view()?.is_some() {
        return view(call, &collection);
    }
    let indexes = collection.indexes()?.len();
    let name = collection.namespace().collection();
    if name == "system.profile" && call.database()?.profiling().level != ProfilingLevel::Off {
        let message = "turn off profiling before dropping system.profile collection";
        return Err(Failure::new(Reason::IllegalOperation, message));
    }
    if !call.database()?.drop_collection(name)? {
        return Err(Failure::new(Reason::NamespaceNotFound, "ns not found"));
    }
    let ns = collection.namespace().as_str();
    call.cursors().interrupt(|of| of == ns, DROPPED);
    call.top().forget(call.common.database, Some(name));
    let mut out = Builder::new();
    out.put_integer("nIndexesWas", indexes as i64);
    out.str("ns", collection.namespace().as_str());
    Ok(out)
}

fn view(call: &Call<'_>, view: &Collection) -> Outcome<Builder> {
    if !call.database()?.drop_view(view.namespace().collection())? {
        return Err(Failure::new(Reason::NamespaceNotFound, "ns not found"));
    }
    let mut out = Builder::new();
    out.str("ns", view.namespace().as_str());
    Ok(out)
}

/// Drops a database with all its files.
pub fn database(call: &Call<'_>) -> Outcome<Builder> {
    const PATH: &str = "dropDatabase";
    call.check_no_fields(PATH)?;
    match Field::of_target(PATH, PATH, call.target()).integer()? {
        None => return Err(missing(PATH, PATH)),
        Some(1) => {}
        Some(_) => {
            let message = "Have to pass 1 as 'drop' parameter";
            return Err(Failure::new(Reason::Location(5_255_100), message));
        }
    }
    call.database()?.drop()?;
    let of_it = |ns: &str| ns.split_once('.').is_some_and(|(db, _)| db == call.common.database);
    call.cursors().interrupt(of_it, DROPPED);
    call.top().forget(call.common.database, None);
    Ok(Builder::new())
}
