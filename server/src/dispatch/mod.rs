//! Commands: parsed strictly, given to the engine, answered as a standalone mongod 5.0 does.
//!
//! What a command means is the engine's. Here is how it is said: its fields ([`fields`]), its
//! batches and cursors ([`cursors`]), its refusals ([`failure`]). One file for each command, or
//! each family, is in [`command`]; [`table`] has their names.
//!
//! Q1. Whatever is asked, there is an answer: a document with `ok`.
//! Q2. Nothing is written before all fields of a command are known and of the right type, and
//!     before its write concern is known to be one that can be kept.

pub mod call;
pub mod command;
pub mod common;
pub mod counts;
pub mod cursors;
pub mod failure;
pub mod fields;
pub mod last_write;
pub mod names;
pub mod operations;
pub mod own_cursors;
pub mod parameters;
pub mod put;
pub mod read_concern;
pub mod request;
pub mod sessions;
mod slow;
pub mod table;
pub mod top;
pub mod topology;
pub mod waiting;
pub mod write_concern;
pub mod write_gate;

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bson::{Document, RawDocument, RawDocumentBuf, rawdoc};
use tallymap::bson::element::Element;
use tallymap::{Durability, Engine, Examined};

use self::call::{Call, Client};
use self::common::Common;
use self::counts::Counts;
use self::cursors::Cursors;
use self::failure::Outcome;
use self::operations::Operations;
use self::parameters::Parameters;
use self::put::Put;
use self::request::Request;
use self::sessions::{NOBODY, Sessions};
use self::slow::Slow;
use self::table::{Command, Commands, Does};
use self::top::{Latencies, Top};
use self::topology::Topology;
use self::write_concern::WriteConcern;
use self::write_gate::WriteGate;
use crate::auth::{self, Auth, Checked, redact};
use crate::logging::levels::Levels;
use crate::wire::CONNECTIONS_MAX;
use crate::wire::compressor::Compressor;

/// Ends a server.
struct Shutdown(Box<dyn Fn() + Send + Sync>);

impl std::fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shutdown")
    }
}

/// Answers commands over one engine. To be shared by threads.
#[derive(Debug)]
pub struct Dispatcher {
    engine: Engine,
    commands: Commands,
    cursors: Cursors,
    sessions: Sessions,
    counts: Counts,
    operations: Arc<Operations>,
    top: Top,
    parameters: Parameters,
    gate: WriteGate,
    topology: Topology,
    /// What ends the server.
    shutdown: Mutex<Option<Shutdown>>,
    auth: Auth,
    clients: AtomicI32,
    started: Instant,
    port: u16,
    /// As it was started with.
    options: Document,
    connections_max: usize,
}

impl Dispatcher {
    /// Commands over `engine`.
    pub fn new(engine: Engine) -> Dispatcher {
        Dispatcher {
            engine,
            commands: Commands::new(),
            cursors: Cursors::default(),
            sessions: Sessions::default(),
            counts: Counts::default(),
            operations: Arc::default(),
            top: Top::default(),
            parameters: Parameters::default(),
            gate: WriteGate::default(),
            topology: Topology::default(),
            shutdown: Mutex::default(),
            auth: Auth::default(),
            clients: AtomicI32::new(0),
            started: Instant::now(),
            port: 0,
            options: Document::new(),
            connections_max: CONNECTIONS_MAX,
        }
    }

    /// The port that replies name.
    pub fn on_port(mut self, port: u16) -> Dispatcher {
        self.port = port;
        self
    }

    /// What the command `shutdown` does from now on.
    pub fn on_shutdown(&self, shutdown: impl Fn() + Send + Sync + 'static) {
        let mut place = self.shutdown.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(Shutdown(Box::new(shutdown)));
    }

    /// Whether everybody has to log in.
    pub fn with_auth(mut self, is_enabled: bool) -> Dispatcher {
        self.auth.set_enabled(is_enabled);
        self
    }

    /// How much is logged is what these levels say, and `setParameter` changes them.
    pub fn logging_by(mut self, levels: Arc<Levels>) -> Dispatcher {
        self.parameters.log = levels;
        self
    }

    /// Whether documents that have expired are deleted, and after how long without use cursors
    /// are dropped, where that was told.
    pub fn starting_with(self, expires: Option<bool>, cursor_ms: Option<u64>) -> Dispatcher {
        if let Some(expires) = expires {
            self.engine.expire_by_itself(expires);
            self.parameters.expires.set(u64::from(expires));
        }
        if let Some(ms) = cursor_ms {
            self.cursors.set_timeout_ms(ms);
        }
        self
    }

    /// The number of connections that replies give as the most there can be.
    pub fn for_up_to(mut self, connections: usize) -> Dispatcher {
        self.connections_max = connections;
        self
    }

    /// The options that it was started with.
    pub fn started_with(mut self, options: Document) -> Dispatcher {
        self.options = options;
        self
    }

    /// What it serves.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// How long commands took.
    pub fn latencies(&self) -> &Latencies {
        &self.counts.latencies
    }

    /// What `serverStatus` says, whoever may ask for it by the wire.
    pub fn server_status(&self) -> RawDocumentBuf {
        let command = rawdoc! { "serverStatus": 1, "$db": "admin" };
        let (Ok(request), Some((command, _))) =
            (Request::new(command.as_bytes(), Vec::new()), self.commands.look_up("serverStatus"))
        else {
            return RawDocumentBuf::new();
        };
        let client = self.client(String::new());
        let common = Common { database: "admin", ..Common::default() };
        let Some(first) = request.command() else { return RawDocumentBuf::new() };
        let reply = self.reply(&client, &request, command, first, common).unwrap_or_default();
        RawDocumentBuf::from_bytes(reply).unwrap_or_default()
    }

    /// Asks all commands under way to end. Answers how many there are.
    pub fn end_operations(&self) -> usize {
        self.operations.kill_all()
    }

    /// Has those answer who wait for what may come.
    pub fn end_waits(&self) {
        self.operations.end_waiting();
        self.cursors.waiting.end();
    }

    /// Whether the first user may be made by whoever is on this machine, as it is unless told.
    pub fn with_localhost_bypass(mut self, is_open: bool) -> Dispatcher {
        self.auth.set_localhost_bypass(is_open);
        self
    }

    /// Somebody new to talk to.
    pub fn client(&self, address: String) -> Client {
        // They begin again after the last one, and are never below 1.
        let id = self.clients.fetch_add(1, Ordering::Relaxed).wrapping_add(1) & i32::MAX;
        let id = id.max(1);
        Client::new(id, address, &self.operations)
    }

    /// What is being done, and for whom.
    pub fn operations(&self) -> &Operations {
        &self.operations
    }

    /// What an idle cursor reads, and how many documents it gave.
    pub fn cursor(&self, id: i64) -> Option<(String, u64)> {
        self.cursors.look_at(id)
    }

    /// A message of so many bytes came.
    pub fn count_received(&self, len: usize) {
        self.counts.requests.add();
        self.counts.bytes_in.add_many(len as u64);
    }

    /// A message of so many bytes went.
    pub fn count_sent(&self, len: usize) {
        self.counts.bytes_out.add_many(len as u64);
    }

    /// So many bytes came compressed, and were so many.
    pub fn count_unpacked(&self, compressor: Compressor, came: usize, plain: usize) {
        let compression = self.counts.compression(compressor);
        compression.came.add_many(came as u64);
        compression.came_plain.add_many(plain as u64);
    }

    /// So many bytes were compressed, and went as so many.
    pub fn count_packed(&self, compressor: Compressor, plain: usize, went: usize) {
        let compression = self.counts.compression(compressor);
        compression.went.add_many(went as u64);
        compression.went_plain.add_many(plain as u64);
    }

    /// A connection was opened.
    pub fn count_connection(&self) {
        self.counts.connections.add();
    }

    /// A connection was refused: there are too many.
    pub fn count_connection_refused(&self) {
        self.counts.connections_refused.add();
    }

    /// A connection was closed.
    pub fn count_connection_closed(&self) {
        self.counts.closed.add();
    }

    /// Answers one command, `$db` included, of nobody in particular.
    pub fn run(&self, request: &RawDocument) -> RawDocumentBuf {
        let answer = match Request::new(request.as_bytes(), Vec::new()) {
            Ok(request) => self.answer(&self.client(String::new()), &request),
            Err(failure) => failure.reply(),
        };
        // Q1: both are documents.
        RawDocumentBuf::from_bytes(answer).unwrap_or_default()
    }

    /// Answers one command of `client`.
    pub fn answer(&self, client: &Client, request: &Request<'_>) -> Vec<u8> {
        let asked_by = client.asked_by.borrow().clone();
        let work = || match self.run_checked(client, request) {
            Ok(reply) => reply,
            Err(failure) => {
                let reply = failure.reply();
                // One who asks for the last failure does not change it.
                if !failure.has_fields() {
                    client.last_write.borrow_mut().failure = Some(failure);
                }
                reply
            }
        };
        let shown = || {
            let name = request.command()?.name_lossy().into_owned();
            RawDocumentBuf::from_bytes(redact::document(&name, request.body())).ok()
        };
        asked_by.run_request(work, Vec::len, shown)
    }

    fn run_checked(&self, client: &Client, request: &Request<'_>) -> Outcome<Vec<u8>> {
        let Some(first) = request.command() else {
            return Err(table::no_such_command(""));
        };
        let name = first.name_lossy();
        let found = self.commands.look_up(&name);
        if found.is_none_or(|(command, _)| command.name != "getLastError") {
            client.last_write.take();
        }
        let Some((command, runs)) = found else {
            self.counts.unknown.add();
            return Err(table::no_such_command(&name));
        };
        let began = Instant::now();
        let mut common = Common::parse(command.name, request.body())?;
        command.check_place(&common)?;
        self.check_allowed(client, request, command, &first, &common)?;
        command.check(&common)?;
        let is_journaled = self.engine.options().durability != Durability::None;
        if common.write_concern.is_some_and(|concern| concern.asks_journal && !is_journaled) {
            return Err(WriteConcern::no_journal());
        }
        self.note_session(client, &mut common)?;
        self.counts.count(command.does);
        runs.total.add();
        let place = (common.database, operations::target(command, request));
        let examined = Examined::so_far();
        let done = {
            let connection = &client.connection;
            let running = self.operations.begin(connection, command, &common, request, began);
            let max_time = common.max_time.filter(|_| command.does.is_bounded());
            let work = || self.reply(client, request, command, first, common);
            running.interrupt().run(max_time, work)
        };
        if let Err(failure) = &done {
            runs.failed.add();
            self.counts.refused.add();
            let (name, code) = (command.name, failure.code());
            tracing::debug!(target: "COMMAND", database = place.0, name, code, "Command refused");
        }
        // Who waited for nothing took no time.
        let took = began.elapsed().saturating_sub(client.waited.take());
        self.count_time(place, command.does, took);
        let is_told = || tracing::enabled!(target: "COMMAND", tracing::Level::TRACE);
        if took > self.engine.slow_after() || is_told() {
            let slow = Slow { client, request, command, place, examined, took, done: &done };
            slow.tell(&self.engine);
        }
        done
    }

    /// A command took so long.
    fn count_time(&self, place: (&str, &str), does: Does, took: Duration) {
        self.counts.latencies.add(does, took);
        let (database, collection) = place;
        if !collection.is_empty() {
            self.top.add(place, does, took, || {
                let named = self.engine.collection(&call::namespace(database, collection));
                named.is_ok_and(|collection| collection.exists())
            });
        }
    }

    /// A session is that of who names it. Of somebody who did not log in none is kept: there is
    /// room for so many only.
    fn note_session(&self, client: &Client, common: &mut Common<'_>) -> Outcome<()> {
        let Some(session) = common.session else { return Ok(()) };
        let session = session.owned_by(self.auth.uid(&client.login, &self.engine)?);
        common.session = Some(session);
        match self.auth.is_enabled() && *session.uid() == NOBODY {
            true => Ok(()),
            false => self.sessions.touch(session),
        }
    }

    fn check_allowed(
        &self,
        client: &Client,
        request: &Request<'_>,
        command: &Command,
        first: &Element<'_>,
        common: &Common<'_>,
    ) -> Outcome<()> {
        let (command, target, database) = (command.name, first.val(), common.database);
        let checked = Checked { command, target, database, request };
        self.auth.check(client, &self.engine, &checked)
    }

    /// Something was written, or may have been.
    fn note_write(&self, command: &Command, database: &str, request: &Request<'_>) {
        if auth::may_change_users(command.name, database) {
            self.auth.changed();
        }
        let target = operations::target(command, request);
        let is_there = |ns: &str| ns.split_once('.') == Some((database, target));
        // Other commands write elsewhere, too.
        self.cursors.waiting.wake(|ns| !command.does.writes() || is_there(ns));
    }

    fn reply(
        &self,
        client: &Client,
        request: &Request<'_>,
        command: &Command,
        target: Element<'_>,
        common: Common<'_>,
    ) -> Outcome<Vec<u8>> {
        let write_concern = common.write_concern;
        let database = common.database;
        let writing = match command.changes(request) {
            true => Some(self.gate.enter()?),
            false => None,
        };
        let call = Call { server: self, client, request, target, name: command.name, common };
        let reply = (command.run)(&call);
        let has_written = match command.name {
            "aggregate" => writing.is_some(),
            _ => command.is_write,
        };
        if has_written {
            self.note_write(command, database, request);
        }
        let mut reply = reply?;
        if command.is_write && write_concern.is_some_and(|concern| concern.is_journaled) {
            self.engine.wait_durable()?;
        }
        reply.put_f64("ok", 1.0);
        Ok(reply.finish())
    }
}
