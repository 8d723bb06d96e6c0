//! Sessions: which ones clients named lately. They bind cursors; nothing else hangs on them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tallymap::Reason;
use tallymap::bson::element::Value;
use tallymap::bson::ty;

use super::failure::{Failure, Outcome};

/// Minutes after which a session that nobody names is forgotten.
pub const TIMEOUT_MINUTES: i32 = 30;
/// Most sessions that are known at a time.
const SESSIONS_MAX: usize = 100_000;
/// How texts name a user who did not log in: the SHA-256 of nothing.
const NOBODY: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
/// Subtype of a UUID.
const UUID: u8 = 4;

/// The UUID of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 16]);

/// The sessions that were named.
#[derive(Debug, Default)]
pub struct Sessions {
    named: Mutex<HashMap<SessionId, Instant>>,
}

impl SessionId {
    /// The session that a value names, if it is a UUID.
    pub fn of(value: Value<'_>) -> Option<SessionId> {
        let (header, uuid) = value.bytes.split_first_chunk::<5>()?;
        let is_uuid = value.ty == ty::BINARY && header[4] == UUID;
        Some(SessionId(uuid.try_into().ok().filter(|_| is_uuid)?))
    }

    /// It as a BSON value's bytes.
    pub fn to_binary(self) -> Vec<u8> {
        [&16_i32.to_le_bytes()[..], &[UUID], &self.0].concat()
    }
}

impl Sessions {
    /// Somebody named it.
    ///
    /// # Errors
    /// If too many are known.
    pub fn touch(&self, id: SessionId) -> Outcome<()> {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if let Some(last) = named.get_mut(&id) {
            *last = now;
            return Ok(());
        }
        if named.len() >= SESSIONS_MAX {
            let timeout = Duration::from_secs(60 * TIMEOUT_MINUTES as u64);
            named.retain(|_, last| now.duration_since(*last) < timeout);
            if named.len() >= SESSIONS_MAX {
                let message = "cannot add session into the cache: too many sessions";
                return Err(Failure::numbered(261, "TooManyLogicalSessions", message));
            }
        }
        named.insert(id, now);
        Ok(())
    }

    /// Forgets it.
    pub fn end(&self, id: SessionId) {
        self.named.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Those that are known.
    pub fn known(&self) -> Vec<SessionId> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.keys().copied().collect()
    }
}

/// Refuses a session other than the one that a cursor was opened in.
///
/// # Errors
/// 50737, 50738 as the server does.
pub fn check_same(cursor: i64, own: Option<SessionId>, given: Option<SessionId>) -> Outcome<()> {
    if own == given {
        return Ok(());
    }
    let show = |id: SessionId| format!("{} - {NOBODY}", bson::Uuid::from_bytes(id.0));
    let (code, message) = match (own, given) {
        (Some(own), None) => (
            50737,
            format!(
                "Cannot run getMore on cursor {cursor}, which was created in session {}, \
                 without an lsid",
                show(own)
            ),
        ),
        (None, Some(given)) => (
            50738,
            format!(
                "Cannot run getMore on cursor {cursor}, which was not created in a session, in \
                 session {}",
                show(given)
            ),
        ),
        _ => (
            50738,
            format!("Cannot run getMore on cursor {cursor}, which was created in another session"),
        ),
    };
    Err(Failure::new(Reason::Location(code), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids() {
        let id = SessionId([7; 16]);
        let bytes = id.to_binary();
        assert_eq!(SessionId::of(Value { ty: ty::BINARY, bytes: &bytes }), Some(id));
        assert_eq!(SessionId::of(Value { ty: ty::BINARY, bytes: &bytes[..20] }), None);
        assert_eq!(SessionId::of(Value { ty: ty::INT32, bytes: &bytes[..4] }), None);
        let mut generic = bytes.clone();
        generic[4] = 0;
        assert_eq!(SessionId::of(Value { ty: ty::BINARY, bytes: &generic }), None);
    }

    #[test]
    fn a_cursor_stays_in_its_session() {
        let (one, other) = (Some(SessionId([1; 16])), Some(SessionId([2; 16])));
        let code = |own, given| check_same(5, own, given).map_or_else(|f| f.code(), |()| 0);
        assert_eq!((code(None, None), code(one, one)), (0, 0));
        assert_eq!((code(one, None), code(None, one), code(one, other)), (50737, 50738, 50738));
    }

    #[test]
    fn ended_sessions_are_forgotten() {
        let sessions = Sessions::default();
        sessions.touch(SessionId([1; 16])).expect("room");
        sessions.touch(SessionId([1; 16])).expect("room");
        assert_eq!(sessions.known(), [SessionId([1; 16])]);
        sessions.end(SessionId([1; 16]));
        assert!(sessions.known().is_empty());
    }
}
