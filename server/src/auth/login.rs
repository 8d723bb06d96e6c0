//! Who is logged in on a connection, and what he may do.
//!
//! What a user may do is looked up when he logs in, and again after any user or role was changed:
//! a number tells of that, so that the check before a command reads no file.

use std::cell::RefCell;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tallymap::Engine;

use super::Auth;
use super::exchange::Exchange;
use super::name::Name;
use super::privilege::Privileges;
use super::role::Sum;
use super::store::Store;
use super::user::User;
use crate::dispatch::failure::Outcome;
use crate::dispatch::sessions::{NOBODY, Uid};

/// Who is logged in on a connection.
#[derive(Debug, Default)]
pub struct Login {
    /// A login that was begun.
    pub conversation: RefCell<Option<Conversation>>,
    state: RefCell<Arc<State>>,
}

/// A login that was begun.
#[derive(Debug)]
pub struct Conversation {
    /// What was said so far.
    pub exchange: Exchange,
    /// Who it is, if he has the password.
    pub user: User,
    /// Is it over with the server's last message?
    pub skips_empty: bool,
    /// Has he proved it?
    pub is_proved: bool,
}

/// What is known of who is logged in.
#[derive(Debug, Default)]
pub struct State {
    /// The number of the last change that it knows of.
    seen: u64,
    users: Vec<User>,
    names: Arc<[Name]>,
    uid: Option<Uid>,
    sum: Sum,
}

impl Login {
    /// What is known, brought up to date. It stays as it is for who has it, whatever is changed
    /// meanwhile.
    ///
    /// # Errors
    /// The engine's.
    pub fn state(&self, auth: &Auth, engine: &Engine) -> Outcome<Arc<State>> {
        let seen = auth.version();
        let known = self.state.borrow().clone();
        if known.seen == seen {
            return Ok(known);
        }
        let mut users = Vec::new();
        for old in &known.users {
            let found = Store::users(engine).get(&old.name)?;
            let found = found.and_then(|document| User::parse(document.as_bytes()));
            users.extend(found.filter(|user| user.may_be(old)));
        }
        self.set(State::of(engine, users, seen)?);
        Ok(self.state.borrow().clone())
    }

    fn set(&self, state: State) {
        self.state.replace(Arc::new(state));
    }

    /// Somebody logged in. He takes the place of another of his database. Answers whether he is
    /// still there.
    ///
    /// # Errors
    /// The engine's.
    pub fn add(&self, auth: &Auth, engine: &Engine, user: &User) -> Outcome<bool> {
        // Before he is read again: a change meanwhile is seen next time.
        let seen = auth.version();
        let found = Store::users(engine).get(&user.name)?;
        let found = found.and_then(|document| User::parse(document.as_bytes()));
        let Some(user) = found.filter(|found| found.may_be(user)) else { return Ok(false) };
        auth.note_user();
        let mut users = self.state(auth, engine)?.users.clone();
        users.retain(|other| other.name.db != user.name.db);
        users.push(user);
        self.set(State::of(engine, users, seen)?);
        Ok(true)
    }

    /// Whoever logged in at a database is gone.
    ///
    /// # Errors
    /// The engine's.
    pub fn remove(&self, auth: &Auth, engine: &Engine, db: &str) -> Outcome<()> {
        let known = self.state(auth, engine)?;
        let others = known.users.iter().filter(|user| user.name.db != db);
        self.set(State::of(engine, others.cloned().collect(), known.seen)?);
        Ok(())
    }
}

impl State {
    fn of(engine: &Engine, users: Vec<User>, seen: u64) -> Outcome<State> {
        let roles: Vec<_> = users.iter().flat_map(|user| user.roles.iter().cloned()).collect();
        let names = users.iter().map(|user| user.name.clone()).collect();
        let uid = users.first().map(|user| Sha256::digest(user.name.to_string()).into());
        Ok(State { seen, sum: Sum::of(engine, &roles)?, users, names, uid })
    }

    /// Their names.
    pub fn names(&self) -> &Arc<[Name]> {
        &self.names
    }

    /// Whose their sessions are: the first one's.
    pub fn uid(&self) -> Uid {
        self.uid.unwrap_or(NOBODY)
    }

    /// Their roles, those that they have from others among them.
    pub fn roles(&self) -> impl Iterator<Item = &Name> {
        self.sum.roles.iter()
    }

    /// What they may do.
    pub fn privileges(&self) -> &Privileges {
        &self.sum.privileges
    }
}
