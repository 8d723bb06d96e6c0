//! Sessions: which ones clients named lately. They bind cursors; nothing else hangs on them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tallymap::Reason;
use tallymap::bson::element::Value;
use tallymap::bson::ty;

use super::failure::{Failure, Outcome};
use crate::auth::scram::encode;

/// Minutes after which a session that nobody names is forgotten.
pub const TIMEOUT_MINUTES: i32 = 30;
/// Most sessions that are known at a time.
const SESSIONS_MAX: usize = 100_000;
/// What stands for nobody in particular: the SHA-256 of nothing.
pub const NOBODY: Uid = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];
/// Subtype of a UUID.
const UUID: u8 = 4;

/// Whose a session is: the SHA-256 of the user's name and database.
pub type Uid = [u8; 32];

/// A session: the UUID that its client gave it, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId {
    uuid: [u8; 16],
    uid: Uid,
}

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
        Some(SessionId::new(uuid.try_into().ok().filter(|_| is_uuid)?))
    }

    /// A session of nobody in particular.
    pub const fn new(uuid: [u8; 16]) -> SessionId {
        SessionId { uuid, uid: NOBODY }
    }

    /// The same UUID as somebody's session.
    pub fn owned_by(self, uid: Uid) -> SessionId {
        SessionId { uid, ..self }
    }

    /// Did its client give it the same UUID as another's?
    pub fn has_uuid_of(&self, other: &SessionId) -> bool {
        self.uuid == other.uuid
    }

    /// Whose it is.
    pub fn uid(&self) -> &Uid {
        &self.uid
    }

    /// It as a BSON value's bytes.
    pub fn to_binary(self) -> Vec<u8> {
        [&16_i32.to_le_bytes()[..], &[UUID], &self.uuid].concat()
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
/// 50736 to 50738 as the server does.
pub fn check_same(cursor: i64, own: Option<SessionId>, given: Option<SessionId>) -> Outcome<()> {
    if own == given {
        return Ok(());
    }
    let show = |id: SessionId| format!("{} - {}", bson::Uuid::from_bytes(id.uuid), encode(&id.uid));
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
            50736,
            format!(
                "Cannot run getMore on cursor {cursor}, which was not created in a session, in \
                 session {}",
                show(given)
            ),
        ),
        (Some(own), Some(given)) => (
            50738,
            format!(
                "Cannot run getMore on cursor {cursor}, which was created in session {}, in \
                 session {}",
                show(own),
                show(given)
            ),
        ),
        (None, None) => return Ok(()),
    };
    Err(Failure::new(Reason::Location(code), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids() {
        let id = SessionId::new([7; 16]);
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
        let (one, other) = (Some(SessionId::new([1; 16])), Some(SessionId::new([2; 16])));
        let code = |own, given| check_same(5, own, given).map_or_else(|f| f.code(), |()| 0);
        assert_eq!((code(None, None), code(one, one)), (0, 0));
        assert_eq!((code(one, None), code(None, one), code(one, other)), (50737, 50736, 50738));
    }

    #[test]
    fn ended_sessions_are_forgotten() {
        let sessions = Sessions::default();
        sessions.touch(SessionId::new([1; 16])).expect("room");
        sessions.touch(SessionId::new([1; 16])).expect("room");
        assert_eq!(sessions.known(), [SessionId::new([1; 16])]);
        sessions.end(SessionId::new([1; 16]));
        assert!(sessions.known().is_empty());
    }
}
