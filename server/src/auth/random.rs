//! Bytes that nobody can foresee: the system's.

use tallymap::Reason;

use crate::dispatch::failure::{Failure, Outcome};

/// Fills `bytes`.
///
/// # Errors
/// If the system has none.
pub fn fill(bytes: &mut [u8]) -> Outcome<()> {
    getrandom::fill(bytes).map_err(|error| {
        Failure::new(Reason::InternalError, format!("the system gives no random bytes: {error}"))
    })
}

/// A UUID of random bytes.
///
/// # Errors
/// If the system has none.
pub fn uuid() -> Outcome<[u8; 16]> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(bytes)
}
