//! The open cursors as one of many users has them.

use super::cursors::{Cursors, OpenCursor};
use super::failure::Outcome;
use super::sessions::SessionId;
use crate::auth::Owner;

/// The open cursors as somebody has them: he fetches from his own only.
#[derive(Debug, Clone)]
pub struct OwnCursors<'a> {
    /// All of them.
    pub all: &'a Cursors,
    /// Who he is.
    pub owner: Owner,
}

impl<'a> std::ops::Deref for OwnCursors<'a> {
    type Target = Cursors;

    fn deref(&self) -> &Cursors {
        self.all
    }
}

impl OwnCursors<'_> {
    /// Takes a cursor out, to fetch from it.
    ///
    /// # Errors
    /// If there is none of this number, namespace, session and owner.
    pub fn take(&self, id: i64, ns: &str, session: Option<SessionId>) -> Outcome<Box<OpenCursor>> {
        self.all.take(id, ns, session, &self.owner)
    }

    /// Is it a cursor of somebody else?
    pub fn is_of_another(&self, id: i64) -> bool {
        self.all.is_of_another(id, &self.owner)
    }

    /// Kills his cursors of a session.
    pub fn kill_session(&self, session: SessionId) {
        self.all.kill_session(session, Some(&self.owner));
    }

    /// Kills the cursors of a session, whosever they are: its user was checked.
    pub fn kill_session_of_whomever(&self, session: SessionId) {
        self.all.kill_session(session, None);
    }
}
