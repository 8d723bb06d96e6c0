//! Who may do what: users, the ways to log in, roles, and the check before each command.
//!
//! A1. A password is never kept, written or told of: only what SCRAM derives from it.
//! A2. Who may not do a thing learns nothing of what it would have been about: the check comes
//!     before the command's own fields are read.
//! A3. When nobody has to log in, the check costs a glance at a flag.

use tallymap::Reason;

use crate::dispatch::failure::{Failure, Outcome};

/// Commands that anybody may send before he logs in.
const OPEN: [&str; 13] = [
    "authenticate",
    "buildInfo",
    "connectionStatus",
    "getnonce",
    "hello",
    "isMaster",
    "ismaster",
    "listCommands",
    "logout",
    "ping",
    "saslContinue",
    "saslStart",
    "whatsmyuri",
];

/// What a server knows of those who use it.
#[derive(Debug, Default)]
pub struct Auth {
    is_enabled: bool,
}

impl Auth {
    /// Has everybody to log in?
    pub fn new(is_enabled: bool) -> Auth {
        Auth { is_enabled }
    }

    /// Has everybody to log in?
    pub fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Refuses a command of somebody who did not log in.
    ///
    /// # Errors
    /// [`Reason::Unauthorized`].
    pub fn check(&self, command: &str) -> Outcome<()> {
        if !self.is_enabled || OPEN.contains(&command) {
            return Ok(());
        }
        let message = format!("command {command} requires authentication");
        Err(Failure::new(Reason::Unauthorized, message))
    }
}
