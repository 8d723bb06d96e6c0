//! `startSession`, `refreshSessions`, `endSessions`.

use tallymap::bson::builder::Builder;
use tallymap::bson::element::Value;
use tallymap::bson::ty;

use crate::auth::uuid;
use crate::dispatch::call::Call;
use crate::dispatch::common::session_in;
use crate::dispatch::failure::Outcome;
use crate::dispatch::fields::Field;
use crate::dispatch::put::Put;
use crate::dispatch::sessions::{SessionId, TIMEOUT_MINUTES};

/// Makes a session.
pub fn start(call: &Call<'_>) -> Outcome<Builder> {
    call.check_no_fields("startSession")?;
    let id = SessionId::new(uuid()?).owned_by(call.uid()?);
    call.sessions().touch(id)?;
    let mut out = Builder::new();
    out.put_document("id", |out| {
        out.value("id", Value { ty: ty::BINARY, bytes: &id.to_binary() });
    });
    out.put_i32("timeoutMinutes", TIMEOUT_MINUTES);
    Ok(out)
}

/// Sessions that go on.
pub fn refresh(call: &Call<'_>) -> Outcome<Builder> {
    for id in ids(call, "refreshSessions.refreshSessionsFromClient")? {
        call.sessions().touch(id)?;
    }
    Ok(Builder::new())
}

/// Sessions that are over, with their cursors.
pub fn end(call: &Call<'_>) -> Outcome<Builder> {
    for id in ids(call, "endSessions.endSessionsFromClient")? {
        call.sessions().end(id);
        call.cursors().kill_session(id);
    }
    Ok(Builder::new())
}

/// The sessions that the first field names.
fn ids(call: &Call<'_>, path: &'static str) -> Outcome<Vec<SessionId>> {
    call.check_no_fields(call.name)?;
    let list = Field::of_target(call.name, call.name, call.target());
    let (command, name) = path.split_once('.').unwrap_or((path, path));
    list.array()?;
    let list = Field::of_target(command, name, call.target());
    let uid = call.uid()?;
    let one = |document| Ok(session_in(path, document)?.owned_by(uid));
    list.documents()?.into_iter().map(one).collect()
}
