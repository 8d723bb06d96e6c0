//! Who may do what: users, the ways to log in, roles, and the check before each command.
//!
//! A1. A password is never kept, written or told of: only what SCRAM derives from it.
//! A2. Who may not do a thing learns nothing of what it would have been about: the check comes
//!     before the command's own fields are read.
//! A3. When nobody has to log in, the check costs a glance at a flag; when everybody has, it reads
//!     no file.
//! A4. A change of users or roles holds for the next command of every connection.

pub mod action;
pub mod built_in;
pub mod exchange;
pub mod login;
pub mod name;
mod needs;
pub mod privilege;
mod random;
pub mod redact;
pub mod role;
pub mod scram;
pub mod store;
pub mod user;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tallymap::bson::element::Value;
use tallymap::{Engine, Reason};

use self::login::Login;
use self::name::Name;
use self::needs::{Asked, Need};
use self::store::Store;
use crate::dispatch::call::Client;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::request::Request;
use crate::dispatch::sessions::{NOBODY, Uid};

pub use self::random::uuid;

/// What a server knows of those who use it.
#[derive(Debug, Default)]
pub struct Auth {
    is_enabled: bool,
    /// May nobody make the first user without being one?
    is_shut: bool,
    /// Counts changes of users and roles.
    version: AtomicU64,
    /// Has there ever been a user?
    has_users: AtomicBool,
    /// Held by who changes users or roles.
    changing: Mutex<()>,
}

/// A command that is to be checked.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    /// Its name, without aliases.
    pub command: &'static str,
    /// Its first value.
    pub target: Value<'a>,
    /// The database that it is sent to.
    pub database: &'a str,
    /// As it was sent.
    pub request: &'a Request<'a>,
}

impl Auth {
    /// Whether everybody has to log in.
    pub fn set_enabled(&mut self, is_enabled: bool) {
        self.is_enabled = is_enabled;
    }

    /// Whether the first user may be made by whoever is on this machine.
    pub fn set_localhost_bypass(&mut self, is_open: bool) {
        self.is_shut = !is_open;
    }

    /// Has everybody to log in?
    pub fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// How often users or roles were changed.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// Users or roles were changed, and the files have it.
    pub fn changed(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    /// There is a user, or was one: nobody is the first any more.
    pub fn note_user(&self) {
        self.has_users.store(true, Ordering::Release);
    }

    /// Held while users or roles are changed: what was looked at holds until it is let go.
    pub fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May a connection make the first user? It is from this machine, nobody is logged in on it,
    /// and there never was a user.
    ///
    /// # Errors
    /// The engine's.
    pub fn is_first(&self, client: &Client, engine: &Engine) -> Outcome<bool> {
        if self.is_shut || !client.is_local || self.has_users.load(Ordering::Acquire) {
            return Ok(false);
        }
        let is_empty = Store::users(engine).is_empty()?;
        if !is_empty {
            self.note_user();
        }
        Ok(is_empty)
    }

    /// Refuses a command that who sent it may not run.
    ///
    /// # Errors
    /// [`Reason::Unauthorized`]; the engine's.
    pub fn check(&self, client: &Client, engine: &Engine, checked: &Checked<'_>) -> Outcome<()> {
        if !self.is_enabled {
            return Ok(());
        }
        let need = needs::of(checked.command);
        if matches!(need, Need::Nothing) {
            return Ok(());
        }
        let state = client.login.state(self, engine)?;
        if state.names().is_empty() {
            if !self.is_first(client, engine)? {
                let message = format!("command {} requires authentication", checked.command);
                return Err(Failure::new(Reason::Unauthorized, message));
            }
            return match needs::is_for_the_first(checked) {
                true => Ok(()),
                false => Err(refused(checked)),
            };
        }
        let asked = Asked { checked, privileges: state.privileges(), state: &state };
        match asked.meets(need)? {
            true => Ok(()),
            false => Err(refused(checked)),
        }
    }

    /// Whose sessions are those that are named on a connection.
    ///
    /// # Errors
    /// The engine's.
    pub fn uid(&self, login: &Login, engine: &Engine) -> Outcome<Uid> {
        match self.is_enabled {
            true => Ok(login.state(self, engine)?.uid()),
            false => Ok(NOBODY),
        }
    }

    /// Whose are things that are left on the server now: nobody's, if nobody has to log in.
    pub fn owner(&self, login: &Login, engine: &Engine) -> Owner {
        if !self.is_enabled {
            return Owner::default();
        }
        // Who cannot be read is nobody, and nobody's cursors are not his.
        let names = login.state(self, engine).map(|state| state.names().clone());
        Owner(names.unwrap_or_else(|_| Arc::new([])))
    }
}

/// Whose something is: those who were logged in on the connection that made it.
#[derive(Debug, Clone, Default)]
pub struct Owner(Arc<[Name]>);

impl Owner {
    /// Is it also `other`'s?
    pub fn shares_with(&self, other: &Owner) -> bool {
        match self.0.is_empty() {
            true => other.0.is_empty(),
            false => self.0.iter().any(|name| other.0.contains(name)),
        }
    }
}

/// May a command that writes change users or roles, whatever command it is? No pipeline writes
/// into `admin`, from wherever.
pub fn may_change_users(command: &str, database: &str) -> bool {
    database == "admin" && command != "aggregate"
}

/// The refusal of a command that somebody may not run.
pub fn refused(checked: &Checked<'_>) -> Failure {
    let command = redact::text(checked.command, checked.request.body());
    let message = format!("not authorized on {} to execute command {command}", checked.database);
    Failure::new(Reason::Unauthorized, message)
}
