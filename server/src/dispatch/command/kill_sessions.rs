//! `killSessions`, `killAllSessions`, `killAllSessionsByPattern`: their operations are interrupted,
//! their cursors are gone.

use tallymap::Reason;
use tallymap::bson::builder::Builder;

use crate::dispatch::call::Call;
use crate::dispatch::common::session_in;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Field, Fields, missing};
use crate::dispatch::sessions::SessionId;

/// Those that are named, all if none is: one's own, if everybody has to log in.
pub fn some(call: &Call<'_>) -> Outcome<Builder> {
    let list = Field::of_target("KillSessionsCmd", "killSessions", call.target());
    list.array()?;
    let path = "KillSessionsCmd.killSessions";
    let uid = call.uid()?;
    let mut named: Vec<_> = list
        .documents()?
        .into_iter()
        .map(|document| Ok(session_in(path, document)?.owned_by(uid)))
        .collect::<Outcome<_>>()?;
    if named.is_empty() && call.auth().is_enabled() {
        named = call.sessions().known();
        named.retain(|session| *session.uid() == uid);
        if named.is_empty() {
            return Ok(Builder::new());
        }
    }
    kill(call, &named);
    Ok(Builder::new())
}

/// Those of users; of all if none is named. Only who logged in has a name.
pub fn all(call: &Call<'_>) -> Outcome<Builder> {
    const PATH: &str = "KillAllSessionsCmd.killAllSessions";
    let list = Field::of_target("KillAllSessionsCmd", "killAllSessions", call.target());
    list.array()?;
    let users = list.documents()?;
    for user in &users {
        let (mut name, mut database) = (None, None);
        for field in Fields::of(PATH, user)? {
            let field = field?;
            match field.name {
                "user" => name = field.string()?,
                "db" => database = field.string()?,
                _ => return field.unknown(),
            }
        }
        let name = name.ok_or_else(|| missing(PATH, "user"))?;
        let database = database.ok_or_else(|| missing(PATH, "db"))?;
        if !call.operations().kill_user(name, database) {
            let message = format!("Could not find user \"{name}\" for db \"{database}\"");
            return Err(Failure::new(Reason::UserNotFound, message));
        }
    }
    if users.is_empty() {
        kill(call, &[]);
    }
    Ok(Builder::new())
}

/// Those whose `lsid` is in a pattern; all if there is no pattern, or an empty one.
pub fn by_pattern(call: &Call<'_>) -> Outcome<Builder> {
    const PATH: &str = "KillAllSessionsByPatternCmd.killAllSessionsByPattern";
    let name = "killAllSessionsByPattern";
    let list = Field::of_target("KillAllSessionsByPatternCmd", name, call.target());
    list.array()?;
    let patterns = list.documents()?;
    let mut named = Vec::new();
    let mut is_all = patterns.is_empty();
    for pattern in patterns {
        let mut is_bound = false;
        for field in Fields::of(PATH, pattern)? {
            let field = field?;
            match field.name {
                "lsid" => {
                    if let Some(lsid) = field.object()? {
                        named.push(session_in("KillAllSessionsByPattern.lsid", lsid)?);
                        is_bound = true;
                    }
                }
                "uid" | "users" | "roles" => {}
                _ => return field.unknown(),
            }
        }
        is_all |= !is_bound;
    }
    if !is_all {
        // Whosever they are.
        let is_meant = |one: &SessionId| named.iter().any(|other| other.has_uuid_of(one));
        named.extend(call.sessions().known().into_iter().filter(is_meant).collect::<Vec<_>>());
    }
    kill(call, if is_all { &[] } else { &named });
    Ok(Builder::new())
}

fn kill(call: &Call<'_>, named: &[SessionId]) {
    // Not the one that asks.
    call.operations().kill_sessions(named, call.client.id);
    let sessions = if named.is_empty() { call.sessions().known() } else { named.to_vec() };
    for session in sessions {
        call.cursors().kill_session_of_whomever(session);
        if Some(session) != call.common.session {
            call.sessions().end(session);
        }
    }
}
