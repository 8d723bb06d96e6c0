//! What is being done, and for whom: each connection's present command, by a number of its own.
//!
//! A connection writes down what it is asked for before it does that; others read it (`currentOp`)
//! and may ask for its end (`killOp`).
//!
//! O1. A command that was ended was the one that was meant: its number is compared, and the next
//!     command begun, under one lock.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tallymap::Interrupt;

use super::common::Common;
use super::request::Request;
use super::sessions::SessionId;
use super::table::{Command, Does};
use crate::auth::redact;

/// Longest command that is kept whole, bytes. Of others only their first fields are.
const COMMAND_LEN_MAX: usize = 4096;

/// The connections that there are.
#[derive(Debug, Default)]
pub struct Operations {
    connections: Mutex<BTreeMap<i32, Arc<Connection>>>,
    numbers: AtomicI32,
    readers: AtomicUsize,
    writers: AtomicUsize,
}

/// A connection, as others see it.
#[derive(Debug)]
pub struct Connection {
    /// Its number, above 0.
    pub id: i32,
    /// Where it comes from.
    pub address: String,
    interrupt: Arc<Interrupt>,
    present: Mutex<Present>,
}

/// What it does at present, or did last.
#[derive(Debug, Default)]
struct Present {
    number: i32,
    began: Option<Instant>,
    does: Does,
    name: &'static str,
    database: String,
    target: String,
    command: Vec<u8>,
    is_whole: bool,
    session: Option<SessionId>,
    metadata: Option<Arc<[u8]>>,
    app_name: Option<Arc<str>>,
    user: Option<(String, String)>,
}

/// A copy of what a connection does.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The connection's number.
    pub connection: i32,
    /// Where it comes from.
    pub address: String,
    /// What the client said of itself in its first hello.
    pub metadata: Option<Arc<[u8]>>,
    /// What its program calls itself.
    pub app_name: Option<Arc<str>>,
    /// Who logged in there: the name, and the database that knows it.
    pub user: Option<(String, String)>,
    /// Its command, if it has one.
    pub active: Option<Active>,
}

/// A command under way.
#[derive(Debug, Clone)]
pub struct Active {
    /// The number of the operation.
    pub number: i32,
    /// The time that it has taken.
    pub took: Duration,
    /// What it does.
    pub does: Does,
    /// Its name.
    pub name: &'static str,
    /// The database that it was sent to.
    pub database: String,
    /// The collection that it names, if it names one.
    pub target: String,
    /// The command, or its first fields.
    pub command: Vec<u8>,
    /// Is that all of it?
    pub is_whole: bool,
    /// Its session.
    pub session: Option<SessionId>,
    /// Was it asked to end?
    pub is_killed: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Operations {
    /// A connection that does nothing yet.
    pub fn connect(&self, id: i32, address: String) -> Arc<Connection> {
        let present = Mutex::default();
        let connection = Connection { id, address, interrupt: Interrupt::new(), present };
        let connection = Arc::new(connection);
        lock(&self.connections).insert(id, connection.clone());
        connection
    }

    /// It has ended.
    pub fn disconnect(&self, connection: &Connection) {
        let mut connections = lock(&self.connections);
        if connections.get(&connection.id).is_some_and(|it| std::ptr::eq(&**it, connection)) {
            connections.remove(&connection.id);
        }
    }

    /// What every connection does.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let connections: Vec<_> = lock(&self.connections).values().cloned().collect();
        connections.iter().map(|connection| connection.snapshot()).collect()
    }

    /// Asks the operation of this number to end. Answers whether there is one.
    pub fn kill(&self, number: i32) -> bool {
        self.kill_if(|_, present| present.number == number) > 0
    }

    /// Asks the operations of these sessions to end, of all of them if none is named; but that of
    /// connection `asking`.
    pub fn kill_sessions(&self, sessions: &[SessionId], asking: i32) {
        let is_meant = |session| sessions.is_empty() || sessions.contains(&session);
        self.kill_if(|id, present| id != asking && present.session.is_some_and(is_meant));
    }

    /// Asks the operations of a user to end. Answers whether he is logged in.
    pub fn kill_user(&self, name: &str, database: &str) -> bool {
        let is_he = |present: &Present| {
            present.user.as_ref().is_some_and(|(user, db)| (&**user, &**db) == (name, database))
        };
        let known = lock(&self.connections).values().any(|it| is_he(&lock(&it.present)));
        self.kill_if(|_, present| is_he(present));
        known
    }

    /// Asks all operations to end. Answers how many there are.
    pub fn kill_all(&self) -> usize {
        self.kill_if(|_, _| true)
    }

    /// Asks what has taken this `long` to end, of connections that `are_gone`.
    pub fn kill_abandoned(&self, long: Duration, are_gone: impl Fn(i32) -> bool) {
        let connections: Vec<_> = lock(&self.connections).values().cloned().collect();
        for connection in connections {
            let lasts = || lock(&connection.present).began.is_some_and(|it| it.elapsed() >= long);
            // A connection that is gone has nobody to ask for more.
            if lasts() && are_gone(connection.id) {
                connection.interrupt.ask();
            }
        }
    }

    fn kill_if(&self, is_meant: impl Fn(i32, &Present) -> bool) -> usize {
        let connections: Vec<_> = lock(&self.connections).values().cloned().collect();
        let kill = |connection: &&Arc<Connection>| {
            let present = lock(&connection.present);
            let meant = present.began.is_some() && is_meant(connection.id, &present);
            if meant {
                connection.interrupt.ask();
            }
            meant
        };
        connections.iter().filter(kill).count()
    }

    /// How many read and write at present.
    pub fn busy(&self) -> (usize, usize) {
        (self.readers.load(Ordering::Relaxed), self.writers.load(Ordering::Relaxed))
    }

    /// A connection begins with a command; it ends when what is given back is dropped.
    pub fn begin<'a>(
        &'a self,
        connection: &'a Connection,
        command: &Command,
        common: &Common<'_>,
        request: &Request<'_>,
        began: Instant,
    ) -> Running<'a> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) & i32::MAX;
        connection.begin(number, command, common, request, began);
        if let Some(busy) = self.busy_as(command.does) {
            busy.fetch_add(1, Ordering::Relaxed);
        }
        Running { operations: self, connection, does: command.does }
    }

    fn busy_as(&self, does: Does) -> Option<&AtomicUsize> {
        match does {
            Does::Command => None,
            _ if does.writes() => Some(&self.writers),
            _ => Some(&self.readers),
        }
    }
}

/// A command under way.
#[derive(Debug)]
pub struct Running<'a> {
    operations: &'a Operations,
    connection: &'a Connection,
    does: Does,
}

impl Running<'_> {
    /// What ends it before its time.
    pub fn interrupt(&self) -> &Arc<Interrupt> {
        &self.connection.interrupt
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        lock(&self.connection.present).began = None;
        if let Some(busy) = self.operations.busy_as(self.does) {
            busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Connection {
    fn begin(
        &self,
        number: i32,
        command: &Command,
        common: &Common<'_>,
        request: &Request<'_>,
        began: Instant,
    ) {
        let mut present = lock(&self.present);
        self.interrupt.forget();
        present.number = number;
        present.began = Some(began);
        (present.does, present.name) = (command.does, command.name);
        present.session = common.session;
        // The buffers of the last command serve this one.
        set(&mut present.database, common.database);
        set(&mut present.target, target(command, request));
        present.is_whole = put_command(&mut present.command, command.name, request.body());
    }

    /// The client said what it is.
    pub fn describe(&self, metadata: &[u8], app_name: Option<Arc<str>>) {
        let mut present = lock(&self.present);
        present.metadata = Some(metadata.into());
        present.app_name = app_name;
    }

    /// Somebody logged in, or out.
    pub fn set_user(&self, user: Option<(String, String)>) {
        lock(&self.present).user = user;
    }

    /// Who is logged in.
    pub fn user(&self) -> Option<(String, String)> {
        lock(&self.present).user.clone()
    }

    fn snapshot(&self) -> Snapshot {
        let present = lock(&self.present);
        let active = present.began.map(|began| Active {
            number: present.number,
            took: began.elapsed(),
            does: present.does,
            name: present.name,
            database: present.database.clone(),
            target: present.target.clone(),
            command: redact::document(present.name, &present.command),
            is_whole: present.is_whole,
            session: present.session,
            is_killed: self.interrupt.is_asked(),
        });
        Snapshot {
            connection: self.id,
            address: self.address.clone(),
            metadata: present.metadata.clone(),
            app_name: present.app_name.clone(),
            user: present.user.clone(),
            active,
        }
    }
}

fn set(place: &mut String, value: &str) {
    place.clear();
    place.push_str(value);
}

/// The collection that a command names, if it does.
pub fn target<'a>(command: &Command, request: &Request<'a>) -> &'a str {
    let named = match command.does {
        Does::GetMore => request.field("collection"),
        _ => request.command().map(|first| first.val()),
    };
    named.and_then(|value| value.as_str()).unwrap_or_default()
}

/// Writes a command down, or the first of its fields. Answers whether it is all of it.
fn put_command(place: &mut Vec<u8>, name: &str, body: &[u8]) -> bool {
    place.clear();
    if redact::has_secrets(name) {
        *place = redact::document(name, body);
        return true;
    }
    if body.len() <= COMMAND_LEN_MAX {
        place.extend_from_slice(body);
        return true;
    }
    let mut kept = tallymap::bson::builder::Builder::new();
    let mut len = 0;
    for field in tallymap::bson::element::Elements::new(body).into_iter().flatten().flatten() {
        len += field.name.len() + field.value.len();
        if len > COMMAND_LEN_MAX {
            break;
        }
        kept.value(field.name, field.val());
    }
    *place = kept.finish();
    false
}
