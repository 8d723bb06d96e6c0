//! What is being done, and for whom: each connection's present command, by a number of its own.
//!
//! A connection writes down what it is asked for before it does that; others read it (`currentOp`)
//! and may ask for its end (`killOp`).
//!
//! O1. A command that was ended was the one that was meant: its number is compared, and the next
//!     command begun, under one lock.
//! O2. What is kept of a command is short, however long that is: it stays until the next one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tallymap::Interrupt;
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Elements;

use super::common::Common;
use super::failure::{Failure, Outcome};
use super::request::Request;
use super::sessions::SessionId;
use super::table::{Command, Does};
use crate::auth::redact;

/// Longest command that is kept whole, bytes. Of others only their first fields are.
const COMMAND_LEN_MAX: usize = 4096;
/// Longest name of a collection that is kept: none has a longer one.
const TARGET_LEN_MAX: usize = 255;

/// The connections that there are.
#[derive(Debug, Default)]
pub struct Operations {
    connections: Mutex<BTreeMap<i32, Arc<Connection>>>,
    numbers: AtomicI32,
    readers: AtomicUsize,
    writers: AtomicUsize,
    /// Those that only wait.
    waiting: AtomicUsize,
    /// Does the server end?
    is_ending: AtomicBool,
}

/// A connection, as others see it.
#[derive(Debug)]
pub struct Connection {
    /// Its number, above 0.
    pub id: i32,
    /// Where it comes from.
    pub address: String,
    interrupt: Arc<Interrupt>,
    /// What it is sent unasked, as a number of [`Streamed`].
    streamed: AtomicU8,
    present: Mutex<Present>,
}

/// What a connection is sent unasked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Streamed {
    /// Nothing.
    #[default]
    Nothing,
    /// Batches of a cursor.
    Batches,
    /// Answers to a `hello`.
    Hello,
    /// The same, by its old name.
    IsMaster,
}

/// What it does at present, or did last.
#[derive(Debug, Default)]
struct Present {
    number: i32,
    began: Option<Instant>,
    /// Does it only wait, for what may never come?
    waits: bool,
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
    /// What it is sent unasked.
    pub streamed: Streamed,
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
        let (present, streamed) = (Mutex::default(), AtomicU8::default());
        let connection = Connection { id, address, interrupt: Interrupt::new(), streamed, present };
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

    /// Ends all operations that only wait, now and from now on.
    pub fn end_waiting(&self) {
        // Who begins to wait says so first and then looks at this, in the order of the locks.
        self.is_ending.store(true, Ordering::SeqCst);
        self.kill_if(|_, present| present.waits);
    }

    /// How many only wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Does nothing until then but wait to be ended; to be called by the connection's thread.
    ///
    /// # Errors
    /// If it was ended: by somebody, by its time limit, by the end of the server.
    pub fn wait(&self, connection: &Connection, until: Instant) -> Outcome<()> {
        lock(&connection.present).waits = true;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let is_ending = || self.is_ending.load(Ordering::SeqCst);
        let waited = if is_ending() { Ok(()) } else { tallymap::interrupt::sleep(until) };
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        lock(&connection.present).waits = false;
        match is_ending() {
            true => {
                let message = "interrupted at shutdown";
                Err(Failure::numbered(11600, "InterruptedAtShutdown", message))
            }
            false => Ok(waited?),
        }
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
        let target = target(command, request);
        let is_name = target.len() <= TARGET_LEN_MAX;
        set(&mut present.target, if is_name { target } else { "…" });
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

    /// What it is sent unasked from now on.
    pub fn set_streamed(&self, streamed: Streamed) {
        self.streamed.store(streamed as u8, Ordering::Relaxed);
    }

    /// What it is sent unasked.
    pub fn streamed(&self) -> Streamed {
        use Streamed::{Batches, Hello, IsMaster, Nothing};
        let number = self.streamed.load(Ordering::Relaxed);
        let is_it = |it: &Streamed| *it as u8 == number;
        [Batches, Hello, IsMaster].into_iter().find(is_it).unwrap_or(Nothing)
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
            streamed: self.streamed(),
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

/// Writes a command down, without what is secret, or the first of its fields. Answers whether it
/// is all of it.
fn put_command(place: &mut Vec<u8>, name: &str, body: &[u8]) -> bool {
    place.clear();
    let is_whole = body.len() <= COMMAND_LEN_MAX;
    match is_whole {
        true => place.extend_from_slice(body),
        false => *place = first_fields(body),
    }
    if redact::has_secrets(name) {
        *place = redact::document(name, place);
    }
    is_whole
}

fn first_fields(body: &[u8]) -> Vec<u8> {
    let mut kept = Builder::new();
    let mut len = 0;
    for field in Elements::new(body).into_iter().flatten().flatten() {
        len += field.name.len() + field.value.len();
        if len > COMMAND_LEN_MAX {
            break;
        }
        kept.element(&field);
    }
    kept.finish()
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::super::table::Commands;
    use super::*;

    #[test]
    fn what_is_kept_of_a_command_is_short_and_not_secret() {
        let operations = Operations::default();
        let connection = operations.connect(1, String::new());
        let long = "x".repeat(1 << 20);
        for (command, is_whole) in [
            (rawdoc! { "find": "c", "filter": { "a": 1 } }, true),
            (rawdoc! { "find": "c", "filter": { "a": &*long } }, false),
            (rawdoc! { "ping": &*long }, false),
            (rawdoc! { "hello": 1, "speculativeAuthenticate": { "payload": "secret" } }, true),
            (rawdoc! { "hello": 1, "speculativeAuthenticate": { "payload": &*long } }, false),
            (rawdoc! { "hello": &*long }, false),
            (rawdoc! { "saslStart": 1, "payload": "secret" }, true),
            (rawdoc! { "explain": { "createUser": "u", "pwd": "secret" } }, true),
        ] {
            let request = Request::new(command.as_bytes(), Vec::new()).expect("a command");
            let name = request.command().expect("a name").name_lossy().into_owned();
            let command = Commands::new().find(&name).expect("a command");
            let common = Common { database: "d", ..Common::default() };
            operations.begin(&connection, command, &common, &request, Instant::now());
            let present = lock(&connection.present);
            assert_eq!(present.is_whole, is_whole, "{name}");
            assert!(present.command.capacity() <= 2 * COMMAND_LEN_MAX, "{name}");
            assert!(present.target.capacity() <= 2 * TARGET_LEN_MAX, "{name}");
            assert!(!String::from_utf8_lossy(&present.command).contains("secret"), "{name}");
        }
    }
}
