//! `killCursors`: cursors that a client wants no more of.

use tallymap::Reason;
use tallymap::bson::builder::{Builder, Index};
use tallymap::bson::element::Elements;
use tallymap::bson::number::Number;
use tallymap::bson::ty;

use crate::auth::action::Action;
use crate::auth::privilege::Resource;
use crate::dispatch::call::Call;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::missing;
use crate::dispatch::put::Put;

/// Kills.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    const PATH: &str = "killCursors";
    let mut cursors = None;
    for field in call.fields(PATH)? {
        let field = field?;
        match field.name {
            "cursors" => cursors = Some(field.array()?),
            _ => return field.unknown(),
        }
    }
    let ns = call.cursor_namespace()?;
    let ids = ids(cursors.ok_or_else(|| missing(PATH, "cursors"))?)?;
    check_own(call, &ids)?;
    let cursors = call.cursors();
    let (killed, not_found): (Vec<i64>, Vec<i64>) =
        ids.into_iter().partition(|id| cursors.kill(*id, Some(&ns)));
    let mut out = Builder::new();
    for (name, ids) in [
        ("cursorsKilled", &killed[..]),
        ("cursorsNotFound", &not_found),
        ("cursorsAlive", &[]),
        ("cursorsUnknown", &[]),
    ] {
        out.put_array(name, |out| {
            for (at, id) in ids.iter().enumerate() {
                out.number(Index::new(at), Number::Int64(*id));
            }
        });
    }
    Ok(out)
}

/// Those of others are for who may kill any.
fn check_own(call: &Call<'_>, ids: &[i64]) -> Outcome<()> {
    let cursors = call.cursors();
    let may_kill_any = || -> Outcome<bool> {
        let state = call.client.login.state(call.auth(), call.engine())?;
        Ok(state.privileges().allow(Resource::Cluster, Action::KillAnyCursor))
    };
    match ids.iter().any(|id| cursors.is_of_another(*id)) && !may_kill_any()? {
        true => Err(call.refused()),
        false => Ok(()),
    }
}

fn ids(cursors: &[u8]) -> Outcome<Vec<i64>> {
    let mut ids = Vec::new();
    for element in Elements::new(cursors)? {
        let element = element?;
        match element.val().as_number() {
            Some(Number::Int64(id)) => ids.push(id),
            _ => {
                let (at, found) = (element.name_lossy(), ty::name(element.ty));
                let message = format!(
                    "BSON field 'killCursors.cursors.{at}' is the wrong type '{found}', \
                     expected type 'long'"
                );
                return Err(Failure::new(Reason::TypeMismatch, message));
            }
        }
    }
    Ok(ids)
}
